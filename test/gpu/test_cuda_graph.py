# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The calls that record a CUDA graph, on a small library in place of the driver."""

from __future__ import annotations

import ctypes
from pathlib import Path
import shutil
import subprocess

import pytest

from pose_ros.backends.tensorrt.cuda_graph import CudaGraph, GraphError

# Every call notes itself and fails when its name is FAILS; handles are checked for all 64 bits.
DRIVER = """
#include <cstdio>
#include <cstring>
static char said[1000];
static const long stream = 0x123456789abcdef0, graph = 0x23456789abcdef01,
                  executable = 0x3456789abcdef012;
static int note(const char *name, bool right) {
  strcat(said, name);
  strcat(said, right ? " " : "(WRONG) ");
  return !strcmp(name, FAILS) ? 900 : 0;
}
extern "C" {
const char *driver_said() { return said; }
int cuStreamBeginCapture_v2(long s, int mode) { return note("begin", s == stream && mode == 1); }
int cuStreamEndCapture(long s, long *g) {
  const int error = note("end", s == stream);
  *g = error ? 0 : graph;
  return error;
}
int cuGraphInstantiateWithFlags(long *e, long g, unsigned long long flags) {
  *e = executable;
  return note("instantiate", g == graph && flags == 0);
}
int cuGraphDestroy(long g) { return note("destroy", g == graph); }
int cuGraphLaunch(long e, long s) { return note("launch", e == executable && s == stream); }
int cuGraphExecDestroy(long e) { return note("free", e == executable); }
}
"""
STREAM = 0x123456789ABCDEF0


class Driver:
    def __init__(self, folder: Path, fails: str = 'nothing') -> None:
        if shutil.which('g++') is None:
            pytest.skip('g++ is missing: it compiles the driver of this test')
        source = folder / 'driver.cpp'
        self.path = str(folder / f'libcuda-{fails}.so')
        source.write_text(DRIVER)
        subprocess.run(
            ['g++', '-shared', '-fPIC', f'-DFAILS="{fails}"', str(source), '-o', self.path],
            check=True,
        )

    @property
    def said(self) -> str:
        library = ctypes.CDLL(self.path)
        library.driver_said.restype = ctypes.c_char_p
        return library.driver_said().decode().strip()


def test_recorded_once_launched_often(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    enqueued: list[str] = []
    graph = CudaGraph(STREAM, lambda: enqueued.append(driver.said), driver.path)
    assert enqueued == ['begin']
    graph.launch()
    graph.launch()
    graph.close()
    graph.close()
    assert driver.said == 'begin end instantiate destroy launch launch free'


@pytest.mark.parametrize(
    ('fails', 'said'),
    [
        ('begin', 'begin'),
        ('end', 'begin end'),
        ('instantiate', 'begin end instantiate destroy'),
    ],
)
def test_recording_that_fails_leaves_nothing(tmp_path: Path, fails: str, said: str) -> None:
    driver = Driver(tmp_path, fails)
    with pytest.raises(GraphError, match=f'{fails} failed with error 900'):
        CudaGraph(STREAM, lambda: None, driver.path)
    assert driver.said == said


def test_what_cannot_be_enqueued_ends_the_recording(tmp_path: Path) -> None:
    driver = Driver(tmp_path)

    def enqueue() -> None:
        raise ValueError('not while recording')

    with pytest.raises(GraphError, match='not while recording'):
        CudaGraph(STREAM, enqueue, driver.path)
    assert driver.said == 'begin end destroy'


def test_launch_that_fails(tmp_path: Path) -> None:
    graph = CudaGraph(STREAM, lambda: None, Driver(tmp_path, 'launch').path)
    with pytest.raises(GraphError, match='launch failed with error 900'):
        graph.launch()


def test_no_driver() -> None:
    with pytest.raises(GraphError, match='libcuda-that-nobody-has'):
        CudaGraph(STREAM, lambda: None, 'libcuda-that-nobody-has.so')
