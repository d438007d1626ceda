# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
What `python -m benchmarks.peers` runs beside our nodes: plain nodes, written as people write them.

Nothing else imports them. Each is one file, and reads like the answer to "how do I get skeletons
in ROS 2": a subscription with the default QoS, the whole work in its callback, results published
as geometry_msgs/PoseArray. They are no straw men: the weights are the same, messages are filled
the quick way, and images arrive through the same shared memory.
"""
