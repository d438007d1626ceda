# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Parameters of single nodes on a command line: NODE.PARAM=VALUE."""

from __future__ import annotations

from collections.abc import Sequence
import re


class NodeSettingError(ValueError):
    """A setting names no node, or is malformed; the message says which and why."""


def node_settings(texts: Sequence[str], known: Sequence[str]) -> dict[str, list[str]]:
    """
    Return the ROS arguments that settings mean, by node.

    Parameters
    ----------
    texts : sequence of str
        NODE.PARAM=VALUE.
    known : sequence of str
        All nodes that there are.

    Raises
    ------
    NodeSettingError

    Examples
    --------
    >>> node_settings(['pose_tracker.max_lost_s=2.0'], ['pose_camera', 'pose_tracker'])
    {'pose_camera': [], 'pose_tracker': ['-p', 'max_lost_s:=2.0']}
    """
    found: dict[str, list[str]] = {node: [] for node in known}
    for text in texts:
        match = re.fullmatch(r'(\w+)\.([\w./]+?)=(.*)', text, re.DOTALL)
        if match is None:
            raise NodeSettingError(f'--set {text!r}: expected NODE.PARAM=VALUE')
        node, parameter, value = match.groups()
        if node not in found:
            raise NodeSettingError(f'--set {text!r}: unknown node {node!r}: {", ".join(known)}')
        found[node] += ['-p', f'{parameter}:={value}']
    return found
