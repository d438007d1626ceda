# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""3-D joints, in a world of capsule people whose joints are known."""

import numpy as np
import pytest

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints, observe, random_figure, render
from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.pose3d.depth_lifting import DepthReason, lift
from pose_ros.core.pose3d.depth_noise import DepthNoise
from pose_ros.core.skeleton import LEFT_ELBOW, LEFT_WRIST, RIGHT_WRIST

K = (525.0, 0.0, 320.0, 0.0, 525.0, 240.0, 0.0, 0.0, 1.0)
CAMERA = CameraModel.from_camera_info(640, 480, 'plumb_bob', (0.05, -0.1, 0.0, 0.0, 0.0), K)
SENSORS = (
    DepthNoise.structured_light(), DepthNoise.time_of_flight(), DepthNoise.stereo(640, 0.05, 0.1)
)
WRISTS = [LEFT_WRIST, RIGHT_WRIST]


@pytest.fixture(scope='module')
def world():
    """30 people at 2 m, turned by up to 35 degrees, a wall 0.35 to 1.5 m behind."""
    rng = np.random.default_rng(5)
    frames = []
    for i in range(30):
        noise = SENSORS[i % 3]
        scene = render(
            [random_figure(rng, rng.uniform(-0.2, 0.2), 2.0)], CAMERA, rng,
            2.0 + rng.uniform(0.35, 1.5), noise, wall_slope=rng.uniform(-0.3, 0.3),
        )
        keypoints = observe(scene, CAMERA, rng)
        frames.append((scene, keypoints, lift(scene.depth, CAMERA, keypoints, noise), noise))
    return frames


def test_mean_error_at_2_m(world):
    errors, allowed, seen = [], [], 0
    for scene, _, lifted, noise in world:
        visible = scene.visible & (lifted.reason == DepthReason.LIFTED)
        errors += np.linalg.norm(lifted.position - scene.joints, axis=2)[visible].tolist()
        allowed.append(0.03 + noise.sigma_m(np.array(2.0)))
        seen += int(scene.visible.sum())
    assert len(errors) > 0.95 * seen > 300
    assert np.mean(errors) <= np.mean(allowed)


def test_no_joint_lands_on_the_wall(world):
    """Hidden joints count as well; a joint whose true place is near the wall could not tell."""
    checked = 0
    for scene, keypoints, lifted, _ in world:
        there = lifted.reason[0] == DepthReason.LIFTED
        u, v = np.rint(keypoints.xy[0, there]).astype(int).T
        wall_m = scene.wall_m[v, u]
        clear = scene.joints[0, there, 2] < wall_m - 0.25
        on_wall = np.abs(lifted.surface_m[0, there] - wall_m) < 0.08
        assert not (on_wall & clear).any()
        checked += int(clear.sum())
    assert checked > 300


def test_covariance_says_how_wrong_it_is(world):
    squared = []
    for scene, _, lifted, _ in world:
        visible = scene.visible & (lifted.reason == DepthReason.LIFTED)
        error = (lifted.position - scene.joints)[visible]
        inverse = np.linalg.inv(lifted.covariance[visible])
        squared += np.einsum('ki,kij,kj->k', error, inverse, error).tolist()
    assert np.mean(np.array(squared) < 7.815) > 0.9  # 95 % of chi-square with 3 degrees


def test_wrists_before_the_torso_are_not_on_it():
    rng = np.random.default_rng(7)
    errors = []
    for _ in range(8):
        figure = Figure(rng.uniform(-0.2, 0.2), 2.0, rng.uniform(-0.3, 0.3),
                        arms=('in_front', 'hanging'), bend=rng.normal(0, 0.1, (4, 3)))
        scene = render([figure], CAMERA, rng, 3.0)
        lifted = lift(scene.depth, CAMERA, observe(scene, CAMERA, rng))
        if scene.visible[0, LEFT_WRIST]:
            errors.append(lifted.position[0, LEFT_WRIST, 2] - scene.joints[0, LEFT_WRIST, 2])
    assert len(errors) >= 6
    assert np.abs(errors).max() < 0.06  # the torso is 0.1 m and more behind


@pytest.mark.parametrize('behind_m', [0.4, 2.0])
@pytest.mark.parametrize('aside_m', [-0.028, 0.028])
def test_a_wrist_found_at_its_edge_is_not_on_the_wall(behind_m, aside_m):
    rng = np.random.default_rng(9)
    scene = render([Figure(arms=('aside', 'aside'))], CAMERA, rng, 2.0 + behind_m, holes=0)
    moved = scene.joints.copy()
    moved[0, WRISTS, 1] += aside_m
    keypoints = Keypoints(
        CAMERA.project(moved).astype(np.float32), np.ones((1, 17), np.float32),
        np.ones(1, np.float32),
    )
    lifted = lift(scene.depth, CAMERA, keypoints)
    assert np.abs(lifted.position[0, WRISTS, 2] - scene.joints[0, WRISTS, 2]).max() < 0.05


