# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The SROS 2 policy against the graph: each node, in every configuration that changes its topics.

Both ways: what a node uses is allowed, and what is allowed is used.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any
import xml.etree.ElementTree as ElementTree

from demo_footage import demo_footage
import pytest
from replay_backend import ReplayBackend
from sensor_msgs.msg import Image
from visualization_msgs.msg import MarkerArray

from pose_ros.core.keypoints import Keypoints
from pose_ros.ros.nodes import NODES
from pose_ros.ros.nodes.pose_camera import PoseCameraNode
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_proximity import PoseProximityNode
from pose_ros.ros.nodes.pose_recorder import PoseRecorderNode
from pose_ros.ros.nodes.pose_standards import PoseStandardsNode
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode
from pose_ros.ros.nodes.pose_visualizer import PoseVisualizerNode

POLICY = Path(__file__).resolve().parents[2] / 'config/sros2/pose_ros.policy.xml'
CALIBRATION = """\
image_width: 32
image_height: 32
camera_name: x
camera_matrix: {rows: 3, cols: 3, data: [30, 0, 15.5, 0, 30, 15.5, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [30, 0, 15.5, 0, 0, 30, 15.5, 0, 0, 0, 1, 0]}
"""

SIMULATED = {'use_sim_time': True}
VARIANTS: dict[Any, list[dict[str, Any]]] = {
    PoseEstimatorNode: [
        SIMULATED, {'depth.enabled': True}, {'image_transport': 'compressed'},
        {'depth.enabled': True, 'depth.transport': 'compressedDepth'},
    ],
    PoseTrackerNode: [SIMULATED],
    PoseVisualizerNode: [SIMULATED] + [
        {'skeletons': 'observed'}, {'skeletons': 'predicted', 'image_transport': 'compressed'},
    ],
    PoseCameraNode: [{'source': 'demo', **SIMULATED}, {'source': 'demo', 'camera_info': 'FILE'}],
    PoseRecorderNode: [{'folder': 'FOLDER', **SIMULATED}],
    PoseProximityNode: [SIMULATED],
    PoseStandardsNode: [SIMULATED],
}
# What is there only where a package is that PyPI does not have: else taken on trust.
OPTIONAL: dict[str, set[tuple[str, str]]] = {
    'tf2_ros': {('subscribe', '/tf'), ('subscribe', '/tf_static'), ('publish', '/tf')},
    'hri_msgs': {
        ('publish', 'humans/bodies/tracked'), ('publish', 'humans/bodies/*/skeleton2d'),
        ('publish', 'humans/bodies/*/roi'), ('subscribe', 'pose/tracked'),
    },
    'vision_msgs': {('publish', 'pose/detections'), ('subscribe', 'detections')},
}
# From Iron and Jazzy on; the policy allows it, older nodes do not have it.
NEW = {('reply', '~/get_type_description')}

Rule = tuple[str, str]


def in_policy(name: str) -> set[Rule]:
    """Return (what, full name) that the enclave of a node is allowed."""
    root = ElementTree.parse(POLICY).getroot()
    assert root.tag == 'policy' and root.get('version') == '0.2.0'
    profiles = [
        profile for enclave in root.iterfind('enclaves/enclave')
        for profile in enclave.iterfind('profiles/profile')
        if enclave.get('path') == f'/pose_ros/{name}'
    ]
    assert len(profiles) == 1 and profiles[0].get('node') == name and profiles[0].get('ns') == '/'
    found = set()
    for listing in profiles[0]:
        for what, qualifier in listing.attrib.items():
            assert qualifier == 'ALLOW'
            for entry in listing:
                assert entry.tag == listing.tag.removesuffix('s')
                found.add((what, (entry.text or '').strip()))
    return found


def in_graph(ros: Any, node: Any) -> set[Rule]:
    """Return (what, name as in the policy) that a node has at the moment, as others see it."""
    name, namespace, probe = node.get_name(), node.get_namespace(), ros.probe
    found = set()
    for what, listing in (
        ('publish', probe.get_publisher_names_and_types_by_node),
        ('subscribe', probe.get_subscriber_names_and_types_by_node),
        ('reply', probe.get_service_names_and_types_by_node),
        ('request', probe.get_client_names_and_types_by_node),
    ):
        for topic, _ in listing(name, namespace):
            if not topic.startswith(f'{namespace}/'):
                found.add((what, topic))
                continue
            relative = topic.removeprefix(f'{namespace}/')
            own = relative.removeprefix(f'{name}/')
            found.add((what, relative if own == relative else f'~/{own}'))
    return found


@pytest.mark.slow
@pytest.mark.parametrize('node_class', VARIANTS)
def test_the_policy_is_what_the_node_uses(ros: Any, node_class: Any, tmp_path: Path) -> None:
    if node_class is PoseCameraNode:
        demo_footage()
    if node_class is PoseRecorderNode:
        pytest.importorskip('rosbags')
    calibration = tmp_path / 'calibration.yaml'
    calibration.write_text(CALIBRATION)
    used: set[Rule] = set()
    for i, variant in enumerate(VARIANTS[node_class]):
        parameters = {
            k: {'FILE': str(calibration), 'FOLDER': str(tmp_path / 'r')}.get(str(v), v)
            for k, v in variant.items()
        }
        for kind, topic in ((Image, 'pose/overlay'), (MarkerArray, 'pose/markers')):
            ros.collect(kind, f'/v{i}/{topic}')
        extra: dict[str, Any] = {'namespace': f'v{i}'}
        if node_class is PoseEstimatorNode:
            extra['load'] = lambda config: ReplayBackend(Keypoints.empty())
        node = ros.add(node_class, parameters=parameters, **extra)
        assert node.start()
        seen: set[Rule] = set()

        def settled(node: Any = node, seen: set[Rule] = seen) -> bool:
            before = len(seen)
            seen |= in_graph(ros, node)
            return bool(seen) and len(seen) == before

        ros.spin_for(0.6)  # the visualizer looks for listeners four times a second
        assert ros.spin_until(settled)
        used |= seen
        node.release()
    allowed = in_policy(node.get_name())
    assert used <= allowed, f'not allowed: {sorted(used - allowed)}'
    superfluous = allowed - used - NEW
    if node_class is PoseEstimatorNode:  # only when depth comes in another frame
        superfluous -= OPTIONAL['tf2_ros']
    for package, rules in OPTIONAL.items():
        if importlib.util.find_spec(package) is None:
            superfluous -= rules
    assert not superfluous, f'allowed and never used: {sorted(superfluous)}'


def test_every_node_has_an_enclave_and_nothing_is_allowed_wholesale() -> None:
    root = ElementTree.parse(POLICY).getroot()
    paths = [enclave.get('path') for enclave in root.iterfind('enclaves/enclave')]
    assert sorted(paths) == sorted(f'/pose_ros/{name}' for name in NODES)
    for entry in root.iter():
        if entry.tag in ('topic', 'service'):
            wild = ('publish', entry.text) in OPTIONAL['hri_msgs']  # a topic for each body
            assert entry.text and (wild or not set(entry.text) & set('*?['))
