# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A Rerun recording of `pose_ros view`, read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

LACKS_RERUN = 'rerun-sdk is not here (700 MB): ./run pip install -r requirements/view.txt'


class Rrd:
    """A recording read back: for each entity its columns, one value a row, by time."""

    def __init__(self, path: Path) -> None:
        from rerun.chunk import RrdReader

        self.static: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        for chunk in RrdReader(path).stream():
            batch = chunk.to_record_batch()
            table = {n.split(':', 1)[1]: batch.column(i).to_pylist()
                     for i, n in enumerate(batch.schema.names) if ':' in n}
            for i in range(batch.num_rows):
                values = {n: column[i] for n, column in table.items() if column[i] is not None}
                if chunk.is_static:
                    self.static.setdefault(chunk.entity_path, {}).update(values)
                else:
                    time = batch.column(batch.schema.names.index('image'))[i].value
                    self.rows.setdefault(chunk.entity_path, []).append((int(time), values))
        for rows in self.rows.values():
            rows.sort(key=lambda row: row[0])

    def scalars(self, entity: str) -> dict[int, list[float]]:
        """Return the values of a series by time."""
        return {t: values['scalars'] for t, values in self.rows[entity]}
