# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every line of `pose_ros gpu-check` that runs without a GPU, so that none fails with one."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import subprocess

import numpy as np
import pytest

from pose_ros.backends.cuda_driver import CudaDriverError
from pose_ros.backends.model_files import find_model
from pose_ros.backends.onnx import OnnxNetwork
from pose_ros.cli import main
from pose_ros.core.backend import BackendError
from pose_ros.media.sources import SourceError, demo_paths
from pose_ros.cli import gpu_check
from pose_ros.tools.gpu_checks import site
from pose_ros.tools.gpu_checks.latency import percentiles, table
from pose_ros.tools.gpu_checks.site import CheckFailed, CouldNotRun, Site


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_dry_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        demo_paths()
    except SourceError as error:
        pytest.skip(str(error))
    few = ['--repeat', '1', '--memory-frames', '3', '--images', '2', '--footage', 'demo']
    assert main(['gpu-check', '--dry-run', *few, '--out', str(tmp_path)]) == 0
    report = json.loads((tmp_path / 'gpu_check.json').read_text())
    results = {name: (r['status'], r['reason']) for name, r in report['checks'].items()}
    assert list(results) == list(gpu_check.CHECKS)
    assert report['dry_run'] is True
    # What wants a driver, and PyTorch where it is not installed.
    could_not = {name for name, (status, _) in results.items() if status == 'could not run'}
    assert could_not <= {'graphs', 'eager'}, results
    assert all(status == 'passed' for name, (status, _) in results.items()
               if name not in could_not), results
    assert report['checks']['agreement']['figures']['fp32']['max_px'] < 1e-3
    assert report['checks']['sticky-error']['figures']['said'].startswith('LOST: CUDA: an illegal')
    text = (tmp_path / 'gpu_check.md').read_text()
    assert 'dry run: no figure means anything' in text
    assert text.count('| 640x480 |') == 5 and '| no GPU: host memory' not in text


def test_without_a_gpu_it_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def none() -> None:
        raise CudaDriverError('there is no NVIDIA driver (of this test)')

    monkeypatch.setattr(gpu_check, 'gpu_runtime', none)
    assert main(['gpu-check', '--out', str(tmp_path)]) == 3
    said = capsys.readouterr()
    assert said.out == ''
    assert said.err.strip() == (
        'pose_ros: there is no GPU to check: there is no NVIDIA driver (of this test)'
    )
    assert not list(tmp_path.iterdir())


def test_a_check_that_fails_does_not_end_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def failed(site: object) -> dict:
        raise CheckFailed('off by 3 px')

    def broken(site: object) -> dict:
        raise ZeroDivisionError('of this test')

    def impossible(site: object) -> dict:
        raise CouldNotRun('a thing is not there')

    checks = {'kernels': failed, 'build': broken, 'eager': impossible, 'memory': lambda site: {}}
    monkeypatch.setattr(gpu_check, '_check', checks.get)
    monkeypatch.setattr(gpu_check, 'CHECKS', dict.fromkeys(checks))
    monkeypatch.setattr(gpu_check, '_images', lambda footage, number: [])
    assert main(['gpu-check', '--dry-run', '--out', str(tmp_path)]) == 1
    report = json.loads((tmp_path / 'gpu_check.json').read_text())
    assert {n: (r['status'], r['reason']) for n, r in report['checks'].items()} == {
        'kernels': ('failed', 'off by 3 px'),
        'build': ('failed', 'ZeroDivisionError: of this test'),
        'eager': ('could not run', 'a thing is not there'),
        'memory': ('passed', ''),
    }
    assert 'ZeroDivisionError' in capsys.readouterr().err


