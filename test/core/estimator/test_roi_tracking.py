# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Everybody from crop to crop, the first pass now and then, nobody lost by it."""

from __future__ import annotations

from dataclasses import replace

from demo_footage import demo_footage
from followed_scene import IMAGE, PERIOD_S, START_S, Run, Stage, person, sees
import numpy as np
import pytest

from benchmarks.people_images import people_images
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.roi_tracking import SURE_SCORE
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.oks import symmetric_oks


def test_the_first_pass_runs_every_so_often_and_on_time():
    run = Run(Stage(person(150, 200), person(400, 200)), detection_interval_s=0.2)
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
    run = Run(Stage(person(150, 200), person(400, 200)), detection_interval_s=1.0)
    first = run.step()
    for _ in range(20):
        run.stage.people = [run.stage.people[0] + 8.0, run.stage.people[1] - [6.0, 0.0]]
        found = run.step()
        assert run.stage.calls == ['refine'] and sees(found, *run.stage.people)
        np.testing.assert_allclose(found.person_score, first.person_score, rtol=1e-5)


@pytest.mark.parametrize('known', [True, False])
def test_crops_go_with_a_camera_that_turns(known):
    """By more than half a crop an image: without its motion the people are lost each time."""
    run = Run(Stage(person(150, 200), person(150, 380)), detection_interval_s=1.0)
    run.step()
    motion = np.array([[1.0, 0.0, 90.0], [0.0, 1.0, 5.0], [0.0, 0.0, 1.0]])
    for _ in range(4):
        run.stage.people = [p + [90.0, 5.0] for p in run.stage.people]
        found = run.step(camera_motion=motion if known else None)
        assert sees(found, *run.stage.people)
        assert ('detect' in run.stage.calls) != known


def test_new_people_are_found_within_redetect_s():
    for late in (1, 4, 7):
        run = Run(Stage(person(150, 200)), detection_interval_s=0.2)
        for _ in range(late):
            run.step()
        run.stage.people.append(person(450, 300))
        came_s, waited = run.number * PERIOD_S, 0
        while not sees(run.step(), *run.stage.people):
            waited += 1
            assert waited < 10
        assert (run.number * PERIOD_S) - came_s <= 0.2 + 1e-9
    run = Run(Stage(), detection_interval_s=10.0)  # into an empty scene at once
    assert not len(run.step())
    run.stage.people.append(person(300, 200))
    assert sees(run.step(), *run.stage.people)


def test_whoever_is_lost_is_looked_for_in_the_same_image():
    run = Run(Stage(person(150, 200), person(400, 200)), detection_interval_s=10.0)
    run.step()
    run.step()
    run.stage.people[1] = person(550, 400)  # he jumped, farther than his crop reaches
    assert sees(run.step(), *run.stage.people)
    assert run.stage.calls == ['refine', 'detect', 'refine']
    run.stage.people.pop(0)  # and one has gone
    assert sees(run.step(), *run.stage.people)


def test_nobody_is_lost_at_a_scene_cut():
    stage = Stage(person(150, 200))
    run = Run(stage, detection_interval_s=10.0)
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
    run = Run(Stage(person(100, 200), person(500, 205)), detection_interval_s=0.4)
    hidden = 0
    for _ in range(60):
        run.stage.people = [run.stage.people[0] + [8, 0], run.stage.people[1] - [8, 0]]
        visible = run.stage._visible()
        # Whoever is to be seen is seen, in each image, also right after he was hidden.
        assert sees(run.step(), *visible), run.number
        hidden += len(visible) < 2
    assert 3 < hidden < 20


@pytest.mark.parametrize('stamps', [
    (5.0, 4.0), (5.0, 5.0), (5.0, 9.0), (None, None), (5.0, None)])
def test_without_stamps_that_rise_nobody_is_followed(stamps):
    stage = Stage(person(150, 200))
    estimator = TwoPassEstimator(stage, EstimatorConfig(detection_interval_s=10.0))
    for stamp_s in stamps:
        estimator.estimate(IMAGE, stamp_s)
        assert stage.calls == ['detect', 'refine']


def test_after_a_clock_that_was_set_back_people_are_followed_again():
    stage = Stage(person(150, 200), person(400, 200))
    estimator = TwoPassEstimator(stage, EstimatorConfig(detection_interval_s=1.0))
    for n in range(3):
        estimator.estimate(IMAGE, 1000.0 + n * PERIOD_S)
    stage.people.pop()
    estimator.estimate(IMAGE, 1000.0 + 3 * PERIOD_S)
    assert 'detect' in stage.calls
    estimator.estimate(IMAGE, 10.0)
    assert 'detect' in stage.calls
    estimator.estimate(IMAGE, 10.0 + PERIOD_S)
    assert stage.calls == ['refine']


def test_another_size_mode_or_boxes_end_the_roi_tracker():
    run = Run(Stage(person(150, 200)), detection_interval_s=10.0)
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
    stage = Stage(*(person(80 + 150 * n, 200) for n in range(4)))
    run = Run(stage, detection_interval_s=10.0, max_crops=3)
    for _ in range(3):
        assert sees(run.step(), *run.stage.people)
        assert 'detect' in run.stage.calls


def test_doubtful_people_come_and_go_without_a_first_pass():
    stage = Stage(person(150, 200))
    stage.score = 0.02
    run = Run(stage, detection_interval_s=10.0, min_candidate_score=0.0, min_keypoint_score=0.0)
    found = run.step()
    assert len(found) == 1 and found.person_score[0] < SURE_SCORE
    stage.people.clear()
    assert not len(run.step())
    assert stage.calls == ['refine']


def test_frames_of_every_encoding_are_compared():
    data = np.full(480 * 640 * 2, 90, np.uint8)
    stage = Stage(person(150, 200))
    for encoding, step in (('bgr8', 0), ('mono16', 1280), ('yuyv', 1280)):
        estimator = TwoPassEstimator(stage, EstimatorConfig(detection_interval_s=10.0))
        images = [
            CameraImage(values, encoding, 640, 480, step) if step else CameraImage.from_bgr(image)
            for values, image in ((data, IMAGE), (data + 1, IMAGE + 1), (data + 100, IMAGE + 100))
        ]
        followed = []
        for n, image in enumerate(images):
            estimator.estimate(image, n * PERIOD_S)
            followed.append(stage.calls == ['refine'])
        assert followed == [False, True, False], encoding


def test_a_still_scene_gives_the_same_people_with_the_shipped_networks(backend):
    """The same image again and again: at most 3 % of a person's size away, none lost or new."""
    demo_footage()
    config, image = EstimatorConfig(), people_images(5)[0]
    wanted = TwoPassEstimator(backend, config).estimate(image, 0.0)
    following = TwoPassEstimator(backend, replace(config, detection_interval_s=10.0))
    for n in range(3):
        found = following.estimate(image, 0.1 * n)
    sure = wanted.select(wanted.person_score >= 0.5)
    assert len(sure) == 5
    alike = symmetric_oks(sure.xy, found.xy)
    assert (alike.max(axis=1) > 0.9).all()
    nearest = found.select(alike.argmax(axis=1))
    size = np.ptp(wanted.boxes_xyxy().reshape(-1, 2, 2), axis=1).max()
    assert np.nanmedian(np.linalg.norm(nearest.xy - sure.xy, axis=2)) < 0.03 * size
    np.testing.assert_allclose(nearest.person_score, sure.person_score, rtol=0.25)
