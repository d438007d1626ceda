# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros quantize`: the network of the second pass in 8 bits, unless that costs too much."""

from __future__ import annotations

import argparse
from dataclasses import replace
import hashlib
import json
from pathlib import Path
import sys
import tempfile
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from pose_ros.backends.int8 import quantize
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model
from pose_ros.backends.onnx import OnnxBackend, OnnxNetwork
from pose_ros.cli.report import add_json_argument, finish
from pose_ros.core import geometry
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.media.sources import SourceError, open_source

HELP = 'make an 8-bit model of the second pass for TensorRT'
DESCRIPTION = """\
Makes an 8-bit model (explicit Q/DQ, symmetric) of the network that looks at crops, from images of
yours with people: the ranges of its tensors are learnt from them. The result is compared with the
original and written only when it is nearly as good:
  with --data     COCO keypoint AP on labelled photos (boxes) may drop by --max-ap-drop
  without         keypoints on every fourth image, which calibration does not see, may move so far
TensorRT makes an engine of it with the parameter refiner_model; on a CPU it is slower."""
EPILOG = """\
examples:
  pose_ros quantize --calibration my_images --out thunder_int8.onnx
  pose_ros quantize --calibration my_images --data coco_dev --out thunder_int8.onnx
  pose_ros up --set pose_estimator.refiner_model=thunder_int8.onnx"""

FEWEST_CROPS = 16
SURE = 0.3
"""Keypoints of a lower score in the original are not compared."""
MAX_MEDIAN_PX, MAX_P95_PX, MAX_FAR = 1.6, 5.5, 0.03
"""
Shifts in pixels of the network's input, and the share beyond FAR_PX of them. A Thunder that moved
by 1.96 px, 6.8 px and 4.4 % had lost 0.043 AP on labelled photos.
"""
FAR_PX = 8.0


class QuantizeError(Exception):
    """There is nothing to calibrate with, or the 8-bit model is too bad; with the numbers."""


ERRORS: tuple[type[Exception], ...] = (QuantizeError,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        '--calibration', metavar='DIR', required=True, help='images or a video, with people'
    )
    parser.add_argument('--data', metavar='DIR', type=Path, help='labelled photos (COCO form)')
    parser.add_argument('--model', default=SHIPPED_REFINER, help='name or ONNX file')
    parser.add_argument('--out', metavar='FILE', type=Path, required=True, help='NAME.onnx')
    parser.add_argument('--max-ap-drop', type=float, default=0.02, metavar='AP')
    parser.add_argument('--max-images', type=int, default=200, metavar='N')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    if args.out.suffix != '.onnx':
        raise QuantizeError(f'--out {args.out}: must end with .onnx')
    path = find_model(args.model)
    images = _images(args.calibration, args.max_images)
    original = OnnxBackend(SHIPPED_DETECTOR, str(path), 0)
    held_out = images[::4] if args.data is None else []
    seen = [image for i, image in enumerate(images) if args.data is not None or i % 4]
    inputs = _crops(original, path, seen)
    if len(inputs) < FEWEST_CROPS:
        raise QuantizeError(
            f'{len(inputs)} people were found in {len(seen)} images of {args.calibration}: '
            f'calibration wants {FEWEST_CROPS} or more'
        )
    model = quantize(path, inputs)
    with tempfile.TemporaryDirectory(prefix='pose_ros_int8_') as scratch:
        trial = Path(scratch) / args.out.name
        _write(trial, model, path)
        candidate = OnnxBackend(SHIPPED_DETECTOR, str(trial), 0)
        figures = (
            agreement(original, candidate, held_out)
            if args.data is None
            else _accuracy(args.data, original, candidate)
        )
    report = {'model': str(path), 'out': str(args.out), 'crops': len(inputs), **figures}
    reason = refusal(figures, args.max_ap_drop)
    if reason:
        raise QuantizeError(f'{args.out} is not written: {reason}')
    _write(args.out, model, path)
    finish(report, args.json)
    return 0


def _images(source: str, most: int) -> list[np.ndarray]:
    """Return images spread over a folder or video."""
    try:
        with open_source(source) as opened:
            images = [frame.image.copy() for frame in opened]
    except SourceError as error:
        raise QuantizeError(f'--calibration: {error}') from error
    chosen = np.linspace(0, len(images) - 1, min(most, len(images))).astype(int)
    return [images[i] for i in chosen]


def _crops(backend: OnnxBackend, path: Path, images: list[np.ndarray]) -> list[np.ndarray]:
    """Return the network's input for everybody whom the estimator finds."""
    network = OnnxNetwork(path, 0)
    width, height = network.spec.input_size
    inputs = []
    for image, boxes in _boxes(backend, images, 'calibration'):
        crops = geometry.crop(boxes, network.spec.input_size, network.spec.crop_scale)
        batch = np.empty((len(crops), 3, height, width), np.float32)
        network.fill(image, crops, batch)
        inputs += list(batch[:, None])
    return inputs


