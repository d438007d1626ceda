# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The training: epochs of steps, a checkpoint, a row and two pictures after each."""

from __future__ import annotations

from collections.abc import Callable
import copy
from dataclasses import asdict
import math
from pathlib import Path
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pose_ros.training import accuracy
from pose_ros.training.augment import Augmentation
from pose_ros.training.checkpoint import (
    BEST,
    CHECKPOINT,
    load_checkpoint,
    load_weights,
    save_checkpoint,
)
from pose_ros.training.data import Person, TrainingData
from pose_ros.training.network import Device, PoseNetwork, normalised
from pose_ros.training.samples import Batch, Loader, PhotoCache
from pose_ros.training.settings import TrainingError, TrainingSettings
from pose_ros.training.trace import EpochRow, draw_curves, draw_samples, write_csv


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


MAX_TRAINING_CROPS = 200
"""Training crops that the accuracy is measured on: of more, as many are chosen at random."""
MAX_GRADIENT_NORM = 1.0


class Training:
    """
    One training in one folder.

    Parameters
    ----------
    network : PoseNetwork
        Is trained in place.
    settings : TrainingSettings
        What the user chose.
    device : Device
        Where it runs.
    data : TrainingData
        Whom to learn from, and whom to measure on.
    folder : Path
        Takes checkpoint, trace and pictures; exists.

    Attributes
    ----------
    waited : float
        Share of the last epoch in which the network waited for crops.
    """

    def __init__(
        self,
        network: PoseNetwork,
        settings: TrainingSettings,
        device: Device,
        data: TrainingData,
        folder: Path,
    ) -> None:
        self.network = network.to(device.torch, memory_format=torch.channels_last)
        self.settings, self.device, self.folder = settings, device, folder
        self.data = data
        self.rows: list[EpochRow] = []
        photos = PhotoCache()
        training, validation = data.training, data.validation

        def loader(people: tuple[Person, ...], augmentation: Augmentation) -> Loader:
            maker = network.maker(
                people, augmentation, settings.seed, settings.sigma_px, photos
            )
            return Loader(maker, settings.batch, settings.loader_threads)

        self.loader = loader(training, settings.augmentation)
        measured = training
        if len(training) > MAX_TRAINING_CROPS:
            rng = np.random.default_rng(settings.seed)
            chosen = np.sort(rng.permutation(len(training))[:MAX_TRAINING_CROPS])
            measured = tuple(training[i] for i in chosen)
        self._training_crops = loader(measured, Augmentation.none())
        self._validation_crops = loader(validation, Augmentation.none()) if validation else None
        self.steps_per_epoch = self.loader.num_batches(settings.passes)
        self._optimizer = torch.optim.AdamW(
            parameter_groups(self.network, settings.weight_decay), lr=settings.learning_rate
        )
        self._averaged = AveragedWeights(self.network, settings.ema_decay)
        self._scaler = torch.amp.GradScaler(
            device.torch.type, enabled=device.dtype == torch.float16
        )
        self.waited = 0.0
        self._step = 0
        self._minutes_before = 0.0
        self._started_s = time.monotonic()
        self._network_crops_per_s = math.nan

    @property
    def steps(self) -> int:
        """Count the steps of the whole training."""
        return self.steps_per_epoch * self.settings.epochs

    def run(self, stepped: Callable[[float], None], finished: Callable[[EpochRow], None]) -> None:
        """
        Train until the last epoch, from the first that is not done.

        Parameters
        ----------
        stepped : callable
            Is given the loss after each step.
        finished : callable
            Is given the row after each epoch, once everything is stored.

        Raises
        ------
        TrainingError
            When the loss is no number, or something cannot be written.
        """
        self._network_crops_per_s = self._network_alone()
        for epoch in range(len(self.rows) + 1, self.settings.epochs + 1):
            row = self._epoch(epoch, stepped)
            self._store(row)
            finished(row)

    def resume(self) -> None:
        """Take up the state of the folder's checkpoint; TrainingError when it does not fit."""
        path = self.folder / CHECKPOINT
        state = load_checkpoint(path)
        if state['network'] != self.network.spec.name:
            raise TrainingError(
                f'{path} is of another network: {state["network"]}, not {self.network.spec.name}'
            )
        load_weights(self.network, state['weights'], path)
        load_weights(self._averaged.network, state['averaged'], path)
        self._optimizer.load_state_dict(state['optimizer'])
        self._scaler.load_state_dict(state['scaler'])
        self.rows = [EpochRow(**row) for row in state['rows']]
        self._step = state['step']
        self._minutes_before = self.rows[-1].minutes
        torch.set_rng_state(state['random'])

    def _epoch(self, epoch: int, stepped: Callable[[float], None]) -> EpochRow:
        settings = self.settings
        began_s = time.monotonic()
        total, crops, waited_s = 0.0, 0, 0.0
        ready_s = began_s
        for batch in self.loader.epoch(epoch, settings.passes):
            waited_s += time.monotonic() - ready_s
            loss = self._learn(batch.to(self.device.torch))
            if not math.isfinite(loss):
                raise TrainingError(self._not_a_number(epoch))
            total += loss * len(batch.crops)
            crops += len(batch.crops)
            stepped(loss)
            ready_s = time.monotonic()
        crops_per_s = crops / (ready_s - began_s)
        self.waited = waited_s / (ready_s - began_s)
        return self._measured(epoch, total / crops, crops_per_s)

    def _learn(self, batch: Batch) -> float:
        """Make one step; return its loss."""
        settings = self.settings
        rate = settings.learning_rate * learning_rate_factor(
            self._step, self.steps, settings.warm_up_steps
        )
        for group in self._optimizer.param_groups:
            group['lr'] = rate * group['share']
        self.network.train()
        loss = self._loss(self.network, batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            return value
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self.network.parameters(), MAX_GRADIENT_NORM)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._averaged.update(self.network, self._step)
        self._step += 1
        return value

    def _loss(self, network: PoseNetwork, batch: Batch) -> Tensor:
        with self.device.autocast():
            maps = network(normalised(batch.crops, network.spec))
        return network.loss(maps, batch, self.settings.sigma_px)

    def _network_alone(self) -> float:
        """Return the crops per second of forward and backward passes on a batch that is ready."""
        network = copy.deepcopy(self.network).train()
        batches = self.loader.epoch(0)
        batch = next(batches).to(self.device.torch)
        batches.close()
        times_s = []
        for _ in range(3):
            began_s = time.monotonic()
            self._loss(network, batch).backward()
            if self.device.torch.type == 'cuda':
                torch.cuda.synchronize(self.device.torch)
            times_s.append(time.monotonic() - began_s)
        return len(batch.crops) / float(np.median(times_s[1:]))

    def _measured(self, epoch: int, loss: float, crops_per_s: float) -> EpochRow:
        network, device = self._averaged.network, self.device.torch
        seen = accuracy.predict(network, self._training_crops, device)
        train_pck = accuracy.pck(*accuracy.of_labelled(*seen))
        val_pck = val_ap = math.nan
        if self._validation_crops is not None:
            view, found, labels = accuracy.predict(network, self._validation_crops, device)
            val_pck = accuracy.pck(*accuracy.of_labelled(view, found, labels))
            if self.data.val_folder is not None:
                maker = self._validation_crops.maker
                val_ap = accuracy.scores(view, found, maker, self.data.val_folder)['AP']
        return EpochRow(
            epoch=epoch, loss=loss, train_pck=train_pck, val_pck=val_pck, val_ap=val_ap,
            learning_rate=self._optimizer.param_groups[0]['lr'],
            minutes=self._minutes_before + (time.monotonic() - self._started_s) / 60,
            crops_per_s=crops_per_s, network_crops_per_s=self._network_crops_per_s,
        )

    def _store(self, row: EpochRow) -> None:
        """
        Store the best weights, then the checkpoint, then what is made from it.

        What is stored before the checkpoint comes again, the same, when that one fails.
        """
        is_best = all(_quality(row) > _quality(other) for other in self.rows)
        self.rows.append(row)
        averaged = self._averaged.network.state_dict()
        if is_best:
            save_checkpoint(
                self.folder / BEST,
                {**self._of_data(), 'averaged': averaged, 'row': asdict(row)},
            )
        save_checkpoint(self.folder / CHECKPOINT, self._state(averaged))
        crops = self._validation_crops or self._training_crops
        try:
            write_csv(self.folder / 'trace.csv', self.rows)
            draw_curves(self.folder / 'curves.png', self.rows, self.network.spec.name)
            draw_samples(
                self.folder / 'samples.png', self._averaged.network, crops, self.device.torch
            )
        except OSError as error:
            raise TrainingError(
                f'cannot write trace and pictures to {self.folder}: {error.strerror or error}; '
                f'the checkpoint of epoch {row.epoch} is stored. Make room, then: '
                f'pose_ros train --resume {self.folder}'
            ) from error

    def _state(self, averaged: dict[str, Tensor]) -> dict[str, Any]:
        return {
            **self._of_data(),
            'weights': self.network.state_dict(),
            'averaged': averaged,
            'optimizer': self._optimizer.state_dict(),
            'scaler': self._scaler.state_dict(),
            'rows': [asdict(row) for row in self.rows],
            'step': self._step,
            'random': torch.get_rng_state(),
        }

    def _of_data(self) -> dict[str, Any]:
        """Return what a model card wants to know when the photos may be gone."""
        return {
            'network': self.network.spec.name,
            'people': self.data.num_people,
            'photos': self.data.num_photos,
        }

    def _not_a_number(self, epoch: int) -> str:
        done = len(self.rows)
        kept = f'the checkpoint of epoch {done} is in {self.folder}' if done else 'nothing to keep'
        return (
            f'the loss is not a number any more, in epoch {epoch} (step {self._step}): train with '
            f'a lower --learning-rate than {self.settings.learning_rate:g}, or with --precision '
            f'fp32; {kept}'
        )


def parameter_groups(network: PoseNetwork, weight_decay: float) -> list[dict[str, Any]]:
    """
    Return AdamW's groups by their share of the learning rate and their weight decay.

    Biases and the scales of normalisations do not decay.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            kind = network.rate_of(name), weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault(kind, []).append(parameter)
    return [
        {'params': learning, 'share': share, 'weight_decay': decay}
        for (share, decay), learning in groups.items()
    ]


def _quality(row: EpochRow) -> float:
    """Return what says which epoch is best: AP, else accuracy; the last without validation."""
    if math.isnan(row.val_pck):
        return float(row.epoch)
    return row.val_pck if math.isnan(row.val_ap) else row.val_ap
