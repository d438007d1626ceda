# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Engines: built once, loaded from the cache, put aside and built anew when they are damaged."""

from __future__ import annotations

import json
from pathlib import Path
import time
from typing import Any

from pose_ros.backends.tensorrt.engine_cache import EngineCache
from pose_ros.tools.gpu_checks.site import Site, require


def check_build(site: Site) -> dict[str, Any]:
    """Build both networks in both precisions; each is compared with ONNX Runtime as it loads."""
    figures: dict[str, Any] = {}
    for precision in ('fp16', 'fp32'):
        start_s = time.monotonic()
        site.backend(precision).close()
        figures[f'{precision}_build_s'] = round(time.monotonic() - start_s, 1)
    figures['engines'] = {
        f'{engine.key["name"]} {engine.key["precision"]}': {
            'megabytes': round(engine.num_bytes / 1e6, 1), 'build_s': round(engine.build_s, 1),
        }
        for engine in EngineCache(site.folder / 'engines').contents()
    }
    require(len(figures['engines']) == 4, f'there are {len(figures["engines"])} engines, not 4')
    return figures


def check_cache(site: Site) -> dict[str, Any]:
    """Load what was built; then damage each file in turn, which must end in a new engine."""
    site.backend().close()
    built = _stamps(site)
    start_s = time.monotonic()
    site.backend().close()
    figures: dict[str, Any] = {'load_s': round(time.monotonic() - start_s, 2)}
    require(_stamps(site) == built, 'engines were built although they were there')
    cache = EngineCache(site.folder / 'engines')
    digest = min(e.digest for e in cache.contents() if e.key.get('precision') == site.precision)
    plan = cache.folder / f'{digest}.plan'
    for name, damage in (
        ('truncated', plan.read_bytes()[:100_000]), ('empty', b''),
        ('tampered', plan.read_bytes()[:-1] + b'x'),
    ):
        plan.write_bytes(damage)
        _loads(site)
        figures[name] = 'built anew'
    _foreign(plan)
    _loads(site)
    figures['foreign'] = 'built anew'
    plan.with_suffix('.json').write_text('{', encoding='utf-8')
    _loads(site)
    figures['broken description'] = 'built anew'
    return figures


def _stamps(site: Site) -> dict[str, float]:
    return {e.digest: e.built for e in EngineCache(site.folder / 'engines').contents()}


def _foreign(plan: Path) -> None:
    """Describe bytes that are no engine as one, digest and all: only TensorRT can tell."""
    import hashlib

    content = b'ftrt' + bytes(200_000)
    plan.write_bytes(content)
    path = plan.with_suffix('.json')
    sidecar = json.loads(path.read_text(encoding='utf-8'))
    sidecar['plan_sha256'] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(sidecar), encoding='utf-8')


def _loads(site: Site) -> None:
    site.backend().close()
    broken = [e for e in EngineCache(site.folder / 'engines').contents() if e.problem]
    require(not broken, f'an engine is still damaged: {broken and broken[0].problem}')
