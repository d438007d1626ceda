# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The report of an evaluation for people: report.md, and the worst cases as pictures beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pose_ros.core.config import EstimatorConfig, TrackerConfig
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.skeleton import KEYPOINT_NAMES, NUM_KEYPOINTS
from pose_ros.evaluation.annotation_file import DataError
from pose_ros.evaluation.calibration import Judged, expected_calibration_error, reliability
from pose_ros.evaluation.pose_errors import PersonError
from pose_ros.media.overlay import draw_keypoints
from pose_ros.media.text import draw_banner

PICTURE_HEIGHT_PX = 480
# How far around the labelled and the found person a picture looks, in lengths of their box.
CONTEXT = 0.35


def write_report(
    folder: Path,
    report: dict[str, Any],
    worst: list[PersonError],
    found: dict[int, Keypoints],
    judged: Judged,
) -> None:
    """
    Write report.md, curves.png and worst_01.jpg, ...

    Parameters
    ----------
    folder : Path
        Made when absent; files of the same names are overwritten.
    report : dict
        What the command prints as JSON.
    worst : list of PersonError
        Lowest OKS first.
    found : dict
        Image id to the people found in it.
    judged : Judged
        Their scores.

    Raises
    ------
    DataError
        When a picture cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for n, error in enumerate(worst, 1):
        names.append(f'worst_{n:02}.jpg')
        picture = side_by_side(error, found[error.photo.image_id])
        if not cv2.imwrite(str(folder / names[-1]), picture):
            raise DataError(f'cannot write {folder / names[-1]}')
    draw_curves(folder / 'curves.png', judged)
    (folder / 'report.md').write_text(_markdown(report, worst, names), encoding='utf-8')


def draw_curves(path: Path, judged: Judged) -> None:
    """
    Draw how far the scores are probabilities, and precision over recall.

    Parameters
    ----------
    path : Path
        PNG file.
    judged : Judged

    Raises
    ------
    DataError
        When it cannot be written.
    """
    from matplotlib.figure import Figure  # takes a second to import

    figure = Figure(figsize=(11, 3.6), layout='constrained')
    for axes, name, score, right in zip(
        figure.subplots(1, 3), ('people', 'keypoints'),
        (judged.score, judged.keypoint_score), (judged.right, judged.right_keypoint),
    ):  # fmt: skip
        bins = reliability(score, right)
        error = expected_calibration_error(score, right)
        axes.plot([0, 1], [0, 1], color='0.7')
        axes.plot([p for p, _, _ in bins], [share for _, share, _ in bins], 'o-')
        for p, share, count in bins:
            axes.annotate(count, (p, share), (4, -10), textcoords='offset points', fontsize=7)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel='mean score', ylabel='share that is right',
                 title=f'{len(score)} {name}, calibration error {error:.3f}')  # fmt: skip
    axes = figure.axes[2]
    precision, recall = judged.curve()
    axes.plot(recall, precision)
    for least in (0.2, TrackerConfig.new_track_score, 0.8):
        p, r = judged.at(least)
        axes.plot(r, p, 'o', color='C1')
        axes.annotate(f'{least:g}', (r, p), (4, 4), textcoords='offset points')
    axes.set(xlim=(0, 1), ylim=(0, 1.05), xlabel='recall', ylabel='precision',
             title='people of at least a score')  # fmt: skip
    axes.grid(alpha=0.3)
    try:
        figure.savefig(path, dpi=100)
    except OSError as error:
        raise DataError(f'cannot write {path}: {error.strerror}') from error


def side_by_side(error: PersonError, people: Keypoints) -> np.ndarray:
    """Draw a labelled person (left, BGR) beside the one paired with it of those found (right)."""
    image = error.photo.read()
    truth = error.photo.truth
    labelled = Keypoints(
        truth.xy[[error.person]].astype(np.float32),
        (~np.isnan(truth.xy[[error.person], :, 0])).astype(np.float32),
        np.ones(1, np.float32),
    )
    chosen = people.select(np.array([error.found] if error.found >= 0 else [], np.intp))
    boxes = [truth.boxes_xyxy[error.person], labelled.boxes_xyxy()[0]]
    visible = as_published(chosen)
    boxes += [box for box in visible.boxes_xyxy() if np.isfinite(box).all()]
    left, top, right, bottom = _view(np.array(boxes), image.shape[1::-1])
    part = image[top:bottom, left:right]
    scale = PICTURE_HEIGHT_PX / part.shape[0]
    size = (max(1, round(part.shape[1] * scale)), PICTURE_HEIGHT_PX)
    panels = []
    found = 'not found' if error.found < 0 else f'found, OKS {error.oks:.2f}'
    for people_drawn, title in ((labelled, 'labelled'), (visible, found)):
        panel = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else
                           cv2.INTER_CUBIC)  # fmt: skip
        moved = (people_drawn.xy - np.float32([left, top]) + 0.5) * np.float32(scale) - 0.5
        draw_keypoints(panel, Keypoints(moved, people_drawn.score, people_drawn.person_score))
        draw_banner(panel, title)
        panels.append(panel)
    gap = np.full((PICTURE_HEIGHT_PX, 6, 3), 255, np.uint8)
    return np.hstack([panels[0], gap, panels[1]])


def as_published(people: Keypoints) -> Keypoints:
    """Leave out the keypoints that the node would not publish."""
    weak = people.score < EstimatorConfig.min_keypoint_score
    return replace(people, xy=np.where(weak[..., None], np.float32(np.nan), people.xy))


def _view(boxes: np.ndarray, image_size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what a picture shows, whole pixels in the image."""
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    reach = CONTEXT * max(*(high - low), 20.0)
    size = np.array(image_size)
    left, top = np.clip(np.floor(low - reach), 0, size - 2).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high + reach), (left + 2, top + 2), size).astype(int).tolist()
    return left, top, right, bottom


