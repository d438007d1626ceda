# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Write test/golden/tracker.npz: detections, and what the tracker made of them.

Run it only when the tracker is meant to behave differently, and look at the difference:
    PYTHONPATH=. ./run python test/golden/make_tracker_golden.py
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.tracking_worlds.synthetic_world import View, frames, scenes
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracking.tracker import Tracker

FILE = Path(__file__).with_name('tracker.npz')
OUTPUTS = ('id', 'state', 'xy', 'velocity', 'covariance', 'keypoint_state')
IMAGE_SIZE = (1280, 720)


def run(stamps, counts, xy, score, person_score):
    """Track detections stored one after another; return the outputs likewise, by name."""
    tracker, found = Tracker(), []
    ends = np.cumsum(counts)
    for stamp_s, start, end in zip(stamps.tolist(), ends - counts, ends):
        people = Keypoints(xy[start:end], score[start:end], person_score[start:end])
        found.append(tracker.update(stamp_s, people, IMAGE_SIZE))
    outputs = {name: np.concatenate([getattr(t, name) for t in found]) for name in OUTPUTS}
    return outputs | {'tracks': np.array([len(t) for t in found])}


def main():
    """Write the file."""
    scene = replace(scenes()['hidden'], duration_s=4.5)
    seen = list(frames(scene, View(15.0), 11))
    people = [frame.keypoints for frame in seen]
    inputs = {
        'stamps': np.array([frame.stamp_s for frame in seen]),
        'counts': np.array([len(p) for p in people]),
        'xy': np.concatenate([p.xy for p in people]),
        'score': np.concatenate([p.score for p in people]),
        'person_score': np.concatenate([p.person_score for p in people]),
    }
    outputs = {f'out_{name}': value for name, value in run(**inputs).items()}
    np.savez_compressed(FILE, **inputs, **outputs)


if __name__ == '__main__':
    main()
