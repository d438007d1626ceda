# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernel that reads one person per crop, against core/decode/heatmaps.py."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
import os
from pathlib import Path

import cv2
from kernel_views import IMAGE_SIZE, assert_same, in_image, views_of
import numpy as np
import pytest

from pose_ros.backends.model_files import find_model
from pose_ros.backends.onnx import OnnxNetwork
from pose_ros.backends.tensorrt.kernels import FOLDER, structs
from pose_ros.core import geometry
from pose_ros.core.decode import heatmaps as decode_heatmaps
from pose_ros.core.decode import movenet as decode
from pose_ros.core.model_spec import REFINEMENTS, ModelSpec
from pose_ros.media.sources import SourceError, open_source

pytestmark = pytest.mark.gpu
PLAIN = ModelSpec(
    name='plain', input_name='image', input_size=(192, 256), decoder='heatmaps', stride=4,
    outputs={'heatmaps': 'heatmaps'}, offset_px=1.5,
)
BY_REFINEMENT = [replace(PLAIN, refinement=refinement) for refinement in REFINEMENTS]
every_refinement = pytest.mark.parametrize('spec', BY_REFINEMENT, ids=REFINEMENTS)
DTYPES = (np.float32, np.float16)


def read_by_kernel(device_kernels, maps, spec, size, affines) -> np.ndarray:
    """Return (B, K, 3): x, y in pixels of the image, score."""
    first = next(iter(maps.values()))
    decoder = structs.decoder_record(spec, size, 1, 0.0, first.dtype == np.float16)
    views = structs.views_of(affines, IMAGE_SIZE, size)
    return device_kernels.keypoints_of_heatmaps(maps['heatmaps'], decoder, views)


def check(device_kernels, maps, spec, size) -> np.ndarray:
    """Compare with the reference; return (B, K, 3)."""
    spec = replace(spec, input_size=size)
    affines = views_of(size, len(next(iter(maps.values()))))
    reference = {role: values.astype(np.float32) for role, values in maps.items()}
    people = decode.decode_person(reference, spec)
    got = read_by_kernel(device_kernels, maps, spec, size, affines)
    assert_same(got, in_image(people, affines))
    return got


