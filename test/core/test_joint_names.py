# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from pose_ros.core.joint_names import ORDERS, in_our_order, meant_keypoint, wrong_names
from pose_ros.core.skeleton import KEYPOINT_NAMES


@pytest.mark.parametrize(
    ('name', 'meant'),
    [('r_wrist', 'right_wrist'), ('RWrist', 'right_wrist'), ('Right Wrist', 'right_wrist'),
     ('wrist.R', 'right_wrist'), ('wrist_right', 'right_wrist'), ('rightwrist', 'right_wrist'),
     ('LSho', 'left_shoulder'), ('l-ank', 'left_ankle'), ('lear', 'left_ear'),
     ('leftEye', 'left_eye'), ('Nose', 'nose'), ('left_hip', 'left_hip'),
     ('neck', None), ('hip', None), ('mid_hip', None), ('left_big_toe', None),
     ('left_hand_4', None), ('face_12', None), ('wrist', None), ('', None), ('左', None)],
)  # fmt: skip
def test_what_a_name_means(name, meant):
    assert meant_keypoint(name) == meant


def test_known_orders_are_right_in_number_and_name():
    assert {int(''.join(c for c in name if c.isdigit())): len(names) for name, names in
            ORDERS.items()} == {n: n for n in (17, 18, 25, 16, 14, 26, 133)}  # fmt: skip
    for names in ORDERS.values():
        assert wrong_names(names) == ''
    for name in ('coco17', 'openpose18', 'openpose25', 'halpe26', 'wholebody133'):
        assert set(KEYPOINT_NAMES) <= set(ORDERS[name])
    assert ORDERS['openpose18'][1:5] == ('neck', 'right_shoulder', 'right_elbow', 'right_wrist')
    assert ORDERS['openpose18'][11] == 'left_hip' and ORDERS['openpose25'][8] == 'mid_hip'


@pytest.mark.parametrize(
    ('names', 'message'),
    [(('nose', 'r_wrist'), "'r_wrist' is called 'right_wrist'"),
     (('nose', 'nose'), "'nose' occurs twice"), (('tail', 'tail', 'nose'), "'tail' occurs twice"),
     (('tail',), 'none of the keypoints'), ((), 'none'), (('nose', 3), 'names'),
     (('nose', ''), 'names')],
)  # fmt: skip
def test_wrong_names_are_said(names, message):
    assert message in wrong_names(names)


def test_other_orders_are_mapped_and_what_is_missing_is_missing():
    names = ORDERS['openpose18']
    xy = np.arange(36, dtype=np.float32).reshape(1, 18, 2)
    score = np.linspace(0.1, 0.9, 18, dtype=np.float32)[None]
    people = in_our_order(names, xy, score, np.ones(1))
    for k, name in enumerate(KEYPOINT_NAMES):
        assert people.xy[0, k, 0] == 2 * names.index(name)
        assert people.score[0, k] == score[0, names.index(name)]
    part = in_our_order(('right_knee', 'tail'), xy[:, :2], score[:, :2], np.ones(1))
    assert np.isnan(part.xy).sum() == 32 and not np.isnan(part.xy[0, 14]).any()
