# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a network sees in some crops, beside what is labelled there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from pose_ros.backends.tensorrt.owned_files import write_whole
from pose_ros.core.decode.movenet import decode_person
from pose_ros.core.keypoints import Keypoints
from pose_ros.media.overlay import draw_keypoints
from pose_ros.media.palette import WHITE
from pose_ros.media.text import draw_text
from pose_ros.training.loader import Loader
from pose_ros.training.network import PoseNetwork, normalised

COLUMNS, ROWS = 3, 4
MIN_SCORE = 0.1
"""Lower peaks are not drawn."""


@torch.no_grad()
def draw_samples(
    path: Path, network: PoseNetwork, loader: Loader, device: torch.device
) -> None:
    """
    Write a page of crops as PNG, each twice: as predicted, and as labelled.

    Parameters
    ----------
    path : Path
        Is replaced.
    network : PoseNetwork
        In `eval` mode.
    loader : Loader
        The crops: some, evenly spread, are taken.
    device : torch.device
        Where the network is.

    Raises
    ------
    OSError
        When it cannot be written; the old page is as it was.
    """
    maker = loader.maker
    count = min(COLUMNS * ROWS, len(maker))
    samples = [maker.sample(int(i)) for i in np.linspace(0, len(maker) - 1, count)]
    crops = torch.from_numpy(np.stack([sample.crop for sample in samples])).to(device)
    outputs = network(normalised(crops, network.spec))
    maps = {role: m.float().cpu().numpy() for role, m in outputs.items()}
    predicted = decode_person(maps, network.spec)
    height, width = samples[0].crop.shape[:2]
    page = np.full((ROWS * (height + 8) + 8, COLUMNS * (2 * width + 8) + 8, 3), 24, np.uint8)
    for n, sample in enumerate(samples):
        labelled = Keypoints(
            sample.xy[None], (~np.isnan(sample.xy[..., 0])).astype(np.float32)[None],
            np.ones(1, np.float32),
        )
        weak = predicted.score[n] < MIN_SCORE
        shown = Keypoints(
            np.where(weak[:, None], np.float32(np.nan), predicted.xy[n])[None],
            predicted.score[n:n + 1], predicted.person_score[n:n + 1],
        )
        top, left = 8 + n // COLUMNS * (height + 8), 8 + n % COLUMNS * (2 * width + 8)
        for k, (people, caption) in enumerate(((shown, 'predicted'), (labelled, 'labelled'))):
            picture = sample.crop.copy()
            draw_keypoints(picture, people)
            draw_text(picture, caption, (6, 6), WHITE, 0.4)
            page[top:top + height, left + k * width:left + (k + 1) * width] = picture
    write_whole(path, cv2.imencode('.png', page)[1].tobytes())
