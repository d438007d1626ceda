# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every kind of source gives frames with rising time, and one clear line when it cannot."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from pose_ros.media.sources import (
    DEFAULT_FPS,
    FOLDER_FPS,
    SourceError,
    demo_paths,
    open_source,
)


def write_video(path: Path, fps: float, count: int, size: tuple[int, int] = (64, 48)) -> None:
    """Write a video whose i-th frame has the grey value 10 i."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'mp4v'), fps, size)
    assert writer.isOpened()
    for i in range(count):
        writer.write(np.full((size[1], size[0], 3), 10 * i, np.uint8))
    writer.release()


def write_image(path: Path, value: int, size: tuple[int, int] = (64, 48)) -> None:
    """Write an image of one grey value."""
    assert cv2.imwrite(str(path), np.full((size[1], size[0], 3), value, np.uint8))


def test_a_video_gives_its_frames_in_order_with_the_containers_time(tmp_path):
    write_video(tmp_path / 'a.mp4', fps=20.0, count=8)
    with open_source(str(tmp_path / 'a.mp4')) as source:
        assert (source.fps, source.size, source.count) == (20.0, (64, 48), 8)
        assert not source.live
        frames = list(source)
    assert [frame.index for frame in frames] == list(range(8))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(8) / 20.0)
    values = [frame.image.mean() for frame in frames]
    np.testing.assert_allclose(values, 10.0 * np.arange(8), atol=4.0)
    assert frames[0].image.dtype == np.uint8 and frames[0].image.shape == (48, 64, 3)


def test_a_looping_video_keeps_counting(tmp_path):
    write_video(tmp_path / 'a.mp4', fps=10.0, count=3)
    with open_source(str(tmp_path / 'a.mp4'), loop=True) as source:
        frames = list(islice(source, 8))
    assert [frame.index for frame in frames] == list(range(8))
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(8) / 10.0)
    assert abs(frames[3].image.mean() - frames[0].image.mean()) < 1.0


def test_closing_ends_the_iteration(tmp_path):
    write_video(tmp_path / 'a.mp4', fps=10.0, count=3)
    source = open_source(str(tmp_path / 'a.mp4'), loop=True)
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert list(islice(frames, 10)) == []


def test_a_folder_is_sorted_as_people_count(tmp_path):
    for i in (10, 9, 1):
        write_image(tmp_path / f'frame{i}.png', i)
    (tmp_path / 'notes.txt').write_text('no image')
    with open_source(str(tmp_path)) as source:
        assert (source.fps, source.count, source.size) == (FOLDER_FPS, 3, (64, 48))
        frames = list(source)
    assert [frame.image[0, 0, 0] for frame in frames] == [1, 9, 10]
    np.testing.assert_allclose([frame.time_s for frame in frames], [0.0, 0.1, 0.2])


def test_one_image(tmp_path):
    write_image(tmp_path / 'a.jpg', 128)
    with open_source(str(tmp_path / 'a.jpg')) as source:
        assert (source.count, source.size) == (1, (64, 48))
        (frame,) = source
    assert frame.time_s == 0.0 and abs(frame.image.mean() - 128) < 2


def test_grey_images_come_as_bgr(tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.full((4, 6), 7, np.uint8))
    (frame,) = open_source(str(tmp_path / 'a.png'))
    assert frame.image.shape == (4, 6, 3)


def write_counts(folder: Path, kind: str, images: list[np.ndarray]) -> str:
    """Write sixteen-bit grey images as a folder or a film."""
    if kind == 'folder':
        for i, image in enumerate(images):
            assert cv2.imwrite(str(folder / f'{i}.png'), image)
        return str(folder)
    path = str(folder / 'a.mkv')
    writer = cv2.VideoWriter(
        path, cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*'FFV1'), 10.0, images[0].shape[::-1],
        [cv2.VIDEOWRITER_PROP_DEPTH, cv2.CV_16U, cv2.VIDEOWRITER_PROP_IS_COLOR, 0])
    assert writer.isOpened()
    for image in images:
        writer.write(image)
    writer.release()
    return path


@pytest.mark.parametrize('kind', ['folder', 'film'])
def test_sixteen_bits_are_shown_steadily(tmp_path, kind):
    """A thermal camera's counts; something hot comes in: the room keeps its grey."""
    room = np.random.default_rng(0).normal(8_000, 40, (120, 160))
    images = [room.astype(np.uint16) for _ in range(10)]
    for image in images[5:]:
        image[30:110, 60:100] += 600
    with open_source(write_counts(tmp_path, kind, images)) as source:
        levels = [float(frame.image[:20].mean()) for frame in source]
    assert levels[0] == pytest.approx(127, abs=20)  # as eight bits of the upper byte: 31
    assert np.abs(np.diff(levels)).max() < 20  # each image alone: a step of 80
    if kind == 'folder':
        with open_source(str(tmp_path)) as source:
            source.photos = True
            levels = [float(frame.image[:20].mean()) for frame in source]
        assert abs(levels[5] - levels[4]) > 60


