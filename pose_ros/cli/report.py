# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""How a command ends: one line of JSON on standard output, and in a file if one is named."""

from __future__ import annotations

import argparse
import json
import math
import os
from pathlib import Path
import platform
import sys
from typing import Any

import numpy as np


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Give a verb its `--json FILE`."""
    parser.add_argument(
        '--json', metavar='FILE', help='also write the last line, a JSON object, to this file'
    )


def finish(report: dict[str, Any], file: str | None) -> None:
    """
    Print a report as the last line, and write it to a file.

    Parameters
    ----------
    report : dict
        Of JSON's types, NumPy's numbers and paths; a NaN becomes null.
    file : str or None
        Overwritten.

    Raises
    ------
    OSError
        When the file cannot be written; the line is printed all the same.
    """
    line = as_line(report)
    sys.stderr.flush()
    print(line, flush=True)
    if file:
        Path(file).write_text(line + '\n', encoding='utf-8')


def as_line(report: dict[str, Any]) -> str:
    """Return a report as JSON: NumPy's numbers and paths become plain ones, NaN becomes null."""
    return json.dumps(_plain(report), allow_nan=False)


def machine() -> dict[str, Any]:
    """Describe what figures were measured on: processor, cores, system, Python."""
    model = platform.processor()
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        names = [ln for ln in cpuinfo.read_text().splitlines() if ln.startswith('model name')]
        model = names[0].split(':', 1)[1].strip() if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return {
        'cpu': model or platform.machine(),
        'cores': cores,
        'system': f'{platform.system()} {platform.machine()}',
        'python': platform.python_version(),
    }


def percentiles(values: list[float] | np.ndarray) -> dict[str, float]:
    """Summarise a sample as p50, p95 and its size n; NaN percentiles when it is empty."""
    values = np.asarray(values, np.float64)
    if not values.size:
        return {'p50': math.nan, 'p95': math.nan, 'n': 0}
    p50, p95 = np.percentile(values, [50, 95])
    return {'p50': round(float(p50), 3), 'p95': round(float(p95), 3), 'n': int(values.size)}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value
