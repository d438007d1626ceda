# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Videos open again and keep time, sheets show the whole run, JSON lines are JSON."""

import json

import cv2
import numpy as np
import pytest

from pose_ros.core.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS
from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState
from pose_ros.media.contact_sheet import ContactSheet
from pose_ros.media.skeleton_lines import SkeletonLines
from pose_ros.media.video import RecordingError, VideoRecorder, fit


def grey(value: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Return an image of one grey value."""
    return np.full((size[1], size[0], 3), value, np.uint8)


def read_video(path) -> list[np.ndarray]:
    """Return all frames."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        good, image = capture.read()
        if not good:
            return frames
        frames.append(image)


def test_a_video_opens_again_with_the_same_frames(tmp_path):
    video = VideoRecorder(tmp_path / 'a.mp4', 25.0)
    for i in range(10):
        video.write(grey(20 * i), i / 25.0)
    video.close()
    frames = read_video(tmp_path / 'a.mp4')
    assert len(frames) == video.frames == 10
    np.testing.assert_allclose([f.mean() for f in frames], 20.0 * np.arange(10), atol=4)


def test_a_video_plays_at_the_speed_of_life_when_frames_were_dropped(tmp_path):
    video = VideoRecorder(tmp_path / 'a.mp4', 25.0)
    times = np.array([0.0, 0.04, 0.20, 0.24, 0.40])
    for i, t in enumerate(times):
        video.write(grey(50 * i), 100.0 + t)
    video.close()
    values = [round(f.mean() / 50) for f in read_video(tmp_path / 'a.mp4')]
    assert values == [0, 1, 1, 1, 1, 2, 3, 3, 3, 3, 4]


def test_a_clock_that_jumps_costs_one_frame(tmp_path):
    video = VideoRecorder(tmp_path / 'a.mp4', 10.0)
    for t in (0.0, 1e6, 1e6, 5.0):
        video.write(grey(9), t)
    video.close()
    assert len(read_video(tmp_path / 'a.mp4')) == 4


def test_a_video_takes_images_of_other_sizes_and_odd_ones(tmp_path):
    video = VideoRecorder(tmp_path / 'a.mp4', 10.0)
    video.write(grey(200, (63, 47)), 0.0)
    video.write(grey(200, (30, 100)), 0.1)
    video.close()
    frames = read_video(tmp_path / 'a.mp4')
    assert [f.shape for f in frames] == [(48, 64, 3)] * 2
    assert frames[1][24, 2].max() < 40, 'black beside a narrow image'


def test_no_images_make_no_video(tmp_path):
    VideoRecorder(tmp_path / 'a.mp4', 10.0).close()
    assert not (tmp_path / 'a.mp4').exists()


def test_a_video_that_cannot_be_written_says_so(tmp_path):
    with pytest.raises(RecordingError, match='cannot be written'):
        VideoRecorder(tmp_path / 'absent' / 'a.mp4', 10.0).write(grey(1), 0.0)


def test_fit_keeps_the_aspect_ratio_and_centres():
    canvas = fit(grey(255, (100, 50)), (40, 40))
    rows = np.flatnonzero(canvas[:, 20, 0] > 128)
    assert (rows[0], rows[-1]) == (10, 29)
    assert (canvas[20, :, 0] > 128).all()
    image = grey(3)
    assert fit(image, (64, 48)) is image


@pytest.mark.parametrize('count, cells', [(1, 1), (3, 3), (7, 6), (1000, 6)])
def test_a_sheet_is_spread_over_the_run(tmp_path, count, cells):
    sheet = ContactSheet(columns=3, rows=2, cell_width_px=120)
    for i in range(count):
        sheet.add(grey(round(40 + 200 * i / max(1, count - 1))), f'{i} s', 0.04 * i)
    sheet.write(tmp_path / 'a.png')
    page = cv2.imread(str(tmp_path / 'a.png'))
    # Centres of the pictures, row by row.
    columns, rows = min(3, cells), -(-cells // 3)
    height, width = (page.shape[0] - 2) // rows, (page.shape[1] - 2) // columns
    found = [
        int(page[r * height + 40, c * width + 60, 0]) for r in range(rows) for c in range(columns)
    ][:cells]
    assert found[0] == 40
    if cells > 1:
        steps = np.diff(found)
        assert found[-1] >= 220 and steps.min() >= 0.45 * steps.max() > 0


def test_a_sheet_is_even_in_time_where_images_were_dropped():
    sheet = ContactSheet(columns=5, rows=1, cell_width_px=64)
    # Ten seconds: one with 25 images, nine with one each.
    times = [*np.arange(25) / 25, *range(1, 11)]
    for t in times:
        sheet.add(grey(round(40 + 20 * t)), '', 1000.0 + t)
    row = sheet.page()[20]
    found = [int(row[2 + 66 * i + 30, 0]) for i in range(5)]
    np.testing.assert_allclose(found, [40, 90, 140, 190, 240], atol=12)


@pytest.mark.parametrize('length', [20, 2000])
def test_a_sheet_shows_moments_at_which_something_is_seen(length):
    sheet = ContactSheet(columns=3, rows=2, cell_width_px=64)
    # In a hundredth of the time somebody is seen, in three places; once two at a time.
    seen = {round(f * length): 1 for f in (0.2, 0.6, 0.95)} | {round(0.6 * length) + 1: 2}
    for i in range(length):
        people = seen.get(i, 0)
        sheet.add(grey(60 + 60 * people), '', 0.04 * i, people)
    levels = [int(cell.image[20, 30, 0]) for cell in (sheet._cells[i] for i in sheet._chosen())]
    assert set(levels) == {120, 180} and 3 <= len(levels) <= 4


@pytest.mark.parametrize('times', [[0.0] * 300, [5.0, 1e9, 3.0], list(range(200, 0, -1))])
def test_a_sheet_survives_any_clock(times):
    sheet = ContactSheet(columns=3, rows=2, cell_width_px=64)
    for t in times:
        sheet.add(grey(9), '', float(t))
    assert len(sheet._cells) <= 24 and sheet.page().shape[0] > 48


def test_captions_are_on_the_sheet():
    def page(caption: str) -> np.ndarray:
        sheet = ContactSheet(columns=1, rows=1, cell_width_px=200)
        sheet.add(grey(0, (200, 100)), caption, 0.0)
        return sheet.page()

    assert page('12.34 s').shape == page('').shape
    assert (page('12.34 s')[105:] > 200).any() and not (page('')[105:] > 200).any()


def test_skeleton_lines_are_json_without_nan(tmp_path):
    k = NUM_KEYPOINTS
    xy = np.arange(2 * k, dtype=np.float32).reshape(1, k, 2)
    states = np.full((1, k), KeypointState.OBSERVED, np.int8)
    xy[0, 3], states[0, 3] = np.nan, KeypointState.MISSING
    tracks = Tracks(
        12.5, np.array([7]), np.array([TrackState.CONFIRMED], np.int8), np.float32([0.5]),
        np.array([np.nan]), np.array([0.0]), xy, xy, np.zeros((1, k, 2, 2), np.float32), states,
        np.full((1, k), 0.25, np.float32), np.zeros(1, np.int64), np.zeros((1, k), bool),
    )  # fmt: skip
    lines = SkeletonLines(tmp_path / 'a.jsonl')
    lines.write(tracks, (640, 480), index=3)
    lines.write(Tracks.empty(13.0), (640, 480), index=4)
    lines.close()

    def refuse(word):
        raise AssertionError(f'{word} is not JSON')

    text = (tmp_path / 'a.jsonl').read_text().splitlines()
    first, second = (json.loads(line, parse_constant=refuse) for line in text)
    assert (first['index'], first['stamp_s'], first['image_width']) == (3, 12.5, 640)
    (person,) = first['people']
    assert (person['id'], person['state'], person['age_s']) == (7, 'CONFIRMED', None)
    assert person['box'] == [0.0, 1.0, 32.0, 33.0]
    assert list(person['keypoints']) == list(KEYPOINT_NAMES)
    assert person['keypoints']['left_ear'] == {
        'x': None, 'y': None, 'score': 0.25, 'state': 'MISSING'
    }  # fmt: skip
    assert person['keypoints']['left_eye']['x'] == 2.0
    assert second['people'] == []
