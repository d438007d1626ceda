# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What trackers make of the synthetic world: identities, error, delay, jitter, honesty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from benchmarks.tracking_worlds import synthetic_world as world
from benchmarks.tracking_worlds.compared_trackers import ByHand
from benchmarks.tracking_worlds.moving_camera import CAMERAS, STANDS, Camera
from benchmarks.tracking_worlds.scores import Identities, delay_s, jitter_px, oks_to_truth
from pose_ros.core.config import TrackerConfig
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import Tracks, TrackState

CROSSINGS = (
    'crossing', 'slow-crossing', 'overtaking', 'hidden', 'leave-enter', 'sit', 'pan',
    'pan-crossing', 'group',
)
"""Scenes in which identities are at stake."""

MOVING = ('walk', 'stop-and-go', 'wave', 'sit')
"""Scenes of one person in motion; 'rest' is the one at rest."""

ID_SCENES = ('crossing', 'group')
"""Those seen by a camera that moves."""

SETTLED_S = 0.7
"""Errors count from here on: every filter has settled, every track is CONFIRMED."""

CHI2_95, CHI2_50 = 5.991, 1.386
"""Quantiles of chi-square with two degrees of freedom."""


def identities(scene: world.Scene, view: world.View, seed: int, tracker: Any) -> Identities:
    """Run a tracker over a scene; occluded people do not count, found or not."""
    scores = Identities()
    height = np.array([walker.height_px for walker in scene.walkers])
    for frame in world.frames(scene, view, seed):
        ids, xy = tracker.update(
            frame.stamp_s, frame.keypoints, scene.image_size, frame.camera_motion)
        truth, there = (array[:, 0] for array in world.truth(scene, np.array(frame.stamp_s)))
        seen = world.visible(scene, truth, there).sum(axis=1) >= 5
        similarity = oks_to_truth(truth, height, xy)
        care = np.ones(len(ids), bool)
        hidden = np.flatnonzero(there & ~seen)
        if len(ids) and len(hidden):
            best = similarity.argmax(axis=0)
            care = ~(np.isin(best, hidden) & (similarity.max(axis=0) > 0.3))
        scores.add(np.flatnonzero(seen), ids[care], similarity[seen][:, care])
    return scores


