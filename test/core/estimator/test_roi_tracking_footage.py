# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Late frames on real footage, played faster than the machine is; the shipped networks."""

from __future__ import annotations

import copy
import os
from pathlib import Path

import numpy as np
from played import Answer, play
import pytest

pytest.importorskip('onnxruntime')

from benchmarks.tracking_worlds.mot_sequence import (  # noqa: E402
    MotSequence,
    full_body_boxes,
    read_sequence,
)
from benchmarks.tracking_worlds.scores import Identities, MetricsMissing  # noqa: E402
from pose_ros.backends import load_backend  # noqa: E402
from pose_ros.core.config import EstimatorConfig, TrackerConfig  # noqa: E402
from pose_ros.core.estimator.two_pass import TwoPassEstimator  # noqa: E402
from pose_ros.core.geometry import box_iou  # noqa: E402
from pose_ros.core.keypoints import Keypoints  # noqa: E402
from pose_ros.core.oks import symmetric_oks  # noqa: E402
from pose_ros.core.tracking.tracker import Tracker  # noqa: E402
from pose_ros.core.tracking.tracks import TrackState  # noqa: E402
from pose_ros.media.sources import open_source  # noqa: E402

# As the tracker begins tracks.
SURE, KEYPOINTS = TrackerConfig().new_track_score, TrackerConfig().min_keypoints
HOLD_S = 0.45  # LOST people are still reported for so long


@pytest.fixture(scope='module')
def backend():
    return load_backend(EstimatorConfig(backend='onnx', num_threads=1))


def _sure(people: Keypoints) -> Keypoints:
    """Return the people whom the tracker takes for people."""
    return people.select((people.person_score >= SURE) & (
        np.isfinite(people.xy).all(axis=2).sum(axis=1) >= KEYPOINTS))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_followed_people_are_those_whom_the_first_pass_finds(backend) -> None:
    with open_source('demo') as source:
        frames = [(f.time_s, f.image.copy()) for f in source if 72 <= f.index < 112]
    answers = play(backend, frames, 1.0)
    looked_for = TwoPassEstimator(backend, EstimatorConfig())
    shares, followed = [], [a for a in answers if a.followed]
    for answer in followed:
        wanted = looked_for.estimate(frames[answer.number][1])
        sure = _sure(wanted)
        if len(sure):
            alike = symmetric_oks(sure.xy, answer.people.xy)
            assert (alike.max(axis=1) > 0.5).all(), answer.number
            nearest = answer.people.select(alike.argmax(axis=1))
            off = np.nanmedian(np.linalg.norm(nearest.xy - sure.xy, axis=2), axis=1)
            size = np.sqrt(np.ptp(sure.boxes_xyxy().reshape(-1, 2, 2), axis=1).prod(axis=1))
            shares += list(off / size)
        for person in _sure(answer.people).xy:
            assert symmetric_oks(person[None], wanted.xy).max() > 0.5, answer.number
    print(f'{len(answers)} of {len(frames)} images, {len(followed)} followed, {len(shares)} '
          f'people in them; keypoints {100 * np.median(shares):.1f} % of the size away')
    assert len(followed) >= 5 and len(shares) >= 5 and np.median(shares) < 0.02


def scores(sequence: MotSequence, answers: list[Answer]) -> dict[str, float]:
    """Score what a listener knows at each image's time: the latest answer, carried forward."""
    frames, tracker, known = list(sequence.frames()), Tracker(), []
    for answer in answers:
        stamp_s, image = frames[answer.number]
        tracker.update(stamp_s, answer.people, (image.shape[1], image.shape[0]))
        known.append((answer.published_s, copy.deepcopy(tracker)))
    result = Identities()
    for (stamp_s, _), ids, boxes in zip(frames, sequence.ids, sequence.boxes):
        before = [t for at_s, t in known if at_s <= stamp_s - frames[0][0]]
        tracks = (copy.deepcopy(before[-1]) if before else Tracker()).predict(stamp_s)
        tracks = tracks.select(
            (tracks.state >= TrackState.CONFIRMED) & (tracks.since_seen_s <= HOLD_S))
        there = np.isfinite(tracks.xy).any(axis=(1, 2))
        similarity = box_iou(
            boxes[:, None], full_body_boxes(tracks.xy[there].astype(np.float64)))
        result.add(ids, tracks.id[there], similarity)
    return result.scores()


@pytest.mark.nightly('a sequence of 71 crowded images played four times, a minute')
@pytest.mark.data
@pytest.mark.timeout(600)
def test_in_a_crowd_nobody_is_followed_worse(backend) -> None:
    folder = Path(os.environ.get('POSE_ROS_DATA', '')) / 'tud_campus'
    if not folder.is_dir():
        pytest.skip('POSE_ROS_DATA/tud_campus')
    sequence = read_sequence(folder)
    frames, gains = list(sequence.frames()), []
    for slowness in (0.5, 0.7):
        rows = []
        for follows in (False, True):
            answers = play(backend, frames, slowness, skip_detection_when_late=follows)
            try:
                rows.append(scores(sequence, answers))
            except MetricsMissing as error:
                pytest.skip(str(error))
            print(f'slowness {slowness}, skip when late {follows}: {len(answers)} images of '
                  f'{len(frames)}, {sum(a.followed for a in answers)} followed; '
                  f'MOTA {rows[-1]["mota"]:.1f}, IDF1 {rows[-1]["idf1"]:.1f}')
        gains.append([rows[1][name] - rows[0][name] for name in ('mota', 'idf1')])
    # A phase of the images more or less is worth up to 4 on so short a sequence.
    assert (np.mean(gains, axis=0) > -4.0).all(), gains
