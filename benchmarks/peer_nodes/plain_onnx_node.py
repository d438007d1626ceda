# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
A plain node around the same weights, in the manner of rtmlib: detect, then one crop after another.

ONNX Runtime with its defaults, cv2.resize and cv2.warpAffine, float32 arithmetic in NumPy, one
network call per person, default QoS (reliable, depth 10). The weights, the sizes of their inputs
and the decoding are those of pose_ros, so that what differs is the path of a frame. With
`--track` the people are tracked by norfair as its documentation shows.
"""

from __future__ import annotations

import sys
from typing import Any

import cv2
from geometry_msgs.msg import Point, Pose, PoseArray
import numpy as np
import onnxruntime
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import Image

from pose_ros.backends.model_files import (
    SHIPPED_DETECTOR,
    SHIPPED_REFINER,
    find_model,
    read_spec,
)
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.decode.movenet import decode_people, decode_person
from pose_ros.core.keypoints import Keypoints

MIN_SCORE = 0.2
LONG_SIDE = EstimatorConfig.detect_size_px


class PlainOnnxNode(Node):  # type: ignore[misc]
    """Finds people with two networks in the image's callback."""

    def __init__(self, track: bool) -> None:
        super().__init__('plain_onnx')
        files = [find_model(SHIPPED_DETECTOR), find_model(SHIPPED_REFINER)]
        self._specs = [read_spec(file) for file in files]
        self._sessions = [onnxruntime.InferenceSession(str(file)) for file in files]
        self._norfair: Any = None
        if track:
            import norfair

            self._norfair = norfair
            self._tracker = norfair.Tracker(distance_function='mean_euclidean',
                                            distance_threshold=100)
        self._publisher = self.create_publisher(PoseArray, 'poses', 10)
        self.create_subscription(Image, 'image', self._on_image, 10)

    def _on_image(self, msg: Image) -> None:
        image = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.width, 3)
        people = [self._refined(image, box) for box in self._detected(image)]
        if self._norfair is not None:
            tracked = self._tracker.update([
                self._norfair.Detection(points=xy, scores=score) for xy, score in people])
            people = [(t.estimate, np.ones(len(t.estimate))) for t in tracked]
        self._publisher.publish(PoseArray(header=msg.header, poses=[
            Pose(position=Point(x=float(x), y=float(y), z=float(s)))
            for xy, score in people for (x, y), s in zip(xy, score)]))

    def _detected(self, image: np.ndarray) -> list[np.ndarray]:
        height, width = image.shape[:2]
        scale = LONG_SIDE / max(height, width)
        resized = cv2.resize(image, None, fx=scale, fy=scale)
        canvas = np.zeros((-(-resized.shape[0] // 32) * 32, -(-resized.shape[1] // 32) * 32, 3),
                          np.uint8)
        canvas[: resized.shape[0], : resized.shape[1]] = resized
        maps = self._run(0, canvas)
        _, found = decode_people(maps, self._specs[0], max_people=10, min_center=0.1)
        sure = found.select(_score(found) >= MIN_SCORE)
        return list(sure.boxes_xyxy() / scale)

    def _refined(self, image: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x_min, y_min, x_max, y_max = box
        side = 1.25 * max(x_max - x_min, y_max - y_min)
        scale = 256 / side
        affine = np.array([[scale, 0, 128 - scale * (x_min + x_max) / 2],
                           [0, scale, 128 - scale * (y_min + y_max) / 2]])
        person = decode_person(self._run(1, cv2.warpAffine(image, affine, (256, 256))),
                               self._specs[1])
        return (person.xy[0] - affine[:, 2]) / scale, person.score[0]

    def _run(self, which: int, image_bgr: np.ndarray) -> dict[str, np.ndarray]:
        rgb = cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB).astype(np.float32)
        tensor = ((rgb - 127.5) / 127.5).transpose(2, 0, 1)[None]
        spec, session = self._specs[which], self._sessions[which]
        names = list(spec.outputs)
        outputs = session.run([spec.outputs[n] for n in names], {spec.input_name: tensor})
        return dict(zip(names, outputs))


def _score(people: Keypoints) -> np.ndarray:
    return people.person_score * people.score.mean(axis=1)


if __name__ == '__main__':
    rclpy.init()
    rclpy.spin(PlainOnnxNode('--track' in sys.argv))
