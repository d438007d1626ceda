# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Outputs of a network -> keypoints.

'centers' networks (MoveNet), read here, have besides one heatmap per keypoint a map of people's
centres, the way from a centre to each of its keypoints (`regress`), and the sub-pixel part of a
keypoint's position (`offsets`). 'heatmaps' (SimpleBaseline, HRNet, ...) and 'simcc' (RTMPose)
networks see one person per crop: `decode_heatmaps.py`, `decode_simcc.py`. Coordinates that come
out are pixels of the network's input.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pose_ros.core.decode_heatmaps import decode_heatmaps
from pose_ros.core.decode_simcc import decode_simcc
from pose_ros.core.joint_names import in_our_order
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec

# Both from the MoveNet graphs: centres are local maxima of 5x5 map pixels (multipose), and the
# person in a crop is the one whose centre divided by (distance to the middle + 1.8) is largest.
CENTER_NMS_PX = 5
MIDDLE_PRIOR_PX = 1.8
# What every backend takes from the first pass: so many centres per view, none lower.
MAX_CANDIDATES = 30
MIN_CENTER = 0.1


def decode_people(
    maps: Mapping[str, np.ndarray], spec: ModelSpec, max_people: int, min_center: float
) -> tuple[np.ndarray, Keypoints]:
    """
    Find everybody in whole views, by the peaks of the centre map.

    Parameters
    ----------
    maps : dict of (B, C, H, W) float32
        'heatmaps' (C = K), 'centers' (1), 'regress' and 'offsets' (2K, pairs dy dx in map px).
    spec : ModelSpec
        Of a 'centers' network.
    max_people : int
        Largest number of people per view.
    min_center : float
        Lower peaks are nobody.

    Returns
    -------
    view : (N,) int
        Which view a person was found in, ascending.
    keypoints : Keypoints
        N people in input pixels, best first within a view; the person score is the centre's.
    """
    view, cy, cx, center = center_peaks(maps['centers'][:, 0], max_people, min_center)
    if not len(view):
        return view, Keypoints.empty()
    return view, _person_at(maps, spec, view, cy, cx, center)


def decode_person(maps: Mapping[str, np.ndarray], spec: ModelSpec) -> Keypoints:
    """
    Find the one person that each crop is about.

    Parameters
    ----------
    maps : dict of float32
        As for `decode_people`; only 'heatmaps', or 'simcc_x' and 'simcc_y', when the spec says so.
    spec : ModelSpec
        Of any kind of network.

    Returns
    -------
    Keypoints
        B people in input pixels. The person score is the centre's, or the mean of the keypoint
        scores where the network has no centres.
    """
    if spec.decoder == 'heatmaps':
        return decode_heatmaps(maps['heatmaps'], spec)
    if spec.decoder == 'simcc':
        return decode_simcc(maps['simcc_x'], maps['simcc_y'], spec)
    centers = maps['centers'][:, 0]
    batch, height, width = centers.shape
    from_middle = np.hypot(
        np.arange(height)[:, None] - height // 2, np.arange(width) - width // 2
    ).astype(np.float32)
    best = (centers / (from_middle + MIDDLE_PRIOR_PX)).reshape(batch, -1).argmax(axis=1)
    cy, cx = np.divmod(best, width)
    view = np.arange(batch)
    return _person_at(maps, spec, view, cy, cx, centers[view, cy, cx])


