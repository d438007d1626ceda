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
from functools import lru_cache
import math

import numpy as np

from pose_ros.core.decode.heatmaps import decode_heatmaps
from pose_ros.core.decode.simcc import decode_simcc
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
    Find every person in whole views, by the peaks of the centre map.

    Parameters
    ----------
    maps : dict of (B, C, H, W) float32
        'heatmaps' (C = K), 'centers' (1), 'regress' and 'offsets' (2K, pairs dy dx in map px).
    spec : ModelSpec
        Of a 'centers' network.
    max_people : int
        Largest number of people per view.
    min_center : float
        Lower peaks are no people.

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
    best = (centers / _middle_prior(height, width)).reshape(batch, -1).argmax(axis=1)
    cy, cx = np.divmod(best, width)
    view = np.arange(batch)
    return _person_at(maps, spec, view, cy, cx, centers[view, cy, cx])


@lru_cache(maxsize=8)
def _middle_prior(height: int, width: int) -> np.ndarray:
    """Return what the centres of a crop are divided by, (height, width) float32."""
    from_middle = np.hypot(
        np.arange(height)[:, None] - height // 2, np.arange(width) - width // 2
    ).astype(np.float32)
    return from_middle + MIDDLE_PRIOR_PX


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
    batch, height, width = centers.shape
    reach = CENTER_NMS_PX // 2
    rows, row = height + 2 * reach, width + 2 * reach
    padded = np.full((batch, rows, row), -np.inf, np.float32)
    padded[:, reach:-reach, reach:-reach] = centers
    # In one dimension: NumPy is several times quicker there, and behind each row is its padding.
    flat = padded.reshape(-1)
    highest = _highest_of_five(_highest_of_five(flat, 1), row)
    middle = flat[reach * row + reach:]
    # Counted from the window's first pixel, and so as if the maps were padded at the end only.
    peak = np.flatnonzero(middle[:len(highest)] >= np.maximum(highest, np.float32(min_center)))
    view, score = peak // (rows * row), middle[peak]
    order = np.lexsort((-score, view))
    if len(order) > max_people:
        rank = np.arange(len(order)) - np.searchsorted(view[order], view[order])
        order = order[rank < max_people]
    cell = peak[order]
    return view[order], cell // row % rows, cell % row, score[order]


def _highest_of_five(values: np.ndarray, step: int) -> np.ndarray:
    """Return the highest of each value and the four that follow in steps, (n - 4 step,)."""
    two = np.maximum(values[:-step], values[step:])
    four = np.maximum(two[:-2 * step], two[2 * step:])
    return np.maximum(four[:-step], values[4 * step:])


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
    count, height, width = heatmaps.shape[1:]
    # Advanced indices around the channel axis: (N, 2K), a copy.
    guess = maps['regress'][view, :, cy, cx].reshape(len(view), count, 2)
    # In float32 throughout: with integers NumPy would make float64 of it, half as fast.
    guess[..., 0] += cy.astype(np.float32)[:, None]
    guess[..., 1] += cx.astype(np.float32)[:, None]
    find = _argmax_gaussian if spec.weighting['kind'] == 'gaussian' else _argmax_reciprocal
    cell = find(heatmaps, view, guess, float(spec.weighting['value']))
    # Indices into the flattened maps: several times quicker than one index per axis.
    channel = view[:, None] * count + np.arange(count)
    size = height * width
    score = heatmaps.reshape(-1).take(channel * size + cell)
    of_offsets = (2 * size * channel + cell)[..., None] + np.array([0, size])
    yx = np.array(np.divmod(cell, width), np.float32).transpose(1, 2, 0)
    yx = yx + maps['offsets'].reshape(-1).take(of_offsets)
    xy = yx[..., ::-1] * np.float32(spec.stride) + np.float32(spec.offset_px)
    return in_our_order(spec.keypoints, xy, score, center)


def _argmax_gaussian(
    heatmaps: np.ndarray, view: np.ndarray, guess: np.ndarray, sigma: float
) -> np.ndarray:
    """
    Return the cell (N, K) where heatmap * exp(-d^2 / 2 sigma^2) is largest, d from the guess.

    Of people in the views (N,) at guesses y, x (N, K, 2), map pixels, also outside of the map.
    Looks at a window of 3 sigma on each side only: outside, the weight is below 0.012.
    """
    count, height, width = heatmaps.shape[1:]
    reach = math.ceil(3 * sigma)
    window = np.arange(-reach, reach + 1)
    middle = np.rint(guess).astype(np.intp)[..., None]
    # (N, K, 2, S): the rows and the columns of the windows.
    last = np.array([[height - 1], [width - 1]])
    lines = np.minimum(np.maximum(middle + window, 0), last)
    first = ((view[:, None] * count + np.arange(count)) * (height * width))[..., None]
    rows = first + lines[:, :, 0] * width
    cells = (rows[..., :, None] + lines[:, :, 1, None, :]).reshape(len(view), count, -1)
    value = heatmaps.reshape(-1).take(cells).reshape(*rows.shape, len(window))
    falloff = np.float32(-0.5 / sigma**2)
    # A guess outside of the map leaves only its edge: the exponent is counted from the largest
    # one, which changes no arg max and keeps the products from becoming 0.
    exponent = falloff * (lines.astype(np.float32) - guess[..., None]) ** 2
    weight = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    value *= weight[:, :, 0, :, None]
    value *= weight[:, :, 1, None, :]
    best = value.reshape(cells.shape).argmax(axis=-1)
    found = cells[np.arange(len(view))[:, None], np.arange(count), best]
    return found - first[..., 0]


def _argmax_reciprocal(
    heatmaps: np.ndarray, view: np.ndarray, guess: np.ndarray, softening: float
) -> np.ndarray:
    """Find where heatmap / (d + softening) is largest; otherwise as `_argmax_gaussian`."""
    height, width = heatmaps.shape[2:]
    y_map = np.arange(height, dtype=np.float32)
    x_map = np.arange(width, dtype=np.float32)
    best = np.empty(guess.shape[:2], np.intp)
    # One person after the other: the maps of one fit the processor's cache, all do not.
    for n, b in enumerate(view):
        y_squared = (y_map - guess[n, :, 0, None]) ** 2
        x_squared = (x_map - guess[n, :, 1, None]) ** 2
        distance = y_squared[:, :, None] + x_squared[:, None, :]
        np.sqrt(distance, out=distance)
        distance += np.float32(softening)
        np.divide(heatmaps[b], distance, out=distance)
        best[n] = distance.reshape(len(distance), -1).argmax(axis=1)
    return best
