# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is drawn is where it should be, tells the states apart, and nothing makes it crash."""

from dataclasses import replace

import numpy as np
import pytest

from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import FLIP_PAIRS, LEFT_ELBOW, LEFT_WRIST, NUM_KEYPOINTS
from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState
from pose_ros.media.overlay import draw_keypoints, draw_tracks, enlarged, people_in
from pose_ros.media.palette import GREY, ID_COLORS, LEFT_COLOR, RED, RIGHT_COLOR, id_color

# A person facing us, in a box of 1 x 1.
PERSON = np.array(
    [[0.5, 0.08], [0.54, 0.06], [0.46, 0.06], [0.58, 0.08], [0.42, 0.08]]
    + [[0.7, 0.2], [0.3, 0.2], [0.8, 0.4], [0.2, 0.4], [0.85, 0.6], [0.15, 0.6]]
    + [[0.6, 0.55], [0.4, 0.55], [0.62, 0.75], [0.38, 0.75], [0.65, 0.95], [0.35, 0.95]]
)


def make_tracks(states, boxes, keypoint_state=KeypointState.OBSERVED) -> Tracks:
    """Make one track per state, the person filling the box (x, y, width, height)."""
    n, k = len(states), NUM_KEYPOINTS
    xy = np.array([PERSON * box[2:] + box[:2] for box in np.asarray(boxes, float)])
    return replace(
        Tracks.empty(1.0),
        id=np.arange(1, n + 1),
        state=np.array(states, np.int8),
        score=np.full(n, 0.8, np.float32),
        age_s=np.ones(n),
        since_seen_s=np.zeros(n),
        xy=xy.astype(np.float32).reshape(n, k, 2),
        velocity=np.zeros((n, k, 2), np.float32),
        covariance=np.zeros((n, k, 2, 2), np.float32),
        keypoint_state=np.full((n, k), keypoint_state, np.int8),
        keypoint_score=np.full((n, k), 0.7, np.float32),
    )


def pixel(image, xy):
    """Return the colour at a place."""
    return tuple(int(v) for v in image[round(float(xy[1])), round(float(xy[0]))])


def near(color, wanted, tolerance=12):
    """Whether two colours are the same but for rounding."""
    return max(abs(a - b) for a, b in zip(color, wanted)) <= tolerance


@pytest.mark.parametrize('size', [(176, 144), (640, 480), (3840, 2160)])
def test_observed_keypoints_and_bones_have_the_colour_of_the_id(size):
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    box = (0.3 * width, 0.3 * height, 0.3 * height, 0.6 * height)
    tracks = make_tracks([TrackState.CONFIRMED], [box])
    draw_tracks(image, tracks)
    wrist, elbow = tracks.xy[0, LEFT_WRIST], tracks.xy[0, LEFT_ELBOW]
    # At 176x144 a keypoint is some three pixels wide, its edges antialiased.
    tolerance = 12 if width > 200 else 120
    assert near(pixel(image, wrist), id_color(1), tolerance)
    assert near(pixel(image, (wrist + elbow) / 2), id_color(1), tolerance)
    drawn = (image.max(axis=2) > 40).mean()
    assert 0.005 < drawn < 0.2, 'lines fit the image'


def test_predicted_keypoints_are_hollow():
    image = np.full((480, 640, 3), 128, np.uint8)
    tracks = make_tracks([TrackState.CONFIRMED], [(200, 100, 200, 350)], KeypointState.PREDICTED)
    draw_tracks(image, tracks)
    place = tracks.xy[0, LEFT_WRIST]
    assert not near(pixel(image, place + [0, 1]), id_color(1), 60), 'no colour inside'
    around = image[int(place[1]) - 8 : int(place[1]) + 9, int(place[0]) - 8 : int(place[0]) + 9]
    distance = np.abs(around.astype(int) - id_color(1)).max(axis=2)
    assert (distance < 40).any(), 'a ring of the colour around'


def test_a_tentative_track_is_grey_and_a_lost_one_faint():
    boxes = [(40, 120, 120, 300), (240, 120, 120, 300), (440, 120, 120, 300)]
    states = [TrackState.CONFIRMED, TrackState.TENTATIVE, TrackState.LOST]
    tracks = make_tracks(states, boxes)
    image = np.zeros((480, 640, 3), np.uint8)
    draw_tracks(image, tracks)
    at = tracks.xy[:, LEFT_WRIST]
    assert near(pixel(image, at[0]), id_color(1))
    assert near(pixel(image, at[1]), GREY)
    faint = np.array(pixel(image, at[2]))
    np.testing.assert_allclose(faint, 0.4 * np.array(id_color(3)), atol=14)


def test_left_is_blue_and_right_is_orange_without_identity():
    image = np.zeros((480, 640, 3), np.uint8)
    xy = (PERSON * [200, 400] + [200, 40]).astype(np.float32)[None]
    draw_keypoints(
        image, Keypoints(xy, np.ones((1, 17), np.float32), np.ones(1, np.float32))
    )
    for left, right in FLIP_PAIRS[2:]:
        assert near(pixel(image, xy[0, left]), LEFT_COLOR)
        assert near(pixel(image, xy[0, right]), RIGHT_COLOR)


