# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Skeletons as JSON lines: one object per image."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TextIO

from pose_ros.core.keypoints import boxes_around
from pose_ros.core.skeleton import KEYPOINT_NAMES
from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState


class SkeletonLines:
    """
    A text file with one JSON object per image.

    Parameters
    ----------
    path : Path
        Overwritten.

    Raises
    ------
    OSError
        When it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO = path.open('w', encoding='utf-8')

    def write(self, tracks: Tracks, image_size: tuple[int, int], **more: Any) -> None:
        """Append the tracks of one image of (width, height) pixels; `more` comes first."""
        line = {**more, **tracks_to_dict(tracks, image_size)}
        self._file.write(json.dumps(line, allow_nan=False) + '\n')

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def tracks_to_dict(tracks: Tracks, image_size: tuple[int, int]) -> dict[str, Any]:
    """
    Describe tracks in JSON's types.

    Parameters
    ----------
    tracks : Tracks
        In pixels.
    image_size : (width, height)

    Returns
    -------
    dict
        stamp_s, image_width, image_height, people; a person has id, state, score, age_s,
        since_seen_s, box (x_min, y_min, x_max, y_max) and keypoints by name, each with x, y
        (null when MISSING), score and state.
    """
    boxes = boxes_around(tracks.xy)
    return {
        'stamp_s': tracks.stamp_s,
        'image_width': image_size[0],
        'image_height': image_size[1],
        'people': [
            {
                'id': int(tracks.id[i]),
                'state': TrackState(tracks.state[i]).name,
                'score': _number(tracks.score[i], 4),
                'age_s': _number(tracks.age_s[i], 4),
                'since_seen_s': _number(tracks.since_seen_s[i], 4),
                'box': [_number(v, 2) for v in boxes[i]],
                'keypoints': {
                    name: {
                        'x': _number(tracks.xy[i, k, 0], 2),
                        'y': _number(tracks.xy[i, k, 1], 2),
                        'score': _number(tracks.keypoint_score[i, k], 4),
                        'state': KeypointState(tracks.keypoint_state[i, k]).name,
                    }
                    for k, name in enumerate(KEYPOINT_NAMES)
                },
            }
            for i in range(len(tracks))
        ],
    }


def _number(value: float, digits: int) -> float | None:
    """Round for JSON, which has no NaN."""
    return round(float(value), digits) if math.isfinite(value) else None
