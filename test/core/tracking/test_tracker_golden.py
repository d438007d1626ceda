# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The tracker's output is the one of yesterday, and the same in every process."""

from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

GOLDEN = Path(__file__).parents[2] / 'golden'


def load():
    """Return the module that makes the golden file."""
    spec = spec_from_file_location('make_tracker_golden', GOLDEN / 'make_tracker_golden.py')
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def golden():
    with np.load(GOLDEN / 'tracker.npz') as file:
        data = dict(file)
    inputs = {name: array for name, array in data.items() if not name.startswith('out_')}
    outputs = {name[4:]: array for name, array in data.items() if name.startswith('out_')}
    return inputs, outputs


def test_output_is_that_of_the_golden_file(golden):
    inputs, outputs = golden
    got = load().run(**inputs)
    for name in ('tracks', 'id', 'state', 'keypoint_state'):
        assert np.array_equal(got[name], outputs[name]), name
    # Processors and NumPy versions round differently.
    for name in ('xy', 'velocity', 'covariance'):
        np.testing.assert_allclose(got[name], outputs[name], rtol=1e-3, atol=2e-2, err_msg=name)
    assert len(np.unique(outputs['id'])) >= 2 and len(outputs['id']) > 80


def test_another_process_gives_the_same_bytes(golden):
    code = (
        'import hashlib, runpy, numpy as np\n'
        f'run = runpy.run_path({str(GOLDEN / "make_tracker_golden.py")!r})["run"]\n'
        f'data = dict(np.load({str(GOLDEN / "tracker.npz")!r}))\n'
        'out = run(**{k: v for k, v in data.items() if not k.startswith("out_")})\n'
        'print(hashlib.sha256(b"".join(v.tobytes() for v in out.values())).hexdigest())\n'
    )
    other = subprocess.run(
        [sys.executable, '-c', code],
        env={**os.environ, 'PYTHONHASHSEED': '12345', 'PYTHONPATH': os.pathsep.join(sys.path)},
        capture_output=True, text=True, check=True,
    ).stdout.strip()
    here = load().run(**golden[0])
    assert other == sha256(b''.join(v.tobytes() for v in here.values())).hexdigest()
