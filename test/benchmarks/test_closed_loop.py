# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The simulated robot, and the real nodes that drive it for a while."""

from __future__ import annotations

from dataclasses import replace
import math

import numpy as np
import pytest

from benchmarks import closed_loop
from benchmarks.tracking_worlds.robot_world import (
    Path,
    Robot,
    RobotCamera,
    World,
    make_world,
)
from benchmarks.tracking_worlds.synthetic_world import View
from pose_ros import cli
from pose_ros.core.estimator.appearance import SIZE as APPEARANCE_SIZE

SHARP = View(15.0, 0, 0, 0, 0, 0, 0, 0)


def standing(*places: tuple[float, float], posts: tuple[tuple[float, ...], ...] = ()) -> World:
    paths = [Path(x, y, 0.0, []) for x, y in places]
    return World(paths, np.full(len(paths), 1.75), np.array(posts).reshape(-1, 4), 5.0)


def camera(world: World, view: View = SHARP) -> RobotCamera:
    return RobotCamera(world, np.random.default_rng(1), view=view)


def test_a_path_is_walked() -> None:
    path = Path(1.0, 2.0, math.pi / 2, [(3.0, 1.2, 0.0), (4.0, 0.0, 0.0)], start_s=1.0)
    np.testing.assert_allclose(path.at(0.5), [1.0, 2.0, math.pi / 2, 0.0, 0.0])
    x, y, _, speed, gone = path.at(4.0)
    assert (x, speed) == (pytest.approx(1.0), pytest.approx(1.2))
    assert y - 2.0 == pytest.approx(gone) == pytest.approx(1.2 * 3.0 - 1.2**2 / 1.5 / 2, abs=0.02)
    np.testing.assert_allclose(path.at(9.0), path.at(60.0))


def test_a_robot_drives_with_its_drift() -> None:
    robot = Robot(drift=(0.9, 1.0))
    for _ in range(200):
        robot.drive(1.0, 0.0, 0.01)
    assert robot.speed == pytest.approx(0.9, abs=1e-3) and 1.6 < robot.x < 1.8
    robot.drive(9.0, 9.0, 1000.0)
    assert robot.speed <= 2.0 and robot.turn <= 2.5


def test_the_camera_sees_people_where_they_are() -> None:
    robot = Robot(1.0, 0.5, math.pi / 2)
    world = standing((1.0, 3.0), (0.0, 4.5), (1.0, -5.0))
    shot = camera(world).shoot(robot, 0.0)
    np.testing.assert_allclose(shot.places, [[0.0, 2.5], [-1.0, 4.0], [0.0, -5.5]], atol=1e-9)
    assert sorted(shot.source) == [0, 1], 'the third is behind it'
    assert shot.appearance.shape == (2, APPEARANCE_SIZE)
    np.testing.assert_allclose(shot.appearance[:, :32].sum(axis=1), 1.0, atol=1e-5)
    for row, person in enumerate(shot.source):
        place = np.nanmean(shot.joints.position[row], axis=0)[[0, 2]]
        np.testing.assert_allclose(place, shot.places[person], atol=0.1)


@pytest.mark.parametrize('world, seen', [
    (standing((2.0, 0.0), posts=((1.0, -0.4, 1.0, 0.4),)), []),
    (standing((2.0, 0.0), posts=((3.0, -0.4, 3.0, 0.4),)), [0]),
    (standing((2.0, 0.0), posts=((1.0, 0.5, 1.0, 0.9),)), [0]),
    (standing((2.0, 0.0), (1.0, 0.0)), [1]),
])
def test_posts_and_people_hide(world: World, seen: list[int]) -> None:
    assert sorted(camera(world).shoot(Robot(), 0.0).source) == seen


def test_the_background_moves_by_the_homography() -> None:
    world = standing((4.0, 0.3))
    eye = camera(world)
    before = eye.shoot(Robot(), 0.0)
    after = eye.shoot(Robot(heading=0.2), 0.1)
    xy = np.array([shot.keypoints.xy[0] for shot in (before, after)], np.float64)
    seen = np.isfinite(xy).all(axis=(0, 2))
    assert seen.sum() >= 15
    moved = np.concatenate([xy[0], np.ones((17, 1))], axis=1) @ after.motion.T
    off = np.linalg.norm(moved[:, :2] / moved[:, 2:] - xy[1], axis=1)[seen]
    shift = np.linalg.norm(xy[0] - xy[1], axis=1)[seen]
    assert shift.min() > 80.0 and np.median(off) < 5.0, 'a person who stands is background'


def test_a_world_is_as_it_says() -> None:
    for seed in range(5):
        world = make_world(seed)
        times = np.arange(0.0, world.duration_s, 0.05)
        where = np.array([[path.at(t)[:2] for t in times] for path in world.paths])
        assert np.ptp(where[0], axis=0).max() > 8.0
        speeds = np.array([world.paths[0].at(t)[3] for t in times])
        assert speeds.max() == pytest.approx(1.2) and (speeds[times > 5] < 0.01).mean() > 0.15
        for other in (1, 3):
            apart = np.linalg.norm(where[0] - where[other], axis=1)
            assert 0.3 < apart.min() < 1.3, (seed, other)


@pytest.mark.parametrize('arguments', [
    ['--worlds', '0'], ['--rate', 'nan'], ['--rate', '90'], ['--delay', '-1'],
])
def test_arguments_out_of_range_end_in_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run_module('benchmarks.closed_loop', arguments) == 1
    assert capsys.readouterr().err.startswith('pose_ros: --worlds')


@pytest.mark.ros
@pytest.mark.slow
def test_the_real_nodes_follow_a_person() -> None:
    pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
    pytest.importorskip('pose_ros.msg', reason='the messages are not built: ./run pytest does it')
    world = replace(make_world(3), duration_s=9.0)
    with closed_loop.running(closed_loop.VARIANTS[0]) as loop:
        result = loop.follow(world, 3, 15.0, 0.12)
    figures = closed_loop.summary([result])
    assert figures['within'] > 0.95 and figures['wrong_s'] == 0, figures
    assert figures['react_s'] < 0.4 and len(result.error_m) > 100


@pytest.mark.nightly('test/examples has the same of follow_person alone')
@pytest.mark.ros
def test_the_robot_stands_when_the_camera_is_silent() -> None:
    pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
    pytest.importorskip('pose_ros.msg', reason='the messages are not built: ./run pytest does it')
    figures = closed_loop.stop_on_silence(15.0, 0.12)
    assert figures['speed_m_s'] > 0.8
    assert figures['stand_s'] < figures['stale_s'] + 0.5, figures
