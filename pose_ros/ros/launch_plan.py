# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Which processes are started, and with what: for the launch file and for `pose_ros up`.

Everything that can be wrong with the arguments is found here, before anything is started.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
import re
from typing import Any

from pose_ros.ros.cameras import CamerasError, cameras
from pose_ros.ros.node_settings import NodeSettingError, node_settings
from pose_ros.ros.nodes import NODES
from pose_ros.ros.parameter_files import ParameterFileError, check_parameter_file
from pose_ros.ros.shipped_files import config_file

COMPOSED = ('pose_estimator', 'pose_tracker')  # in one process, when asked for
LOG_LEVELS = ('debug', 'info', 'warn', 'error', 'fatal')
_TRUE = ('true', '1', 'yes', 'y', 'on')
_FALSE = ('false', '0', 'no', 'n', 'off')
_TOPIC = re.compile(r'(~/|/)?[A-Za-z_]\w*(/[A-Za-z_]\w*)*', re.ASCII)


class LaunchError(ValueError):
    """An argument does not make sense; the message names it and says why."""


ERRORS = (LaunchError, CamerasError, NodeSettingError, ParameterFileError)
"""All that `plan` raises."""


@dataclass(frozen=True)
class LaunchArguments:
    """
    What the user decides.

    Attributes
    ----------
    nodes : sequence of str
        Which to start; empty for the usual ones and those that other arguments ask for.
    camera : str or None
        Source of a pose_camera to start.
    cameras, namespace, image : str
        As `cameras` in cameras.py takes them.
    depth, detections : str
        Topics; each also switches on what uses it. Empty for none.
    settings : sequence of str
        NODE.PARAM=VALUE; they win over everything else.
    remaps : sequence of str
        FROM:=TO, for all nodes.
    """

    nodes: tuple[str, ...] = ()
    camera: str | None = None
    loop: bool = False
    cameras: str = ''
    namespace: str = ''
    image: str = ''
    depth: str = ''
    detections: str = ''
    params_file: str = ''
    settings: tuple[str, ...] = ()
    remaps: tuple[str, ...] = ()
    proximity: bool = False
    standards: bool = False
    use_composition: bool = False
    log_level: str = 'info'


@dataclass(frozen=True)
class NodeProcess:
    """
    One process.

    Attributes
    ----------
    executable : str
        A node, or pose_container.
    namespace : str
        Without a slash at the ends; empty for none.
    arguments : list of str
        Before `--ros-args`.
    parameters : dict
        Besides those of the file.
    remaps : list of (str, str)
        From, to.
    """

    executable: str
    namespace: str
    arguments: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    remaps: list[tuple[str, str]] = field(default_factory=list)


def plan(given: LaunchArguments) -> tuple[Path, list[NodeProcess]]:
    """
    Return the parameter file and the processes.

    Raises
    ------
    LaunchError, CamerasError, NodeSettingError, ParameterFileError
        With one line that says what is wrong.
    """
    if given.log_level not in LOG_LEVELS:
        raise LaunchError(f'log_level {given.log_level!r}: must be one of {", ".join(LOG_LEVELS)}')
    if given.camera is not None and given.cameras:
        raise LaunchError(
            'camera starts one pose_camera, cameras names those that run: not both')
    if given.loop and given.camera is None:
        raise LaunchError('loop is for the source that camera names, and there is none')
    for argument, topic in (
            ('image', given.image), ('depth', given.depth), ('detections', given.detections),
            ('namespace', given.namespace.strip('/'))):
        _check_topic(argument, topic)
    nodes = _nodes(given)
    params_file = Path(given.params_file).expanduser() if given.params_file else (
        config_file('pose.yaml'))
    check_parameter_file(params_file, nodes)
    settings = _settings(given, nodes)
    remaps = _remaps(given)
    composed = list(COMPOSED) if given.use_composition else []
    if not set(composed) <= set(nodes):
        raise LaunchError(f'use_composition is for {" and ".join(COMPOSED)}: one is not started')
    processes = []
    for camera in cameras(given.cameras, given.namespace, given.image or None):
        for topic in camera.remaps():
            _check_topic('cameras', topic.partition(':=')[2])
        there = [_split(text) for text in camera.remaps()] + remaps
        if composed:
            own = [word for node in composed for name, value in settings[node].items()
                   for word in ('--set', f'{node}.{name}={_text(value)}')]
            processes.append(NodeProcess(
                'pose_container', camera.namespace, [*composed, *own], {}, there))
        processes += [NodeProcess(node, camera.namespace, [], settings[node], there)
                      for node in nodes if node not in composed]
    return params_file, processes


def _check_topic(argument: str, topic: str) -> None:
    """Check that a topic, or a namespace, is one that ROS takes; empty is none. LaunchError."""
    if topic and not _TOPIC.fullmatch(topic):
        raise LaunchError(
            f'{argument} {topic!r}: not a valid ROS name: words of letters, digits and _, with / '
            'between them, none beginning with a digit')


def parse_bool(argument: str, text: str) -> bool:
    """
    Read a truth as ROS does, in capitals or not.

    Raises
    ------
    LaunchError

    Examples
    --------
    >>> parse_bool('rviz', 'yes')
    True
    """
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise LaunchError(f'{argument} {text!r}: must be true or false')


def _nodes(given: LaunchArguments) -> list[str]:
    nodes = list(given.nodes) or list(NODES[:3])
    for wanted, node in ((given.camera is not None, 'pose_camera'),
                         (given.proximity, 'pose_proximity'),
                         (given.standards, 'pose_standards')):
        if wanted and node not in nodes:
            nodes.append(node)
    for node in nodes:
        if node not in NODES:
            raise LaunchError(f'unknown node {node!r}: {", ".join(NODES)}')
    return nodes


def _settings(given: LaunchArguments, nodes: list[str]) -> dict[str, dict[str, Any]]:
    """Return the parameters of each node, those that follow from other arguments first."""
    implied = []
    if given.depth:
        implied.append('pose_estimator.depth.enabled=true')
    if given.detections:
        implied.append('pose_estimator.detections.enabled=true')
    if given.camera is not None:
        # When its source has ended there is nothing left to do.
        implied += [f'pose_camera.source={given.camera}', 'pose_camera.exit_at_end=true',
                    f'pose_camera.loop={str(given.loop).lower()}']
    # For a bare name only what is started is looked at; a node's own name may be any.
    for text in given.settings:
        node = text.partition('=')[0].partition('.')[0].strip()
        if node in NODES and node not in nodes:
            raise NodeSettingError(f'set {text!r}: {node} is not started')
    return node_settings([*implied, *given.settings], nodes)


def _remaps(given: LaunchArguments) -> list[tuple[str, str]]:
    remaps = []
    if given.depth:
        raw = given.depth.removesuffix('/compressedDepth')  # which may be named, too
        remaps += [('depth', given.depth), ('depth/compressedDepth', f'{raw}/compressedDepth')]
    if given.detections:
        remaps.append(('detections', given.detections))
    for text in given.remaps:
        if ':=' not in text:
            raise LaunchError(f'remap {text!r}: expected FROM:=TO')
        remaps.append(_split(text))
        _check_topic('remap', remaps[-1][1])
    return remaps


def _split(text: str) -> tuple[str, str]:
    before, _, after = text.partition(':=')
    return before, after


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