def identity_table(
    makers: dict[str, Callable[[], Any]], rates_hz: tuple[float, ...], seeds: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Return scene at rate -> tracker -> mean MOTA, IDF1, HOTA and total switches over seeds."""
    table: dict[str, dict[str, dict[str, float]]] = {}
    scenes = world.scenes()
    for name in CROSSINGS:
        for rate_hz in rates_hz:
            view = world.View(rate_hz)
            row = {}
            for tracker, make in makers.items():
                runs = [
                    identities(scenes[name], view, seed, make()).scores() for seed in range(seeds)
                ]
                row[tracker] = {
                    key: float(np.mean([run[key] for run in runs]))
                    for key in ('mota', 'idf1', 'hota')
                } | {'switches': float(sum(run['switches'] for run in runs))}
            table[f'{name} {rate_hz:g} Hz'] = row
    return table


@dataclass(frozen=True, eq=False)
class Track:
    """One person's output over a scene of one person: times (T,), arrays (T, 17, ...)."""

    scene: world.Scene
    stamps: np.ndarray
    xy: np.ndarray
    velocity: np.ndarray
    variance: np.ndarray

    def truth(self, later_s: float = 0.0) -> np.ndarray:
        """Return the true keypoints (T, 17, 2), px, so much later than the stamps."""
        return world.truth(self.scene, self.stamps + later_s)[0][0]


def single(name: str) -> world.Scene:
    """Return the scene of that name with its first person alone."""
    scene = world.scenes()[name]
    return replace(scene, walkers=scene.walkers[:1])


def follow(
    name: str, view: world.View, seed: int, tracker: Tracker | ByHand | None,
    ahead_s: float = 0.0, camera: Camera = STANDS,
) -> Track:
    """Return what a tracker (None: the raw detections) says, looking `ahead_s` ahead."""
    scene = replace(single(name), camera=camera)
    blank = np.full((17, 2), np.nan)
    rows: list[tuple[float, np.ndarray, np.ndarray, np.ndarray]] = []
    for frame in world.frames(scene, view, seed):
        xy, velocity, variance = blank, blank, blank[:, 0]
        if isinstance(tracker, Tracker):
            tracks: Tracks = tracker.update(
                frame.stamp_s, frame.keypoints, scene.image_size, frame.camera_motion)
            if ahead_s:
                tracks = tracker.predict(frame.stamp_s + ahead_s)
            if len(tracks):
                first = tracks.select(slice(1))
                xy, velocity = first.xy[0], first.velocity[0]
                variance = first.covariance[0, :, 0, 0]
        elif tracker is not None:
            _, people = tracker.update(frame.stamp_s, frame.keypoints, scene.image_size)
            xy = people[0] if len(people) else blank
        elif len(frame.keypoints):
            xy = frame.keypoints.xy[0]
        if frame.stamp_s >= SETTLED_S:
            rows.append((frame.stamp_s, xy, velocity, variance))
    stamps, xy, velocity, variance = (np.array(x, np.float64) for x in zip(*rows))
    return Track(scene, stamps, xy, velocity, variance)


def motion(
    make: Callable[[], Tracker | ByHand | None], view: world.View, seeds: int
) -> dict[str, float]:
    """
    Measure a filter on noisy but faultless detections.

    Returns
    -------
    dict
        jitter_px at rest; delay_ms, position_px and, for Tracker, velocity_px_s (root mean
        square errors) over the MOVING scenes; see `delay_s` and `jitter_px` for the definitions.
    """
    rest = [follow('rest', view, seed, make()) for seed in range(seeds)]
    moving = [follow(name, view, seed, make()) for name in MOVING for seed in range(seeds)]
    error = [((track.xy - track.truth()) ** 2).sum(axis=-1) for track in moving]
    speed = [
        ((t.velocity - world.velocity(t.scene, t.stamps)[0]) ** 2).sum(axis=-1) for t in moving
    ]
    result = {
        'jitter_px': float(np.mean([jitter_px(track.xy) for track in rest])),
        'delay_ms': 1e3 * delay_s([
            (lambda t, s=track.scene: world.truth(s, t)[0][0], track.stamps, track.xy)
            for track in moving
        ]),
        'position_px': float(np.sqrt(np.nanmean(np.concatenate(error)))),
    }
    if isinstance(make(), Tracker):
        result['velocity_px_s'] = float(np.sqrt(np.nanmean(np.concatenate(speed))))
    return result


def one_euro_at_jitter(
    jitter: float, view: world.View, seeds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """
    Find the One Euro filter with the least delay among those with a given jitter at rest.

    For each beta of a grid the cutoff at rest is found by bisection.

    Returns
    -------
    settings : dict
        min_cutoff_hz and beta.
    figures : dict
        `motion` of it.
    """
    best: tuple[dict[str, float], dict[str, float]] = ({}, {'delay_ms': np.inf})
    for beta in (0.0, 1.0, 3.0, 10.0, 20.0, 50.0):
        low, high = np.log(0.01), np.log(30.0)
        for _ in range(9):
            middle = (low + high) / 2
            cutoff = float(np.exp(middle))
            rest = follow('rest', view, 0, ByHand(cutoff, beta))
            low, high = (middle, high) if jitter_px(rest.xy) < jitter else (low, middle)
        figures = motion(lambda c=cutoff, b=beta: ByHand(c, b), view, seeds)
        if figures['jitter_px'] < 1.03 * jitter and figures['delay_ms'] < best[1]['delay_ms']:
            best = {'min_cutoff_hz': cutoff, 'beta': beta}, figures
    return best


def ahead_errors(
    config: TrackerConfig, view: world.View, seeds: int, delay: float
) -> dict[str, float]:
    """Return mean distances, px, of raw and predicted keypoints to where they are `delay` s on."""
    raw, predicted = [], []
    for name in (*MOVING, 'rest'):
        for seed in range(seeds):
            for tracker, errors in ((None, raw), (Tracker(config), predicted)):
                track = follow(name, view, seed, tracker, delay)
                errors.append(np.hypot(*np.moveaxis(track.xy - track.truth(delay), -1, 0)))
    return {
        'raw_px': float(np.nanmean(np.concatenate(raw))),
        'predicted_px': float(np.nanmean(np.concatenate(predicted))),
    }


def id_faults(scene: world.Scene, view: world.View, seed: int) -> list[str]:
    """
    Return what is wrong with the ids of a scene, nothing when each person keeps one.

    A person who leaves the image, as when the camera turns away, may come back with another.
    """
    height = np.array([walker.height_px for walker in scene.walkers])
    tracker, visits = Tracker(), [[set()] for _ in scene.walkers]
    for frame in world.frames(scene, view, seed):
        tracks = tracker.update(
            frame.stamp_s, frame.keypoints, scene.image_size, frame.camera_motion)
        tracks = tracks.select(
            (tracks.state == TrackState.CONFIRMED) & (tracks.since_seen_s == 0))
        truth, there = (a[:, 0] for a in world.truth(scene, np.array(frame.stamp_s)))
        seen = world.visible(scene, truth, there).sum(axis=1) >= 5
        inside = ((truth >= 0) & (truth < scene.image_size)).all(axis=2).sum(axis=1) >= 5
        for n in np.flatnonzero(~inside):
            if visits[n][-1]:
                visits[n].append(set())
        similarity = oks_to_truth(truth, height, tracks.xy.astype(float))
        for row in range(len(tracks)):
            n = int(similarity[:, row].argmax())
            if seen[n] and similarity[n, row] > 0.7:
                visits[n][-1].add(int(tracks.id[row]))
    owners = [set().union(*visit) for visit in visits]
    found = [f'{n} not found' for n, visit in enumerate(visits) if not visit[0]]
    found += [f'{n} has ids {ids}' for n, visit in enumerate(visits)
              for ids in visit if len(ids) > 1]
    if len(set().union(*owners)) < sum(map(len, owners)):
        found.append(f'an id went from one to another: {owners}')
    return found


def prediction_px(
    camera: Camera, rate_hz: float, seeds: int, delay: float, knows: bool = True
) -> float:
    """
    Return the mean distance, px, of keypoints predicted `delay` s ahead to where they are then.

    `knows` says whether the tracker is told how the camera moves.
    """
    view = replace(world.PERFECT, rate_hz=rate_hz, knows_camera=knows)
    errors = []
    for name in (*MOVING, 'rest'):
        for seed in range(seeds):
            track = follow(name, view, seed, Tracker(), delay, camera)
            errors.append(np.hypot(*np.moveaxis(track.xy - track.truth(delay), -1, 0)))
    return float(np.nanmean(np.concatenate(errors)))


def moving_camera(seeds: int, delay: float, rates_hz: tuple[float, ...]) -> dict[str, Any]:
    """Return camera at rate -> errors ahead, and faults of ids with and without its motion."""
    rows = {}
    for rate_hz in rates_hz:
        still_px = prediction_px(STANDS, rate_hz, seeds, delay)
        for name, camera in CAMERAS.items():
            faults = {True: 0, False: 0}
            for scene, knows, seed in product(ID_SCENES, faults, range(seeds)):
                faults[knows] += len(id_faults(
                    replace(world.scenes()[scene], camera=camera),
                    world.View(rate_hz, knows_camera=knows), seed))
            px = prediction_px(camera, rate_hz, seeds, delay)
            rows[f'{name} {rate_hz:g} Hz'] = {
                'predicted_px': px, 'to_still': px / still_px, 'id_faults': faults[True],
                'unknown_px': prediction_px(camera, rate_hz, seeds, delay, False),
                'unknown_id_faults': faults[False],
            }
    return rows


def honesty(
    config: TrackerConfig, view: world.View, seeds: int, ahead_s: float = 0.0
) -> dict[str, float]:
    """
    Compare the errors with the covariance given out.

    Returns
    -------
    dict
        nees: mean normalised error squared over its expectation (2 per keypoint), ideally 1;
        inside_95, inside_50: shares of keypoints within the ellipses of 95 and 50 %.
    """
    values = []
    for name in (*MOVING, 'rest'):
        for seed in range(seeds):
            track = follow(name, view, seed, Tracker(config), ahead_s)
            error = ((track.xy - track.truth(ahead_s)) ** 2).sum(axis=-1)
            values.append(error / track.variance)
    nees = np.concatenate(values)
    nees = nees[np.isfinite(nees)]
    return {
        'nees': float(nees.mean() / 2),
        'inside_95': float((nees < CHI2_95).mean()),
        'inside_50': float((nees < CHI2_50).mean()),
    }
