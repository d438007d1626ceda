# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Everybody from crop to crop, the first pass now and then or when late, nobody lost by it."""

from dataclasses import replace

import numpy as np
import pytest

from pose_ros.backends import load_backend
from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.core import geometry
from pose_ros.core.backend import StageTimes
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator import PoseEstimator
from pose_ros.core.following import SURE_SCORE, WARY_S
from pose_ros.core.frame import Frame
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.oks import symmetric_oks
from pose_ros.core.pace import Pace
from pose_ros.media.people_images import people_images

IMAGE = np.full((480, 640, 3), 90, np.uint8)
PERIOD_S = 0.04
START_S = 1.7e9  # stamps are as large as today's
BODY = np.random.default_rng(3).uniform(-1, 1, (17, 2))
BODY[:2] = [[-1, -1], [1, 1]]


def person(x, y, size=100.0):
    """Return 17 keypoints in a square around (x, y)."""
    return BODY * size / 2 + (x, y)


class Stage:
    """
    A backend that sees people, a nearer one (later in the list) before those behind.

    The second pass sees whoever is nearest to the middle of the crop and not hidden; where nobody
    is it gives a weak skeleton, as networks do.
    """

    name, encodings = 'stage', ('bgr8',)
    detector = read_spec(find_model('movenet_multipose'))
    refiner = read_spec(find_model('movenet_thunder'))

    def __init__(self, *people):
        self.people, self.calls, self.times = list(people), [], StageTimes()
        self.center, self.score = 0.9, 0.8

    def load_image(self, image):
        self.calls = []

    load_frame = load_image

    def _visible(self):
        middles = [p.mean(0) for p in self.people]
        return [
            p for n, p in enumerate(self.people)
            if all(np.abs(middles[n] - m).max() > 40 for m in middles[n + 1:])
        ]

    def _keypoints(self, people, strength=1.0):
        xy = np.asarray(people, np.float32).reshape(-1, 17, 2)
        return Keypoints(
            xy, np.full(xy.shape[:2], self.score * strength, np.float32),
            np.full(len(xy), self.center * strength, np.float32),
        )

    def detect(self, input_from_image, input_size):
        self.calls.append('detect')
        return self._keypoints(self._visible())

    def refine(self, input_from_image):
        self.calls.append('refine')
        inverse = geometry.invert(input_from_image)
        middles = geometry.apply(inverse, np.full((1, 1, 2), 127.5))[:, 0]
        half = 128 / input_from_image[:, 0, 0]
        found = []
        for middle, reach in zip(middles, half):
            seen = [p for p in self._visible() if np.abs(p.mean(0) - middle).max() < reach]
            seen.sort(key=lambda p: np.abs(p.mean(0) - middle).max())
            found.append(self._keypoints(seen[:1]) if seen else self._keypoints(
                [person(*middle, 60.0)], 0.15))
        return Keypoints.concatenate(found)

    def close(self):
        pass


class Run:
    """Images of one stage, one after the other."""

    def __init__(self, stage, image=IMAGE, **parameters):
        self.stage, self.image = stage, image
        self.estimator = PoseEstimator(stage, EstimatorConfig(**parameters))
        self.number = 0

    def step(self, periods=1, late=False):
        """Return whom the next image shows."""
        self.number += periods
        return self.estimator.estimate(
            self.image, START_S + self.number * PERIOD_S, late=late)


def sees(found, *people):
    """Whether exactly these people were found."""
    if len(found) != len(people):
        return False
    alike = symmetric_oks(np.array(people, np.float32), found.xy) > 0.8
    return bool(alike.any(axis=1).all() and alike.any(axis=0).all())


def test_the_first_pass_runs_every_so_often_and_on_time():
    run = Run(Stage(person(150, 200), person(400, 200)), redetect_s=0.2)
    kinds = []
    for _ in range(16):
        assert sees(run.step(), *run.stage.people)
        kinds.append('detect' in run.stage.calls)
    assert kinds == [n % 5 == 0 for n in range(16)]
    without = Run(Stage(person(150, 200)))
    for _ in range(4):
        without.step()
        assert without.stage.calls == ['detect', 'refine']


