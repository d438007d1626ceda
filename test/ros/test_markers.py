# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Markers: where they are, and that RViz, replayed as a small model, is left with nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray

from pose_ros.core.config import VisualizerConfig
from pose_ros.core.pose3d.display_points import DisplayPoints, display_points
from pose_ros.core.skeleton import EDGES, NUM_KEYPOINTS
from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState
from pose_ros.media.palette import id_color
from pose_ros.ros.calibration import default_camera
from pose_ros.ros.markers import MarkerWriter

CAMERA = default_camera((640, 480))
USUAL = VisualizerConfig()
EVERYTHING = VisualizerConfig(covariance=True, velocity=True)


class RvizStore:
    """
    The markers that RViz would show.

    As rviz_default_plugins does: a marker is known by namespace and id, ADD replaces, a lifetime
    counts from the arrival and 0 is for ever, DELETEALL without a namespace empties everything.
    """

    def __init__(self) -> None:
        self.shown: dict[tuple[str, int], tuple[Marker, float]] = {}

    def take(self, array: MarkerArray, now_s: float) -> None:
        keys = [(m.ns, m.id) for m in array.markers if m.action == Marker.ADD]
        assert len(keys) == len(set(keys)), 'RViz warns of the same marker twice'
        for marker in array.markers:
            if marker.action == Marker.DELETEALL:
                assert marker.ns == ''
                self.shown.clear()
            elif marker.action == Marker.DELETE:
                assert self.shown.pop((marker.ns, marker.id), None) is not None, 'not there'
            else:
                check(marker)
                life_s = marker.lifetime.sec + marker.lifetime.nanosec * 1e-9
                end_s = now_s + life_s if life_s else float('inf')
                self.shown[marker.ns, marker.id] = marker, end_s

    def at(self, now_s: float) -> set[tuple[str, int]]:
        return {key for key, (_, end_s) in self.shown.items() if now_s < end_s}


def check(marker: Marker) -> None:
    """Refuse what RViz cannot draw: no extent, no points, no direction, not finite."""
    assert marker.header.frame_id and marker.color.a > 0
    numbers = [v for p in marker.points for v in (p.x, p.y, p.z)]
    q, p = marker.pose.orientation, marker.pose.position
    assert np.isfinite([*numbers, p.x, p.y, p.z]).all()
    assert q.x**2 + q.y**2 + q.z**2 + q.w**2 == pytest.approx(1.0)
    needed = {
        Marker.LINE_LIST: 'x', Marker.SPHERE_LIST: 'xyz', Marker.SPHERE: 'xyz', Marker.ARROW: 'xy',
        Marker.TEXT_VIEW_FACING: 'z',
    }[marker.type]
    assert all(getattr(marker.scale, axis) > 0 for axis in needed)
    assert len(marker.colors) in (0, len(marker.points))
    if marker.type in (Marker.LINE_LIST, Marker.SPHERE_LIST):
        assert marker.points
    if marker.type == Marker.LINE_LIST:
        assert len(marker.points) % 2 == 0
    if marker.type == Marker.ARROW:
        assert len(marker.points) == 2 and marker.points[0] != marker.points[1]
    assert (marker.type == Marker.TEXT_VIEW_FACING) == bool(marker.text)


def header(sec: int = 1, frame: str = 'camera') -> Header:
    return Header(stamp=Time(sec=sec), frame_id=frame)


@pytest.fixture
def tracks(make_people: Any) -> Tracks:
    """Return two confirmed people with ids 3 and 8, who move."""
    people = make_people(2)
    return Tracks(
        0.0, np.array([3, 8]), np.full(2, TrackState.CONFIRMED, np.int8), people.person_score,
        np.ones(2), np.zeros(2), people.xy, np.full_like(people.xy, 100.0),
        np.tile(np.eye(2, dtype=np.float32) * 4, (2, 17, 1, 1)),
        np.full((2, 17), KeypointState.OBSERVED, np.int8), people.score,
        np.arange(2), np.zeros((2, 17), bool),
    )


