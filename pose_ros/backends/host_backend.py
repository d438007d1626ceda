# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The two passes on the CPU, whatever runs the networks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import time

import numpy as np

from pose_ros.backends.host_network import HostNetwork
from pose_ros.backends.model_files import check_passes
from pose_ros.core import geometry
from pose_ros.core.backend import BackendError, ModelSpec, StageTimes
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.decode import boxes as decode_boxes
from pose_ros.core.decode import movenet as decode
from pose_ros.core.keypoints import Keypoints


class HostBackend:
    """
    Runs both passes on the CPU (`core.backend.Backend`).

    Parameters
    ----------
    name : str
        The runtime.
    detector, refiner : HostNetwork
        Of the two passes.

    Raises
    ------
    BackendError
        When a model cannot be used for its pass.
    """

    encodings: tuple[str, ...] = ('bgr8',)

    def __init__(self, name: str, detector: HostNetwork, refiner: HostNetwork) -> None:
        self.name = name
        self._detect = detector
        self._refine = refiner
        self.detector = self._detect.spec
        self.refiner = self._refine.spec
        check_passes(detector.path, self.detector, refiner.path, self.refiner)
        self.times = StageTimes()
        self._image = np.zeros((1, 1, 3), np.uint8)

    def load(self, frame: CameraImage) -> None:
        """Take a frame of bgr8; ValueError when it is another."""
        if frame.encoding not in self.encodings:
            raise ValueError(f'{self.name} takes frames of bgr8, not {frame.encoding}')
        self._image = frame.pixels()
        self.times = StageTimes()

    def detect(self, input_from_image: np.ndarray, input_size: tuple[int, int]) -> Keypoints:
        """Find everybody in views of the image, in image pixels (`core.backend.Backend`)."""
        start_s = time.perf_counter()
        outputs = self._run(self._detect, input_from_image, input_size)
        if self.detector.decoder == 'one_stage':
            people = read_one_stage(
                outputs, self.detector, self._detect.path, input_from_image, input_size
            )
        else:
            # A peak is never found at a NaN, and nobody at all beside one.
            self._detect.check_numbers(outputs['centers'])
            view, people = decode.decode_people(
                outputs, self.detector, decode.MAX_CANDIDATES, decode.MIN_CENTER
            )
            self._detect.check_numbers(people.score)
            people = in_image(people, geometry.invert(input_from_image)[view])
        self.times.detect_s += time.perf_counter() - start_s
        return people

    def detect_boxes(
        self, input_from_image: np.ndarray, input_size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Find the boxes of people in views of the image (`core.backend.Backend`)."""
        start_s = time.perf_counter()
        outputs = self._run(self._detect, input_from_image, input_size)
        boxes, score = read_boxes(
            outputs, self.detector, self._detect.path, input_from_image, input_size
        )
        self.times.detect_s += time.perf_counter() - start_s
        return boxes, score

    def refine(self, input_from_image: np.ndarray) -> Keypoints:
        """Find the one person of each crop, in image pixels (`core.backend.Backend`)."""
        start_s = time.perf_counter()
        people = []
        for first in range(0, len(input_from_image), self._refine.max_batch):
            part = input_from_image[first:first + self._refine.max_batch]
            maps = self._run(self._refine, part, self.refiner.input_size)
            found = decode.decode_person(maps, self.refiner)
            # An arg max is at the first NaN where there is one.
            self._refine.check_numbers(found.score)
            people.append(in_image(found, geometry.invert(part)))
        self.times.refine_s += time.perf_counter() - start_s
        return Keypoints.concatenate(people)

    def _run(
        self, network: HostNetwork, input_from_image: np.ndarray, input_size: tuple[int, int]
    ) -> dict[str, np.ndarray]:
        batch = network.input_array(len(input_from_image), input_size)
        network.fill(self._image, input_from_image, batch)
        start_s = time.perf_counter()
        maps = network.run(batch)
        self.times.network_s += time.perf_counter() - start_s
        return maps

    def close(self) -> None:
        """Free the image; the networks are freed with this object."""
        self._image = np.zeros((1, 1, 3), np.uint8)


def in_image(people: Keypoints, image_from_input: np.ndarray) -> Keypoints:
    """Map people from pixels of their views to pixels of the image."""
    xy = geometry.apply(image_from_input, people.xy)
    return Keypoints(xy.astype(np.float32), people.score, people.person_score)


def read_one_stage(
    outputs: Mapping[str, np.ndarray], spec: ModelSpec, path: Path, input_from_image: np.ndarray,
    input_size: tuple[int, int],
) -> Keypoints:
    """Read people in image pixels (`decode_one_stage`); BackendError names the file."""
    try:
        view, people = decode_boxes.decode_one_stage(
            outputs, spec, input_size, decode.MAX_CANDIDATES, decode.MIN_CENTER
        )
    except ValueError as error:
        raise BackendError(f'{path} gives {error}') from error
    return in_image(people, geometry.invert(input_from_image)[view])


def read_boxes(
    outputs: Mapping[str, np.ndarray], spec: ModelSpec, path: Path, input_from_image: np.ndarray,
    input_size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Read boxes in image pixels and their scores (`decode_boxes`); BackendError as above."""
    try:
        view, boxes, score = decode_boxes.decode_boxes(
            outputs, spec, input_size, decode.MAX_CANDIDATES, decode.MIN_CENTER
        )
    except ValueError as error:
        raise BackendError(f'{path} gives {error}') from error
    return geometry.map_boxes(geometry.invert(input_from_image)[view], boxes), score