def _boxes(
    backend: OnnxBackend, images: list[np.ndarray], title: str
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return each image with the boxes (N, 4) of the people that the estimator is sure of."""
    estimator = TwoPassEstimator(backend, EstimatorConfig(min_person_score=0.2))
    found = []
    progress = tqdm(
        images, unit='image', desc=title, file=sys.stderr,
        mininterval=0.1 if sys.stderr.isatty() else 10.0,  # in a log every update is a line
    )
    for image in progress:
        boxes = estimator.estimate(image).boxes_xyxy()
        boxes = boxes[np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)]
        if len(boxes):
            found.append((image, boxes))
    return found


def agreement(
    original: OnnxBackend, candidate: OnnxBackend, images: list[np.ndarray]
) -> dict[str, Any]:
    """
    Compare keypoints of the two on the same crops.

    Returns
    -------
    dict
        keypoints: how many were compared; median_px, p95_px: shift in pixels of the network's
        input; far: share of those that moved farther than FAR_PX.
    """
    spec = original.refiner
    shifts = [np.empty(0)]
    for image, boxes in _boxes(original, images, 'comparison'):
        crops = geometry.crop(boxes, spec.input_size, spec.crop_scale)
        people = []
        for backend in (original, candidate):
            backend.load_image(image)
            people.append(backend.refine(crops))
        first, second = (geometry.apply(crops, p.xy) for p in people)
        shifts.append(np.linalg.norm(first - second, axis=2)[people[0].score > SURE])
    off_px = np.concatenate(shifts)
    if not len(off_px):
        raise QuantizeError(f'there is nobody in the {len(images)} images of the comparison')
    return {
        'keypoints': len(off_px), 'median_px': round(float(np.median(off_px)), 3),
        'p95_px': round(float(np.percentile(off_px, 95)), 3),
        'far': round(float((off_px > FAR_PX).mean()), 4),
    }


def _accuracy(folder: Path, original: OnnxBackend, candidate: OnnxBackend) -> dict[str, Any]:
    """Return COCO keypoint AP of both on the labelled boxes."""
    from pose_ros.evaluation.scores import CocoFolder, DataError

    try:
        data = CocoFolder(folder)
    except DataError as error:
        raise QuantizeError(f'--data: {error}') from error
    figures = {}
    for name, backend in (('ap', original), ('ap_int8', candidate)):
        found: dict[int, Keypoints] = {}
        for photo in tqdm(data.photos, unit='photo', desc=name, file=sys.stderr,
                          mininterval=0.1 if sys.stderr.isatty() else 10.0):
            image = cv2.imread(str(photo.path), cv2.IMREAD_COLOR)
            if image is None:
                raise QuantizeError(f'{photo.path} cannot be read as an image')
            found[photo.image_id] = Keypoints.empty()
            if len(photo.boxes_xyxy):
                backend.load_image(image)
                spec = backend.refiner
                crops = geometry.crop(photo.boxes_xyxy, spec.input_size, spec.crop_scale)
                people = backend.refine(crops)
                found[photo.image_id] = replace(people, person_score=people.score.mean(axis=1))
        figures[name] = data.scores(found)['AP']
    return figures


def refusal(figures: dict[str, Any], max_ap_drop: float) -> str:
    """Return why an 8-bit model will not do, with the numbers; empty when it will."""
    if 'ap' in figures:
        drop = figures['ap'] - figures['ap_int8']
        if drop <= max_ap_drop:
            return ''
        return (
            f'COCO keypoint AP drops from {figures["ap"]:.3f} to {figures["ap_int8"]:.3f}, by '
            f'{drop:.3f}; allowed are {max_ap_drop} (--max-ap-drop)'
        )
    median, p95, far = (figures[n] for n in ('median_px', 'p95_px', 'far'))
    if median <= MAX_MEDIAN_PX and p95 <= MAX_P95_PX and far <= MAX_FAR:
        return ''
    return (
        f'keypoints move by {median} px in the median (allowed {MAX_MEDIAN_PX}), 95 % by up to '
        f'{p95} ({MAX_P95_PX}), {far:.1%} by more than {FAR_PX:g} px ({MAX_FAR:.0%})'
    )


def _write(out: Path, model: bytes, original: Path) -> None:
    """Write the model and, with its digest, the description beside it."""
    spec = json.loads(original.with_suffix('.json').read_text(encoding='utf-8'))
    spec.update(
        name=f'{spec["name"]}_int8', onnx_sha256=hashlib.sha256(model).hexdigest(),
        source=f'{spec.get("source", "")} (quantised to 8 bits)'.strip(),
    )
    out.write_bytes(model)
    out.with_suffix('.json').write_text(json.dumps(spec, indent=2) + '\n', encoding='utf-8')