def nan_space(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.full((n, 17, 3), np.nan), np.full((n, 17, 3, 3), np.nan), np.full((n, 17, 3), np.nan)


def flat(tracks: Tracks, distance_m: float = 2.0) -> DisplayPoints:
    return display_points(tracks, *nan_space(len(tracks)), CAMERA, distance_m)


def write(
    writer: MarkerWriter, tracks: Tracks, config: VisualizerConfig = USUAL
) -> MarkerArray:
    return writer.write(tracks, flat(tracks), header(), header(), config)


def of(markers: MarkerArray, namespace: str) -> dict[int, Marker]:
    return {m.id: m for m in markers.markers if m.ns == namespace and m.action == Marker.ADD}


def points_of(marker: Marker) -> np.ndarray:
    return np.array([(p.x, p.y, p.z) for p in marker.points])


def test_markers_lie_where_the_people_are(tracks: Tracks) -> None:
    config = VisualizerConfig(line_width_m=0.05, marker_lifetime_s=0.25)
    markers = write(MarkerWriter(), tracks, config)
    joints, bones, labels = (of(markers, name) for name in ('joints', 'bones', 'label'))
    assert set(joints) == set(bones) == set(labels) == {3, 8}
    for person, track_id in enumerate((3, 8)):
        points = points_of(joints[track_id])
        np.testing.assert_allclose(points, flat(tracks).points[person])
        ends = points_of(bones[track_id]).reshape(-1, 2, 3)
        np.testing.assert_allclose(ends, points[np.array(EDGES)])
        label = labels[track_id]
        assert label.text == f'{track_id} confirmed'
        assert label.pose.position.y < points[:, 1].min() - 0.05, 'above the head: y is down'
        assert abs(label.pose.position.x - points[0, 0]) < 0.05
        assert bones[track_id].type == Marker.LINE_LIST and bones[track_id].scale.x == 0.05
        assert joints[track_id].lifetime.nanosec == 250_000_000
        blue, green, red = id_color(track_id)
        color = joints[track_id].colors[0]
        np.testing.assert_allclose(
            [color.r, color.g, color.b, color.a], [red / 255, green / 255, blue / 255, 1.0],
            atol=1e-6)
    assert joints[3].header == header()


def test_who_and_what_is_not_seen_is_faded(tracks: Tracks) -> None:
    tracks.state[1], tracks.since_seen_s[1] = TrackState.LOST, 0.8
    tracks.keypoint_state[1] = KeypointState.PREDICTED
    tracks.keypoint_state[0, 9] = KeypointState.PREDICTED
    markers = write(MarkerWriter(), tracks)
    opacity = [c.a for c in of(markers, 'joints')[3].colors]
    assert opacity[9] < 0.5 and opacity[:9] + opacity[10:] == [1.0] * 16
    assert max(c.a for m in ('joints', 'bones') for c in of(markers, m)[8].colors) < 0.5
    assert of(markers, 'label')[8].text == '8 lost 0.8 s'
    # Carried forward to now nothing is of an image; who is LOST is faint all the same.
    tracks.keypoint_state[0] = KeypointState.PREDICTED
    tracks.since_seen_s[0] = 0.05
    ahead = write(MarkerWriter(), tracks, VisualizerConfig(skeletons='predicted'))
    assert {c.a for c in of(ahead, 'joints')[3].colors} == {1.0}
    assert max(c.a for c in of(ahead, 'joints')[8].colors) < 0.5


def test_ellipsoids_and_arrows(tracks: Tracks) -> None:
    position, covariance, velocity = nan_space(2)
    position[0] = CAMERA.points(tracks.xy[0], np.full(17, 1.5))
    covariance[0] = np.diag([0.0004, 0.0009, 0.0016])
    velocity[0] = [0.4, 0.0, 0.0]
    velocity[0, 5] = np.nan
    velocity[0, 6] = 0.001
    placed = display_points(tracks, position, covariance, velocity, CAMERA, 2.0)
    markers = MarkerWriter().write(tracks, placed, header(), header(), EVERYTHING)
    balls, arrows = of(markers, 'covariance'), of(markers, 'velocity')
    assert set(balls) == {17 * i + k for i in (3, 8) for k in range(17)}
    ball = balls[3 * 17 + 4]
    axes = sorted((ball.scale.x, ball.scale.y, ball.scale.z))
    np.testing.assert_allclose(axes, 2 * np.sqrt(7.8147) * np.array([0.02, 0.03, 0.04]), rtol=1e-4)
    assert ball.pose.position == of(markers, 'joints')[3].points[4]
    # On the plane: 2 px of standard deviation, two degrees of freedom, no thickness.
    pixel_m = 2.0 / CAMERA.focal[0]
    axes = sorted((balls[8 * 17].scale.x, balls[8 * 17].scale.y, balls[8 * 17].scale.z))
    expected = 2 * np.sqrt(5.9915) * 2 * pixel_m
    np.testing.assert_allclose(axes, [0.001, expected, expected], rtol=1e-4)
    start, end = points_of(arrows[3 * 17])
    np.testing.assert_allclose(end - start, [0.1, 0.0, 0.0], atol=1e-9)
    assert {3 * 17 + 5, 3 * 17 + 6}.isdisjoint(arrows), 'unknown, and too slow to show'
    store = RvizStore()
    store.take(markers, 0.0)
    nothing = replace(placed, covariance=placed.covariance * np.nan, velocity=placed.velocity * 0)
    markers = MarkerWriter().write(tracks, nothing, header(), header(), EVERYTHING)
    assert not of(markers, 'covariance') and not of(markers, 'velocity')
    vague = replace(placed, covariance=np.tile(np.eye(3) * 1e6, (2, 17, 1, 1)))
    markers = MarkerWriter().write(tracks, vague, header(), header(), EVERYTHING)
    assert not of(markers, 'covariance')


def test_missing_keypoints_and_people_are_not_drawn(tracks: Tracks) -> None:
    tracks.keypoint_state[0, 5:], tracks.xy[0, 5:] = KeypointState.MISSING, np.nan
    tracks.keypoint_state[1], tracks.xy[1] = KeypointState.MISSING, np.nan
    markers = write(MarkerWriter(), tracks)
    assert set(of(markers, 'joints')) == {3}
    assert len(of(markers, 'joints')[3].points) == 5
    assert len(of(markers, 'bones')[3].points) == 2 * 4
    tracks.keypoint_state[0, 1:], tracks.xy[0, 1:] = KeypointState.MISSING, np.nan
    assert not of(write(MarkerWriter(), tracks), 'bones'), 'no marker without points'


def test_positions_in_another_frame(tracks: Tracks) -> None:
    position, covariance, velocity = nan_space(2)
    position[0] = [[4.0, 1.0, 0.1 * k] for k in range(NUM_KEYPOINTS)]
    placed = display_points(tracks, position, covariance, velocity, CAMERA, 2.0, same_frame=False)
    markers = MarkerWriter().write(tracks, placed, header(1, 'map'), header(), EVERYTHING)
    assert of(markers, 'joints')[3].header.frame_id == 'map'
    assert of(markers, 'label')[3].pose.position.z > 1.6, 'z is up in map'
    assert of(markers, 'joints')[8].header.frame_id == 'camera'


def test_nothing_lingers_in_rviz(tracks: Tracks) -> None:
    """A day at work, for ever visible: only DELETE and DELETEALL remove anything."""
    config = replace(EVERYTHING, marker_lifetime_s=0.0)
    store, writer = RvizStore(), MarkerWriter()
    store.shown['bones', 77] = Marker(), float('inf')  # left by a process that was killed

    def expected(shown: Tracks, options: VisualizerConfig) -> set[tuple[str, int]]:
        ids = shown.id.tolist()
        found = {(ns, i) for ns in ('bones', 'joints', 'label') for i in ids}
        for ns in ('covariance', 'velocity'):
            if getattr(options, ns):
                found |= {(ns, 17 * i + k) for i in ids for k in range(17)}
        return found

    other_ids = replace(tracks, id=np.array([3, 9]))
    day = [
        (tracks, config),
        (tracks.select(slice(1)), config),  # 8 leaves
        (other_ids, config),  # 9 comes
        (replace(tracks, id=np.array([4, 9])), config),  # 3 becomes 4
        (other_ids, replace(config, velocity=False)),
        (other_ids, replace(config, velocity=False, covariance=False)),
        (other_ids, config),
        (Tracks.empty(), config),
    ]
    for time_s, (people, options) in enumerate(day):
        store.take(write(writer, people, options), float(time_s))
        assert store.at(1e9) == expected(people, options), f'at {time_s}'
    store.take(write(writer, tracks, config), 20.0)
    hidden = replace(tracks, keypoint_state=tracks.keypoint_state.copy())
    hidden.keypoint_state[:, 10] = KeypointState.MISSING
    store.take(write(writer, hidden, config), 21.0)
    assert ('velocity', 3 * 17 + 10) not in store.at(1e9)
    assert not writer.is_empty
    store.take(writer.clear(header()), 22.0)  # STALE, or deactivated
    assert not store.at(22.0) and writer.is_empty


def test_markers_end_by_themselves_when_nothing_more_comes(tracks: Tracks) -> None:
    store = RvizStore()
    store.take(write(MarkerWriter(), tracks, EVERYTHING), 5.0)
    assert store.at(5.4) and not store.at(5.6)


def test_large_ids_fit_and_untracked_people_have_their_place(tracks: Tracks) -> None:
    large = replace(tracks, id=np.array([2**32 - 1, 2**31 + 5]))
    store = RvizStore()
    store.take(write(MarkerWriter(), large, EVERYTHING), 0.0)
    assert len(of(write(MarkerWriter(), large), 'joints')) == 2
    nobody = replace(tracks, id=np.zeros(2, int), state=np.zeros(2, np.int8))
    markers = write(MarkerWriter(), nobody)
    assert set(of(markers, 'joints')) == {0, 1}
    assert of(markers, 'label')[0].text == '0.95'
