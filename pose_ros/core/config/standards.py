# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters of pose_standards."""

from __future__ import annotations

from dataclasses import dataclass

from pose_ros.core.config.parameter import param


@dataclass(frozen=True)
class StandardsConfig:
    """Parameters of pose_standards."""

    bodies: str = param(
        'humans/bodies',
        'Topics of hri_msgs begin with it; REP-155 wants /humans/bodies, which it is without a '
        'namespace',
        live=False,
    )
    body_id_prefix: str = param(
        'b', "Body ids are this and the person's id; a letter first", live=False
    )
    autostart: bool = param(True, 'Configure and activate by itself at start', live=False)
