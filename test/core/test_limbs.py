# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Bones: their lengths, and which end of an impossible one is wrong."""

import numpy as np
import pytest

from pose_ros.core.limbs import BONES, impossible, lengths, to_blame
from pose_ros.core.skeleton import LEFT_ANKLE, LEFT_ELBOW, LEFT_WRIST, RIGHT_SHOULDER
from pose_ros.tools.synthetic_rgbd import Figure, joints


def bone(a: int, b: int) -> int:
    return next(i for i, (far, near, _) in enumerate(BONES) if {far, near} == {a, b})


@pytest.fixture
def position() -> np.ndarray:
    return joints(Figure(height_m=1.95))[None]


COVARIANCE = np.broadcast_to(np.diag([1e-4, 1e-4, 4e-4]), (1, 17, 3, 3))


def test_length_and_its_variance(position):
    position[0, LEFT_WRIST] = position[0, LEFT_ELBOW] + [0.0, 0.0, 0.25]
    length, variance = lengths(position, COVARIANCE)
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
    assert np.argwhere(to_blame(violated)).tolist() == [[1, LEFT_WRIST]]
