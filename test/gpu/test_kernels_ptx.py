# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The shipped PTX is that of the sources, and the sources compile for every GPU."""

from __future__ import annotations

import importlib.util
from pathlib import Path
import re
from types import ModuleType
from typing import Any

import pytest

from pose_ros.backends.tensorrt import kernels

SCRIPT = Path(__file__).resolve().parents[2] / 'scripts' / 'build_kernels.py'

KERNELS = (
    'warp_views', 'center_peaks', 'middle_person', 'keypoints_at_centers', 'keypoints_of_heatmaps',
)
ARCHITECTURES = {12: ('sm_75', 'sm_87', 'sm_89', 'sm_90'), 13: ('sm_75', 'sm_100', 'sm_120')}
OLDEST_AND_NEWEST = ((12, 'sm_75'), (13, 'sm_120'))


@pytest.fixture(scope='module')
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location('build_kernels', SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def nvrtc_of(script: ModuleType, major: int) -> Any:
    """Load NVRTC of a CUDA release; skip the test without it."""
    for path in script.find_nvrtc():
        nvrtc = script.Nvrtc(path)
        if nvrtc.version[0] == major:
            return nvrtc
    pytest.skip(f'NVRTC {major} is not installed: pip install -r requirements/gpu-build.txt')


def test_shipped_ptx_has_every_kernel_and_suits_old_drivers() -> None:
    ptx = kernels.PTX_FILE.read_text(encoding='ascii')
    assert ptx.startswith('.version 8.1\n.target sm_75\n.address_size 64\n')
    assert set(re.findall(r'\.visible \.entry (\w+)\(', ptx)) == set(KERNELS)
    warp = ptx[ptx.index('.entry warp_views('):ptx.index('.entry center_peaks(')]
    assert 'mul' in warp and 'fma.' not in warp, 'NumPy rounds products before it adds them'
    assert '.f64' not in warp, 'few GPUs are quick with doubles'


def test_sources_have_the_kernels() -> None:
    text = '\n'.join(kernels.sources().values())
    assert set(re.findall(r'__global__ void (\w+)\(', text)) == set(KERNELS)
    assert f'#define MAX_THREADS {kernels.THREADS}\n' in text


def test_shipped_ptx_is_that_of_the_sources(script: ModuleType) -> None:
    try:
        nvrtc = script.shipping_nvrtc()
    except script.NvrtcError as error:
        pytest.skip(str(error))
    shipped = kernels.PTX_FILE.read_text(encoding='ascii')
    assert script.ptx_of(nvrtc) == shipped, (
        'sources were changed: ./run --with gpu-build python scripts/build_kernels.py'
    )


@pytest.mark.parametrize(
    ('major', 'architecture'),
    [pytest.param(major, architecture, marks=[] if (major, architecture) in OLDEST_AND_NEWEST else
                  pytest.mark.nightly('between the oldest and the newest little can differ'))
     for major, all_ in ARCHITECTURES.items() for architecture in all_],
)
def test_kernels_compile_for(script: ModuleType, major: int, architecture: str) -> None:
    cubin = nvrtc_of(script, major).compile(architecture)
    assert cubin.startswith(b'\x7fELF')


def test_an_error_has_the_compilers_words(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvrtc = nvrtc_of(script, 12)
    monkeypatch.setattr(kernels, 'sources', lambda: {'pose.cu': 'no_such_type x;'})
    with pytest.raises(script.NvrtcError, match='no_such_type'):
        nvrtc.compile('sm_75')
