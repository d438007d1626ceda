# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is called of TensorRT is there in 10.3, 10.13, 11.4 and RTX, or asked for before."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
import shutil
import sys
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / 'scripts' / 'tensorrt_names.py'


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location('tensorrt_names', SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules['tensorrt_names'] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


names = load()
TABLE: dict[str, dict[str, Any]] = json.loads(names.TABLE.read_text(encoding='utf-8'))
VERSIONS = ('10.3.0', '10.13.3.9', '11.4.0.106', 'rtx')


@pytest.mark.parametrize('version', VERSIONS)
def test_nothing_is_called_that_is_not_there(version: str) -> None:
    assert names.problems(TABLE[version]) == []


def test_the_calls_are_found() -> None:
    found = {use.name: use.arguments for use in names.uses()}
    assert {
        'Builder': (1, ()), 'Builder.build_serialized_network': (2, ()),
        'IOptimizationProfile.set_shape': (4, ()), 'Runtime.deserialize_cuda_engine': (1, ()),
        'IExecutionContext.execute_async_v3': (1, ()), 'ICudaEngine.num_io_tensors': None,
        'IProgressMonitor.step_complete': (2, ()), 'ParserError.desc': (0, ()),
        'BuilderFlag.TF32': None, 'IRuntimeCache.serialize': (0, ()),
    }.items() <= found.items()
    assert len(found) > 50
    assert set(TABLE) == set(VERSIONS) == {*names.WHEELS, names.RTX}


def test_what_others_depend_on_is_asked_for() -> None:
    asked = {use.name for use in names.uses() if use.is_asked}
    assert {*names.ONLY_WITH.values()} <= asked


def test_the_versions_differ_where_they_do() -> None:
    """Else the table would be one version five times."""
    def has(name: str) -> list[bool]:
        return [TABLE[version][name] is not None for version in VERSIONS]

    assert has('ICudaEngine.create_runtime_config') == [False, True, True, True]
    assert has('IRuntimeCache.serialize') == has('ComputeCapability') == [False] * 3 + [True]


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        ('builder = trt.Builder(1)\nbuilder.build_engine(2)', 'Builder.build_engine is new'),
        ('builder = trt.Builder(1)\nbuilder.create_network()', None),  # it has a default
        ('builder = trt.Builder(1)\nbuilder.create_network(1, 2)', 'takes .* not .2, '),
        ('trt.Builder(1).create_network(flag=1)', "takes .*'flag'"),
        ('trt.Builder(1).create_network(flags=1)', None),
        ('shapes = trt.Builder(1).create_optimization_profile()\nshapes.set_shape(1, 2, 3)',
         'IOptimizationProfile.set_shape takes'),
        ('trt.DynamicShapesKernelSpecializationStrategy', None),  # asked for IRuntimeCache
        ('trt.ComputeCapability', 'there is no ComputeCapability'),
        ('getattr(trt, "ComputeCapability", None)', None),
        ('getattr(trt, "ComputeCapability")', 'there is no ComputeCapability'),
        ('class A(trt.IProgressMonitor):\n  def step_complete(self, step): pass',
         'IProgressMonitor.step_complete takes'),
    ],
)  # fmt: skip
def test_a_wrong_call_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str | None
) -> None:
    (tmp_path / 'calls.py').write_text(source + '\n')
    monkeypatch.setattr(names, 'BACKENDS', tmp_path)
    found = names.problems(TABLE['11.4.0.106'])
    if message is None:
        assert found == []
    else:
        with pytest.raises(AssertionError, match=message):
            assert not found, found[0]


@pytest.mark.nightly('fetches wheels: what stands in them cannot change with this package')
@pytest.mark.parametrize('version', VERSIONS[:-1])
def test_the_table_is_that_of_the_bindings(version: str) -> None:
    """Fetches a wheel of 1 MB."""
    missing = [tool for tool in ('gcc', 'nm', 'objdump') if shutil.which(tool) is None]
    if missing or not sys.platform.startswith('linux'):
        pytest.skip(f'stubs of the libraries want Linux and {", ".join(missing)}')
    try:
        found = names.names_of(version)
    except names.NotToBeHad as error:
        pytest.skip(str(error))
    assert found == TABLE[version]


def test_the_table_is_that_of_tensorrt_rtx() -> None:
    pytest.importorskip(
        'tensorrt_rtx', reason='TensorRT-RTX: pip install -r requirements/gpu-build.txt'
    )
    found = names.names_of(names.RTX)
    assert names.problems(found) == []
    assert set(found) == set(TABLE[names.RTX])
