# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The joints of other people's networks, by name, and the way from their order to the 17.

A network's ModelSpec lists the names of its channels. The 17 of `core/skeleton.py` are taken by
exactly these names; every other joint (neck, toes, fingers) is dropped, and a joint of the 17 that
the network does not have is missing. A name that means one of the 17 but is spelt otherwise
('r_wrist') is refused: dropping it in silence would cost a joint that is there.
"""

from __future__ import annotations

import re

import numpy as np

from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS

_FEET = ('left_big_toe', 'left_small_toe', 'left_heel',
         'right_big_toe', 'right_small_toe', 'right_heel')  # fmt: skip
_OPENPOSE_BODY = (
    'nose', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist', 'left_shoulder', 'left_elbow',
    'left_wrist',
)  # fmt: skip
_RIGHT_LEG, _LEFT_LEG = (
    tuple(f'{side}_{joint}' for joint in ('hip', 'knee', 'ankle')) for side in ('right', 'left')
)
_OPENPOSE_FACE = ('right_eye', 'left_eye', 'right_ear', 'left_ear')

ORDERS: dict[str, tuple[str, ...]] = {
    'coco17': KEYPOINT_NAMES,
    'openpose18': (*_OPENPOSE_BODY, *_RIGHT_LEG, *_LEFT_LEG, *_OPENPOSE_FACE),
    'openpose25': (
        *_OPENPOSE_BODY, 'mid_hip', *_RIGHT_LEG, *_LEFT_LEG, *_OPENPOSE_FACE, *_FEET,
    ),
    'mpii16': (
        'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'pelvis',
        'thorax', 'neck', 'head_top', 'right_wrist', 'right_elbow', 'right_shoulder',
        'left_shoulder', 'left_elbow', 'left_wrist',
    ),
    'crowdpose14': (*KEYPOINT_NAMES[5:], 'head_top', 'neck'),
    'halpe26': (
        *KEYPOINT_NAMES, 'head_top', 'neck', 'mid_hip', 'left_big_toe', 'right_big_toe',
        'left_small_toe', 'right_small_toe', 'left_heel', 'right_heel',
    ),
    'wholebody133': (
        *KEYPOINT_NAMES, *_FEET, *(f'face_{n}' for n in range(68)),
        *(f'left_hand_{n}' for n in range(21)), *(f'right_hand_{n}' for n in range(21)),
    ),
}  # fmt: skip
"""
Known orders by name. OpenPose's are those of its documentation (02_output.md, COCO-18 without its
background and BODY_25), the others those of the data sets (MPII, CrowdPose, Halpe,
COCO-WholeBody).
"""

_SIDES = {'l': 'left', 'left': 'left', 'r': 'right', 'right': 'right'}
_JOINTS = {
    'eye': 'eye', 'ear': 'ear', 'shoulder': 'shoulder', 'sho': 'shoulder', 'elbow': 'elbow',
    'elb': 'elbow', 'wrist': 'wrist', 'wri': 'wrist', 'hip': 'hip', 'knee': 'knee',
    'ankle': 'ankle', 'ank': 'ankle',
}  # fmt: skip


def meant_keypoint(name: str) -> str | None:
    """
    Return which of the 17 a name probably means, None when it means none of them.

    Parameters
    ----------
    name : str
        For example 'r_wrist', 'Right Wrist', 'RWrist' or 'wrist.R'.
    """
    # A small letter before a capital begins a word, and so does the second of 'RW' in 'RWrist'.
    words = re.sub(r'(?<=[a-z])(?=[A-Z])|(?<=^[LR])(?=[A-Z])', ' ', name)
    parts = [part for part in re.split(r'[^a-z]+', words.lower()) if part]
    for side in _SIDES:
        if len(parts) == 1 and parts[0].startswith(side) and parts[0][len(side):] in _JOINTS:
            parts = [side, parts[0][len(side):]]  # lwrist, leftwrist
    if parts == ['nose']:
        return 'nose'
    if len(parts) != 2:
        return None
    for side, joint in (parts, parts[::-1]):
        if side in _SIDES and joint in _JOINTS:
            return f'{_SIDES[side]}_{_JOINTS[joint]}'
    return None


def wrong_names(names: tuple[str, ...]) -> str:
    """
    Say what is wrong with the names of a network's joints.

    Parameters
    ----------
    names : tuple of str
        In the order of its channels.

    Returns
    -------
    str
        A sentence, empty when they will do.
    """
    if not all(isinstance(name, str) and name for name in names):
        return 'the keypoints are names'
    for name in names:
        meant = meant_keypoint(name)
        if meant and name not in KEYPOINT_NAMES:
            return f'the keypoint {name!r} is called {meant!r} here: write that'
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return f'the keypoint {twice[0]!r} occurs twice'
    if not set(names) & set(KEYPOINT_NAMES):
        return f'none of the keypoints is one of {", ".join(KEYPOINT_NAMES)}'
    return ''


def in_our_order(
    names: tuple[str, ...], xy: np.ndarray, score: np.ndarray, person_score: np.ndarray
) -> Keypoints:
    """
    Put a network's joints in the order of the skeleton, by name.

    Parameters
    ----------
    names : tuple of str
        Of the K joints.
    xy : (N, K, 2) float
        Pixels.
    score : (N, K) float
        In [0, 1].
    person_score : (N,) float

    Returns
    -------
    Keypoints
        Joints that the skeleton does not have are dropped, those that the network does not have
        are missing.
    """
    person_score = person_score.astype(np.float32, copy=False)
    if names == KEYPOINT_NAMES:
        return Keypoints(
            xy.astype(np.float32, copy=False), score.astype(np.float32, copy=False), person_score
        )
    known = [k for k, name in enumerate(KEYPOINT_NAMES) if name in names]
    channel = [names.index(KEYPOINT_NAMES[k]) for k in known]
    all_xy = np.full((len(xy), NUM_KEYPOINTS, 2), np.nan, np.float32)
    all_score = np.zeros((len(xy), NUM_KEYPOINTS), np.float32)
    all_xy[:, known] = xy[:, channel]
    all_score[:, known] = score[:, channel]
    return Keypoints(all_xy, all_score, person_score)