def test_without_tensorrt_the_kernels_are_checked_all_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def none() -> None:
        raise BackendError('TensorRT is not installed (of this test)')

    dry = site.dry_runtime(tmp_path)
    monkeypatch.setattr(site, 'probe', lambda: dry.device)
    monkeypatch.setattr(site, 'import_pycuda', lambda: dry.cuda)
    monkeypatch.setattr(site, 'import_tensorrt', none)
    runtime = site.gpu_runtime()
    assert 'TensorRT is not installed (of this test)' in capsys.readouterr().err
    here = Site(runtime, tmp_path, [np.zeros((48, 64, 3), np.uint8)], 'fp16', 1, 1, True)
    results = {
        name: gpu_check._run(name, gpu_check._check(name), here)
        for name in gpu_check.CHECKS if name != 'eager'
    }
    assert {name for name, r in results.items() if r['status'] == 'passed'} == {
        'kernels', 'kernel-times'
    }
    for name in set(results) - {'kernels', 'kernel-times', 'agreement'}:
        assert results[name]['reason'].startswith('TensorRT is not installed'), name
    times = results['kernel-times']['figures']['640x480, 1 crops']
    assert times['warp']['p50'] > 0 and times['upload']['p50'] > 0
    assert gpu_check.about(runtime)['runtime'] == 'no TensorRT'


def test_table_of_a_gpu() -> None:
    row = {
        'size': '640x480', 'people': 1, 'found': 1.0, 'graphs': True, 'waits': 'sleeps',
        'frame_ms': percentiles([1.0, 2.0, 3.0]), 'host_cpu_ms': 0.25,
    }
    stages = {name: percentiles([0.5]) for name in
              ('upload', 'parameters', 'warp', 'network', 'decode', 'download')}  # fmt: skip
    head, rule, first, second = table([row, {**row, 'graphs': False, 'stages_ms': stages}])
    assert head.count('|') == rule.count('|') == first.count('|') == second.count('|')
    assert first.startswith('| 640x480 | 1 (1 found) | yes | sleeps | 2.00, 2.90, 2.98 | 0.25 |')
    assert second.count('0.500') == 5


@pytest.mark.parametrize('model', ['movenet_thunder', 'movenet_multipose'])
def test_pytorch_computes_the_same_network(model: str) -> None:
    pytest.importorskip('torch', reason='PyTorch is what the GPU path is compared with')
    from pose_ros.tools.gpu_checks.torch_network import TorchNetwork

    path = find_model(model)
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 3, 256, 256)).astype(np.float32)
    expected = OnnxNetwork(path, 1).run(batch)
    for role, values in TorchNetwork(path, 'cpu', is_half=False).run(batch).items():
        np.testing.assert_allclose(values, expected[role], atol=2e-3)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_check_in_a_process_of_its_own(tmp_path: Path) -> None:
    try:
        demo_paths()
    except SourceError as error:
        pytest.skip(str(error))
    parser = argparse.ArgumentParser()
    gpu_check.add_arguments(parser)
    args = parser.parse_args(['--dry-run', '--images', '1'])
    result = gpu_check.run_apart('kernels', args, tmp_path)
    assert (result['status'], result['reason']) == ('passed', '')
    assert result['figures']['warp'] < 1e-3
    # One that hangs, and one that crashes before it could say anything.
    (tmp_path / 'kernels.json').unlink()
    args.timeout_s = 0.05
    assert gpu_check.run_apart('kernels', args, tmp_path)['reason'] == 'it took longer than 0.05 s'
    args.timeout_s, args.footage = 100.0, '/nowhere'
    result = gpu_check.run_apart('kernels', args, tmp_path)
    assert (result['status'], result['reason']) == ('failed', 'its process ended with status 1')


@pytest.mark.parametrize(
    ('arguments', 'status', 'says'),
    [
        (['--wheels', '/nowhere'], 1, "--wheels wants a folder that is there, not '/nowhere'"),
        (['--wheels'], 1, "--wheels wants a folder that is there, not ''"),
        (['--collect'], 1, '--collect wants a folder'),
        (['--help'], 0, 'scripts/gpu_check.sh --collect wheels'),
    ],
)
def test_the_script_without_ros(arguments: list[str], status: int, says: str) -> None:
    script = Path(__file__).resolve().parents[2] / 'scripts' / 'gpu_check.sh'
    done = subprocess.run(['bash', str(script), *arguments], capture_output=True, text=True)
    assert done.returncode == status
    assert says in done.stdout + done.stderr


def test_a_figure_of_several_lines_stays_in_its_cell() -> None:
    result = {'reason': '', 'figures': {'said': 'one\ntwo | three'}}
    assert gpu_check._notes(result) == 'said one two / three'
