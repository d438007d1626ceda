# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Whatever a message or a parameter holds: a result, or one clean error; the nodes live on."""

from __future__ import annotations

from array import array
import math
from typing import Any

from builtin_interfaces.msg import Time
import cv2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from pose_ros.core.camera_model import CameraError
from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.tracking.tracks import TrackState
from pose_ros.msg import Skeleton, SkeletonArray
from pose_ros.ros.conversions import camera_from_info, tracks_from_msg
from pose_ros.ros.images import ENCODINGS, ImageError, image_from_compressed_msg, image_from_msg
from pose_ros.ros.nodes.pose_estimator import PoseEstimatorNode
from pose_ros.ros.nodes.pose_tracker import PoseTrackerNode
from pose_ros.ros.parameters import ParameterError

many = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
some = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

any_float32 = st.floats(width=32)
any_float = st.one_of(st.floats(), st.floats(-1000, 5000))
uint32 = st.integers(0, 2**32 - 1)
sizes = st.one_of(st.integers(0, 40), uint32)
stamps = st.builds(Time, sec=st.integers(-(2**31), 2**31 - 1), nanosec=uint32)
headers = st.builds(Header, stamp=stamps, frame_id=st.text(max_size=5))


@st.composite
def images(draw: Any) -> Image:
    """Draw images whose numbers mostly fit each other, and some that do not at all."""
    encoding = draw(st.one_of(st.sampled_from(ENCODINGS), st.text(max_size=10)))
    width, height = draw(sizes), draw(sizes)
    step = draw(st.one_of(st.just(width * draw(st.integers(1, 4))), sizes))
    rows = {'nv12': height * 3 // 2, 'nv21': height * 3 // 2, 'nv24': height * 3}
    length = step * rows.get(encoding, height)
    length = draw(st.one_of(st.just(length), st.integers(0, 5000)))
    data = array('B', draw(st.binary(min_size=1, max_size=8)) * 1000)[: min(length, 5000)]
    if length > len(data) and length < 20000:
        data = (data * (length // max(1, len(data)) + 1))[:length]
    return Image(header=draw(headers), height=height, width=width, encoding=encoding,
                 step=step % 2**32, is_bigendian=draw(st.integers(0, 255)), data=data)


@many
@given(images())
def test_any_image(msg: Image) -> None:
    try:
        image = image_from_msg(msg)
    except ImageError as error:
        assert str(error) and '\n' not in str(error)
        return
    assert image.shape == (msg.height, msg.width, 3) and image.dtype == np.uint8
    image.sum()  # every byte of a view can be read


_PICTURE = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
_FILES = [cv2.imencode(ending, _PICTURE)[1].tobytes() for ending in ('.jpg', '.png')]


@many
@given(st.sampled_from(_FILES), st.binary(max_size=40), st.integers(0, 1500),
       st.integers(0, 1500), st.text(max_size=20))
def test_any_compressed_image(
    good: bytes, put_in: bytes, at: int, to: int, name: str
) -> None:
    data = array('B', good[:at] + put_in + good[max(at, to):])
    try:
        image = image_from_compressed_msg(CompressedImage(format=name, data=data))
    except ImageError as error:
        assert str(error) and '\n' not in str(error)
        return
    assert image.ndim == 3 and image.dtype == np.uint8


camera_infos = st.builds(
    CameraInfo, header=headers, height=sizes, width=sizes,
    distortion_model=st.one_of(
        st.sampled_from(['', 'plumb_bob', 'rational_polynomial', 'equidistant', 'fisheye']),
        st.text(max_size=5)),
    d=st.lists(any_float, max_size=15), k=st.lists(any_float, min_size=9, max_size=9),
    p=st.lists(any_float, min_size=12, max_size=12), binning_x=st.integers(0, 9),
    binning_y=uint32,
    roi=st.builds(RegionOfInterest, x_offset=sizes, y_offset=sizes, height=sizes, width=sizes),
)


@many
@given(camera_infos, st.booleans())
def test_any_camera_info(info: CameraInfo, rectified: bool) -> None:
    try:
        camera = camera_from_info(info, rectified)
    except CameraError as error:
        assert str(error) and '\n' not in str(error)
        return
    if camera is not None:
        with np.errstate(all='ignore'):
            assert camera.rays(np.zeros((3, 2))).shape == (3, 2)
            assert camera.project(np.ones((3, 3))).shape == (3, 2)


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