def gaussians(batch: int, width: int, height: int, seed: int, sigma: float = 2.0) -> np.ndarray:
    """Return heatmaps like a network's: (B, 17, H, W), noisy, the summits anywhere and beyond."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform((-2, -2), (width + 1, height + 1), (batch, 17, 2))
    rows, columns = np.mgrid[:height, :width]
    squared = (columns - xy[..., 0, None, None]) ** 2 + (rows - xy[..., 1, None, None]) ** 2
    tops = rng.uniform(0.1, 1.1, (batch, 17, 1, 1))
    return tops * np.exp(-squared / (2 * sigma**2)) + rng.normal(0, 0.02, squared.shape)


@every_refinement
@pytest.mark.parametrize('dtype', DTYPES)
def test_maps_like_a_networks(device_kernels, spec: ModelSpec, dtype: type) -> None:
    maps = gaussians(3, 24, 32, 3).astype(dtype)
    got = check(device_kernels, {'heatmaps': maps}, spec, (96, 128))
    assert np.isfinite(got).all()


def test_a_refinement_gives_what_no_other_gives(device_kernels) -> None:
    """Else the tests of this file might compare one decoder with itself."""
    maps = {'heatmaps': gaussians(2, 24, 32, 7).astype(np.float32)}
    affines = views_of((96, 128), 2)
    found = [read_by_kernel(device_kernels, maps, s, (96, 128), affines) for s in BY_REFINEMENT]
    for i, one in enumerate(found):
        for other in found[:i]:
            assert np.abs(one - other).max() > 0.1


@every_refinement
@pytest.mark.parametrize('dtype', DTYPES)
def test_edges_corners_ties_and_flat_maps(device_kernels, spec: ModelSpec, dtype: type) -> None:
    width, height = 12, 16
    maps = np.abs(np.random.default_rng(6).normal(0, 0.1, (2, 17, height, width)))
    corners = [(0, 0), (0, 11), (15, 0), (15, 11)]
    edges = [(0, 5), (15, 5), (7, 0), (7, 11), (1, 5), (14, 5), (7, 1), (7, 10), (2, 9), (13, 2)]
    for k, place in enumerate(corners + edges):
        maps[0, k][place] = 3
    maps[1, 0, 4:7, 4] = maps[1, 0, 9, 9] = 3  # equal heights: the first one
    maps[1, 1, 5:9, 5:9] = 2  # a plateau
    maps[1, 2] = 0.25
    maps[1, 3] = -0.25
    maps[1, 4] = 0
    maps[1, 5] = -maps[1, 5] - 0.01
    maps[1, 5, 8, 6] = -0.001  # the highest, but below nothing: no logarithm
    maps[1, 6] = 0
    maps[1, 6, 8, 6:8] = 6e-7, 3e-7  # smoothed, it falls below the least height
    maps[1, 7, 8, 6] = 60000
    away = np.hypot(*np.ogrid[-8:8, -6:6])
    maps[1, 8] = np.where(np.abs(away - 4) < 1, 1, 0)  # smoothed, a hollow, not a summit
    maps[1, 8, 8, 6] = 1.1
    maps[1, 8, 8, 7] = 0.5
    got = check(device_kernels, {'heatmaps': maps.astype(dtype)}, spec, (48, 64))
    assert (got[..., 2] == 1).any() and (got[..., 2] == 0).any()


@every_refinement
def test_maps_smaller_than_the_window(device_kernels, spec: ModelSpec) -> None:
    # A map of one pixel has no first and last one, which udp asks for.
    for side in range(2 if spec.refinement == 'udp' else 1, 6):
        maps = gaussians(2, side, side, side).astype(np.float32)
        check(device_kernels, {'heatmaps': maps}, spec, (4 * side, 4 * side))


@pytest.mark.parametrize('refinement', ['taylor', 'udp'])
def test_every_smoothing(device_kernels, refinement: str) -> None:
    for sigma in (0.0, 0.3, 1.2, 3.0, 20.0):
        spec = replace(PLAIN, refinement=refinement, blur_sigma=sigma)
        maps = gaussians(2, 20, 28, 9, max(sigma, 1.5)).astype(np.float32)
        check(device_kernels, {'heatmaps': maps}, spec, (80, 112))


def test_the_kernels_have_room_for_every_sigma_that_a_description_may_have() -> None:
    source = (FOLDER / 'summit.cuh').read_text(encoding='utf-8')
    assert structs.MAX_BLUR_RADIUS == decode_heatmaps.blur_radius(20)
    assert f'#define MAX_BLUR_RADIUS {structs.MAX_BLUR_RADIUS} ' in source
    text = replace(PLAIN, blur_sigma=20.1).to_json()
    with pytest.raises(ValueError, match='blur_sigma between 0 and 20'):
        ModelSpec.from_json(text)
    with pytest.raises(ValueError, match='blur_sigma'):
        structs.decoder_record(replace(PLAIN, blur_sigma=20.1), (192, 256), 1, 0.0, False)


def test_the_kernels_number_refinements_as_the_reference_does() -> None:
    source = (FOLDER / 'structs.cuh').read_text(encoding='utf-8')
    assert f'enum Refinement {{ {", ".join(REFINEMENTS).upper()} }};' in source
    summit = (FOLDER / 'summit.cuh').read_text(encoding='utf-8')
    assert f'#define MIN_HEIGHT {decode_heatmaps.MIN_HEIGHT:g}f ' in summit
    assert f'#define MAX_STEP_PX {decode_heatmaps.MAX_STEP_PX:.1f}f ' in summit


@every_refinement
def test_numbers_that_are_none_are_reported(device_kernels, spec: ModelSpec) -> None:
    maps = gaussians(3, 12, 16, 3).astype(np.float32)
    bad = list(product([np.nan, np.inf, -np.inf], [(0, 0), (8, 8), (15, 11)]))
    for k, (value, at) in enumerate(bad, start=4):
        maps[1, k][at] = value
    affines = views_of((48, 64), 3)
    got = read_by_kernel(device_kernels, {'heatmaps': maps}, spec, (48, 64), affines)
    assert np.argwhere(np.isnan(got[..., 2])).tolist() == [[1, 4 + i] for i in range(len(bad))]


def test_a_scale_of_the_score_comes_before_it_is_clipped(device_kernels) -> None:
    maps = 4 * gaussians(2, 24, 32, 5).astype(np.float32)
    got = check(device_kernels, {'heatmaps': maps}, replace(PLAIN, score_scale=0.2), (96, 128))
    assert 0 < got[..., 2].min() and got[..., 2].max() < 0.95


@every_refinement
def test_block_size_of_the_gpu(device_kernels, driver, spec: ModelSpec) -> None:
    if driver is not None:
        driver.set_block(0)
    maps = gaussians(1, 24, 32, 4).astype(np.float32)
    check(device_kernels, {'heatmaps': maps}, spec, (96, 128))


@pytest.fixture(scope='module')
def thunders_maps() -> np.ndarray:
    """Return its heatmaps of three crops of the demo footage."""
    try:
        with open_source('demo') as source:
            image = next(iter(source)).image
    except SourceError as error:
        pytest.skip(f'the demo footage is not here: {error}')
    height, width = image.shape[:2]
    boxes = np.array([[0, 0, width, height], [width / 2, 0, width, height], [0, 0, 200, 200.0]])
    return maps_of(OnnxNetwork(find_model('movenet_thunder'), 1), image, boxes)


def maps_of(network: OnnxNetwork, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the heatmaps of crops."""
    size = network.spec.input_size
    batch = network.input_array(len(boxes), size)
    network.fill(image, geometry.crop(boxes, size), batch)
    return network.run(batch)['heatmaps']


