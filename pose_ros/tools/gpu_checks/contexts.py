# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Contexts: made and freed on other threads, twice at once, in processes that end as they like."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import numpy as np

from pose_ros.backends.tensorrt.cuda_worker import CudaWorker
from pose_ros.core.backend import BackendLostError
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.tools.gpu_checks.site import CheckFailed, Site, require

RESTARTS = 5
_CHILD_S = 300.0


def check_contexts(site: Site) -> dict[str, Any]:
    """Start and end the networks again and again, on several threads; use two at once."""
    before = used_bytes(site)
    counts = []
    for _ in range(1 if site.is_dry else RESTARTS):
        counts.append(_people_on_another_thread(site))
    first, second = site.backend(), site.backend()
    try:
        for backend in (first, second, first):
            counts.append(len(TwoPassEstimator(backend, site.config).estimate(site.images[-1])))
        first.close()
        counts.append(len(TwoPassEstimator(second, site.config).estimate(site.images[-1])))
    finally:
        first.close()
        second.close()
    require(len(set(counts)) == 1 and counts[0], f'people found: {counts}')
    left = used_bytes(site) - before
    # Others may use the GPU as well: what counts is a loss at every restart.
    require(left < 64 << 20, f'{left / 1e6:.0f} MB of GPU memory are lost after the restarts')
    return {'restarts': len(counts) - 3, 'people': counts[0], 'left_megabytes': left / 1e6}


def _people_on_another_thread(site: Site) -> int:
    found: list[int] = []
    raised: list[Exception] = []

    def work() -> None:
        try:
            backend = site.backend()
            try:
                estimator = TwoPassEstimator(backend, site.config)
                found.append(len(estimator.estimate(site.images[-1])))
            finally:
                backend.close()
        except Exception as error:  # noqa: BLE001  raised again by the caller
            raised.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return found[0]


def used_bytes(site: Site) -> int:
    """Return how much of the GPU's memory is in use, by whomever."""
    worker = CudaWorker(site.runtime.cuda)
    try:
        free, whole = worker.call(lambda: site.runtime.cuda.mem_get_info())
        return int(whole) - int(free)
    finally:
        worker.close()


# A process that ends without closing anything, and one that touches memory it must not.
_CHILD = """
from pathlib import Path
import sys
from pose_ros.tools.gpu_checks import contexts
from pose_ros.tools.gpu_checks.site import Site, dry_runtime, gpu_runtime

_, folder, precision, is_dry = sys.argv
runtime = dry_runtime(Path(folder)) if is_dry == 'True' else gpu_runtime()
contexts.{function}(Site(runtime, Path(folder), [], precision, 1, 1, is_dry == 'True'))
"""


def check_exit(site: Site) -> dict[str, Any]:
    """End a process that has networks loaded: it must end well, and say nothing."""
    done = _child(site, 'leave_open')
    require(
        done.returncode == 0 and 'PyCUDA' not in done.stderr and 'Traceback' not in done.stderr,
        f'status {done.returncode}: {done.stderr.strip()[-500:]}',
    )
    return {'said': done.stderr.strip()[-300:]}


def leave_open(site: Site) -> None:
    """Load the networks and forget them."""
    site.backend()


def check_sticky_error(site: Site) -> dict[str, Any]:
    """Let a kernel read where nothing is: said as such, and a new process works."""
    done = _child(site, 'break_context')
    require('LOST: ' in done.stdout, f'status {done.returncode}: {done.stderr.strip()[-500:]}')
    after = _child(site, 'leave_open')
    require(after.returncode == 0, f'the next process fails: {after.stderr.strip()[-500:]}')
    return {'said': done.stdout.strip(), 'status': done.returncode}


def break_context(site: Site) -> None:
    """Run a pass whose frame lies nowhere."""
    backend = site.backend()
    backend.uses_graphs = False
    try:
        backend.load_image(np.zeros((480, 640, 3), np.uint8))
        frame = backend._frame
        assert frame is not None
        frame.record = frame.record.copy()
        if site.is_dry:
            cuda = site.runtime.cuda
            cuda.fail_with = cuda.Error('an illegal memory access (dry run)')
        else:
            frame.record['step'] = 1 << 30  # the second row is a gigabyte away
        for _ in range(2):
            backend.detect(np.eye(2, 3)[None], (256, 192))
    except BackendLostError as error:
        print(f'LOST: {error}', flush=True)
        return
    finally:
        backend.close()
    raise CheckFailed('the kernel read a gigabyte beyond the frame, and nothing was said')


def _child(site: Site, function: str) -> subprocess.CompletedProcess[str]:
    site.want_tensorrt()
    return subprocess.run(
        [
            sys.executable, '-c', _CHILD.format(function=function), str(site.folder),
            site.precision, str(site.is_dry),
        ],
        capture_output=True, text=True, timeout=_CHILD_S,
    )