def test_moving_people_are_followed_with_their_scores():
    run = Run(Stage(person(150, 200), person(400, 200)), redetect_s=1.0)
    first = run.step()
    for _ in range(20):
        run.stage.people = [run.stage.people[0] + 8.0, run.stage.people[1] - [6.0, 0.0]]
        found = run.step()
        assert run.stage.calls == ['refine'] and sees(found, *run.stage.people)
        np.testing.assert_allclose(found.person_score, first.person_score, rtol=1e-5)


def test_new_people_are_found_within_redetect_s():
    for late in range(1, 8):
        run = Run(Stage(person(150, 200)), redetect_s=0.2)
        for _ in range(late):
            run.step()
        run.stage.people.append(person(450, 300))
        came_s, waited = run.number * PERIOD_S, 0
        while not sees(run.step(), *run.stage.people):
            waited += 1
            assert waited < 10
        assert (run.number * PERIOD_S) - came_s <= 0.2 + 1e-9


def test_into_an_empty_scene_people_come_at_once():
    run = Run(Stage(), redetect_s=10.0)
    for _ in range(3):
        assert not len(run.step())
    run.stage.people.append(person(300, 200))
    assert sees(run.step(), *run.stage.people)


def test_whoever_is_lost_is_looked_for_in_the_same_image():
    run = Run(Stage(person(150, 200), person(400, 200)), redetect_s=10.0)
    run.step()
    run.step()
    run.stage.people[1] = person(550, 400)  # he jumped, farther than his crop reaches
    assert sees(run.step(), *run.stage.people)
    assert run.stage.calls == ['refine', 'detect', 'refine']
    run.stage.people.pop(0)  # and one has gone
    assert sees(run.step(), *run.stage.people)


def test_nobody_is_lost_at_a_scene_cut():
    stage = Stage(person(150, 200))
    run = Run(stage, redetect_s=10.0)
    run.step()
    run.step()
    assert stage.calls == ['refine']
    # Another scene with somebody at the same place: the crop alone would not notice.
    run.image = np.full_like(IMAGE, 200)
    stage.people.append(person(450, 300))
    assert sees(run.step(), *stage.people)
    # A little more light is no other scene.
    run.image = run.image + np.uint8(10)
    run.step()
    assert stage.calls == ['refine']


def test_people_who_cross_stay_apart():
    run = Run(Stage(person(100, 200), person(500, 205)), redetect_s=0.4)
    hidden = 0
    for _ in range(60):
        run.stage.people = [run.stage.people[0] + [8, 0], run.stage.people[1] - [8, 0]]
        visible = run.stage._visible()
        # Whoever is to be seen is seen, in each image, also right after he was hidden.
        assert sees(run.step(), *visible), run.number
        hidden += len(visible) < 2
    assert 3 < hidden < 20


def test_every_second_late_image_does_without_the_first_pass():
    run = Run(Stage(person(150, 200), person(400, 200)))
    kinds = []
    for late in (True, True, True, True, False, True, False, False):
        run.stage.people = [run.stage.people[0] + 8.0, run.stage.people[1] - [6.0, 0.0]]
        assert sees(run.step(late=late), *run.stage.people)
        kinds.append('detect' in run.stage.calls)
    assert kinds == [True, False, True, False, True, False, True, True]
    run = Run(Stage(person(150, 200)), follow_when_late=False)
    for _ in range(4):
        run.step(late=True)
        assert 'detect' in run.stage.calls


def test_new_people_are_seen_in_the_next_late_image_at_the_latest():
    for number in range(1, 5):
        run = Run(Stage(person(150, 200)))
        for _ in range(number):
            run.step(late=True)
        run.stage.people.append(person(450, 300))
        assert sees(run.step(late=True), *run.stage.people) or (
            sees(run.step(late=True), *run.stage.people))
    run = Run(Stage())
    run.step(late=True)
    run.stage.people.append(person(450, 300))
    assert sees(run.step(late=True), *run.stage.people)


