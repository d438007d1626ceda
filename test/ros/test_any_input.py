# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whatever skeletons or a parameter hold: a result, or one clean error (images: test/fuzz)."""

from __future__ import annotations

import math
from typing import Any

from builtin_interfaces.msg import Time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_msgs.msg import Header

from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.tracking.tracks import TrackState
from pose_ros.msg import Skeleton, SkeletonArray
from pose_ros.ros.conversions import tracks_from_msg
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode
from pose_ros.ros.parameters import ParameterError

some = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))

any_float32 = st.floats(width=32)
uint32 = st.integers(0, 2**32 - 1)
sizes = st.one_of(st.integers(0, 40), uint32)
stamps = st.builds(Time, sec=st.integers(-(2**31), 2**31 - 1), nanosec=uint32)
headers = st.builds(Header, stamp=stamps, frame_id=st.text(max_size=5))


def of_keypoints(each: int = 1) -> Any:
    return arrays(np.float32, each * 17, elements=any_float32)


states = arrays(np.uint8, 17, elements=st.integers(0, 255))
people = st.builds(
    Skeleton, id=uint32, track_state=st.integers(0, 255), score=any_float32, age_s=any_float32,
    since_seen_s=any_float32, keypoint_state=states, keypoint_score=of_keypoints(),
    position_source=states, uv_covariance=of_keypoints(3), xyz_covariance=of_keypoints(6),
    **{name: of_keypoints() for name in ('u', 'v', 'du', 'dv', 'x', 'y', 'z', 'dx', 'dy', 'dz')},
)
skeleton_arrays = st.builds(
    SkeletonArray, header=headers, status=st.integers(0, 255), image_width=sizes,
    image_height=sizes, skeletons=st.lists(people, max_size=5))


@some
@given(messages=st.lists(skeleton_arrays, min_size=1, max_size=6))
def test_any_skeletons(ros: Any, messages: list[SkeletonArray]) -> None:
    """Into a real tracker: what it publishes is sound, and nobody is there who was not seen."""
    node = ros.add(PoseTrackerNode)
    try:
        assert node.start()
        published: list[SkeletonArray] = []
        node._outputs['tracked'].publish = published.append
        with np.errstate(all='ignore'):
            for msg in messages:
                node._on_pose(msg)
                node._publish_predicted()
        seen = sum(len(msg.skeletons) for msg in messages)
        for msg in published:
            tracks = tracks_from_msg(msg)
            assert len(set(tracks.id.tolist())) == len(tracks) <= seen
            assert all(0 < number <= seen for number in tracks.id.tolist())
            assert not (tracks.state == TrackState.UNTRACKED).any()
            shown = tracks.keypoint_state != 0
            assert np.isfinite(tracks.xy[shown]).all() and np.isnan(tracks.xy[~shown]).all()
            assert np.isfinite(tracks.covariance[shown]).all()
    finally:
        node.release()
        ros.executor.remove_node(node)
        ros.nodes.remove(node)
        node.destroy_node()


values = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.text(max_size=8),
    st.lists(st.integers(-9, 9), max_size=3), st.lists(st.text(max_size=3), max_size=3))


@some
@given(st.data())
@pytest.mark.parametrize('node_class, config', [
    (PoseEstimatorNode, EstimatorConfig), (PoseTrackerNode, TrackerConfig)])
def test_any_parameter(ros: Any, node_class: Any, config: Any, data: Any) -> None:
    """At start and live: taken, or refused with a line that names it."""
    names = sorted(config.__dataclass_fields__)
    name, value = data.draw(st.sampled_from(names)), data.draw(values)
    try:
        node = node_class(context=ros.context, parameter_overrides=[Parameter(name, value=value)])
    except ParameterError as error:
        assert name in str(error)
        return
    except TypeError:
        assert value == []  # rclpy cannot tell of what an empty list is
        return
    try:
        other, new = data.draw(st.sampled_from(names)), data.draw(values)
        if new != []:
            result = node.set_parameters_atomically([Parameter(other, value=new)])
            assert result.successful or result.reason
            now = getattr(node.config, other)
            assert not result.successful or now == new or math.isnan(new)
    finally:
        node.destroy_node()