@every_refinement
def test_thunders_heatmaps_of_a_real_frame(
    device_kernels, spec: ModelSpec, thunders_maps: np.ndarray
) -> None:
    check(device_kernels, {'heatmaps': thunders_maps}, spec, (256, 256))


@pytest.fixture(scope='module')
def foreign_maps(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModelSpec, list[np.ndarray]]:
    """Return the spec of a network of others, and its heatmaps of real photos."""
    data = os.environ.get('POSE_ROS_DATA')
    if not data or not (Path(data) / 'models/simplepose_256x192.onnx').is_file():
        pytest.skip('POSE_ROS_DATA does not name the evaluation data')
    folder = tmp_path_factory.mktemp('foreign')
    (folder / 'net.onnx').symlink_to(Path(data) / 'models/simplepose_256x192.onnx')
    described = Path(__file__).parents[1] / 'backends/simplepose_256x192.json'
    (folder / 'net.json').symlink_to(described)
    network = OnnxNetwork(folder / 'net.onnx', 1)
    maps = []
    for path in sorted((Path(data) / 'coco_dev/images').iterdir())[:6]:
        image = cv2.imread(str(path))
        height, width = image.shape[:2]
        maps.append(maps_of(network, image, np.array([[0.0, 0.0, width, height]])))
    return network.spec, maps


@pytest.mark.data
@every_refinement
def test_maps_of_a_network_of_others_on_real_photos(
    device_kernels, spec: ModelSpec, foreign_maps: tuple[ModelSpec, list[np.ndarray]]
) -> None:
    described, maps = foreign_maps
    assert len(maps) == 6
    for of_photo in maps:
        check(device_kernels, {'heatmaps': of_photo},
              replace(described, refinement=spec.refinement), described.input_size)  # fmt: skip
