# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The nodes, a file each."""

from importlib import import_module
from typing import Any

from pose_ros.core.config import NODE_CONFIGS

NODES = tuple(NODE_CONFIGS)


def node_class(name: str) -> type[Any]:
    """Import the class of a node: PoseTrackerNode for pose_tracker."""
    module = import_module(f'pose_ros.ros.nodes.{name}')
    return getattr(module, f'{name.title().replace("_", "")}Node')  # type: ignore[no-any-return]