def test_who_is_confirmed_but_not_seen_is_faint_and_not_counted():
    tracks = make_tracks([TrackState.CONFIRMED] * 2, [(40, 120, 120, 300), (240, 120, 120, 300)])
    tracks = replace(tracks, since_seen_s=np.array([0.0, 0.1]))
    image = np.zeros((480, 640, 3), np.uint8)
    draw_tracks(image, tracks)
    assert near(pixel(image, tracks.xy[0, LEFT_WRIST]), id_color(1))
    faint = np.array(pixel(image, tracks.xy[1, LEFT_WRIST]))
    np.testing.assert_allclose(faint, 0.4 * np.array(id_color(2)), atol=14)
    assert people_in(tracks) == '1 person'
    assert people_in(tracks, predicted=True) == '2 people'
    draw_tracks(image, tracks, predicted=True)
    assert near(pixel(image, tracks.xy[1, LEFT_WRIST]), id_color(2))
    assert people_in(Tracks.empty()) == '0 people'


def test_untracked_people_look_the_same_from_either_function():
    xy = (PERSON * [200, 400] + [200, 40]).astype(np.float32)[None]
    keypoints = Keypoints(xy, np.ones((1, 17), np.float32), np.full(1, 0.8, np.float32))
    tracks = make_tracks([TrackState.UNTRACKED], [(200, 40, 200, 400)])
    images = [np.zeros((480, 640, 3), np.uint8) for _ in range(2)]
    draw_keypoints(images[0], keypoints)
    draw_tracks(images[1], replace(tracks, id=np.zeros(1, int)))
    assert images[0].any() and np.array_equal(*images)


def test_neighbouring_ids_differ_and_no_id_looks_like_an_alarm():
    assert len(set(ID_COLORS)) == len(ID_COLORS) >= 7
    assert id_color(1) != id_color(2)
    assert id_color(4294967295) in ID_COLORS


def test_stale_is_a_red_banner():
    image = np.full((480, 640, 3), 128, np.uint8)
    draw_tracks(image, Tracks.empty(), 'no image for 2 s', stale=True)
    assert near(pixel(image, (600, 2)), RED, 40)
    assert (image[200:] == 128).all()
    calm = np.full((480, 640, 3), 128, np.uint8)
    draw_tracks(calm, Tracks.empty(), '25 Hz')
    assert not near(pixel(calm, (600, 2)), RED, 60)
    assert (calm[:20] > 220).any(), 'white text'


def test_nobody_and_no_status_leave_the_image_alone():
    image = np.full((48, 64, 3), 77, np.uint8)
    draw_tracks(image, Tracks.empty())
    draw_keypoints(image, Keypoints.empty())
    assert (image == 77).all()


@pytest.mark.parametrize('size', [(1, 1), (8, 3), (64, 48), (640, 480)])
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e30, 1e12, -1e6, 50_000.0, -300.0])
def test_senseless_coordinates_do_no_harm(size, value):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    tracks = make_tracks(
        [TrackState.CONFIRMED, TrackState.LOST, TrackState.TENTATIVE], [(5, 5, 30, 30)] * 3
    )
    for index in (slice(None), slice(3, 9), (0, 0)):
        xy = tracks.xy.copy()
        if isinstance(index, tuple):
            xy[:, index[0], index[1]] = value
        else:
            xy[:, index] = value
        draw_tracks(image, replace(tracks, xy=xy), 'a status line far too long for this' * 3)
        score = np.ones((3, 17), np.float32)
        draw_keypoints(image, Keypoints(xy, score, np.ones(3, np.float32)), 'x', stale=True)


def test_a_missing_keypoint_is_not_drawn():
    image = np.zeros((480, 640, 3), np.uint8)
    tracks = make_tracks([TrackState.CONFIRMED], [(200, 100, 200, 350)])
    tracks.keypoint_state[0, LEFT_WRIST] = KeypointState.MISSING
    draw_tracks(image, tracks)
    x, y = tracks.xy[0, LEFT_WRIST].round().astype(int)
    assert (image[y - 6 : y + 7, x - 6 : x + 7] == 0).all()


def test_small_images_are_magnified_with_their_people():
    image = np.zeros((144, 176, 3), np.uint8)
    tracks = make_tracks([TrackState.CONFIRMED], [(50, 20, 60, 110)])
    x, y = 80, 90
    image[y, x] = 255
    large, moved = enlarged(image, replace(tracks, xy=np.full_like(tracks.xy, (x, y))), 360)
    assert large.shape == (432, 528, 3)
    weights = large[..., 0].astype(float)
    rows, columns = np.indices(weights.shape)
    center = [(columns * weights).sum() / weights.sum(), (rows * weights).sum() / weights.sum()]
    np.testing.assert_allclose(moved.xy[0, 0], center, atol=0.2)
    same, unmoved = enlarged(large, tracks, 360)
    assert same.shape == large.shape and same is not large and unmoved is tracks
