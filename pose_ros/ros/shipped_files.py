# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where `config/` is, and the environment that makes large images arrive."""

from __future__ import annotations

import os
from pathlib import Path
import sys

from pose_ros.diagnostics.transport import PROFILE_VARIABLES, TRANSPORTS_VARIABLE

# Without it ROS sets the memory policy of the profile back (rmw_fastrtps, README).
QOS_FROM_PROFILE = 'RMW_FASTRTPS_USE_QOS_FROM_XML'


def config_file(name: str) -> Path:
    """Find a file of `config/`; FileNotFoundError when there is none."""
    return shipped_file('config', name)


def shipped_file(folder_name: str, name: str) -> Path:
    """
    Find a file of one of the package's folders: `config/`, `msg/`.

    Looked for in the checkout that this file is in, then in the share folder of the ROS package
    for each prefix of AMENT_PREFIX_PATH, then where pip puts data files.

    Raises
    ------
    FileNotFoundError
        When it is in none of them.
    """
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    checkout = Path(__file__).resolve().parents[2] / folder_name
    shares = [Path(p, 'share', 'pose_ros', folder_name) for p in (*prefixes, sys.prefix)]
    for folder in (checkout, *shares):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(
        f'{name} is not part of this installation; looked for in '
        + ', '.join(str(folder) for folder in (checkout, *shares))
    )


def transport_environment() -> dict[str, str]:
    """
    Return variables that make Fast DDS use the shipped profile, all of it.

    Returns
    -------
    dict
        Empty when the user has set a profile or a transport.
    """
    own = (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE)
    if any(os.environ.get(variable) for variable in own):
        return {}
    profile = str(config_file('fastdds_shm.xml'))
    return {**{variable: profile for variable in PROFILE_VARIABLES}, QOS_FROM_PROFILE: '1'}
