# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which runtime the parameter `backend` gives."""

from __future__ import annotations

import logging

import onnxruntime
import pytest

from pose_ros import backends
from pose_ros.backends import load_backend
from pose_ros.backends.tensorrt import backend as tensorrt
from pose_ros.backends.tensorrt.device import NoGpuError
from pose_ros.core.backend import BackendError
from pose_ros.core.config import EstimatorConfig


@pytest.fixture(autouse=True)
def no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a machine with a GPU one without."""
    def find_runtime(index: int) -> None:
        raise NoGpuError('there is no NVIDIA driver (of this test)')

    monkeypatch.setattr(tensorrt, 'find_runtime', find_runtime)


@pytest.mark.parametrize('gpu, level', [(True, logging.WARNING), (False, logging.INFO)])
def test_auto_without_a_driver_is_onnx_runtime_and_says_why_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, gpu: bool, level: int
) -> None:
    """A warning only where there is a GPU that is not used."""
    monkeypatch.setattr(backends, 'has_nvidia_gpu', lambda: gpu)
    caplog.set_level(logging.INFO)
    backend = load_backend(EstimatorConfig(backend='auto'))
    assert backend.name == 'onnx'
    (record,) = caplog.records
    assert record.levelno == level and 'no NVIDIA driver (of this test)' in record.getMessage()


def test_onnx_does_not_look_for_a_gpu(caplog: pytest.LogCaptureFixture) -> None:
    assert load_backend(EstimatorConfig(backend='onnx')).name == 'onnx'
    assert not caplog.records


def test_tensorrt_without_a_gpu_is_an_error() -> None:
    with pytest.raises(BackendError, match='no NVIDIA driver'):
        load_backend(EstimatorConfig(backend='tensorrt'))


def test_auto_takes_tensorrt_when_it_is_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = object()
    asked = {}

    def backend(**kwargs):
        asked.update(kwargs)
        return loaded

    monkeypatch.setattr(tensorrt, 'TensorrtBackend', backend)
    config = EstimatorConfig(
        precision='fp32', detect_size_px=256, detect_second_size_px=512, gpu=1
    )
    assert load_backend(config) is loaded
    assert (asked['precision'], asked['detect_size_px'], asked['gpu']) == ('fp32', 512, 1)


def test_a_broken_model_is_an_error_whatever_the_runtime() -> None:
    for backend in ('auto', 'onnx'):
        with pytest.raises(BackendError, match='no model named'):
            load_backend(EstimatorConfig(backend=backend, refiner_model='nonsense'))


def test_every_choice_has_a_loader() -> None:
    choices = EstimatorConfig.__dataclass_fields__['backend'].metadata['choices']
    assert set(choices) == {'auto', *backends._LOADERS}


@pytest.mark.parametrize('provider', ['cuda', 'openvino'])
def test_execution_provider_that_is_not_there(provider: str) -> None:
    with pytest.raises(BackendError, match='has no .*, only .*pip install onnxruntime-'):
        load_backend(EstimatorConfig(backend='onnx', onnx_provider=provider))


class Session:
    """A session that the CPU computes whatever was asked for, as ONNX Runtime does it."""

    def __init__(
        self, path: str, options: object, providers: list[str], enable_fallback: int
    ) -> None:
        self._real = REAL_SESSION(path, options, providers=['CPUExecutionProvider'])
        self.providers = providers

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)


REAL_SESSION = onnxruntime.InferenceSession


def test_execution_provider_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    there = ['CUDAExecutionProvider', 'CPUExecutionProvider']
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: there)
    monkeypatch.setattr(onnxruntime, 'InferenceSession', Session)
    with pytest.raises(BackendError, match='has CUDAExecutionProvider, but it does not start'):
        load_backend(EstimatorConfig(backend='onnx', onnx_provider='cuda'))
    assert load_backend(EstimatorConfig(backend='onnx', onnx_provider='auto')).name == 'onnx'
    assert 'the CPU computes: ONNX Runtime has CUDA' in caplog.text
    # Where it starts it is taken.
    monkeypatch.setattr(Session, 'get_providers', lambda self: self.providers, raising=False)
    backend = load_backend(EstimatorConfig(backend='onnx', onnx_provider='auto'))
    assert backend.name == 'onnx, cuda'
    assert backend._refine._session.providers == there[:1]


def test_precision_that_a_runtime_lacks() -> None:
    with pytest.raises(BackendError, match='not bf16'):
        load_backend(EstimatorConfig(backend='tensorrt', precision='bf16'))
