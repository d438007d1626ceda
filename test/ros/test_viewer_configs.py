# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The files for RViz and Foxglove show what the nodes publish: topics, types, names, frame."""

from __future__ import annotations

import json
from pathlib import Path
import re
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
import pytest
from ros_fixtures import Ros, new_domain
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray
import yaml

from pose_ros.core.config import NODE_CONFIGS, CameraConfig, named_fields
from pose_ros.msg import SkeletonArray
from pose_ros.ros import markers
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode
from pose_ros.ros.nodes.pose_visualizer import PoseVisualizerNode

CONFIG = Path(__file__).parents[2] / 'config'


@pytest.fixture(scope='module')
def published() -> dict[str, str]:
    """Return the topics of a running visualizer and tracker, with their types."""
    ros = Ros(new_domain())
    for node in (PoseVisualizerNode, PoseTrackerNode):
        assert ros.add(node).start()
    found = {
        name: types[0] for node in ros.nodes
        for name, types in node.get_publisher_names_and_types_by_node(node.get_name(), '/')
    }
    ros.close()
    assert found['/pose/markers'] == 'visualization_msgs/msg/MarkerArray'
    return found


def test_rviz_shows_what_is_published(published: dict[str, str]) -> None:
    data = yaml.safe_load((CONFIG / 'pose.rviz').read_text(encoding='utf-8'))
    manager = data['Visualization Manager']
    displays = [d for d in manager['Displays'] if 'Topic' in d]
    assert {d['Topic']['Value'] for d in displays} == {'pose/overlay', 'pose/markers'}
    kinds = {'Image': Image, 'MarkerArray': MarkerArray}
    for display in displays:
        kind = kinds[display['Class'].rpartition('/')[2]]
        wanted = f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'
        assert published['/' + display['Topic']['Value']] == wanted
        if 'Namespaces' in display:
            assert display['Namespaces'] == dict.fromkeys(markers.NAMESPACES, True)
    assert manager['Global Options']['Fixed Frame'] == CameraConfig().frame_id
    names = {d['Name'] for d in manager['Displays']}
    for panel in data['Panels']:
        for path in panel.get('Property Tree Widget', {}).get('Expanded', []):
            assert path.strip('/').rstrip('1') in names, path


def panels_in(layout: Any) -> set[str]:
    if isinstance(layout, str):
        return {layout}
    assert layout['direction'] in ('row', 'column')
    assert 0 < layout['splitPercentage'] < 100
    return panels_in(layout['first']) | panels_in(layout['second'])


def test_foxglove_shows_what_is_published(published: dict[str, str]) -> None:
    data = json.loads((CONFIG / 'foxglove_layout.json').read_text(encoding='utf-8'))
    panels = data['configById']
    assert panels_in(data['layout']) == set(panels)
    kinds = {name.partition('!')[0]: panel for name, panel in panels.items()}
    assert set(kinds) == {'3D', 'Image', 'Plot', 'DiagnosticSummary', 'RawMessages'}

    def is_a(topic: str, kind: Any) -> bool:
        return published[topic] == f'{kind.__module__.split(".")[0]}/msg/{kind.__name__}'

    assert all(is_a(topic, MarkerArray) for topic in kinds['3D']['topics'])
    assert kinds['3D']['followTf'] == CameraConfig().frame_id
    assert is_a(kinds['Image']['imageMode']['imageTopic'], Image)
    assert is_a(kinds['DiagnosticSummary']['topicToRender'], DiagnosticArray)
    assert is_a(kinds['RawMessages']['topicPath'], SkeletonArray)
    assert kinds['Plot']['paths']
    for path in kinds['Plot']['paths']:
        topic, _, field = path['value'].partition('.')
        assert is_a(topic, SkeletonArray)
        assert SkeletonArray.get_fields_and_field_types()[field] in ('float', 'double')


def test_the_guide_names_what_is_there(published: dict[str, str]) -> None:
    text = (CONFIG.parent / 'docs/looking.md').read_text(encoding='utf-8')
    known = {
        name for kind in NODE_CONFIGS.values() for name in named_fields(kind)}
    # Words with an underscore or a colon in code style are parameters, nodes or packages.
    named = set(re.findall(r'`([a-z]+(?:[_.][a-z]+)+)(?:: \w+)?`', text))
    others = {
        'pose_visualizer', 'pose_standards', 'pose_proximity', 'foxglove_bridge', 'camera_info'}
    assert {'detections.enabled', 'detections.wait_s', 'marker_lifetime_s'} <= named
    assert named - known <= others, named - known - others
    for topic in ('pose/overlay', 'pose/markers'):
        assert f'`{topic}`' in text and f'/{topic}' in published
    for namespace in markers.NAMESPACES:
        assert f'`{namespace}`' in text
    for path in re.findall(r'`((?:config|scripts)/[\w./]+)`|python (scripts/\S+)', text):
        assert (CONFIG.parent / (path[0] or path[1])).is_file(), path
    for path in re.findall(r'\]\(([\w.]+)\)', text):
        assert (CONFIG.parent / 'docs' / path).is_file(), path
