# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Skeletons drawn into an image.

Tracked people have one colour per id, so that a change of identity is seen at once; untracked
ones show left in blue, right in orange. A dark rim keeps every line readable on any background.
Sizes follow the image and the person: 176x144 to 4K.
"""

from __future__ import annotations

from dataclasses import replace
import math

import cv2
import numpy as np

from pose_ros.core.keypoints import Keypoints, boxes_around
from pose_ros.core.skeleton import EDGES, KEYPOINT_NAMES, LEFT_SHOULDER
from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState
from pose_ros.media.labels import draw_label, faces, label_places, label_size
from pose_ros.media.palette import (
    GREY,
    LEFT_COLOR,
    RIGHT_COLOR,
    RIM,
    WHITE,
    Color,
    id_color,
)
from pose_ros.media.text import banner_height, draw_banner, text_scale


def _side_color(a: int, b: int) -> Color:
    sides = {KEYPOINT_NAMES[k].split('_')[0] for k in (a, b)}
    if sides == {'left'}:
        return LEFT_COLOR
    return RIGHT_COLOR if sides == {'right'} else WHITE


SIDE_BONES = [_side_color(a, b) for a, b in EDGES]
SIDE_JOINTS = [_side_color(k, k) for k in range(len(KEYPOINT_NAMES))]

FADED = 0.4
"""Opacity of people not seen in this image: LOST, or predicted for a moment."""

_SHIFT = 3  # sub-pixel bits of OpenCV's drawing functions
_FAR_PX = 1e5  # beyond this a point is nonsense, and would overflow OpenCV's integers
_NAMES = {state: state.name.lower() for state in TrackState}


def draw_tracks(
    image: np.ndarray,
    tracks: Tracks,
    status_line: str = '',
    stale: bool = False,
    predicted: bool = False,
) -> None:
    """
    Draw tracked people, in place.

    Observed keypoints are filled, predicted ones hollow; a person not seen in this image is faded,
    a TENTATIVE track grey and thin. UNTRACKED people look as in `draw_keypoints`.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR, contiguous.
    tracks : Tracks
        In pixels of this image.
    status_line : str
        Text of the banner at the top; empty for no banner.
    stale : bool
        The data is old: red banner that says so, and all people are faded.
    predicted : bool
        The tracks were carried forward to a moment that no image is of (`pose/predicted`): only
        LOST ones are faded.
    """
    if predicted:
        tracks = replace(
            tracks,
            since_seen_s=np.where(tracks.state == TrackState.LOST, tracks.since_seen_s, 0.0),
        )
    xy = _drawable(tracks.xy, tracks.keypoint_state)
    boxes = boxes_around(xy)
    labels: dict[int, tuple[str, Color]] = {}
    # Confirmed people come last, on top of the others.
    rank = {TrackState.LOST: 0, TrackState.TENTATIVE: 1}
    order = sorted(range(len(tracks)), key=lambda i: rank.get(TrackState(tracks.state[i]), 2))
    for i in order:
        if not np.isfinite(boxes[i]).all():
            continue
        state = TrackState(tracks.state[i])
        bones, joints, color, label = _look_of(tracks, i)
        canvas, origin = image, (0, 0)
        if stale or state == TrackState.LOST or tracks.since_seen_s[i] > 0:
            canvas, origin = _around(image, boxes[i])
            faint = canvas.copy()
        else:
            faint = canvas
        shift = np.array(origin, np.float32)
        _draw_person(
            faint,
            tracks.xy[i] - shift,
            tracks.keypoint_state[i],
            bones,
            joints,
            _pen(image, boxes[i]) * (0.5 if state == TrackState.TENTATIVE else 1.0),
        )
        _draw_box(faint, boxes[i] - np.tile(shift, 2), color, text_scale(image))
        if faint is not canvas:
            cv2.addWeighted(faint, FADED, canvas, 1.0 - FADED, 0.0, dst=canvas)
        labels[i] = label, color
    _write(image, xy, boxes, labels, status_line, stale)


def draw_keypoints(
    image: np.ndarray, keypoints: Keypoints, status_line: str = '', stale: bool = False
) -> None:
    """
    Draw people without identity, in place: left blue, right orange, the middle white.

    Parameters
    ----------
    image : (H, W, 3) uint8
        BGR, contiguous.
    keypoints : Keypoints
        In pixels of this image.
    status_line : str
        Text of the banner at the top; empty for no banner.
    stale : bool
        The data is old: red banner that says so.
    """
    xy = _drawable(keypoints.xy)
    boxes = boxes_around(xy)
    labels: dict[int, tuple[str, Color]] = {}
    for i in range(len(keypoints)):
        if not np.isfinite(boxes[i]).all():
            continue
        seen = np.isfinite(keypoints.xy[i]).all(axis=1)
        states = np.where(seen, KeypointState.OBSERVED, KeypointState.MISSING)
        pen = _pen(image, boxes[i])
        _draw_person(image, keypoints.xy[i], states, SIDE_BONES, SIDE_JOINTS, pen)
        _draw_box(image, boxes[i], WHITE, text_scale(image))
        labels[i] = f'{keypoints.person_score[i]:.2f}', WHITE
    _write(image, xy, boxes, labels, status_line, stale)


def enlarged(image: np.ndarray, tracks: Tracks, min_side_px: int) -> tuple[np.ndarray, Tracks]:
    """
    Copy an image, a small one magnified, so that what is drawn into it can be read.

    Parameters
    ----------
    image : (H, W, 3) uint8
    tracks : Tracks
        In pixels of the image.
    min_side_px : int
        Least short side of the copy, pixels; larger images keep their size.

    Returns
    -------
    (H', W', 3) uint8
        Magnified by a whole factor.
    Tracks
        In its pixels: only xy is changed.
    """
    factor = math.ceil(min_side_px / min(image.shape[:2]))
    if factor <= 1:
        return image.copy(), tracks
    size = (image.shape[1] * factor, image.shape[0] * factor)
    large = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    # cv2.resize: pixel centres at integers, the corner of the image stays in place.
    return large, replace(tracks, xy=(tracks.xy + 0.5) * factor - 0.5)


def people_in(tracks: Tracks, predicted: bool = False) -> str:
    """Say in words how many people are certain, and unless `predicted` seen in this very image."""
    certain = np.isin(tracks.state, (TrackState.UNTRACKED, TrackState.CONFIRMED))
    people = int((certain & (predicted | (tracks.since_seen_s == 0))).sum())
    return f'{people} {"person" if people == 1 else "people"}'


def _drawable(xy: np.ndarray, states: np.ndarray | None = None) -> np.ndarray:
    """Return the keypoints, NaN where they are MISSING or nonsense."""
    # Not `> _FAR_PX`: that is false for NaN.
    drawn = (np.abs(xy) < _FAR_PX).all(axis=2)
    if states is not None:
        drawn &= states != KeypointState.MISSING
    return np.where(drawn[..., None], xy, np.nan)


def _write(
    image: np.ndarray,
    xy: np.ndarray,
    boxes: np.ndarray,
    labels: dict[int, tuple[str, Color]],
    status_line: str,
    stale: bool,
) -> None:
    """Write the labels of people (text and colour by index) and the banner, on top of all."""
    banner = f'STALE  {status_line}'.strip() if stale else status_line
    for i, (label, color) in labels.items():
        # Where people are small their ids have to do.
        if label_size(image, label)[0] > boxes[i, 2] - boxes[i, 0] and ' ' in label:
            labels[i] = label.split(' ')[0], color
    area = (0, banner_height(image, banner), image.shape[1], image.shape[0])
    shown = sorted(labels)
    places = label_places(
        [label_size(image, labels[i][0]) for i in shown],
        np.array([_padded(boxes[i]) for i in shown], np.float64).reshape(-1, 4),
        faces(xy, boxes), xy.reshape(-1, 2), area,
    )
    for i, place in zip(shown, places):
        draw_label(image, labels[i][0], place, labels[i][1])
    draw_banner(image, banner, stale)


def _look_of(tracks: Tracks, i: int) -> tuple[list[Color], list[Color], Color, str]:
    """Return the colours of bones, joints and box of a track, and its label."""
    state = TrackState(tracks.state[i])
    if state == TrackState.UNTRACKED:
        return SIDE_BONES, SIDE_JOINTS, WHITE, f'{tracks.score[i]:.2f}'
    label = f'{tracks.id[i]} {_NAMES[state]}'
    if state == TrackState.LOST:
        label += f' {tracks.since_seen_s[i]:.1f} s'
    elif tracks.since_seen_s[i] > 0:
        label = f'{tracks.id[i]} unseen {tracks.since_seen_s[i]:.1f} s'
    color = GREY if state == TrackState.TENTATIVE else id_color(int(tracks.id[i]))
    return [color] * len(EDGES), [color] * len(KEYPOINT_NAMES), color, label


def _draw_person(
    image: np.ndarray,
    xy: np.ndarray,
    states: np.ndarray,
    bone_colors: list[Color],
    joint_colors: list[Color],
    pen: float,
) -> None:
    drawable = (np.abs(xy) < _FAR_PX).all(axis=1) & (states != KeypointState.MISSING)
    observed = states == KeypointState.OBSERVED
    points = np.round(np.where(drawable[:, None], xy, 0.0) * (1 << _SHIFT)).astype(int).tolist()
    lines = []
    for (a, b), color in zip(EDGES, bone_colors):
        if drawable[a] and drawable[b]:
            width = pen if observed[a] and observed[b] else 0.5 * pen
            lines.append((points[a], points[b], color, max(1, round(width))))
    rim = max(2, round(0.8 * pen)) if pen >= 1.5 else 0
    if rim:
        for a, b, _, width in lines:
            cv2.line(image, a, b, RIM, width + rim, cv2.LINE_AA, _SHIFT)
    for a, b, color, width in lines:
        cv2.line(image, a, b, color, width, cv2.LINE_AA, _SHIFT)
    radius = max(1.5, 1.3 * pen)
    for k in np.flatnonzero(drawable):
        # The five points of a face lie close together.
        size = radius * (0.6 if k < LEFT_SHOULDER and pen >= 1.5 else 1.0)
        outer = round((size + 0.5 * rim) * (1 << _SHIFT))
        inner = round(size * (1 << _SHIFT))
        cv2.circle(image, points[k], outer, RIM, -1, cv2.LINE_AA, _SHIFT)
        if observed[k]:
            cv2.circle(image, points[k], inner, joint_colors[k], -1, cv2.LINE_AA, _SHIFT)
        else:
            ring = max(1, round(0.4 * pen))
            cv2.circle(image, points[k], outer, joint_colors[k], ring, cv2.LINE_AA, _SHIFT)


def _padded(box: np.ndarray) -> tuple[int, int, int, int]:
    margin = 0.06 * float(max(box[2] - box[0], box[3] - box[1]))
    x0, y0, x1, y1 = (float(v) for v in box)
    return round(x0 - margin), round(y0 - margin), round(x1 + margin), round(y1 + margin)


def _draw_box(image: np.ndarray, box: np.ndarray, color: Color, scale: float) -> None:
    x0, y0, x1, y1 = _padded(box)
    line = max(1, round(2.0 * scale))
    cv2.rectangle(image, (x0, y0), (x1, y1), color, line)


def _around(image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the view of the image that a person's drawing touches, and its top left corner."""
    height, width = image.shape[:2]
    margin = 0.06 * float(max(box[2] - box[0], box[3] - box[1])) + 24 * text_scale(image)
    x0 = int(np.clip(box[0] - margin, 0, width - 1))
    y0 = int(np.clip(box[1] - margin, 0, height - 1))
    x1 = int(np.clip(box[2] + margin, x0 + 1, width))
    y1 = int(np.clip(box[3] + margin, y0 + 1, height))
    return image[y0:y1, x0:x1], (x0, y0)


def _pen(image: np.ndarray, box: np.ndarray) -> float:
    """Bone width, pixels: fits the person, within what fits the image."""
    image_px = float(np.sqrt(image.shape[0] * image.shape[1]))
    person_px = float(np.hypot(box[2] - box[0], box[3] - box[1]))
    return float(np.clip(0.012 * person_px, 1.0, max(1.0, 0.007 * image_px)))
