# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The command `pose_ros`: finds the module of a verb, parses its arguments, ends in one line.

A verb is a module with `HELP` (a line), `add_arguments(parser)` and `main(args) -> int`, and if it
likes `DESCRIPTION`, `EPILOG` and `ERRORS`: exceptions of its own whose text is for the user. Only
the module of the verb that was asked for is imported, so that `pose_ros --help` is quick and a
missing optional package hurts only the verb that needs it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
import os
import signal
import sys
import traceback
from typing import Any

from pose_ros.ros.shipped_files import shipped_file

VERBS: dict[str, tuple[str, str]] = {
    'run': ('pose_ros.cli.run', 'skeletons of images, a video or a webcam, without ROS'),
    'up': ('pose_ros.cli.up', 'start the ROS 2 nodes (where there is no `ros2 launch`)'),
    'doctor': ('pose_ros.cli.doctor', 'say what is wrong with nodes, topics and images'),
    'demo': ('pose_ros.cli.demo', 'the ROS 2 nodes on real footage, recorded'),
    'view': ('pose_ros.cli.view', 'live topics or a bag in the Rerun viewer'),
    'evaluate': ('pose_ros.cli.evaluate', 'measure COCO keypoint accuracy'),
    'train': (
        'pose_ros.cli.train',
        'train a heatmap network on labelled photos, or tune the shipped one to them',
    ),
    'export': ('pose_ros.cli.export', 'write a trained network as ONNX, with its description'),
    'inspect': (
        'pose_ros.cli.inspect', 'tell what a network needs, and write its description'
    ),
    'fetch': ('pose_ros.cli.fetch', 'download a network that is known to run here'),
    'parameters': ('pose_ros.cli.parameters', 'list every parameter of every node'),
    'engine': ('pose_ros.cli.engine', 'build, list, check or clear TensorRT engines'),
}
"""Name of the verb: its module, and its line in `pose_ros --help`."""

EXAMPLES = """\
examples:
  pose_ros run demo                      skeletons of the bundled footage, into pose_out/
  pose_ros run photo.jpg --out people    an annotated picture, into people/
  pose_ros run 0 --show                  the first webcam, in a window
  pose_ros demo                          the same with real ROS 2 nodes, into demo_out/
  pose_ros up --help                     the ROS 2 nodes for your own camera

`pose_ros VERB --help` explains each verb and shows examples."""

INSTALL: dict[str, str] = {
    'cv2': 'pip install opencv-python-headless',
    'onnxruntime': 'pip install onnxruntime',
    'openvino': 'pip install openvino',
    'numpy': 'pip install numpy',
    'tqdm': 'pip install tqdm',
    'yaml': 'pip install pyyaml',
    'onnx': 'pip install onnx',
    'pycocotools': 'pip install pycocotools',
    'torch': 'pip install torch',
    'rosbags': 'pip install rosbags',
    'rerun': "pip install 'rerun-sdk>=0.41' (the viewer; about 700 MB, Python 3.11 and newer)",
    'rclpy': 'source /opt/ros/DISTRO/setup.bash, or use the clone: ./run pose_ros ...',
}
"""Import name of what a verb may need, and how one gets it."""


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    int
        Exit status: 0 done, 1 failed, 2 wrong arguments, 130 interrupted.
    """
    return _ended(_run, list(sys.argv[1:] if argv is None else argv))


def run_module(name: str, argv: Sequence[str] | None = None) -> int:
    """
    Run a module that is made like a verb but is none: `python -m NAME`.

    Parameters
    ----------
    name : str
        Of the module.
    argv : sequence of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    int
        As `main`.
    """
    module = import_module(name)

    def run(arguments: list[str]) -> int:
        parser = argparse.ArgumentParser(
            prog=f'python -m {name}',
            description=getattr(module, 'DESCRIPTION', module.HELP),
            epilog=getattr(module, 'EPILOG', None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        return _run_one(module, parser, parser, arguments)

    return _ended(run, list(sys.argv[1:] if argv is None else argv))


def _ended(run: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run, and end in one line whatever happens."""
    debug = '--debug' in arguments
    try:
        if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as `__main__` has left it
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return run(arguments)
    except KeyboardInterrupt:
        print('pose_ros: interrupted', file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of the output is gone (`| head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except ModuleNotFoundError as error:
        if debug:
            traceback.print_exc()
        return _complain(_missing(error))
    except _known_errors() as error:
        if debug:
            traceback.print_exc()
        if isinstance(error, OSError) and error.strerror:
            return _complain(f'{error.filename or "input or output"}: {error.strerror}')
        return _complain(str(error))


def _known_errors() -> tuple[type[Exception], ...]:
    # Imported when it is needed: NumPy takes a while, and an interrupt meanwhile is quiet only
    # inside of `_ended`.
    from pose_ros.core.backend import BackendError, ModelSpecError

    return BackendError, ModelSpecError, OSError  # SourceError is an OSError


def _run(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog='pose_ros',
        description='Skeletons of people: 17 keypoints each, tracked, from any camera.',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=f'pose_ros {_version()}')
    verbs = parser.add_subparsers(dest='verb', metavar='VERB', required=True)
    asked = next((word for word in arguments if not word.startswith('-')), '')
    module, child = None, None
    for verb, (module_name, line) in VERBS.items():
        if verb != asked:
            verbs.add_parser(verb, help=line, add_help=False)
            continue
        module = import_module(module_name)
        child = verbs.add_parser(
            verb,
            help=line,
            description=getattr(module, 'DESCRIPTION', module.HELP),
            epilog=getattr(module, 'EPILOG', None),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    return _run_one(module, parser, child, arguments)


def _run_one(
    module: Any,
    parser: argparse.ArgumentParser,
    own: argparse.ArgumentParser | None,
    arguments: list[str],
) -> int:
    """Parse the arguments of a module and run it; `own` is its part of the parser."""
    if own is not None:
        own.add_argument('--debug', action='store_true', help='show where an error comes from')
        module.add_arguments(own)
    try:
        args = parser.parse_args(arguments)
    except SystemExit as exit_:
        return int(exit_.code or 0)
    try:
        return int(module.main(args))
    except getattr(module, 'ERRORS', ()) as error:
        if args.debug:
            traceback.print_exc()
        return _complain(str(error))


def _missing(error: ModuleNotFoundError) -> str:
    name = (error.name or '').split('.')[0]
    if name == 'pose_ros':
        whole = error.name or ''
        if whole.startswith('pose_ros.msg'):
            return (
                'the messages of pose_ros are not built here: colcon build and source '
                'install/setup.bash, or use the clone: ./run pose_ros ...'
            )
        return f'{whole} is not part of this installation'
    return f'the Python package {name} is missing: {INSTALL.get(name, f"pip install {name}")}'


def _complain(text: str) -> int:
    print(f'pose_ros: {text}', file=sys.stderr)
    return 1


def _version() -> str:
    """Return what package.xml says: of the checkout, or of the installed ROS package."""
    try:
        text = shipped_file('.', 'package.xml').read_text(encoding='utf-8')
        return text.partition('<version>')[2].partition('</version>')[0].strip()
    except FileNotFoundError:
        pass
    try:
        return version('pose_ros')  # installed by pip
    except PackageNotFoundError:
        return '(version unknown)'

