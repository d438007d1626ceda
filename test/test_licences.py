# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The list of licences: every locked package has one that we take, and a bad one would be seen."""

from __future__ import annotations

import importlib.util
from pathlib import Path
import subprocess
import sys
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / 'scripts/licences.py'


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location('licences', SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('licence, allowed', [
    ('MIT', True), ('Apache-2.0 OR BSD-2-Clause', True), ('MPL-2.0', True),
    ('Apache Software License, BSD License', True),
    ('GNU Lesser General Public License v3 (LGPLv3)', True),
    ('GPL-3.0-only', False), ('GNU General Public License v3 (GPLv3)', False),
    ('AGPL-3.0', False), ('GNU Affero General Public License', False),
    ('MIT, GNU General Public License (GPL)', False), ('Proprietary', False), ('', False),
])
def test_what_is_allowed(licence: str, allowed: bool) -> None:
    assert load().is_allowed(licence) == allowed


@pytest.mark.nightly('licences change with the lock or with what packages say, not with our code')
def test_every_locked_package_is_allowed() -> None:
    pytest.importorskip('rclpy', reason='the locked environment is not here: ./run brings it')
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = {line.split()[0] for line in done.stdout.splitlines()}
    assert {'numpy', 'onnxruntime', 'ros-fastrtps', 'ros-rclpy'} <= listed
    assert '(says nothing)' not in done.stdout
