# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Camera images in, tracked 17-keypoint skeletons out: a ROS 2 package."""

from pkgutil import extend_path

# The generated `pose_ros.msg` is in the folder that colcon installs to. When this very file is
# elsewhere (Python started in a checkout, a pip installation beside a sourced workspace), the
# package spans both folders.
__path__ = extend_path(__path__, __name__)
