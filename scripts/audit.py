#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Ask whether vulnerabilities of the locked packages are known: pip-audit, in its own environment.

`make audit`. Exit status: 0 none, 1 some, 2 nothing could be asked.
"""

from __future__ import annotations

import json
from pathlib import Path
import subprocess
import sys
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PIP_AUDIT = 'pip-audit>=2.7,<3'


def ask(lock: Path) -> list[dict[str, Any]]:
    """Return what pip-audit says of each package of a lock; RuntimeError when it says nothing."""
    done = subprocess.run(
        ['uv', 'tool', 'run', '--quiet', '--from', PIP_AUDIT, 'pip-audit', '--progress-spinner',
         'off', '--disable-pip', '--no-deps', '--format', 'json', '--requirement', str(lock)],
        capture_output=True, text=True,
    )
    try:
        return list(json.loads(done.stdout)['dependencies'])
    except (json.JSONDecodeError, KeyError) as error:
        last = (done.stderr.strip().splitlines() or ['nothing'])[-1]
        raise RuntimeError(f'pip-audit says: {last}') from error


def judge(packages: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """Return the exit status and what to print."""
    asked = [p for p in packages if 'skip_reason' not in p]
    if not asked:
        reason = packages[0]['skip_reason'] if packages else 'the lock is empty'
        return 2, [f'nothing could be asked, the vulnerability service does not answer: {reason}']
    lines = [
        f'{p["name"]} {p["version"]}: {v["id"]}, mended in '
        f'{", ".join(v.get("fix_versions", [])) or "no version yet"}'
        for p in asked for v in p.get('vulns', [])
    ]
    skipped = [p['name'] for p in packages if 'skip_reason' in p]
    said = f'{len(asked)} packages asked about, {len(lines)} known vulnerabilities'
    if skipped:
        said += f'; not asked about: {", ".join(skipped)}'
    return (1 if lines else 0), [*lines, said]


def main() -> int:
    """Ask about each lock; return the worst exit status."""
    worst = 0
    for lock in sorted((ROOT / 'requirements').glob('lock-*.txt')):
        try:
            status, lines = judge(ask(lock))
        except RuntimeError as error:
            status, lines = 2, [str(error)]
        for line in lines:
            print(f'{lock.name}: {line}')
        worst = max(worst, status)
    return worst


if __name__ == '__main__':
    sys.exit(main())
