# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""No thread of a network is kept on one core: whatever else runs there would hold all up."""

from __future__ import annotations

from importlib.util import find_spec
import os
import subprocess
import sys

import pytest

RUN = """
import os, sys, threading
from pathlib import Path
import numpy as np
from pose_ros.backends import load_backend
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator

name, threads = sys.argv[1:]
done, seen = threading.Event(), set()

def watch():
    while not done.wait(0.002):
        for task in Path('/proc/self/task').iterdir():
            try:
                seen.add(tuple(sorted(os.sched_getaffinity(int(task.name)))))
            except ProcessLookupError:
                pass  # it has ended

config = EstimatorConfig(backend=name, num_threads=int(threads))
estimator = TwoPassEstimator(load_backend(config), config)
image = np.zeros((480, 640, 3), np.uint8)
estimator.estimate(image)  # a thread may be on one core while it is made
watcher = threading.Thread(target=watch)
watcher.start()
for _ in range(3):
    estimator.estimate(image)
done.set()
watcher.join()
print(sorted(seen))
"""


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason='one core: nothing to choose')
@pytest.mark.parametrize('threads', [0, 2])
@pytest.mark.parametrize('backend', ['onnx', 'openvino'])
def test_every_thread_may_run_on_every_core(backend: str, threads: int) -> None:
    if find_spec({'onnx': 'onnxruntime'}.get(backend, backend)) is None:
        pytest.skip(f'{backend} is not installed')
    run = subprocess.run([sys.executable, '-c', RUN, backend, str(threads)],
                         capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str([tuple(sorted(os.sched_getaffinity(0)))])