def test_a_late_image_of_another_scene_or_with_somebody_lost_has_its_first_pass():
    run = Run(Stage(person(150, 200)))
    run.step()
    run.image = np.full_like(IMAGE, 200)
    run.stage.people.append(person(450, 300))
    assert sees(run.step(late=True), *run.stage.people)
    run.stage.people[1] = person(600, 420)
    assert sees(run.step(late=True), *run.stage.people)
    assert run.stage.calls == ['refine', 'detect', 'refine']
    # From then on every image has one, for a while.
    kinds = []
    for _ in range(round(WARY_S / PERIOD_S) + 2):
        run.step(late=True)
        kinds.append('detect' in run.stage.calls)
    assert all(kinds[:-3]) and not all(kinds[-3:])


def test_people_who_may_hide_each_other_are_always_looked_for():
    run = Run(Stage(person(100, 200), person(500, 205)))
    touched = 0
    for _ in range(60):
        run.stage.people = [run.stage.people[0] + [8, 0], run.stage.people[1] - [8, 0]]
        before = len(run.stage._visible())
        assert sees(run.step(late=True), *run.stage._visible()), run.number
        apart = abs(run.stage.people[0][:, 0].mean() - run.stage.people[1][:, 0].mean())
        if before == 2 and 40 < apart < 80:
            touched += 1
            assert 'detect' in run.stage.calls
    assert touched > 3


class Played:
    """What comes out of images that take their time, in a time of its own, ms for integers."""

    def __init__(self, camera_hz, first_pass_s=0.038, crop_s=0.015, **parameters):
        stage, pace = Stage(person(150, 200)), Pace()
        estimator = PoseEstimator(stage, EstimatorConfig(**parameters))
        free_s, number, whole = 0.0, -1, []
        self.ages_s, self.published_s, self.waits_s = [], [], []
        while free_s < 20.0:
            number = max(number + 1, int(free_s * camera_hz + 1e-9))  # keep-last 1
            stamp_s = number / camera_hz
            began_s = max(free_s, stamp_s) + 0.001
            pace.begin(began_s)
            estimator.estimate(IMAGE, START_S + stamp_s, late=pace.late)
            free_s = began_s + crop_s + first_pass_s * ('detect' in stage.calls)
            pace.end(free_s)
            self.ages_s.append(free_s - stamp_s)
            self.published_s.append(free_s)
            if 'detect' in stage.calls:
                whole.append((stamp_s, free_s))
        for came_s in np.arange(1.0, 19.0, 0.0013):  # somebody walks in
            self.waits_s.append(next(end for stamp, end in whole if stamp >= came_s) - came_s)
        self.rate_hz = 1.0 / np.diff(self.published_s).mean()

    @property
    def uneven(self):
        return np.percentile(self.ages_s, 99) / np.median(self.ages_s)


def test_when_the_camera_is_too_fast_half_the_images_more_and_newcomers_hardly_later():
    """The figures of docs/benchmarks.md."""
    for camera_hz, later_s in ((60, 0.011), (25, 0.0)):
        plain = Played(camera_hz, follow_when_late=False)
        late, often = Played(camera_hz), Played(camera_hz, follow_when_late=False, redetect_s=0.1)
        print(f'{camera_hz} Hz:', *(
            f'{name} {run.rate_hz:.1f}/s, newcomers after {1e3 * np.mean(run.waits_s):.0f} ms, '
            f'at most {1e3 * max(run.waits_s):.0f}; p99/p50 {run.uneven:.2f};'
            for name, run in (('plain', plain), ('late', late), ('redetect 0.1', often))))
        assert late.rate_hz > min(0.99 * camera_hz, 1.4 * plain.rate_hz)
        assert max(late.ages_s) <= max(plain.ages_s) + 1e-9
        assert np.mean(late.waits_s) <= np.mean(plain.waits_s) + later_s < np.mean(often.waits_s)
        assert late.uneven < 2.0


def test_at_70_percent_load_nothing_changes():
    plain = Played(0.7 * 18, follow_when_late=False)
    late = Played(0.7 * 18)
    assert late.published_s == plain.published_s
    assert late.uneven < 1.1 < Played(0.7 * 18, redetect_s=0.2).uneven


@pytest.mark.parametrize('stamps', [
    (5.0, 4.0), (5.0, 5.0), (5.0, 9.0), (0.0, 0.0), (None, None), (5.0, None), (None, 5.0)])