def _markdown(report: dict[str, Any], worst: list[PersonError], names: list[str]) -> str:
    lines = [
        f'# {" + ".join(report["models"])} on {Path(report["data"]).name}', '',
        f'{report["photos"]} photos with {report["people"]} labelled people; '
        f'{report["found"]} found. Mode {report["mode"]}, backend {report["backend"]}, '
        f'{report["cores"]} cores of {report["cpu"]}.', '',
        '| figure | value | what it is |', '|---|---|---|',
    ]  # fmt: skip
    meaning = {
        'AP': 'mean over OKS 0.50 to 0.95', 'AP50': 'at OKS 0.50', 'AP75': 'at OKS 0.75',
        'APm': 'people of 32 to 96 pixels', 'APl': 'people of more than 96 pixels',
        'AR': 'recall, mean over OKS 0.50 to 0.95',
    }  # fmt: skip
    lines += [f'| {name} | {report[name]:.3f} | {text} |' for name, text in meaning.items()]
    cost, network = report['estimate_ms'], report['network_ms']
    lines += [
        f'| time per photo | {cost["p50"]:.1f} ms | median; 95 %: {cost["p95"]:.1f} ms |',
        f'| of it the networks | {network["p50"]:.1f} ms | median |', '',
        '## Scores', '',
        f'People of a score of at least {TrackerConfig.new_track_score:g}: precision '
        f'{report["precision"]:.3f}, recall {report["recall"]:.3f} (OKS >= 0.5). Expected '
        f'calibration error of people {report["calibration_error"]:.3f}, of keypoints '
        f'{report["keypoint_calibration_error"]:.3f}'
        + ('.' if report['calibrated'] else ': there is no calibration of this mode.'), '',
        '![reliability, precision and recall](curves.png)', '',
        '## Joints', '',
        'PCK@0.2: the share of labelled joints found within 0.2 of the longer side of the box, or '
        'of the torso (left shoulder to right hip). A person not found has all joints wrong.',
        '', '| joint | PCK@0.2 of the box | of the torso |', '|---|---|---|',
    ]  # fmt: skip
    box, torso = report['pck']['box'], report['pck']['torso']
    for name in (*KEYPOINT_NAMES, 'all'):
        lines.append(f'| {name.replace("_", " ")} | {box[name]:.3f} | {torso[name]:.3f} |')
    lines += [
        '', '## Worst cases', '',
        'The labelled people with the lowest OKS, among equals those with most joints labelled; '
        'left what is labelled, right what was found (blue: left side, orange: right side).', '',
    ]  # fmt: skip
    for error, name in zip(worst, names):
        truth = error.photo.truth
        joints = NUM_KEYPOINTS - int(np.isnan(truth.xy[error.person, :, 0]).sum())
        lines += [
            f'{name}: {error.photo.path.name}, annotation {truth.annotation_id[error.person]}, '
            f'{joints} joints labelled, OKS {error.oks:.3f}', '', f'![{name}]({name})', '',
        ]  # fmt: skip
    lines += ['## Parameters', '', '| parameter | value |', '|---|---|']
    lines += [f'| {name} | {value} |' for name, value in report['parameters'].items()]
    return '\n'.join(lines) + '\n'
