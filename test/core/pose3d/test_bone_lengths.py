# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bones: their lengths, and which end of an impossible one is wrong."""

import numpy as np
import pytest

from benchmarks.depth_worlds.synthetic_rgbd import Figure, joints
from pose_ros.core.pose3d.bone_lengths import (
    BONES,
    TYPICAL_M,
    LimbLengths,
    impossible,
    lengths,
    to_blame,
)
from pose_ros.core.skeleton import (
    LEFT_ANKLE,
    LEFT_ELBOW,
    LEFT_SHOULDER,
    LEFT_WRIST,
    RIGHT_SHOULDER,
)


def bone(a: int, b: int) -> int:
    return next(i for i, (far, near, _) in enumerate(BONES) if {far, near} == {a, b})


@pytest.fixture
def position() -> np.ndarray:
    return joints(Figure(height_m=1.95))[None]


COVARIANCE = np.broadcast_to(np.diag([1e-4, 1e-4, 4e-4]), (1, 17, 3, 3))


def test_length_and_its_variance(position):
    position[0, LEFT_WRIST] = position[0, LEFT_ELBOW] + [0.0, 0.0, 0.25]
    length, variance, _ = lengths(position, COVARIANCE)
    forearm = bone(LEFT_WRIST, LEFT_ELBOW)
    assert length[0, forearm] == pytest.approx(0.25)
    assert variance[0, forearm] == pytest.approx(8e-4)


@pytest.mark.parametrize('height_m', [1.1, 1.5, 1.72, 2.0])
def test_people_are_possible(height_m):
    assert not impossible(joints(Figure(height_m=height_m))[None], COVARIANCE).any()


@pytest.mark.parametrize('wrong', [LEFT_WRIST, LEFT_ELBOW, LEFT_ANKLE, RIGHT_SHOULDER])
def test_the_wrong_joint_goes_and_no_other(position, wrong):
    position[0, wrong, 2] += 0.8
    assert np.flatnonzero(impossible(position, COVARIANCE)[0]).tolist() == [wrong]


def test_an_uncertain_length_is_no_proof(position):
    position[0, LEFT_WRIST, 2] += 0.45
    assert impossible(position, COVARIANCE).any()
    assert not impossible(position, COVARIANCE * 100).any()


def test_missing_joints_have_no_bones(position):
    position[0, LEFT_ELBOW] = np.nan
    position[0, LEFT_WRIST, 2] += 5.0
    assert not impossible(position, COVARIANCE).any()


def test_between_equals_the_farther_from_the_trunk_goes():
    violated = np.zeros((2, len(BONES)), bool)
    violated[1, bone(LEFT_WRIST, LEFT_ELBOW)] = True
    doubt = np.zeros((2, 17))
    assert np.argwhere(to_blame(violated, doubt)).tolist() == [[1, LEFT_WRIST]]


@pytest.mark.parametrize('doubted', [LEFT_SHOULDER, RIGHT_SHOULDER])
def test_across_the_trunk_the_doubted_one_goes(doubted):
    violated = np.zeros((1, len(BONES)), bool)
    violated[0, bone(LEFT_SHOULDER, RIGHT_SHOULDER)] = True
    doubt = np.zeros((1, 17))
    doubt[0, doubted] = 1.0
    assert np.flatnonzero(to_blame(violated, doubt)[0]).tolist() == [doubted]


def test_a_bone_too_short_for_a_child_is_impossible(position):
    position[0, LEFT_WRIST] = position[0, LEFT_ELBOW] + [0.02, 0.03, 0.0]
    assert np.flatnonzero(impossible(position, COVARIANCE)[0]).tolist() == [LEFT_WRIST]


def test_lengths_are_learned_and_then_hold():
    rng = np.random.default_rng(1)
    truth = joints(Figure(height_m=1.5))[None]
    own = LimbLengths()
    own.take(np.array([-1]))
    forearm, true_m = bone(LEFT_WRIST, LEFT_ELBOW), 0.150 * 1.5
    for _ in range(60):
        noisy = truth + rng.normal(0, [0.01, 0.01, 0.02], truth.shape)
        own.learn(lengths(noisy, COVARIANCE), np.ones((1, 17), bool))
    assert own.bones()[0][0, forearm] == pytest.approx(true_m, rel=0.04)
    assert not own.implausible(lengths(truth, COVARIANCE), COVARIANCE).any()
    # 0.17 m deeper is within what is possible for a tall man, not for this person.
    wrong = truth.copy()
    wrong[0, LEFT_WRIST] += [0.0, 0.12, 0.17]
    assert not impossible(wrong, COVARIANCE).any()
    measured = lengths(wrong, COVARIANCE)
    assert np.flatnonzero(own.implausible(measured, COVARIANCE)[0]).tolist() == [LEFT_WRIST]
    before = own.length_m.copy()
    own.learn(measured, np.arange(17)[None] != LEFT_WRIST)
    assert own.length_m == pytest.approx(before, rel=0.02)


def test_people_keep_their_lengths_when_others_come_and_go():
    own = LimbLengths()
    own.take(np.array([-1, -1]))
    own.length_m[:] = [[1.0], [2.0]]
    own.take(np.array([1, -1, 0]))
    assert own.length_m[:, 0].tolist() == [2.0, TYPICAL_M[0], 1.0]
    own.take(np.array([], int))
    own.take(np.array([-1]))
    assert own.length_m[0] == pytest.approx(TYPICAL_M)
