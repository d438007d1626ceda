# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of depth images with joints in them, to look at."""

from __future__ import annotations

import cv2
import numpy as np

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.skeleton import EDGES

FOUND, TRUE, OTHER = (255, 255, 255), (0, 220, 0), (60, 60, 255)
"""BGR of joints found, of the truth, and of keypoints that were not lifted."""

_MISSING = (40, 40, 40)


def depth_picture(
    depth: np.ndarray,
    camera: CameraModel,
    position: np.ndarray,
    xy: np.ndarray,
    truth: np.ndarray | None = None,
) -> np.ndarray:
    """
    Draw joints into a depth image.

    Parameters
    ----------
    depth : (H, W) uint16
        Millimetres: near is red, far is blue, missing is grey.
    camera : CameraModel
    position : (N, 17, 3) float64
        Joints found, metres; drawn white with their depth. NaN where not.
    xy : (N, 17, 2) float
        Keypoints, px; those without a joint are drawn as red crosses.
    truth : (N, 17, 3) float64, optional
        Drawn as green rings.

    Returns
    -------
    (H, W, 3) uint8, BGR
    """
    picture = _coloured(depth, position)
    spots = camera.project(position)
    for points in spots:
        for a, b in EDGES:
            if np.isfinite(points[[a, b]]).all():
                begin, end = (tuple(np.rint(points[i]).astype(int).tolist()) for i in (a, b))
                cv2.line(picture, begin, end, FOUND, 1, cv2.LINE_AA)
    if truth is not None:
        for u, v in _inside(camera.project(truth), camera):
            cv2.circle(picture, (u, v), 6, TRUE, 1, cv2.LINE_AA)
    lost = np.isfinite(xy).all(axis=2) & ~np.isfinite(spots).all(axis=2)
    for u, v in _inside(xy[lost], camera):
        cv2.drawMarker(picture, (u, v), OTHER, cv2.MARKER_TILTED_CROSS, 10, 2)
    depth_m = position[..., 2].ravel()
    for (u, v), z in zip(np.rint(spots.reshape(-1, 2)).tolist(), depth_m.tolist()):
        if np.isfinite(u) and np.isfinite(v):
            at = int(u), int(v)
            cv2.circle(picture, at, 3, FOUND, -1, cv2.LINE_AA)
            for colour, width in (((0, 0, 0), 3), (FOUND, 1)):
                cv2.putText(picture, f'{z:.2f}', (at[0] + 6, at[1] + 4),
                            cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, width, cv2.LINE_AA)
    return picture


def sheet(pictures: list[np.ndarray], columns: int = 2) -> np.ndarray:
    """Put pictures of one size side by side."""
    rows = []
    for i in range(0, len(pictures), columns):
        row = pictures[i:i + columns]
        row += [np.zeros_like(row[0])] * (columns - len(row))
        rows.append(np.hstack(row))
    return np.vstack(rows)


def _coloured(depth: np.ndarray, position: np.ndarray) -> np.ndarray:
    """Colour depths from a little before the nearest joint to a metre behind the farthest."""
    metres = depth * np.float32(0.001)
    known = position[np.isfinite(position[..., 2])][:, 2]
    near, far = (known.min() - 0.3, known.max() + 1.0) if known.size else (0.5, 5.0)
    level = np.clip((far - metres) / (far - near), 0.0, 1.0)
    coloured = cv2.applyColorMap((255 * level).astype(np.uint8), cv2.COLORMAP_TURBO)
    coloured = (0.6 * coloured).astype(np.uint8)  # so that white stands out
    coloured[depth == 0] = _MISSING
    return coloured


def _inside(spots: np.ndarray, camera: CameraModel) -> list[tuple[int, int]]:
    """Return the places that lie inside the image, as whole pixels."""
    spots = spots.reshape(-1, 2)
    width, height = camera.image_size
    inside = ((spots >= 0) & (spots <= [width - 1, height - 1])).all(axis=1)
    return [(int(u), int(v)) for u, v in np.rint(spots[inside]).tolist()]
