# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Labels stay in the image, off faces and off each other, and can be read on any background."""

from __future__ import annotations

import numpy as np
import pytest

from pose_ros.core.keypoints import boxes_around
from pose_ros.media import overlay
from pose_ros.media.labels import NO_KEYPOINTS, faces, label_places, label_size
from pose_ros.media.overlay import draw_tracks
from pose_ros.media.palette import BLACK, ID_COLORS, RED, RIM, WHITE, text_color
from pose_ros.media.text import banner_height, draw_banner, text_scale, text_size

SIZES = [(320, 240), (640, 480), (1920, 1080), (3840, 2160)]


def overlap(a, b):
    """Return the area that two boxes (left, top, right, bottom) share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def luminance(color):
    """Return the relative luminance of WCAG of a BGR colour."""
    c = np.asarray(color, float) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return linear @ [0.0722, 0.7152, 0.2126]


def contrast(a, b):
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_labels_avoid_faces_and_each_other_and_stay_inside():
    rng = np.random.default_rng(5)
    for _ in range(200):
        width, height = rng.integers(300, 2000, 2)
        n = int(rng.integers(1, 4))
        low = rng.uniform([-50, -50], [0.7 * width, 0.6 * height], (n, 2))
        boxes = np.hstack([low, low + rng.uniform(60, 300, (n, 2))])
        square = np.hstack([boxes[:, :2] + 15, boxes[:, :2] + 45])
        sizes = [(int(rng.integers(30, 90)), 20)] * n
        places = label_places(sizes, boxes, square, NO_KEYPOINTS, (0, 22, width, height))
        labels = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(places, sizes)]
        for i, label in enumerate(labels):
            assert label[0] >= 0 and label[1] >= 22
            assert label[2] <= width and label[3] <= height
            assert not any(overlap(label, face) for face in square)
            assert not any(overlap(label, other) for other in labels[:i])


def test_a_label_is_above_its_person_where_nothing_is_in_the_way():
    (place,) = label_places(
        [(60, 20)], np.array([[100.0, 100, 200, 300]]), np.empty((0, 4)), NO_KEYPOINTS,
        (0, 0, 640, 480))
    assert place == (100, 80)
    (place,) = label_places(
        [(60, 20)], np.array([[100.0, 100, 200, 300]]), np.empty((0, 4)),
        np.array([[110.0, 90], [np.nan, np.nan]]), (0, 0, 640, 480))
    assert place == (140, 80), 'beside the keypoint'


def test_without_room_a_label_is_somewhere_inside_all_the_same():
    box = np.array([[0.0, 0, 50, 50]])
    assert label_places([(40, 20)], box, box, NO_KEYPOINTS, (0, 0, 50, 50))[0] == (0, 0)
    assert label_places([(90, 70)], box, box, NO_KEYPOINTS, (0, 0, 50, 50)) == [(0, 0)]
    assert label_places([], np.empty((0, 4)), box, NO_KEYPOINTS, (0, 0, 50, 50)) == []


def test_faces_are_around_the_head():
    xy = np.full((2, 17, 2), np.nan, np.float32)
    xy[0, :5] = [[100, 50], [105, 45], [95, 45], [112, 48], [88, 48]]
    xy[0, 5:] = [100, 200]
    xy[1, 5:9] = [[0, 0], [9, 9], [5, 5], [7, 7]]
    (face,) = faces(xy, boxes_around(xy))
    assert face[0] < 86 and face[2] > 114 and face[1] < 36 and 60 < face[3] < 80


@pytest.mark.parametrize('color', [*ID_COLORS, WHITE, RED, RIM])
def test_text_can_be_read_on_every_color(color):
    assert contrast(color, text_color(color)) >= 4.5
    other = WHITE if text_color(color) == BLACK else BLACK
    assert contrast(color, text_color(color)) >= contrast(color, other)


@pytest.mark.parametrize('alarm', [False, True])
@pytest.mark.parametrize('grey', [0, 255])
@pytest.mark.parametrize('size', SIZES)
def test_the_banner_can_be_read_on_bright_and_dark(size, grey, alarm):
    image = np.full((size[1], size[0], 3), grey, np.uint8)
    text = '8 people  148 ms  25.0 Hz  age 163 ms'
    draw_banner(image, text, alarm)
    height = banner_height(image, text)
    strip = image[:height].reshape(-1, 3)
    colors, counts = np.unique(strip, axis=0, return_counts=True)
    background = colors[counts.argmax()]
    brightest = strip[strip.sum(axis=1).argmax()]
    assert contrast(background, brightest) >= (4.5 if alarm else 7.0)
    assert (image[height:] == grey).all()
    assert 0.03 < height / size[1] < 0.09, 'a line of text, not a curtain'
    capital = text_size('I', text_scale(image))[1]
    assert capital >= 8
    # The text ends before the image does.
    assert (np.abs(image[:height, -3:].astype(int) - background) < 3).all()


def test_a_banner_that_is_too_long_is_cut_inside_the_image():
    image = np.zeros((120, 160, 3), np.uint8)
    draw_banner(image, 'a line that is very much too long for so small an image ' * 3)
    assert image[:20].max() > 200
    assert (image[:, -2:] < 60).all()


@pytest.mark.parametrize('size', SIZES)
def test_labels_of_many_people_lie_in_the_image_and_fit_it(size, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        overlay, 'draw_label',
        lambda image, label, place, color: drawn.append((label, place, label_size(image, label))))
    rng = np.random.default_rng(2)
    n = 12
    person = rng.uniform(0, 1, (17, 2)) * [0.1, 0.4] * np.array(size)
    places = rng.uniform([-0.05, -0.2], [0.95, 0.8], (n, 2)) * size
    tracks = tracks_at(person + places[:, None])
    image = np.zeros((size[1], size[0], 3), np.uint8)
    draw_tracks(image, tracks, '12 people')
    assert len(drawn) == n
    for label, (x, y), (width, height) in drawn:
        assert 0 <= x and x + width <= size[0] and y + height <= size[1]
        assert y >= banner_height(image, '12 people')
        assert width < 0.45 * size[0]
        assert label.split()[0].isdigit()


def tracks_at(xy):
    """Return CONFIRMED tracks."""
    from dataclasses import replace

    from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState

    n = len(xy)
    return replace(
        Tracks.empty(1.0), id=np.arange(1, n + 1), state=np.full(n, TrackState.CONFIRMED, np.int8),
        score=np.full(n, 0.8), age_s=np.ones(n), since_seen_s=np.zeros(n),
        xy=xy.astype(np.float32), velocity=np.zeros((n, 17, 2)),
        covariance=np.zeros((n, 17, 2, 2)),
        keypoint_state=np.full((n, 17), KeypointState.OBSERVED, np.int8),
        keypoint_score=np.ones((n, 17)),
    )


def test_small_people_have_their_id_alone_and_stale_ones_are_faded():
    body = np.random.default_rng(1).uniform(0, 1, (17, 2))
    small, large = body * [20, 60] + [30, 120], body * [300, 300] + [250, 120]
    labels = []
    image = np.zeros((480, 640, 3), np.uint8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlay, 'draw_label', lambda im, label, place, color: labels.append(label))
        draw_tracks(image, tracks_at(np.array([small, large])))
    assert labels == ['1', '2 confirmed']
    stale = np.zeros_like(image)
    draw_tracks(stale, tracks_at(large[None]), stale=True)
    x, y = large[9].round().astype(int)
    np.testing.assert_allclose(stale[y, x], 0.4 * np.array(ID_COLORS[0]), atol=14)
