# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What is measured: `python -m benchmarks.NAME` from a checkout, `--help` explains each.

    bench       cost, rate, latency and accuracy on this machine (`make bench`)
    peers       our nodes beside plain ones
    cameras     several cameras on one machine
    tracking    ids, jitter, delay: synthetic worlds, MOT sequences, other trackers
    depth       3-D joints: a synthetic world, a recorded RGB-D sequence
    proximity   distances to zones against a synthetic RGB-D world

Not installed; may import everything of pose_ros, and nothing imports it.
"""
