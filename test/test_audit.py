# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The audit tells "none known" from "nobody answered"."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / 'scripts/audit.py'
CLEAN = {'name': 'a', 'version': '1', 'vulns': []}
BAD = {'name': 'b', 'version': '2', 'vulns': [{'id': 'PYSEC-1', 'fix_versions': ['3']}]}
SKIPPED = {'name': 'c', 'skip_reason': 'Dependency not found on PyPI'}


@pytest.fixture(scope='module')
def audit() -> ModuleType:
    """Return the script."""
    spec = importlib.util.spec_from_file_location('audit', SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_exit_status(audit: ModuleType) -> None:
    assert audit.judge([CLEAN])[0] == 0
    status, lines = audit.judge([CLEAN, BAD, SKIPPED])
    assert status == 1 and lines[0] == 'b 2: PYSEC-1, mended in 3'
    assert 'not asked about: c' in lines[-1]
    status, lines = audit.judge([SKIPPED, SKIPPED])
    assert status == 2 and 'does not answer' in lines[0]


def test_a_tool_that_says_nothing_is_no_clean_bill(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program in the place of uv that fails: what it says is passed on."""
    uv = tmp_path / 'uv'
    uv.write_text('#!/bin/sh\necho no network >&2\nexit 1\n')
    uv.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(RuntimeError, match='no network'):
        audit.ask(tmp_path / 'lock.txt')
