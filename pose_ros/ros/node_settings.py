# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Single parameters on a command line: NODE.PARAM=VALUE, or PARAM=VALUE where one node has it."""

from __future__ import annotations

from collections.abc import Sequence
import json
from typing import Any

from pose_ros.core.config import NODE_CONFIGS, check_value, coerce, named_fields, nearest
from pose_ros.ros.parameter_files import parse_value


class NodeSettingError(ValueError):
    """A setting names no node or parameter, or is malformed; the message says which and why."""


def node_settings(texts: Sequence[str], known: Sequence[str]) -> dict[str, dict[str, Any]]:
    """
    Return the parameters that settings mean, by node.

    Parameters
    ----------
    texts : sequence of str
        NODE.PARAM=VALUE or PARAM=VALUE.
    known : sequence of str
        The nodes that may be meant.

    Raises
    ------
    NodeSettingError

    Examples
    --------
    >>> node_settings(['pose_tracker.max_lost_s=2', 'mode=single'],
    ...               ['pose_estimator', 'pose_tracker'])
    {'pose_estimator': {'mode': 'single'}, 'pose_tracker': {'max_lost_s': 2.0}}
    """
    found: dict[str, dict[str, Any]] = {node: {} for node in known}
    for text in texts:
        name, equals, value = text.partition('=')
        if not equals or not name:
            raise NodeSettingError(f'set {text!r}: expected NODE.PARAM=VALUE')
        node, parameter = _meant(name.strip(), text, known)
        f = named_fields(NODE_CONFIGS[node])[parameter]
        # A string as it stands: "0" is a webcam.
        given = value if isinstance(f.default, str) else coerce(f, parse_value(value))
        if isinstance(f.default, str) and value[:1] == value[-1:] and value[:1] in ('"', "'"):
            given = parse_value(value)
        try:
            check_value(f, given)
        except ValueError as error:
            raise NodeSettingError(f'set {text!r}: {error}') from error
        found[node][parameter] = list(given) if isinstance(given, tuple) else given
    return found


def ros_arguments(parameters: dict[str, Any]) -> list[str]:
    """Return parameters as ROS arguments: JSON is YAML, and keeps strings strings."""
    return [word for name, value in parameters.items()
            for word in ('-p', f'{name}:={json.dumps(value)}')]


def _meant(name: str, text: str, known: Sequence[str]) -> tuple[str, str]:
    """Return node and parameter of a name."""
    node, _, parameter = name.partition('.')
    names = {n: list(named_fields(NODE_CONFIGS[n])) for n in known}
    if node in names and parameter:
        if parameter in names[node]:
            return node, parameter
        raise NodeSettingError(
            f'set {text!r}: {node} has no parameter {parameter}{nearest(parameter, names[node])}')
    owners = [n for n in known if name in names[n]]
    if len(owners) == 1:
        return owners[0], name
    if owners:
        raise NodeSettingError(
            f'set {text!r}: of which node? {", ".join(f"{n}.{name}" for n in owners)}')
    # A node that is not there, or a parameter that is not.
    if any(parameter in of_node for of_node in names.values()):
        raise NodeSettingError(f'set {text!r}: unknown node {node!r}: {", ".join(known)}')
    every = [p for of_node in names.values() for p in of_node]
    raise NodeSettingError(f'set {text!r}: no node has a parameter {name}{nearest(name, every)}')
