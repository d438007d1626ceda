# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The kernels that read people from MoveNet's maps, against core/decode/movenet.py."""

from __future__ import annotations

from dataclasses import replace

from kernel_views import IMAGE_SIZE, assert_same, in_image, views_of
import numpy as np
import pytest

from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.backends.onnx import OnnxNetwork
from pose_ros.backends.tensorrt.kernels import structs
from pose_ros.core import geometry
from pose_ros.core.backend import ModelSpec
from pose_ros.core.decode import movenet as decode
from pose_ros.media.sources import SourceError, open_source

pytestmark = pytest.mark.gpu
MULTIPOSE = read_spec(find_model('movenet_multipose'))
THUNDER = read_spec(find_model('movenet_thunder'))


def random_maps(
    size: tuple[int, int], batch: int = 3, seed: int = 0, dtype: type = np.float32
) -> dict[str, np.ndarray]:
    """Return head maps with values like a network's: scores below 1, guesses off the map."""
    rng = np.random.default_rng(seed)
    width, height = (n // 4 for n in size)
    maps = {
        'heatmaps': rng.random((batch, 17, height, width)) ** 4,
        'centers': rng.random((batch, 1, height, width)) ** 6,
        'regress': rng.normal(0, 12, (batch, 34, height, width)),
        'offsets': rng.normal(0, 0.6, (batch, 34, height, width)),
    }
    return {role: values.astype(dtype) for role, values in maps.items()}


def check_people(device_kernels, maps, spec, size, max_people=30, min_center=0.05) -> int:
    """Compare the first pass with the reference; return how many people there are."""
    affines = views_of(size, len(maps['centers']))
    is_half = maps['centers'].dtype == np.float16
    reference = {role: values.astype(np.float32) for role, values in maps.items()}
    view, people = decode.decode_people(reference, spec, max_people, min_center)
    decoder = structs.decoder_record(spec, size, max_people, min_center, is_half)
    views = structs.views_of(affines, IMAGE_SIZE, size)
    count, cell, score = device_kernels.peaks(maps['centers'], decoder)
    np.testing.assert_array_equal(count, np.bincount(view, minlength=len(affines)))
    found = np.arange(max_people) < count[:, None]
    np.testing.assert_array_equal(score[found], people.person_score)
    got = device_kernels.keypoints(maps, decoder, views, count, cell)
    assert np.isnan(got[~found]).all(), 'wrote where there is nobody'
    assert_same(got[found], in_image(people, affines[view]))
    return len(people)


@pytest.mark.parametrize('spec', [MULTIPOSE, THUNDER], ids=['gaussian', 'reciprocal'])
@pytest.mark.parametrize(
    ('size', 'dtype'), [((256, 192), np.float16), ((96, 160), np.float32)], ids=str
)
def test_people_of_random_maps(device_kernels, spec: ModelSpec, size, dtype) -> None:
    maps = random_maps(size, dtype=dtype)
    assert check_people(device_kernels, maps, spec, size, max_people=4) == 12


def test_all_people_are_found_when_there_is_room(device_kernels) -> None:
    size = (128, 96)
    maps = random_maps(size, batch=2)
    assert 8 < check_people(device_kernels, maps, MULTIPOSE, size, 100, 0.3) < 100


def test_nobody(device_kernels) -> None:
    size = (64, 64)
    maps = random_maps(size)
    maps['centers'][1] *= 0.01
    maps['centers'][2] = 0
    check_people(device_kernels, maps, MULTIPOSE, size, 5)
    maps['centers'] *= 0
    assert check_people(device_kernels, maps, MULTIPOSE, size) == 0


def test_equal_centers_count_in_the_order_of_the_map(device_kernels) -> None:
    size = (64, 64)
    maps = random_maps(size, batch=1)
    maps['centers'][:] = 0.5  # every pixel is a peak
    assert check_people(device_kernels, maps, MULTIPOSE, size, 7) == 7


def test_equal_heatmap_values_give_the_first(device_kernels) -> None:
    size = (64, 64)
    maps = random_maps(size, batch=1)
    maps['heatmaps'][:] = 0.0
    check_people(device_kernels, maps, MULTIPOSE, size, 7)
    check_people(device_kernels, maps, THUNDER, size, 7)


def test_guesses_far_outside_of_the_map(device_kernels) -> None:
    size = (64, 64)
    maps = random_maps(size)
    maps['regress'] *= 20
    check_people(device_kernels, maps, MULTIPOSE, size, 10)
    check_people(device_kernels, maps, THUNDER, size, 10)


@pytest.mark.parametrize('dtype', [np.float32, np.float16])
def test_person_of_each_crop(device_kernels, dtype: type) -> None:
    size = (256, 192)
    maps = random_maps(size, seed=5, dtype=dtype)
    check_person(device_kernels, maps, THUNDER, size)


def check_person(device_kernels, maps, spec, size) -> np.ndarray:
    affines = views_of(size, len(maps['centers']))
    reference = {role: values.astype(np.float32) for role, values in maps.items()}
    people = decode.decode_person(reference, spec)
    is_half = maps['centers'].dtype == np.float16
    decoder = structs.decoder_record(spec, size, 1, 0.0, is_half)
    views = structs.views_of(affines, IMAGE_SIZE, size)
    count, cell, score = device_kernels.middle_person(maps['centers'], decoder)
    np.testing.assert_array_equal(count, 1)
    np.testing.assert_array_equal(score[:, 0], people.person_score)
    got = device_kernels.keypoints(maps, decoder, views, count, cell)[:, 0]
    assert_same(got, in_image(people, affines))
    return got


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_numbers_that_are_none_are_reported(device_kernels, bad: float) -> None:
    size = (64, 64)
    views = structs.views_of(views_of(size, 3), IMAGE_SIZE, size)
    maps = random_maps(size)
    maps['centers'][1, 0, 9, 9] = bad
    decoder = structs.decoder_record(THUNDER, size, 1, 0.0, False)
    assert device_kernels.middle_person(maps['centers'], decoder)[0].tolist() == [1, -1, 1]
    assert device_kernels.peaks(maps['centers'], decoder)[0].tolist() == [1, -1, 1]
    maps = random_maps(size)
    maps['heatmaps'][2, 3, 9, 9] = bad
    count, cell, _ = device_kernels.middle_person(maps['centers'], decoder)
    got = device_kernels.keypoints(maps, decoder, views, count, cell)
    assert np.argwhere(np.isnan(got[..., 2])).tolist() == [[2, 0, 3]]
    for role in ('regress', 'offsets'):
        maps = random_maps(size)
        maps[role][:, 6] = bad  # dy of keypoint 3
        count, cell, _ = device_kernels.middle_person(maps['centers'], decoder)
        got = device_kernels.keypoints(maps, decoder, views, count, cell)
        assert np.argwhere(np.isnan(got[..., 2]))[:, 2].tolist() == [3, 3, 3]


def test_the_networks_own_maps_of_a_real_frame(device_kernels) -> None:
    try:
        with open_source('demo') as source:
            image = next(iter(source)).image
    except SourceError as error:
        pytest.skip(f'the demo footage is not here: {error}')
    network = OnnxNetwork(find_model('movenet_multipose'), 1)
    size = (256, 160)
    height, width = image.shape[:2]
    batch = network.input_array(1, size)
    network.fill(image, geometry.letterbox((width, height), size)[None], batch)
    assert check_people(device_kernels, network.run(batch), MULTIPOSE, size) > 0
    network = OnnxNetwork(find_model('movenet_thunder'), 1)
    batch = network.input_array(2, (256, 256))
    boxes = np.array([[0.0, 0.0, width, height], [width / 2, 0.0, width, height]])
    network.fill(image, geometry.crop(boxes, (256, 256)), batch)
    check_person(device_kernels, network.run(batch), THUNDER, (256, 256))


def test_keypoint_order_does_not_matter_to_the_kernels(device_kernels) -> None:
    """The kernels read heatmaps as they come; names are put in order on the host."""
    size = (64, 64)
    spec = replace(MULTIPOSE, keypoints=MULTIPOSE.keypoints[:5])
    maps = random_maps(size)
    maps = {
        'centers': maps['centers'],
        'heatmaps': np.ascontiguousarray(maps['heatmaps'][:, :5]),
        'regress': np.ascontiguousarray(maps['regress'][:, :10]),
        'offsets': np.ascontiguousarray(maps['offsets'][:, :10]),
    }
    decoder = structs.decoder_record(spec, size, 3, 0.05, False)
    affines = views_of(size, 3)
    view, people = decode.decode_people(maps, spec, 3, 0.05)
    count, cell, _ = device_kernels.peaks(maps['centers'], decoder)
    views = structs.views_of(affines, IMAGE_SIZE, size)
    got = device_kernels.keypoints(maps, decoder, views, count, cell).reshape(-1, 5, 3)
    assert_same(got, in_image(people, affines[view])[:, :5])


def test_block_size_of_the_gpu(device_kernels, driver) -> None:
    if driver is not None:
        driver.set_block(0)
    size = (96, 64)
    check_people(device_kernels, random_maps(size, batch=1), MULTIPOSE, size, 3)
    check_person(device_kernels, random_maps(size, batch=1), THUNDER, size)


@pytest.mark.parametrize('far', [1.185, 1.175])
def test_the_middle_counts_as_in_the_reference(device_kernels, far: float) -> None:
    """0.18 / 1.8 in the middle against far / (10 + 1.8): 1.7 or 1.9 would choose the other."""
    size = (128, 96)
    maps = random_maps(size, batch=1)
    maps['centers'][:] = 0
    maps['centers'][0, 0, 12, 16] = 0.18
    maps['centers'][0, 0, 12, 26] = far
    check_person(device_kernels, maps, THUNDER, size)
