# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Say whether this interpreter can host the environment: prints its path, or what it lacks."""

import os
import sys
import sysconfig


def lack():
    """Return what is missing, in a few words, or None. Must parse on any Python 3."""
    version = '%d.%d' % sys.version_info[:2]
    if sys.implementation.name != 'cpython':
        return 'is %s, not CPython' % sys.implementation.name
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        return 'is Python %s; ROS 2 has wheels for 3.10, 3.11 and 3.12' % version
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return 'has no venv module; on Debian and Ubuntu: sudo apt install python%s-venv' % version
    if not os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')):
        return 'has no Python.h; on Debian and Ubuntu: sudo apt install python%s-dev' % version
    return None


missing = lack()
if missing:
    sys.exit(missing)
print(sys.executable)