@pytest.fixture
def person():
    rng = np.random.default_rng(11)
    scene = render([Figure()], CAMERA, rng, 4.0, holes=0)
    return scene, observe(scene, CAMERA, rng, 0.5)


@pytest.mark.parametrize('nothing', [0.0, np.nan, np.inf])
def test_without_depth_nothing_is_lifted(person, nothing):
    scene, keypoints = person
    lifted = lift(np.full(scene.depth.shape, nothing, np.float32), CAMERA, keypoints)
    assert np.isnan(lifted.position).all() and np.isnan(lifted.covariance).all()
    counts = lifted.counts()
    assert counts['no_depth'] == (keypoints.score > 0).sum()
    assert sum(counts.values()) == 17


def test_holes_never_pull_a_joint_to_the_camera(person):
    scene, keypoints = person
    rng = np.random.default_rng(13)
    depth = np.where(rng.random(scene.depth.shape) < 0.7, 0, scene.depth).astype(np.uint16)
    lifted = lift(depth, CAMERA, keypoints)
    there = lifted.reason == DepthReason.LIFTED
    assert there.sum() >= 12
    assert (lifted.position[there][:, 2] > 1.7).all()


def test_metres_give_what_millimetres_give(person):
    scene, keypoints = person
    a = lift(scene.depth, CAMERA, keypoints)
    metres = np.where(scene.depth == 0, np.nan, scene.depth / 1000.0).astype(np.float32)
    b = lift(metres, CAMERA, keypoints)
    assert (a.reason == b.reason).all()
    assert np.nanmax(np.abs(a.position - b.position)) < 1e-4


def test_something_held_before_a_wrist_breaks_the_bone(person):
    scene, keypoints = person
    u, v = np.rint(keypoints.xy[0, LEFT_WRIST]).astype(int)
    scene.depth[v - 15:v + 16, u - 15:u + 16] = 1300
    lifted = lift(scene.depth, CAMERA, keypoints)
    assert lifted.reason[0, LEFT_WRIST] == DepthReason.BONE
    assert lifted.reason[0, LEFT_ELBOW] == DepthReason.LIFTED


def test_where_a_limb_leaves_the_image_there_is_no_joint(person):
    scene, keypoints = person
    moved = keypoints.xy.copy()
    moved[0, LEFT_WRIST] = 400.0, 477.0
    lifted = lift(scene.depth, CAMERA, Keypoints(moved, keypoints.score, keypoints.person_score))
    assert lifted.reason[0, LEFT_WRIST] == DepthReason.BORDER
    assert np.isnan(lifted.position[0, LEFT_WRIST]).all()


def test_nobody_and_unknown_keypoints(person):
    scene, keypoints = person
    assert lift(scene.depth, CAMERA, Keypoints.empty()).position.shape == (0, 17, 3)
    blank = Keypoints(np.full((1, 17, 2), np.nan, np.float32), np.zeros((1, 17), np.float32),
                      np.ones(1, np.float32))
    assert (lift(scene.depth, CAMERA, blank).reason == DepthReason.NO_KEYPOINT).all()


def test_every_person_for_himself():
    """One walks behind the other: both stay where they are."""
    rng = np.random.default_rng(15)
    figures = [Figure(-0.35, 1.8), Figure(0.35, 3.2)]
    scene = render(figures, CAMERA, rng, 5.0, holes=0)
    lifted = lift(scene.depth, CAMERA, observe(scene, CAMERA, rng, 0.5))
    error = np.linalg.norm(lifted.position - scene.joints, axis=2)
    assert np.mean(error[scene.visible & np.isfinite(error)]) < 0.04


def test_the_world_knows_its_joints():
    """A joint lies as deep under its skin as its limb is thick."""
    figure = Figure(arms=('aside', 'aside'))
    scene = render([figure], CAMERA, np.random.default_rng(1), 4.0,
                   DepthNoise(0.0, 0.0, 0.0), holes=0)
    u, v = np.rint(CAMERA.project(joints(figure)[LEFT_ELBOW])).astype(int)
    under_m = joints(figure)[LEFT_ELBOW, 2] - scene.depth[v, u] / 1000.0
    assert 0.035 < under_m < 0.06
