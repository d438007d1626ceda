# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What is fuzzed: everything that reads a file which somebody else may have written.

A target takes bytes; it ends well or raises one of the errors that its users see as one line.
Whatever else comes out of it is a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import json
from pathlib import Path
import sys
from typing import Any

from mutation import in_turns, spoilt_bytes, spoilt_documents
import numpy as np
import yaml

from pose_ros.backends.tensorrt.engine_cache import EngineCache, EngineRefused, digest_of
from pose_ros.core.backend import BackendError, ModelSpec, ModelSpecError

CHECKOUT = Path(__file__).resolve().parents[2]
MODELS = CHECKOUT / 'models'
sys.path.append(str(CHECKOUT))  # of `benchmarks`; `pose_ros` is found where it is installed


@dataclass(frozen=True)
class Target:
    """
    One reader.

    Attributes
    ----------
    name : str
    share : int
        Of a million inputs, in thousands.
    inputs : callable
        From a seed to spoilt inputs without end.
    read : callable
        Reads one.
    errors : tuple of exception classes
        What it may raise.
    """

    name: str
    share: int
    inputs: Callable[[int], Iterator[bytes]]
    read: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]


def targets(scratch: Path) -> list[Target]:
    """Return all, with their files in a scratch folder (best in memory)."""
    return [
        model_spec(), onnx_file(scratch), inspected_onnx(scratch), engine_sidecar(scratch),
        calibration(scratch), calibration_address(), annotations(scratch),
        tracking_truth(scratch), parameters(), *message_targets(),
    ]


def model_spec() -> Target:
    """Return the reader of model specs, with every shipped one to spoil."""
    specs = [json.loads(path.read_text()) for path in sorted(MODELS.glob('*.json'))]
    specs.append({
        'name': 'rtmw', 'input': {'name': 'x', 'width': 192, 'height': 256}, 'decoder': 'simcc',
        'simcc_split': 2, 'score_scale': 0.19, 'outputs': {'simcc_x': 'x', 'simcc_y': 'y'},
        'keypoints': 'wholebody133', 'crop_scale': 1.25,
    })
    specs.append({
        'name': 'yolo', 'input': {'name': 'x', 'width': 640, 'height': 640, 'multiple_of': 32},
        'decoder': 'one_stage', 'box_format': 'yolov8', 'person_class': 0,
        'outputs': {'output': 'y'},
    })

    return Target('ModelSpec JSON', 300, in_turns(spoilt_documents, specs),
                  lambda data: ModelSpec.from_json(data.decode('utf-8', 'replace')),
                  (ModelSpecError,))


def onnx_file(scratch: Path) -> Target:
    """Return the loading of a network's file: ONNX Runtime's own reader is in it."""
    from pose_ros.backends.onnx import OnnxNetwork

    path, good = scratch / 'small.onnx', small_onnx()
    (scratch / 'small.onnx.data').write_bytes(bytes(17 * 3 * 4 * 4 * 4))
    outside = small_onnx('small.onnx.data')
    path.with_suffix('.json').write_text(json.dumps({
        'name': 'small', 'input': {'name': 'image', 'width': 32, 'height': 32},
        'decoder': 'heatmaps', 'stride': 4, 'outputs': {'heatmaps': 'heatmaps'},
    }))

    def read(data: bytes) -> None:
        path.write_bytes(data)
        OnnxNetwork(path, num_threads=1)

    return Target('ONNX file', 20, in_turns(spoilt_bytes, [good, outside]), read, (BackendError,))


def inspected_onnx(scratch: Path) -> Target:
    """Return what `inspect` tells of a network's file."""
    from pose_ros.model_import.spec_guess import guess_spec

    path = scratch / 'inspected.onnx'

    def read(data: bytes) -> None:
        path.write_bytes(data)
        guess_spec(path)

    return Target('inspect ONNX', 5, lambda seed: spoilt_bytes(small_onnx(), seed), read,
                  (BackendError,))


def tracking_truth(scratch: Path) -> Target:
    """Return the reader of a MOT sequence's ground truth."""
    from benchmarks.tracking_worlds.mot_sequence import SequenceError, read_sequence

    folder = scratch / 'mot'
    for name in ('img1', 'gt'):
        (folder / name).mkdir(parents=True)
    (folder / 'img1' / '000001.jpg').write_bytes(b'')
    good = (b'1,1,100,50,40,90,1,1,1\n#frameRate=25.0', b'1,2,200,50,40,90,1,-1,-1,-1\n',
            b'1,1,10,50,4,9\n1,2,20,50,4,9\n#frameRate=30')

    def read(data: bytes) -> None:
        truth, _, info = data.partition(b'#')
        (folder / 'gt' / 'gt.txt').write_bytes(truth)
        (folder / 'seqinfo.ini').write_bytes(info)
        read_sequence(folder)

    return Target('MOT truth', 10, in_turns(spoilt_bytes, good), read, (SequenceError,))


