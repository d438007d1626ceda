# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What holds for all tests: the transport of images, their order, a second try of processes."""

from __future__ import annotations

import json
import os
from pathlib import Path
import signal
import sys

import pytest

_HERE = Path(__file__).parent
# Processes, DDS and timers: a machine that has no time for them for a while is not our fault.
_REAL_TIME = (_HERE / 'ros', _HERE / 'faults', _HERE / 'cli', _HERE / 'examples')


def pytest_configure() -> None:
    """
    Have images that tests publish arrive, and interrupts.

    Fast DDS reads its profile once in a process: without the shipped one, images of 640x480 from a
    test to a node in another process are lost, two in three and more. A shell's background job
    ignores SIGINT, and so would all that it starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # The same figures on every processor: without bfloat16 `backend: auto` is ONNX Runtime. Tests
    # of bfloat16 run by ONEDNN_MAX_CPU_ISA=ALL ./run pytest test/backends/test_openvino.py.
    os.environ.setdefault('ONEDNN_MAX_CPU_ISA', 'AVX2')
    # Last: `benchmarks` is found in the checkout, `pose_ros` where it is installed.
    sys.path.append(str(_HERE.parent))
    from pose_ros.ros.shipped_files import transport_environment

    os.environ.update(transport_environment())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """
    Put the files that take longest first, and run a test of real processes again when it fails.

    Of two workers neither is left with a long file at the end. The summary lists RERUN.
    """
    longest = {item.path for item in items if item.get_closest_marker('slow') is not None}
    items.sort(key=lambda item: item.path not in longest)
    for item in items:
        nightly = item.get_closest_marker('nightly')
        if nightly is not None and not nightly.args:
            raise pytest.UsageError(f'{item.nodeid}: nightly(why) without a reason')
    if not config.pluginmanager.hasplugin('rerunfailures'):  # `colcon test` on a bare ROS 2
        return
    for item in items:
        if any(folder in item.path.parents for folder in _REAL_TIME) or (
                item.get_closest_marker('ros') is not None):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope='session')
def half_of_coco_dev(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return every second photo of POSE_ROS_DATA/coco_dev, labelled: 40 of 80."""
    data = os.environ.get('POSE_ROS_DATA')
    if not data or not (Path(data) / 'coco_dev').is_dir():
        pytest.skip('POSE_ROS_DATA does not name the evaluation data')
    whole = Path(data).resolve() / 'coco_dev'
    labels = json.loads((whole / 'annotations.json').read_text(encoding='utf-8'))
    labels['images'] = sorted(labels['images'], key=lambda image: image['id'])[::2]
    kept = {image['id'] for image in labels['images']}
    labels['annotations'] = [a for a in labels['annotations'] if a['image_id'] in kept]
    folder = tmp_path_factory.mktemp('half_of_coco_dev')
    (folder / 'images').symlink_to(whole / 'images')
    (folder / 'annotations.json').write_text(json.dumps(labels), encoding='utf-8')
    return folder