def test_without_stamps_that_rise_nobody_is_followed(stamps):
    stage = Stage(person(150, 200))
    estimator = PoseEstimator(stage, EstimatorConfig(redetect_s=10.0))
    for stamp_s in stamps:
        estimator.estimate(IMAGE, stamp_s)
        assert stage.calls == ['detect', 'refine']


def test_after_a_clock_that_was_set_back_people_are_followed_again():
    stage = Stage(person(150, 200), person(400, 200))
    estimator = PoseEstimator(stage, EstimatorConfig(redetect_s=1.0))
    for n in range(3):
        estimator.estimate(IMAGE, 1000.0 + n * PERIOD_S)
    stage.people.pop()
    estimator.estimate(IMAGE, 1000.0 + 3 * PERIOD_S)
    assert 'detect' in stage.calls
    estimator.estimate(IMAGE, 10.0)
    assert 'detect' in stage.calls
    estimator.estimate(IMAGE, 10.0 + PERIOD_S)
    assert stage.calls == ['refine']


def test_another_size_mode_or_boxes_end_the_following():
    run = Run(Stage(person(150, 200)), redetect_s=10.0)
    run.step()
    run.image = IMAGE[:400]
    run.step()
    assert 'detect' in run.stage.calls
    config = run.estimator.config
    run.estimator.config = replace(config, mode='one-pass')
    run.step()
    run.estimator.config = config
    run.step()
    assert 'detect' in run.stage.calls
    run.number += 1
    run.estimator.estimate(run.image, START_S + run.number * PERIOD_S, [[100., 100., 200., 200.]])
    run.step()
    assert 'detect' in run.stage.calls
    run.step()
    assert run.stage.calls == ['refine']


def test_more_people_than_crops_are_not_followed():
    run = Run(Stage(*(person(80 + 150 * n, 200) for n in range(4))), redetect_s=10.0, max_crops=3)
    for _ in range(3):
        assert sees(run.step(), *run.stage.people)
        assert 'detect' in run.stage.calls


def test_doubtful_people_come_and_go_without_a_first_pass():
    stage = Stage(person(150, 200))
    stage.score = 0.1
    run = Run(stage, redetect_s=10.0)
    found = run.step()
    assert len(found) == 1 and found.person_score[0] < SURE_SCORE
    stage.people.clear()
    assert not len(run.step())
    assert stage.calls == ['refine']


def test_frames_of_every_encoding_are_compared():
    data = np.full(480 * 640 * 2, 90, np.uint8)
    stage = Stage(person(150, 200))
    for encoding, step in (('bgr8', 0), ('mono16', 1280), ('yuyv', 1280)):
        estimator = PoseEstimator(stage, EstimatorConfig(redetect_s=10.0))
        images = [
            Frame(values, encoding, 640, 480, step) if step else Frame.from_bgr(image)
            for values, image in ((data, IMAGE), (data + 1, IMAGE + 1), (data + 100, IMAGE + 100))
        ]
        followed = []
        for n, image in enumerate(images):
            estimator.estimate(image, n * PERIOD_S)
            followed.append(stage.calls == ['refine'])
        assert followed == [False, True, False], encoding


@pytest.mark.parametrize('count', [1, 5])
def test_a_still_scene_gives_the_same_people_with_the_shipped_networks(count):
    """The same image again and again: at most 3 % of a person's size away, none lost or new."""
    config = EstimatorConfig(backend='onnx')
    backend = load_backend(config)
    image = people_images(count)[0]
    wanted = PoseEstimator(backend, config).estimate(image, 0.0)
    following = PoseEstimator(backend, replace(config, redetect_s=10.0))
    for n in range(5):
        found = following.estimate(image, 0.1 * n)
    sure = wanted.select(wanted.person_score >= 0.2)
    assert len(sure) == count
    alike = symmetric_oks(sure.xy, found.xy)
    assert (alike.max(axis=1) > 0.9).all()
    nearest = found.select(alike.argmax(axis=1))
    size = np.ptp(wanted.boxes_xyxy().reshape(-1, 2, 2), axis=1).max()
    assert np.nanmedian(np.linalg.norm(nearest.xy - sure.xy, axis=2)) < 0.03 * size
    np.testing.assert_allclose(nearest.person_score, sure.person_score, rtol=0.25)