def center_peaks(
    centers: np.ndarray, max_people: int, min_center: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """
    Find the local maxima of centre maps.

    Parameters
    ----------
    centers : (B, H, W) float32
        Centre maps.
    max_people : int
        Largest number of peaks per map.
    min_center : float
        Lower peaks are left out.

    Returns
    -------
    view, cy, cx : (N,) int
        Map, row and column of each peak; highest first within a map.
    score : (N,) float32
        Height of each peak.
    """
    height, width = centers.shape[1:]
    view, cy, cx = np.nonzero(centers >= min_center)
    score = centers[view, cy, cx]
    # Only around the few that are high enough: their windows, cut off at the map's edge.
    reach = np.arange(CENTER_NMS_PX) - CENTER_NMS_PX // 2
    rows = (cy[:, None] + reach).clip(0, height - 1)
    columns = (cx[:, None] + reach).clip(0, width - 1)
    around = centers[view[:, None, None], rows[:, :, None], columns[:, None, :]]
    highest = score >= around.max(axis=(1, 2), initial=-np.inf)
    view, cy, cx, score = view[highest], cy[highest], cx[highest], score[highest]
    order = np.lexsort((-score, view))
    rank = np.arange(len(view)) - np.searchsorted(view[order], view[order])
    order = order[rank < max_people]
    return view[order], cy[order], cx[order], score[order]


def _person_at(
    maps: Mapping[str, np.ndarray],
    spec: ModelSpec,
    view: np.ndarray,
    cy: np.ndarray,
    cx: np.ndarray,
    center: np.ndarray,
) -> Keypoints:
    """Read the keypoints of the people with these centres."""
    heatmaps = maps['heatmaps']
    # Advanced indices around the channel axis: (N, 2K) each.
    towards = maps['regress'][view, :, cy, cx].reshape(len(view), heatmaps.shape[1], 2)
    # In float32 throughout: with integers NumPy would make float64 of it, half as fast.
    y_guess = cy.astype(np.float32)[:, None] + towards[..., 0]
    x_guess = cx.astype(np.float32)[:, None] + towards[..., 1]
    find = _argmax_gaussian if spec.weighting['kind'] == 'gaussian' else _argmax_reciprocal
    i, j = find(heatmaps, view, y_guess, x_guess, float(spec.weighting['value']))
    channel = np.arange(heatmaps.shape[1])
    score = heatmaps[view[:, None], channel, i, j]
    offsets = maps['offsets']
    y = i.astype(np.float32) + offsets[view[:, None], 2 * channel, i, j]
    x = j.astype(np.float32) + offsets[view[:, None], 2 * channel + 1, i, j]
    xy = np.stack([x, y], axis=-1) * np.float32(spec.stride) + np.float32(spec.offset_px)
    return in_our_order(spec.keypoints, xy, score, center)


def _argmax_gaussian(
    heatmaps: np.ndarray,
    view: np.ndarray,
    y_guess: np.ndarray,
    x_guess: np.ndarray,
    sigma: float,
) -> tuple[np.ndarray, np.ndarray]:
    """
    Find where heatmap * exp(-d^2 / 2 sigma^2) is largest, d the distance to the guess.

    Looks at a window of 3 sigma on each side only: outside, the weight is below 0.012.

    Parameters
    ----------
    heatmaps : (B, K, H, W) float32
        Heatmaps.
    view : (N,) int
        Which of the B each person is in.
    y_guess, x_guess : (N, K) float32
        Map pixels; may lie outside of the map.
    sigma : float
        Map pixels.

    Returns
    -------
    i, j : (N, K) int
        Row and column.
    """
    height, width = heatmaps.shape[2:]
    reach = int(np.ceil(3 * sigma))
    window = np.arange(-reach, reach + 1)
    y = np.clip(np.rint(y_guess).astype(np.intp)[..., None] + window, 0, height - 1)
    x = np.clip(np.rint(x_guess).astype(np.intp)[..., None] + window, 0, width - 1)
    # Indices into the flattened maps: several times quicker than one index per axis.
    first = (view[:, None] * heatmaps.shape[1] + np.arange(heatmaps.shape[1])) * height * width
    value = heatmaps.reshape(-1).take(
        (first[..., None] + y * width)[..., :, None] + x[..., None, :]
    )
    falloff = np.float32(-0.5 / sigma**2)
    # A guess outside of the map leaves only its edge: the exponent is counted from the largest
    # one, which changes no arg max and keeps the products from becoming 0.
    log_y = falloff * (y.astype(np.float32) - y_guess[..., None]) ** 2
    log_x = falloff * (x.astype(np.float32) - x_guess[..., None]) ** 2
    weight_y = np.exp(log_y - log_y.max(axis=-1, keepdims=True))
    weight_x = np.exp(log_x - log_x.max(axis=-1, keepdims=True))
    value *= weight_y[..., :, None]
    value *= weight_x[..., None, :]
    best = value.reshape(*value.shape[:2], -1).argmax(axis=-1)
    row, column = np.divmod(best, len(window))
    person, keypoint = np.arange(len(y))[:, None], np.arange(y.shape[1])
    return y[person, keypoint, row], x[person, keypoint, column]


def _argmax_reciprocal(
    heatmaps: np.ndarray,
    view: np.ndarray,
    y_guess: np.ndarray,
    x_guess: np.ndarray,
    softening: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Find where heatmap / (d + softening) is largest; otherwise as `_argmax_gaussian`."""
    height, width = heatmaps.shape[2:]
    y_map = np.arange(height, dtype=np.float32)
    x_map = np.arange(width, dtype=np.float32)
    best = np.empty(y_guess.shape, np.intp)
    # One person after the other: his maps fit the processor's cache, all maps together do not.
    for n, b in enumerate(view):
        y_squared = (y_map - y_guess[n, :, None]) ** 2
        x_squared = (x_map - x_guess[n, :, None]) ** 2
        distance = y_squared[:, :, None] + x_squared[:, None, :]
        np.sqrt(distance, out=distance)
        distance += np.float32(softening)
        np.divide(heatmaps[b], distance, out=distance)
        best[n] = distance.reshape(len(distance), -1).argmax(axis=1)
    i, j = np.divmod(best, width)
    return i, j
