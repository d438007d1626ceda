# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every encoding to BGR, and every malformed image to one clear error."""

from __future__ import annotations

from array import array
import sys
from types import ModuleType

import cv2
import numpy as np
import pytest

pytest.importorskip('sensor_msgs.msg', reason='ROS is not here: ./run pytest brings it')

from compressed_images import image_to_compressed_msg  # noqa: E402
from sensor_msgs.msg import CompressedImage, Image  # noqa: E402
from std_msgs.msg import Header  # noqa: E402

from pose_ros.ros.images import (  # noqa: E402
    ENCODINGS,
    ImageError,
    image_from_msg,
    image_to_msg,
)

# Colours of the four quarters: red, green, blue, grey; BGR.
_COLORS = np.array([[[20, 30, 200], [40, 210, 30]], [[220, 60, 40], [128, 128, 128]]], np.uint8)


@pytest.fixture
def picture() -> np.ndarray:
    """Return quarters of plain colour, (32, 48, 3) uint8 BGR."""
    return np.kron(_COLORS, np.ones((16, 24, 1), np.uint8))


def make(data: np.ndarray, encoding: str, width: int, height: int, **fields: object) -> Image:
    raw = np.ascontiguousarray(data)
    step = raw.nbytes // raw.shape[0]
    values = array('B', raw.tobytes())
    msg = Image(width=width, height=height, encoding=encoding, step=step, data=values)
    for name, value in fields.items():
        setattr(msg, name, value)
    return msg


