# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The usual normalisations of a foreign network tried on pictures, ranked by how well it answers.

A network that gets its input wrong still answers, only worse. Two things are looked at that need
no labels: how high its peaks are, and how alike (OKS) its skeletons are to those of the shipped
networks in the same crops. The product ranks the candidates; it is a guess, and close ones say
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pose_ros.backends.host_backend import HostBackend
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model
from pose_ros.backends.onnx import OnnxBackend, OnnxNetwork
from pose_ros.core import geometry, oks
from pose_ros.core.camera_image import CameraImage
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints, boxes_around
from pose_ros.core.model_spec import ModelSpec
from pose_ros.model_import.spec_guess import IMAGENET_MEAN, IMAGENET_STD

# The person's box around the keypoints: the top of the head and the toes are outside of them.
BOX_OF_KEYPOINTS = 1.14
# Only people whom the shipped networks more likely see right than not are compared with.
SURE_SCORE = 0.5
# Of the maxima where both see a joint, this share is lower than the peak. Scores are meant to end
# at 1: a peak that is higher by more than noise is on another scale.
HIGHEST, MORE_THAN_ONE = 0.95, 1.2
_TINY = 1e-6
NORMALISATIONS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    'ImageNet': (IMAGENET_MEAN, IMAGENET_STD),
    '0..1': ((0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    '-1..1': ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    '-0.5..0.5': ((127.5, 127.5, 127.5), (255.0, 255.0, 255.0)),
    '0..255': ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    'Caffe (ImageNet mean, std 1)': (IMAGENET_MEAN, (1.0, 1.0, 1.0)),
}


@dataclass(frozen=True)
class Trial:
    """
    How a network answered with one normalisation.

    Attributes
    ----------
    what : str
        Its name, with the order of colours.
    spec : ModelSpec
        With this normalisation.
    score : float
        Mean score of the keypoints that both see, 0 to 1.
    similarity : float
        Mean OKS with the shipped networks, 0 to 1.
    peak : float
        Height of the network's high maxima, as it gives them.
    """

    what: str
    spec: ModelSpec
    score: float
    similarity: float
    peak: float

    @property
    def response(self) -> float:
        """What the trials are ranked by."""
        return self.score * self.similarity


def try_normalisations(model: Path, spec: ModelSpec, images: list[np.ndarray]) -> list[Trial]:
    """
    Try the usual normalisations.

    Parameters
    ----------
    model : Path
        ONNX file.
    spec : ModelSpec
        All else.
    images : list of (H, W, 3) uint8
        BGR, with people in plain view.

    Returns
    -------
    list of Trial
        Best first; empty when the shipped networks find no sure person in the images.

    Raises
    ------
    BackendError
        When the network contradicts the spec.
    """
    people = _people_in(images)
    if not any(len(seen) for seen in people):
        return []
    trials = []
    for name, (mean, std) in NORMALISATIONS.items():
        for color in ('rgb', 'bgr'):
            turned = slice(None) if color == 'rgb' else slice(None, None, -1)
            candidate = replace(
                spec, color=color, mean=tuple(mean[turned]), std=tuple(std[turned])
            )
            trials.append(_trial(f'{name}, {color}', model, candidate, images, people))
    return sorted(trials, key=lambda trial: -trial.response)


def _people_in(images: list[np.ndarray]) -> list[Keypoints]:
    shipped = OnnxBackend(SHIPPED_DETECTOR, SHIPPED_REFINER, 2)
    estimator = TwoPassEstimator(shipped, EstimatorConfig())
    people = [estimator.estimate(image) for image in images]
    return [seen.select(seen.person_score >= SURE_SCORE) for seen in people]


def _trial(
    what: str, model: Path, spec: ModelSpec, images: list[np.ndarray], people: list[Keypoints]
) -> Trial:
    # So small that no height is clipped.
    network = OnnxNetwork(model, 2, spec=replace(spec, score_scale=_TINY))
    backend = HostBackend('onnx', OnnxNetwork(find_model(SHIPPED_DETECTOR), 2), network)
    heights, similarity = [], []
    for image, seen in zip(images, people):
        if not len(seen):
            continue
        backend.load(CameraImage.from_bgr(image))
        boxes = boxes_around(seen.xy)
        padding = spec.crop_scale * BOX_OF_KEYPOINTS
        crops = geometry.crop(boxes, spec.input_size, padding, spec.crop_aspect)
        found = backend.refine(crops)
        both = ~np.isnan(seen.xy).any(axis=2) & ~np.isnan(found.xy).any(axis=2)
        heights += (found.score[both] / _TINY).tolist()
        similarity += np.diagonal(oks.oks(seen.xy, oks.areas(seen.xy), found.xy)).tolist()
    backend.close()
    peak = float(np.quantile(heights or [0.0], HIGHEST))
    if spec.decoder != 'centers' and peak > MORE_THAN_ONE:
        spec = replace(spec, score_scale=float(f'{1 / peak:.2g}'))
    scores = np.clip(np.array(heights or [0.0]) * spec.score_scale, 0.0, 1.0)
    return Trial(what, spec, float(scores.mean()), float(np.mean(similarity or [0.0])), peak)
