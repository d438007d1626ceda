# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which images are late: those that were there when the one before was done."""

import pytest

from pose_ros.core.estimator.late_frames import LateFrames


def late(*begins_and_ends):
    """Return whether each image is late, of (begin, end) in seconds."""
    late_frames, found = LateFrames(), []
    for begin_s, end_s in begins_and_ends:
        late_frames.begin(begin_s)
        found.append(late_frames.late)
        late_frames.end(end_s)
    return found


def test_the_first_image_and_those_that_were_waited_for_are_not_late():
    assert late((1e6, 1e6 + 0.05), (1e6 + 0.1, 1e6 + 0.15), (1e6 + 0.16, 1e6 + 0.2)) == [False] * 3
    assert late((0.0, 0.05), (0.1, 0.15)) == [False, False]


@pytest.mark.parametrize('scale', [0.2, 1.0, 10.0])
def test_an_image_that_waited_is_late_however_slow_the_machine(scale):
    times = [(100.0, 100.05), (100.052, 100.1), (100.13, 100.15), (100.15, 100.2)]
    assert late(*((b * scale, e * scale) for b, e in times)) == [False, True, False, True]


def test_images_that_could_not_be_used_make_nothing_late():
    # One that has ended at once, then one that comes 1 ms later.
    assert late((5.0, 5.0), (5.001, 5.05)) == [False, False]
