# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The learning rate and the averaged weights over the steps of a training."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn


def learning_rate_factor(step: int, steps: int, warm_up_steps: int) -> float:
    """
    Return what the learning rate is multiplied by: up in a line, then down in half a cosine.

    Loshchilov and Hutter, SGDR, ICLR 2017 (the cosine); Goyal et al., 2017 (the warm-up).

    Parameters
    ----------
    step : int
        From 0.
    steps : int
        Of the whole training.
    warm_up_steps : int
        Of the line.
    """
    if step < warm_up_steps:
        return (step + 1) / warm_up_steps
    done = (step - warm_up_steps) / max(1, steps - warm_up_steps)
    return 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


class AveragedWeights:
    """
    Exponential moving average of a network's weights and statistics.

    Its decay grows from 0.1 to `decay` in the first steps, so that the random start is forgotten.

    Parameters
    ----------
    network : Module
        Is copied.
    decay : float
        Of the average, per step.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take the weights after a step, counted from 0, into the average."""
        decay = min(self._decay, (1 + step) / (10 + step))
        now = network.state_dict()
        for name, average in self.network.state_dict().items():
            if average.dtype.is_floating_point:
                average.lerp_(now[name], 1.0 - decay)
            else:
                average.copy_(now[name])
