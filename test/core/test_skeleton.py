# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
import numpy as np

from pose_ros.core import skeleton


def test_order_is_that_of_coco():
    assert skeleton.KEYPOINT_NAMES[:3] == ('nose', 'left_eye', 'right_eye')
    assert skeleton.KEYPOINT_NAMES[-1] == 'right_ankle'
    assert len(set(skeleton.KEYPOINT_NAMES)) == skeleton.NUM_KEYPOINTS == 17
    for k, name in enumerate(skeleton.KEYPOINT_NAMES):
        assert getattr(skeleton, name.upper()) == k


def test_mirroring_twice_changes_nothing_and_exchanges_sides():
    index = skeleton.FLIP_INDEX
    np.testing.assert_array_equal(index[index], np.arange(17))
    assert len(skeleton.FLIP_PAIRS) == 8 and index[skeleton.NOSE] == skeleton.NOSE
    assert index[skeleton.LEFT_WRIST] == skeleton.RIGHT_WRIST
    np.testing.assert_array_equal(skeleton.OKS_SIGMAS[index], skeleton.OKS_SIGMAS)


def test_bones_are_symmetric():
    mirrored = {
        frozenset((int(skeleton.FLIP_INDEX[a]), int(skeleton.FLIP_INDEX[b])))
        for a, b in skeleton.EDGES
    }
    assert mirrored == {frozenset(edge) for edge in skeleton.EDGES}


def test_sigmas_are_those_of_pycocotools():
    import pytest

    params = pytest.importorskip('pycocotools.cocoeval').Params(iouType='keypoints')
    np.testing.assert_allclose(params.kpt_oks_sigmas, skeleton.OKS_SIGMAS)
