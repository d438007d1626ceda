#!/bin/bash
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
# Sources ROS 2 and the package, then becomes the command.
set -e
# shellcheck disable=SC1090,SC1091
source /opt/ros/"${ROS_DISTRO:-humble}"/setup.bash
# shellcheck disable=SC1091
source /ws/install/setup.bash
exec "$@"
