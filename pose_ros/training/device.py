# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What a training runs on, and in which precision."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pose_ros.training.errors import TrainingError


@dataclass(frozen=True)
class Device:
    """
    Where the network is, and what its convolutions compute in.

    Attributes
    ----------
    torch : torch.device
    dtype : torch.dtype
        float32, or what `autocast` uses instead.
    """

    torch: torch.device
    dtype: torch.dtype

    def autocast(self) -> torch.autocast:
        """Return the context in which the network runs while it learns."""
        is_mixed = self.dtype != torch.float32
        dtype = self.dtype if is_mixed else torch.bfloat16
        return torch.autocast(self.torch.type, dtype=dtype, enabled=is_mixed)

    def __str__(self) -> str:
        """Say it for the run's first line."""
        name = torch.cuda.get_device_name(self.torch) if self.torch.type == 'cuda' else 'CPU'
        threads = f', {torch.get_num_threads()} threads' if self.torch.type == 'cpu' else ''
        return f'{name}{threads}, {str(self.dtype).removeprefix("torch.")}'


def choose_device(device: str, precision: str) -> Device:
    """
    Choose what is there: a GPU if it can be used, and bfloat16 where the hardware computes in it.

    Parameters
    ----------
    device : str
        'auto' or a name that PyTorch knows.
    precision : str
        'auto', 'fp32', 'bf16' or 'fp16'.

    Raises
    ------
    TrainingError
        When it is not there, or cannot do that.
    """
    if device == 'auto':
        device = 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise TrainingError(f'--device {device} cannot be used: {reason}') from error
    is_cuda = chosen.type == 'cuda'
    if precision == 'auto':
        if is_cuda:
            precision = 'bf16' if torch.cuda.is_bf16_supported() else 'fp16'
        else:
            precision = 'bf16' if computes_bfloat16() else 'fp32'
    if precision == 'fp16' and not is_cuda:
        raise TrainingError('--precision fp16 is for CUDA: on a CPU use bf16 or fp32')
    dtypes = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}
    return Device(chosen, dtypes[precision])


def computes_bfloat16() -> bool:
    """Tell whether this CPU has instructions for it; without, it is slower than float32."""
    checks = ('_is_avx512_bf16_supported', '_is_amx_tile_supported')
    return any(getattr(torch.cpu, name, lambda: False)() for name in checks)
