# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The seam to the runtime: what runs the networks (Backend). What a network is: ModelSpec.

The seam is (image, affines) -> people, not tensor -> tensor: a backend takes the image once, warps
every region out of it, runs the network and decodes, all where the data lies. On a GPU a frame
goes up once and a few kilobytes come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pose_ros.core.camera_image import CameraImage
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec as ModelSpec
from pose_ros.core.model_spec import ModelSpecError as ModelSpecError


@dataclass
class StageTimes:
    """Seconds that the passes over one image took; `network_s` is inside the other two."""

    detect_s: float = 0.0
    refine_s: float = 0.0
    network_s: float = 0.0


class BackendError(RuntimeError):
    """The runtime cannot load or run a network; the message says why and what to do."""


class BackendLostError(BackendError):
    """The runtime is broken for good: only a new backend, perhaps a new process, may work."""


class Backend(Protocol):
    """
    Runs the two passes on one image at a time. Not thread-safe: one thread owns a backend.

    Attributes
    ----------
    name : str
        The runtime, for example 'onnx'.
    detector : ModelSpec
        The network of the first pass.
    refiner : ModelSpec
        The network of the second pass.
    encodings : tuple of str
        Of the frames that `load` takes as they come; others are to be converted before.
    times : StageTimes
        What the passes over the present image took so far.
    """

    name: str
    detector: ModelSpec
    refiner: ModelSpec
    encodings: tuple[str, ...]
    times: StageTimes

    def load(self, frame: CameraImage) -> None:
        """
        Take the image that the next passes look at, and zero `times`.

        Parameters
        ----------
        frame : CameraImage
            In one of `encodings`; it must stay unchanged until the passes are done.

        Raises
        ------
        ValueError
            When it is in another encoding.
        """

    def detect(self, input_from_image: np.ndarray, input_size: tuple[int, int]) -> Keypoints:
        """
        Find every person in views of the image (first pass).

        Parameters
        ----------
        input_from_image : (B, 2, 3) float64
            The views: each maps image pixels to pixels of the network's input.
        input_size : (width, height)
            Of the network's input, pixels.

        Returns
        -------
        Keypoints
            Candidates of all views, best first within a view, in image pixels; the same person
            may come several times.
        """

    def detect_boxes(
        self, input_from_image: np.ndarray, input_size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """
        Find the boxes of people in views of the image: `detect` of a 'boxes' network.

        Parameters
        ----------
        input_from_image, input_size
            As for `detect`.

        Returns
        -------
        boxes : (N, 4) float64
            x_min, y_min, x_max, y_max in image pixels, best first within a view.
        score : (N,) float32
            In [0, 1].
        """

    def refine(self, input_from_image: np.ndarray) -> Keypoints:
        """
        Find the keypoints of the one person that each crop is about (second pass).

        Parameters
        ----------
        input_from_image : (B, 2, 3) float64
            The crops: each maps image pixels to pixels of the network's input.

        Returns
        -------
        Keypoints
            B people in the order of the crops, in image pixels.
        """

    def close(self) -> None:
        """Free what the runtime holds."""
