# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from pose_ros.core import geometry


def random_affines(*shape):
    rng = np.random.default_rng(0)
    return rng.normal(size=(*shape, 2, 3)) + np.array([[2.0, 0, 5], [0, 2.0, -3]])


@pytest.mark.parametrize('image', [(640, 480), (480, 640), (1, 1), (33, 7), (4000, 2)])
@pytest.mark.parametrize('size', [(256, 256), (448, 192)])
def test_letterbox_fits_the_whole_image_centred(image, size):
    affine = geometry.letterbox(image, size)
    assert affine[0, 0] == affine[1, 1] and affine[0, 1] == affine[1, 0] == 0
    middle = (np.array(image) - 1.0) / 2
    np.testing.assert_allclose(
        geometry.apply(affine, middle[None])[0], (np.array(size) - 1.0) / 2, atol=1e-9
    )
    # The corners of the pixels, half a pixel beyond their centres, reach the input's on one axis.
    corners = geometry.apply(affine, np.array([[-0.5, -0.5], np.array(image) - 0.5]))
    spare = np.minimum(corners[0] + 0.5, np.array(size) - 0.5 - corners[1])
    assert spare.min() == pytest.approx(0, abs=1e-9) and (spare >= -1e-9).all()


def test_crop_pads_the_box_and_keeps_its_shape():
    affine = geometry.crop(np.array([100.0, 50.0, 140.0, 130.0]), (256, 256), 1.25)
    assert affine[0, 0] == affine[1, 1] == pytest.approx(256 / (80 * 1.25))
    np.testing.assert_allclose(geometry.apply(affine, np.array([[120.0, 90.0]])), [[127.5, 127.5]])


def test_crop_takes_stacks_and_boxes_without_area():
    boxes = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 5.0, 5.0, 5.0]])
    affines = geometry.crop(boxes, (64, 48))
    for box, affine in zip(boxes, affines):
        np.testing.assert_array_equal(geometry.crop(box, (64, 48)), affine)
    assert np.isfinite(affines).all()


def test_mirrored_exchanges_the_first_and_the_last_column():
    there = geometry.mirrored(np.eye(2, 3)[None], 256)
    points = np.array([[[0.0, 7.0], [255.0, 9.0], [127.5, 0.0]]])
    np.testing.assert_allclose(
        geometry.apply(there, points), [[[255, 7], [0, 9], [127.5, 0]]], atol=1e-12
    )
    np.testing.assert_allclose(geometry.mirrored(there, 256), np.eye(2, 3)[None], atol=1e-12)


def test_invert_and_compose_are_inverse():
    a, b = random_affines(4), random_affines(4)[::-1]
    points = np.random.default_rng(1).normal(size=(4, 5, 2))
    identity = geometry.compose(geometry.invert(a), a)
    np.testing.assert_allclose(identity, np.tile(np.eye(2, 3), (4, 1, 1)), atol=1e-9)
    np.testing.assert_allclose(
        geometry.apply(geometry.compose(b, a), points),
        geometry.apply(b, geometry.apply(a, points)),
    )


def test_apply_is_the_matrix_product_and_keeps_nan():
    affine = random_affines()
    got = geometry.apply(affine, np.array([[3.0, -2.0], [np.nan, 1.0]]))
    np.testing.assert_allclose(got[0], affine[:, :2] @ [3.0, -2.0] + affine[:, 2])
    assert np.isnan(got[1]).all()


def test_invert_refuses_what_has_no_inverse():
    with pytest.raises(np.linalg.LinAlgError):
        geometry.invert(np.zeros((2, 3)))


def test_a_crop_of_another_aspect_fills_the_input():
    box = np.array([100.0, 50.0, 130.0, 150.0])  # 30 x 100 becomes 75 x 100, then 125 x 166
    affine = geometry.crop(box, (256, 256), 1.25, aspect=0.75)
    corners = geometry.apply(affine, np.array([[115 - 46.875, 37.5], [115 + 46.875, 162.5]]))
    np.testing.assert_allclose(corners, [[-0.5, -0.5], [255.5, 255.5]])
    np.testing.assert_allclose(
        geometry.crop(box, (192, 256), 1.25, aspect=0.75), geometry.crop(box, (192, 256), 1.25)
    )


K = np.array([[500.0, 0, 320], [0, 510.0, 240], [0, 0, 1]])


def rotation_y(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def test_a_rotation_moves_points_as_the_camera_sees_them():
    points = np.random.default_rng(0).uniform(-1, 1, (20, 3)) + [0, 0, 5]
    turn = rotation_y(0.1)
    before, now = ((p @ K.T)[:, :2] / p[:, 2:] for p in (points, points @ turn.T))
    moved = geometry.apply_homography(geometry.homography_of_rotation(K, turn), before)
    np.testing.assert_allclose(moved, now, atol=1e-9)


def test_the_jacobian_of_a_homography_is_its_derivative():
    motion = geometry.homography_of_rotation(K, rotation_y(0.2))
    xy = np.random.default_rng(0).uniform(0, 480, (3, 4, 2))
    jacobian = geometry.homography_jacobian(motion, xy)
    for axis in range(2):
        step = np.eye(2)[axis] * 1e-4
        slope = (geometry.apply_homography(motion, xy + step)
                 - geometry.apply_homography(motion, xy - step)) / 2e-4
        np.testing.assert_allclose(jacobian[..., axis], slope, rtol=1e-5)


@pytest.mark.parametrize('motion', [
    np.zeros((3, 3)), np.full((3, 3), np.nan), np.diag([1, 1, 0]), np.diag([-1.0, 1, 1]),
    np.diag([1.7, 1, 1]), np.diag([1e300, 1e300, 1]),
    np.array([[1, 0, 700], [0, 1, 0], [0, 0, 1]]),
    np.array([[1, 0, 0], [0, 1, 0], [-0.01, 0, 1]]), np.ones((3, 3)),
])
def test_what_is_no_motion_of_a_camera(motion):
    assert geometry.usable_homography(motion, (640, 480)) is None


def test_a_usable_homography_comes_back_normalised():
    motion = geometry.homography_of_rotation(K, rotation_y(0.1))
    np.testing.assert_allclose(geometry.usable_homography(-3 * motion, (640, 480)), motion)
    assert (geometry.usable_homography(np.eye(3), (640, 480)) == np.eye(3)).all()