def small_onnx(location: str = '') -> bytes:
    """
    Return a network of one convolution, image (B, 3, 32, 32) -> heatmaps (B, 17, 8, 8).

    Its weights are in the file of the name `location` where there is one.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).normal(0, 0.1, (17, 3, 4, 4)).astype(np.float32)
    node = helper.make_node('Conv', ['image', 'weights'], ['heatmaps'], 'conv', strides=[4, 4])
    graph = helper.make_graph(
        [node], 'small',
        [helper.make_tensor_value_info('image', TensorProto.FLOAT, ['batch', 3, 32, 32])],
        [helper.make_tensor_value_info('heatmaps', TensorProto.FLOAT, ['batch', 17, 8, 8])],
        [numpy_helper.from_array(weights, 'weights')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)])
    model.ir_version = 8
    if location:
        onnx.external_data_helper.convert_model_to_external_data(
            model, location=location, size_threshold=0, convert_attribute=False)
        model.graph.initializer[0].ClearField('raw_data')
    else:
        onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def engine_sidecar(scratch: Path) -> Target:
    """Return the reader of what lies beside a stored engine: used, or what is wrong is said."""
    cache = EngineCache(scratch / 'engines')
    key: dict[str, Any] = {'onnx_sha256': '0' * 64, 'tensorrt': '10.3.0', 'gpu': 'none'}
    cache.get(key, lambda: b'plan', lambda plan, checked: plan)
    file = scratch / 'engines' / f'{digest_of(key)}.json'
    good = json.loads(file.read_text())

    def read(data: bytes) -> None:
        file.write_bytes(data)
        [stored] = [e for e in cache.contents() if e.digest == digest_of(key)]
        try:
            cache._read(digest_of(key), key)  # as `get` does, without its wait for the disk
        except EngineRefused:
            return
        if stored.problem:
            raise AssertionError(f'used, but listed with the problem {stored.problem!r}')

    return Target('engine sidecar', 50, lambda seed: spoilt_documents(good, seed), read, ())


def calibration(scratch: Path) -> Target:
    """Return the reader of a camera's calibration."""
    from pose_ros.ros.calibration import CalibrationError, camera_info_from_yaml

    good = {
        'image_width': 640, 'image_height': 480, 'camera_name': 'camera',
        'camera_matrix': {'rows': 3, 'cols': 3, 'data': [500, 0, 320, 0, 500, 240, 0, 0, 1]},
        'distortion_model': 'plumb_bob',
        'distortion_coefficients': {'rows': 1, 'cols': 5, 'data': [0.1, -0.2, 0, 0, 0]},
    }
    file, text = scratch / 'camera.yaml', yaml.safe_dump(good).encode()

    def inputs(seed: int) -> Iterator[bytes]:
        # JSON is YAML: documents with other fields, and the usual file with other bytes.
        documents, files = spoilt_documents(good, seed), spoilt_bytes(text, seed)
        while True:
            yield next(documents)
            yield next(files)

    def read(data: bytes) -> None:
        file.write_bytes(data)
        camera_info_from_yaml(file)

    return Target('calibration YAML', 30, inputs, read, (CalibrationError,))


def calibration_address() -> Target:
    """Return the reader of what the parameter camera_info may hold."""
    from pose_ros.ros.calibration import CalibrationError, calibration_path

    good = (b'file:///opt/c.yaml', b'package://pose_ros/config/pose.yaml', b'~/c.yaml',
            b'${ROS_HOME}/camera_info/${NAME}.yaml', b'file://localhost/a%20b.yaml')

    return Target('calibration path', 30, in_turns(spoilt_bytes, good),
                  lambda data: calibration_path(data.decode('utf-8', 'surrogateescape')),
                  (CalibrationError,))


def parameters() -> Target:
    """Return the reader of parameters: values of a file, or of --set NAME=VALUE."""
    from dataclasses import fields, replace

    from pose_ros.cli.settings import SettingError, configs
    from pose_ros.core.config import NODE_CONFIGS, check, coerce

    good = {
        node: {f.name: f.default for f in fields(kind)} for node, kind in NODE_CONFIGS.items()
    }

    def read(data: bytes) -> None:
        text = data.decode('utf-8', 'replace')
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None  # rcl reads a file, and says so
        if not isinstance(document, dict):
            configs('two-pass', [line for line in text.splitlines() if line][:3])
            return
        for node, kind in NODE_CONFIGS.items():
            given = document.get(node)
            values = given if isinstance(given, dict) else {}
            check(replace(kind(), **{
                f.name: coerce(f, values[f.name]) for f in fields(kind) if f.name in values
            }))
        estimator = document.get('pose_estimator')
        if isinstance(estimator, dict):
            configs('two-pass', [f'{name}={value}' for name, value in estimator.items()][:5])

    return Target('parameters', 100, lambda seed: spoilt_documents(good, seed), read,
                  (ValueError, SettingError))


def message_targets() -> list[Target]:
    """Return the readers of what comes in messages."""
    from messages import camera_infos, compressed_images, depth_images, detector_outputs, images

    parts = images, compressed_images, depth_images, camera_infos, detector_outputs
    return [Target(*part()) for part in parts]


def annotations(scratch: Path) -> Target:
    """Return the reader of a folder of labelled photos."""
    from pose_ros.evaluation.scores import CocoFolder, DataError

    folder = scratch / 'coco'
    (folder / 'images').mkdir(parents=True)
    (folder / 'images' / 'a.jpg').write_bytes(b'')
    good = {
        'images': [{'id': 1, 'file_name': 'a.jpg', 'width': 640, 'height': 480}],
        'categories': [{'id': 1, 'name': 'person'}],
        'annotations': [{
            'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [10, 10, 100, 200], 'area': 9000,
            'iscrowd': 0, 'num_keypoints': 17, 'keypoints': [50, 60, 2] * 17}],
    }

    def read(data: bytes) -> None:
        (folder / 'annotations.json').write_bytes(data)
        CocoFolder(folder)

    return Target(
        'COCO annotations', 120, lambda seed: spoilt_documents(good, seed), read, (DataError,))
