# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The passes put together, on backends whose answers are known, and on real footage."""

from dataclasses import replace

from followed_scene import Stage
import numpy as np
import pytest

from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.appearance import describe
from pose_ros.core.estimator.two_pass import TwoPassEstimator, first_pass_size
from pose_ros.core.estimator.view_fusion import FIRST_PASS_WEIGHT
from pose_ros.core.keypoints import Keypoints

IMAGE = np.zeros((480, 640, 3), np.uint8)
# What the first pass counts for where both are as sure as each other.
COARSE_SHARE = FIRST_PASS_WEIGHT / (1 + FIRST_PASS_WEIGHT)
MULTIPOSE = read_spec(find_model('movenet_multipose'))
THUNDER = read_spec(find_model('movenet_thunder'))


def person(x, y, size=100.0, seed=0):
    """Return 17 keypoints within a square."""
    return np.random.default_rng(seed).uniform((x, y), (x + size, y + size), (17, 2))


class Scene(Stage):
    """People whom the first pass sees coarsely."""

    def __init__(self, *people, **given):
        super().__init__(*people, **{'coarse_px': 2.0, **given})


def estimator(scene, **parameters):
    return TwoPassEstimator(scene, EstimatorConfig(**parameters))


def test_two_passes_give_the_sharp_keypoints_best_first():
    a, b = person(50, 50), person(300, 200, 200, 1)
    people = estimator(Scene(a, b)).estimate(IMAGE)
    assert len(people) == 2 and (np.diff(people.person_score) <= 0).all()
    coarse = COARSE_SHARE * 2
    # The same error in pixels is less for a larger person.
    np.testing.assert_allclose(people.xy[0], b + coarse, atol=1e-3)
    np.testing.assert_allclose(people.xy[1], a + coarse, atol=1e-3)


def test_crops_are_looked_at_twice_on_demand():
    scene = Scene(person(50, 50), person(300, 200, 200, 1))
    assert len(estimator(scene, flip_test=True).estimate(IMAGE)) == 2
    assert scene.looks[-1] == ('refine', 4)
    estimator(scene, flip_test=True).estimate(IMAGE, boxes=np.array([[40., 40., 160., 160.]]))
    assert scene.looks[-1] == ('refine', 2)


def test_one_pass_gives_the_coarse_keypoints_and_runs_no_crop():
    scene, a = Scene(person(50, 50)), person(50, 50)
    people = estimator(scene, mode='one-pass').estimate(IMAGE)
    np.testing.assert_allclose(people.xy[0], a + 2, atol=1e-3)
    assert set(scene.calls) == {'detect'}


def test_both_sizes_find_the_same_person_once():
    scene = Scene(person(50, 50))
    scene.score = 0.5  # a weak candidate: both sizes are looked at
    assert len(estimator(scene).estimate(IMAGE)) == 1
    assert scene.looks == [('detect', (448, 352)), ('detect', (192, 160)), ('refine', 1)]
    scene.score = 0.8
    assert len(estimator(scene).estimate(IMAGE)) == 1
    assert scene.looks == [('detect', (448, 352)), ('refine', 1)]
    scene.score = 0.5
    assert len(estimator(scene, detect_second_size_px=0).estimate(IMAGE)) == 1
    assert scene.looks == [('detect', (448, 352)), ('refine', 1)]


def test_what_both_sizes_see_is_fused():
    class Drifting(Scene):
        def detect(self, input_from_image, input_size):
            self.coarse_px += 2.0
            return super().detect(input_from_image, input_size)

    scene, a = Drifting(person(50, 50), score=0.5), person(50, 50)
    found = estimator(scene, mode='one-pass').estimate(IMAGE)
    # 4 and 6 px off, the second look counts half.
    np.testing.assert_allclose(found.xy, [a + 4 + 2 / 3], atol=1e-3)


def test_one_pass_believes_less_in_who_overlaps_a_better_one():
    def scores(ghost):
        scene = Scene(person(50, 50), ghosts=[ghost], score=0.5)
        return estimator(scene, mode='one-pass').estimate(IMAGE).person_score

    apart, together = scores(person(300, 50, 100, 2)), scores(person(52, 52, 100, 2))
    assert len(apart) == len(together) == 2
    assert apart[1] > 0.9 * apart[0] and together[1] < 0.7 * together[0]


def test_a_candidate_that_no_crop_confirms_is_nobody():
    scene = Scene(person(50, 50), ghosts=[person(400, 200, 100, 2)])
    assert len(estimator(scene).estimate(IMAGE)) == 1
    assert scene.looks[-1] == ('refine', 2)


def test_nobody_is_nobody_and_costs_no_crop():
    scene = Scene()
    for mode in ('two-pass', 'one-pass', 'single'):
        assert len(estimator(scene, mode=mode).estimate(IMAGE, 0.0)) == 0
        assert ('refine', 0) not in scene.looks


