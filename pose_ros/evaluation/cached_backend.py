# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the networks see in labelled photos, kept in files: the same views are looked at once."""

from __future__ import annotations

from collections.abc import Callable
import hashlib
import os
from pathlib import Path
import tempfile
import zipfile

import numpy as np

from pose_ros.core.backend import Backend, StageTimes
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.colors import bgr_from
from pose_ros.core.keypoints import Keypoints


class CachedBackend:
    """
    A backend that answers from files what it was asked before.

    One file per image and network, named by the digests of both. A file is there whole or not at
    all; a damaged one is made again. An interrupted calibration goes on where it was.

    Parameters
    ----------
    backend : Backend
        Runs what is not known yet.
    folder : Path
        Of the files; made when absent.
    """

    def __init__(self, backend: Backend, folder: Path) -> None:
        self.name = backend.name
        self.encodings = backend.encodings
        self.detector, self.refiner = backend.detector, backend.refiner
        self.times = StageTimes()
        self._backend = backend
        self._folder = folder
        self._image = CameraImage.from_bgr(np.zeros((1, 1, 3), np.uint8))
        self._loaded = False
        self._digest = ''
        folder.mkdir(parents=True, exist_ok=True)

    def load_frame(self, frame: CameraImage) -> None:
        """Take the image that the next passes look at."""
        self._image, self._loaded = frame, False
        self._digest = hashlib.sha256(np.ascontiguousarray(bgr_from(frame))).hexdigest()[:16]
        self.times = StageTimes()

    def detect(self, input_from_image: np.ndarray, input_size: tuple[int, int]) -> Keypoints:
        """Run the first pass, or remember what it saw."""
        key = _key('detect', input_from_image, input_size)
        return self._known(self.detector.onnx_sha256 or self.detector.name, key,
                           lambda: self._ready().detect(input_from_image, input_size))

    def detect_boxes(
        self, input_from_image: np.ndarray, input_size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run a detector of boxes; they are not kept."""
        return self._ready().detect_boxes(input_from_image, input_size)

    def refine(self, input_from_image: np.ndarray) -> Keypoints:
        """Run the second pass, or remember what it saw."""
        key = _key('refine', input_from_image, self.refiner.input_size)
        return self._known(self.refiner.onnx_sha256 or self.refiner.name, key,
                           lambda: self._ready().refine(input_from_image))

    def close(self) -> None:
        """Free what the backend holds."""
        self._backend.close()

    def _ready(self) -> Backend:
        if not self._loaded:
            self._backend.load_frame(self._image)
            self._loaded = True
        return self._backend

    def _known(self, network: str, key: str, look: Callable[[], Keypoints]) -> Keypoints:
        path = self._folder / f'{self._digest}_{network[:16]}_{self.name}_{key}.npz'
        try:
            with np.load(path, allow_pickle=False) as kept:
                return Keypoints(kept['xy'], kept['score'], kept['person_score'])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
        people = look()
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix='.part', delete=False) as file:
            try:
                np.savez(file, xy=people.xy, score=people.score, person_score=people.person_score)
                file.close()
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
        return people


def _key(stage: str, input_from_image: np.ndarray, input_size: tuple[int, int]) -> str:
    digest = hashlib.sha256(stage.encode() + np.asarray(input_size, np.int64).tobytes())
    # Rounded: a last bit that another machine computes differently is no other view.
    digest.update(np.round(np.asarray(input_from_image, np.float64), 6).tobytes())
    return digest.hexdigest()[:16]
