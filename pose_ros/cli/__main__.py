# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`python -m pose_ros.cli`."""

import sys

from pose_ros.cli import main

sys.exit(main())
