# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images that had to wait: every second one without the first pass, and what that costs."""

from __future__ import annotations

from followed_scene import IMAGE, PERIOD_S, START_S, Run, Stage, person, sees
import numpy as np

from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.late_frames import LateFrames
from pose_ros.core.estimator.roi_tracking import WARY_S
from pose_ros.core.estimator.two_pass import TwoPassEstimator


def test_every_second_late_image_does_without_the_first_pass():
    run = Run(Stage(person(150, 200), person(400, 200)))
    kinds = []
    for late in (True, True, True, True, False, True, False, False):
        run.stage.people = [run.stage.people[0] + 8.0, run.stage.people[1] - [6.0, 0.0]]
        assert sees(run.step(late=late), *run.stage.people)
        kinds.append('detect' in run.stage.calls)
    assert kinds == [True, False, True, False, True, False, True, True]
    run = Run(Stage(person(150, 200)), skip_detection_when_late=False)
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
        stage, late_frames = Stage(person(150, 200)), LateFrames()
        estimator = TwoPassEstimator(
            stage, EstimatorConfig(camera_motion='off', **parameters))
        free_s, number, whole = 0.0, -1, []
        self.ages_s, self.published_s = [], []
        while free_s < 20.0:
            number = max(number + 1, int(free_s * camera_hz + 1e-9))  # keep-last 1
            stamp_s = number / camera_hz
            began_s = max(free_s, stamp_s) + 0.001
            late_frames.begin(began_s)
            estimator.estimate(IMAGE, START_S + stamp_s, late=late_frames.late)
            free_s = began_s + crop_s + first_pass_s * ('detect' in stage.calls)
            late_frames.end(free_s)
            self.ages_s.append(free_s - stamp_s)
            self.published_s.append(free_s)
            if 'detect' in stage.calls:
                whole.append((stamp_s, free_s))
        stamps_s, ends_s = np.array(whole).T
        came_s = np.arange(1.0, 19.0, 0.0013)  # somebody walks in
        self.waits_s = ends_s[np.searchsorted(stamps_s, came_s)] - came_s
        self.rate_hz = 1.0 / np.diff(self.published_s).mean()

    @property
    def uneven(self):
        return np.percentile(self.ages_s, 99) / np.median(self.ages_s)


def test_when_the_camera_is_too_fast_half_the_images_more_and_newcomers_hardly_later():
    """The figures of docs/benchmarks.md."""
    for camera_hz, later_s in ((60, 0.011), (25, 0.0)):
        plain = Played(camera_hz, skip_detection_when_late=False)
        late, often = Played(camera_hz), Played(
            camera_hz, skip_detection_when_late=False, detection_interval_s=0.1)
        print(f'{camera_hz} Hz:', *(
            f'{name} {run.rate_hz:.1f}/s, newcomers after {1e3 * np.mean(run.waits_s):.0f} ms, '
            f'at most {1e3 * max(run.waits_s):.0f}; p99/p50 {run.uneven:.2f};'
            for name, run in (('plain', plain), ('late', late), ('redetect 0.1', often))))
        assert late.rate_hz > min(0.99 * camera_hz, 1.4 * plain.rate_hz)
        assert max(late.ages_s) <= max(plain.ages_s) + 1e-9
        assert np.mean(late.waits_s) <= np.mean(plain.waits_s) + later_s < np.mean(often.waits_s)
        assert late.uneven < 2.0


def test_at_70_percent_load_nothing_changes():
    plain = Played(0.7 * 18, skip_detection_when_late=False)
    late = Played(0.7 * 18)
    assert late.published_s == plain.published_s
    assert late.uneven < 1.1 < Played(0.7 * 18, detection_interval_s=0.2).uneven