def test_the_demo_footage_is_one_film_of_two_files():
    pytest.importorskip('importlib.metadata')
    try:
        paths = demo_paths()
    except SourceError as error:
        pytest.skip(str(error))
    assert [path.name for path in paths] == ['bikes.mp4', 'carphone_pristine.mp4']
    with open_source('demo') as source:
        assert (source.fps, source.size, source.count) == (25.0, (640, 272), 370)
        frames = list(source)
    assert len(frames) == 370
    assert frames[249].image.shape == (272, 640, 3)
    assert frames[250].image.shape == (144, 176, 3)
    times = np.array([frame.time_s for frame in frames])
    assert (np.diff(times) > 0).all() and times[250] == 10.0


@pytest.mark.parametrize(
    'make, expected',
    [
        (lambda folder: folder / 'absent.mp4', 'no such file'),
        (lambda folder: folder, 'no images in this folder'),
        (lambda folder: _file(folder / 'a.mp4', b'not a video at all' * 100), 'not a video'),
        (lambda folder: _file(folder / 'a.mp4', b''), 'is empty'),
        (lambda folder: _file(folder / 'a.png', b'\x89PNG\r\n\x1a\nrubbish'), 'not an image'),
        (lambda folder: _file(folder / 'a.png', b''), 'not an image'),
    ],
)
def test_what_gives_no_images_says_so_in_one_line(tmp_path, make, expected, capfd):
    path = make(tmp_path)
    with pytest.raises(SourceError, match=expected) as caught:
        open_source(str(path))
    assert str(path) in str(caught.value)
    assert '\n' not in str(caught.value)
    assert capfd.readouterr().err == ''  # FFmpeg keeps quiet


def test_a_truncated_video_is_refused(tmp_path):
    path = tmp_path / 'a.mp4'
    write_video(path, 10.0, 8)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(SourceError, match='not a video'):
        open_source(str(path))


def test_a_damaged_image_in_the_middle_of_a_folder_is_named(tmp_path):
    write_image(tmp_path / '1.png', 1)
    _file(tmp_path / '2.png', b'rubbish')
    frames = iter(open_source(str(tmp_path)))
    next(frames)
    with pytest.raises(SourceError, match='2.png: not an image'):
        next(frames)


def test_a_webcam_that_is_not_there_is_named():
    with pytest.raises(SourceError, match='webcam 97: there is no /dev/video97'):
        open_source('97')
    with pytest.raises(SourceError, match='webcam 97'):
        open_source('/dev/video97')


def test_a_rate_that_makes_no_sense_becomes_the_default(tmp_path):
    write_video(tmp_path / 'a.avi', fps=900.0, count=2)
    assert open_source(str(tmp_path / 'a.avi')).fps == DEFAULT_FPS


def _file(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