def encode(picture: np.ndarray, encoding: str) -> np.ndarray:
    """Write a picture as a camera would, independently of the code under test."""
    height, width = picture.shape[:2]
    blue, green, red = (picture[..., i].astype(int) for i in range(3))
    alpha = np.full((height, width), 7)
    if encoding.endswith('16') and encoding != 'mono16':
        return encode(picture, encoding[:-2] + '8').astype(np.uint16) * 257
    if encoding in ('bgr8', 'rgb8', 'bgra8', 'rgba8'):
        planes = {'b': blue, 'g': green, 'r': red, 'a': alpha}
        return np.stack([planes[c] for c in encoding[:-1]], axis=2).astype(np.uint8)
    # BT.601, limited range for YUV (what cameras send), full range for mono.
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    if encoding == 'mono8':
        return np.round(grey).astype(np.uint8)
    if encoding == 'mono16':
        return np.round(grey * 257).astype(np.uint16)
    if encoding.startswith('bayer'):
        planes = {'b': blue, 'g': green, 'r': red}
        mosaic = np.zeros((height, width), np.uint8)
        for i, c in enumerate(encoding[6:10]):
            mosaic[i // 2::2, i % 2::2] = planes[c][i // 2::2, i % 2::2]
        return mosaic
    y = np.round(16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255)
    u = np.round(128 + (-37.797 * red - 74.203 * green + 112.0 * blue) / 255)
    v = np.round(128 + (112.0 * red - 93.786 * green - 18.214 * blue) / 255)
    if encoding == 'nv24':
        below = np.stack([u, v], axis=2).reshape(height, 2 * width)
        return np.concatenate([y, below.reshape(2 * height, width)]).astype(np.uint8)
    if encoding in ('nv12', 'nv21'):
        pair = (u, v) if encoding == 'nv12' else (v, u)
        below = np.stack([p[::2, ::2] for p in pair], axis=2).reshape(height // 2, width)
        return np.concatenate([y, below]).astype(np.uint8)
    packed = np.zeros((height, width // 2, 4))
    order = {'yuv422': 'uyvy', 'yuv422_yuy2': 'yuyv'}.get(encoding, encoding)
    luma = [y[:, ::2], y[:, 1::2]]
    for i, c in enumerate(order):
        packed[..., i] = luma.pop(0) if c == 'y' else {'u': u, 'v': v}[c][:, ::2]
    return packed.astype(np.uint8)


def middles(image: np.ndarray) -> np.ndarray:
    """Return the colours in the middle of the quarters, away from edges: (2, 2, 3)."""
    return image[8::16, 12::24].astype(int)


@pytest.mark.parametrize('encoding', ENCODINGS)
@pytest.mark.parametrize('padding', [0, 7, 10])
def test_encoding(picture: np.ndarray, encoding: str, padding: int) -> None:
    rows = encode(picture, encoding)
    as_bytes = rows.reshape(len(rows), -1).view(np.uint8)
    padded = np.pad(as_bytes, ((0, 0), (0, padding)), constant_values=77)
    image = image_from_msg(make(padded, encoding, 48, 32))
    assert image.shape == (32, 48, 3) and image.dtype == np.uint8
    expected = middles(picture)
    if encoding.startswith('mono'):
        grey = expected @ [0.114, 0.587, 0.299]
        if encoding == 'mono16':  # of so little contrast the content's range is shown
            grey = 255 * (grey - grey.min()) / np.ptp(grey)
        expected = np.repeat(np.round(grey)[..., None], 3, axis=2).astype(int)
    tolerance = 0 if encoding[:3] in ('bgr', 'rgb', 'bay') else 3
    assert np.abs(middles(image) - expected).max() <= tolerance


def test_bgr8_is_a_view(picture: np.ndarray) -> None:
    msg = image_to_msg(picture, Header())
    image = image_from_msg(msg)
    assert np.shares_memory(image, np.frombuffer(msg.data, np.uint8))


def test_big_endian_mono16(picture: np.ndarray) -> None:
    native = encode(picture, 'mono16')
    foreign = native.byteswap()
    big = sys.byteorder == 'big'
    one = image_from_msg(make(native, 'mono16', 48, 32, is_bigendian=int(big)))
    other = image_from_msg(make(foreign, 'mono16', 48, 32, is_bigendian=int(not big)))
    np.testing.assert_array_equal(one, other)


def test_round_trip(picture: np.ndarray) -> None:
    header = Header(frame_id='camera')
    msg = image_to_msg(picture[:, ::2], header)  # not contiguous
    np.testing.assert_array_equal(image_from_msg(msg), picture[:, ::2])
    assert (msg.encoding, msg.step, msg.header.frame_id) == ('bgr8', 24 * 3, 'camera')


@pytest.mark.parametrize('extension, tolerance', [('png', 0), ('jpeg', 8)])
def test_compressed_round_trip(picture: np.ndarray, extension: str, tolerance: int) -> None:
    image = image_from_msg(image_to_compressed_msg(picture, Header(), extension))
    assert np.abs(middles(image) - middles(picture)).max() <= tolerance


def test_compressed_grey_and_16_bit(picture: np.ndarray) -> None:
    grey = encode(picture, 'mono8')
    thermal = 29_000 + 4 * grey.astype(np.uint16)
    stretched = np.round(255.0 * (grey - grey.min()) / np.ptp(grey))
    for values, expected in ((grey, grey), (thermal, stretched)):
        data = cv2.imencode('.png', values)[1]
        image = image_from_msg(CompressedImage(format='png', data=data.tobytes()))
        assert np.abs(image - expected[..., None]).max() <= 1


BAD = {
    'zero width': ({'width': 0}, 'width 0'),
    'zero height': ({'height': 0}, 'height 0'),
    'truncated': ({'data': array('B', bytes(32 * 48 * 3 - 1))}, 'truncated'),
    'empty': ({'data': array('B')}, 'truncated'),
    'oversized': ({'data': array('B', bytes(32 * 48 * 3 + 1))}, 'oversized'),
    'step too small': ({'step': 48 * 3 - 1}, 'step 143 is smaller than a row'),
    'huge size': ({'width': 2**32 - 1, 'height': 2**32 - 1, 'step': 2**32 - 1}, 'smaller than'),
    'huge height': ({'height': 2**32 - 1}, 'truncated'),
    'step zero, more data': (
        {'step': 0, 'data': array('B', bytes(32 * 48 * 3 + 32))}, 'oversized'),
    'unknown encoding': ({'encoding': 'hsv8'}, "'hsv8'.*set the driver to bgr8.*nv21"),
    'no encoding': ({'encoding': ''}, "''"),
    'odd width of yuv': ({'encoding': 'yuv422', 'width': 47}, 'odd'),
    'odd height of nv12': ({'encoding': 'nv12', 'height': 31}, 'even'),
}


@pytest.mark.parametrize('case', BAD)
def test_bad_image(picture: np.ndarray, case: str) -> None:
    fields, reason = BAD[case]
    msg = image_to_msg(picture, Header())
    for name, value in fields.items():
        setattr(msg, name, value)
    with pytest.raises(ImageError, match=reason) as caught:
        image_from_msg(msg)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('extension', ['jpeg', 'png'])
def test_bad_compressed_image(picture: np.ndarray, extension: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    good = image_to_compressed_msg(noise, Header(), extension)
    whole = bytes(good.data)
    for data in (b'', whole[:len(whole) // 2], whole[:-20], whole[:10], b'nonsense', bytes(1000)):
        with pytest.raises(ImageError):
            image_from_msg(CompressedImage(format=good.format, data=data))
    image_from_msg(CompressedImage(format=good.format, data=whole + bytes(64)))
    with pytest.raises(ImageError, match='depth'):
        image_from_msg(
            CompressedImage(format='16UC1; compressedDepth png', data=good.data))


@pytest.mark.parametrize('name, like', [
    ('8UC3', 'bgr8'), ('8UC4', 'bgra8'), ('8UC1', 'mono8'), ('RGB8', 'rgb8'), ('Mono8', 'mono8'),
    ('16UC3', 'bgr16'), ('16UC1', 'mono16'), ('Y16', 'mono16'), ('YUV422_8_UYVY', 'uyvy'),
    ('yuv422_yuyv', 'yuyv'), ('yuy2', 'yuyv'), ('NV24', 'nv24'), ('YUYV', 'yuyv'),
    ('BAYER_RGGB8', 'bayer_rggb8'), ('BayerRG8', 'bayer_rggb8'), ('bgr24', 'bgr8'),
])  # fmt: skip
def test_other_names(picture: np.ndarray, name: str, like: str) -> None:
    rows = encode(picture, like)
    one = image_from_msg(make(rows.reshape(len(rows), -1).view(np.uint8), name, 48, 32))
    other = image_from_msg(make(rows.reshape(len(rows), -1).view(np.uint8), like, 48, 32))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize('encoding', ['bgr8', 'mono16', 'nv12'])
def test_step_zero_of_packed_rows(picture: np.ndarray, encoding: str) -> None:
    rows = encode(picture, encoding)
    good = make(rows.reshape(len(rows), -1).view(np.uint8), encoding, 48, 32)
    lazy = make(rows.reshape(len(rows), -1).view(np.uint8), encoding, 48, 32, step=0)
    np.testing.assert_array_equal(image_from_msg(lazy), image_from_msg(good))


def test_jpeg_filled_up_with_zeros(picture: np.ndarray) -> None:
    """MJPEG webcams send the driver's whole buffer."""
    whole = bytes(image_to_compressed_msg(picture, Header(), 'jpeg').data)
    plain = image_from_msg(CompressedImage(format='jpeg', data=whole))
    filled = whole + bytes(614_400 - len(whole))
    np.testing.assert_array_equal(
        image_from_msg(CompressedImage(format='jpeg', data=filled)), plain)
    # A buffer that held a longer image, or was never cleared.
    for rest in (whole[len(whole) // 2:], b'\xff' * 5000, b'\xaa' * 5000):
        np.testing.assert_array_equal(
            image_from_msg(CompressedImage(format='jpeg', data=whole + rest)), plain)
    # A thumbnail, which ends as an image does, and filling before the next marker.
    small = b'Exif\0\0' + whole
    with_thumbnail = (
        whole[:2] + b'\xff\xff\xe1' + (2 + len(small)).to_bytes(2, 'big') + small + whole[2:])
    np.testing.assert_array_equal(image_from_msg(
        CompressedImage(format='jpeg', data=with_thumbnail)), plain)
    with pytest.raises(ImageError, match='not a complete'):
        image_from_msg(CompressedImage(
            format='jpeg', data=with_thumbnail[:len(small) + 200]))
    for cut in (len(whole) // 2, len(whole) - 20):
        with pytest.raises(ImageError, match='not a complete'):
            image_from_msg(CompressedImage(
                format='jpeg', data=whole[:cut] + bytes(614_400 - cut)))


@pytest.mark.parametrize('error', [ImportError, AttributeError, SystemError])
@pytest.mark.parametrize('when', ['import', 'call'])
def test_cv_bridge_built_for_another_numpy(
    picture: np.ndarray, monkeypatch: pytest.MonkeyPatch, error: type[Exception], when: str
) -> None:
    class Bridge:
        def imgmsg_to_cv2(self, *_: object) -> None:
            raise error('numpy.core.multiarray\nfailed to import')

    class Module(ModuleType):
        def __getattr__(self, name: str) -> object:
            if when == 'import':
                raise error('numpy.core.multiarray\nfailed to import')
            return Bridge

    monkeypatch.setitem(sys.modules, 'cv_bridge', Module('cv_bridge'))
    msg = image_to_msg(picture, Header())
    msg.encoding = 'hsv8'
    with pytest.raises(ImageError, match="'hsv8'.*bgr8") as caught:
        image_from_msg(msg)
    assert '\n' not in str(caught.value)
    # Python itself says only that the name is not there when it cannot be imported from there.
    assert 'multiarray failed to import' in str(caught.value) or error is AttributeError
