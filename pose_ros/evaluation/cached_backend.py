# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the networks see in labelled photos, kept in files: the same views are looked at once."""

from __future__ import annotations

import hashlib
from pathlib import Path
import zipfile

import numpy as np

from pose_ros.core.backend import Backend, StageTimes
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.colors import bgr_from
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.model_spec import ModelSpec


class CachedBackend:
    """
    A backend that answers from files what it was asked before.

    One file per view and network, named by the digests of both; a damaged one, or one cut short,
    is made again. An interrupted calibration goes on where it was.

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

    def load(self, frame: CameraImage) -> None:
        """Take the image that the next passes look at."""
        self._image, self._loaded = frame, False
        self._digest = hashlib.sha256(np.ascontiguousarray(bgr_from(frame))).hexdigest()[:16]
        self.times = StageTimes()

    def detect(self, input_from_image: np.ndarray, input_size: tuple[int, int]) -> Keypoints:
        """Run the first pass, or remember what it saw."""
        path = self._path(self.detector, 'detect', input_from_image, input_size)
        people = _kept(path)
        if people is None:
            people = self._ready().detect(input_from_image, input_size)
            _keep(path, people)
        return people

    def detect_boxes(
        self, input_from_image: np.ndarray, input_size: tuple[int, int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Run a detector of boxes; they are not kept."""
        return self._ready().detect_boxes(input_from_image, input_size)

    def refine(self, input_from_image: np.ndarray) -> Keypoints:
        """Run the second pass on the crops that are new; remember what it saw in the others."""
        size = self.refiner.input_size
        paths = [self._path(self.refiner, 'refine', crop, size) for crop in input_from_image]
        people = [_kept(path) for path in paths]
        new = [n for n, person in enumerate(people) if person is None]
        if new:
            found = self._ready().refine(input_from_image[new])
            for place, n in enumerate(new):
                people[n] = found.select([place])
                _keep(paths[n], people[n])
        return Keypoints.concatenate(people)

    def close(self) -> None:
        """Free what the backend holds."""
        self._backend.close()

    def _ready(self) -> Backend:
        if not self._loaded:
            self._backend.load(self._image)
            self._loaded = True
        return self._backend

    def _path(
        self, spec: ModelSpec, stage: str, affine: np.ndarray, input_size: tuple[int, int]
    ) -> Path:
        digest = hashlib.sha256(stage.encode() + np.asarray(input_size, np.int64).tobytes())
        # Rounded: a last bit that another machine computes differently is no other view.
        digest.update(np.round(np.asarray(affine, np.float64), 6).tobytes())
        network = (spec.onnx_sha256 or spec.name)[:16]
        return self._folder / f'{self._digest}_{network}_{self.name}_{digest.hexdigest()[:16]}.npz'


def _kept(path: Path) -> Keypoints | None:
    """Return what a file keeps; None where there is none, or a damaged one."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return Keypoints(kept['xy'], kept['score'], kept['person_score'])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        path.unlink(missing_ok=True)
        return None


def _keep(path: Path, people: Keypoints) -> None:
    np.savez(path, xy=people.xy, score=people.score, person_score=people.person_score)