def test_no_more_crops_than_allowed_and_the_others_stay_coarse():
    people = [person(20 + 150 * (n % 4), 20 + 220 * (n // 4), 120, n) for n in range(6)]
    scene = Scene(*people)
    found = estimator(scene, max_crops=2).estimate(IMAGE)
    assert scene.looks[-1] == ('refine', 2) and len(found) == 6
    distances = sorted(min(np.abs(xy - p).max() for p in people) for xy in found.xy)
    assert (np.array(distances[:2]) < 0.5).all() and (np.array(distances[2:]) > 1).all()


def test_weak_candidates_cost_no_crop():
    scene = Scene(person(50, 50), center=0.05)
    assert len(estimator(scene, min_candidate_score=0.1).estimate(IMAGE)) == 0
    assert ('refine', 1) not in scene.looks


def test_limits_of_what_is_published():
    scene = Scene(person(50, 50), person(300, 200, 200, 1))
    assert len(estimator(scene, max_people=1).estimate(IMAGE)) == 1
    assert len(estimator(scene, min_person_score=0.99).estimate(IMAGE)) == 0
    people = estimator(scene, min_keypoint_score=0.0).estimate(IMAGE)
    assert len(people) == 2
    # Of whom no keypoint is seen, nothing is published.
    seen = estimator(scene, min_keypoint_score=float(people.score.max()) + 1e-3)
    assert len(seen.estimate(IMAGE)) == 0


def test_weak_keypoints_are_missing():
    class Half(Scene):
        def refine(self, input_from_image):
            people = super().refine(input_from_image)
            return replace(people, score=people.score * np.where(np.arange(17) < 9, 1, 0.05))

    people = estimator(Half(person(50, 50))).estimate(IMAGE)
    missing = np.isnan(people.xy).any(axis=2)
    assert missing.tolist() == [[False] * 9 + [True] * 8] and not people.score[missing].any()


def test_single_follows_with_one_crop_per_image():
    scene = Scene(person(50, 50))
    single = estimator(scene, mode='single')
    single.estimate(IMAGE, 0.0)
    assert scene.calls == ['detect', 'refine']
    for n in range(1, 6):
        scene.people[0] = scene.people[0] + 5.0
        people = single.estimate(IMAGE, 0.04 * n)
        assert scene.looks == [('refine', 1)]
        np.testing.assert_allclose(people.xy[0], scene.people[0], atol=1e-3)


def test_single_looks_everywhere_when_the_person_is_lost():
    scene = Scene(person(50, 50))
    single = estimator(scene, mode='single')
    single.estimate(IMAGE, 0.0)
    scene.people[0] = person(480, 300)
    found = single.estimate(IMAGE, 0.04)
    np.testing.assert_allclose(found.xy[0], scene.people[0] + 2 * COARSE_SHARE, atol=1e-3)
    assert scene.calls == ['refine', 'detect', 'refine']
    scene.people.clear()
    assert len(single.estimate(IMAGE, 0.08)) == 0
    scene.people.append(person(200, 200))
    assert len(single.estimate(IMAGE, 0.12)) == 1


def test_single_does_not_follow_the_people_of_another_mode():
    scene = Scene(person(50, 50), person(300, 200, 200, 1))
    one = estimator(scene, mode='two-pass')
    assert len(one.estimate(IMAGE, 0.0)) == 2
    one.config = EstimatorConfig(mode='single')
    assert len(one.estimate(IMAGE, 0.04)) == 1
    assert scene.looks[0][0] == 'detect'
    one.config = EstimatorConfig(mode='two-pass', detection_interval_s=1.0)
    assert len(one.estimate(IMAGE, 0.08)) == 2


def test_single_looks_everywhere_while_the_person_is_doubtful():
    scene = Scene(person(50, 50))
    single = estimator(scene, mode='single')
    single.estimate(IMAGE, 0.0)
    single._roi_tracker._found.person_score[:] = 0.45
    single.estimate(IMAGE, 0.04)
    assert scene.looks[0][0] == 'detect'


def test_boxes_stand_in_for_the_first_pass():
    a, b = person(50, 50), person(300, 200, 200, 1)
    scene = Scene(a, b)
    boxes = [[*p.min(0), *p.max(0)] for p in (a, b)]
    for mode in ('two-pass', 'one-pass', 'single'):
        people = estimator(scene, mode=mode).estimate(IMAGE, 0.0, boxes=boxes, box_scores=[0.5, 1])
        assert scene.looks == [('refine', 2)]
        np.testing.assert_allclose(people.xy[0], b, atol=1e-3)
        np.testing.assert_allclose(people.xy[1], a, atol=1e-3)
        # Box x keypoints.
        np.testing.assert_allclose(people.person_score, [0.8, 0.5 * 0.8], rtol=1e-6)


def test_the_padding_of_boxes_is_that_of_the_network():
    crops = []
    scene = Scene(person(50, 50))
    scene.refine = lambda affines: crops.append(affines) or Keypoints.empty()
    for crop_scale in (1.0, 2.0):
        scene.refiner = replace(THUNDER, crop_scale=crop_scale)
        estimator(scene).estimate(IMAGE, boxes=[[100, 100, 200, 150]])
    np.testing.assert_allclose([c[0, 0, 0] for c in crops], [2.56, 1.28])


def test_a_network_without_centres_leaves_the_centre_to_the_first_pass():
    scene = Scene(person(50, 50), center=0.6)
    scene.coarse_px = 0.0
    score = {}
    for decoder in ('centers', 'heatmaps', 'simcc'):
        scene.refiner = replace(THUNDER, decoder=decoder)
        score[decoder] = float(estimator(scene).estimate(IMAGE).person_score[0])
    # Centre (0.6 and 0.9, geometric mean) and keypoints, geometric mean; 0.6 and keypoints.
    assert score['centers'] == pytest.approx(np.sqrt(np.sqrt(0.6 * 0.9) * 0.8), rel=1e-3)
    assert score['heatmaps'] == score['simcc'] == pytest.approx(np.sqrt(0.6 * 0.8), rel=1e-3)


def test_crops_around_keypoints_are_as_wide_as_the_network_learnt_from():
    scales = []
    scene = Scene(person(50, 50))
    refine = scene.refine

    def watched(affines):
        scales.append(affines[0, 0, 0])
        return refine(affines)

    scene.refine = watched
    for crop_scale in (1.1, 2.2):
        scene.refiner = replace(THUNDER, crop_scale=crop_scale)
        estimator(scene).estimate(IMAGE)
    side = np.ptp(scene.people[0], axis=0).max()
    np.testing.assert_allclose(scales, [256 / side / 1.25, 256 / side / 2.5], rtol=1e-4)


def test_boxes_that_show_nothing_are_nobody():
    scene = Scene(person(50, 50))
    nothing = [
        [10, 10, 10, 50], [50, 50, 10, 10], [-90, 10, -1, 50], [640, 10, 700, 50],
        [np.nan, 10, 40, 50], [10, 10, np.inf, 50],
    ]  # fmt: skip
    for boxes in (nothing, np.empty((0, 4))):
        assert len(estimator(scene).estimate(IMAGE, boxes=boxes)) == 0 and not scene.looks
    assert len(estimator(scene).estimate(IMAGE, boxes=[*nothing, [40, 40, 160, 160]])) == 1
    # One that reaches out of the image is somebody; one without a sure score is the last.
    assert len(estimator(scene).estimate(IMAGE, boxes=[[-80, 40, 160, 160]])) == 1
    with pytest.raises(ValueError, match='boxes'):
        estimator(scene).estimate(IMAGE, boxes=[[1, 2, 3]])
    with pytest.raises(ValueError, match='boxes'):
        estimator(scene).estimate(IMAGE, boxes=[[1, 2, 3, 4]], box_scores=[1, 1])


def test_the_best_boxes_are_looked_at_and_the_same_person_is_found_once():
    scene = Scene(person(50, 50))
    boxes = [[300, 300, 400, 400], [50, 50, 150, 150], [48, 52, 155, 149]]
    scores = [np.nan, 0.9, 0.8]
    people = estimator(scene, max_crops=2).estimate(IMAGE, boxes=boxes, box_scores=scores)
    assert scene.looks == [('refine', 2)] and len(people) == 1
    np.testing.assert_allclose(people.person_score, 0.9 * 0.8, rtol=1e-6)


def test_bad_input_is_refused_and_the_next_image_works():
    one = estimator(Scene(person(50, 50)))
    with pytest.raises(ValueError, match='image'):
        one.estimate(np.zeros((4, 4), np.uint8))
    with pytest.raises(ValueError, match='mode'):
        estimator(Scene(), mode='')
    assert len(one.estimate(IMAGE)) == 1


@pytest.mark.parametrize(
    ('image', 'long_side', 'wanted'),
    [((640, 480), 256, (256, 192)), ((640, 272), 448, (448, 192)), ((480, 640), 256, (192, 256)),
     ((640, 480), 250, (256, 192)), ((1, 1), 448, (448, 448)), ((5000, 1), 448, (448, 32))],
)  # fmt: skip
def test_the_first_pass_has_the_shape_of_the_image(image, long_side, wanted):
    assert first_pass_size(image, long_side, MULTIPOSE) == wanted
    assert first_pass_size(image, long_side, replace(MULTIPOSE, multiple_of=0)) == (256, 256)


def test_people_are_described_only_when_asked_for():
    scene = Scene(person(100, 100), person(300, 200, seed=1))
    assert estimator(scene).estimate(IMAGE).appearance is None
    image = np.random.default_rng(0).integers(0, 255, IMAGE.shape, np.uint8)
    found = estimator(scene, appearance=True).estimate(image)
    np.testing.assert_array_equal(
        found.appearance, describe(CameraImage.from_bgr(image), found.xy))
    assert len(found.appearance) == 2 and found.appearance.any()
