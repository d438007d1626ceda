# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One parameter of a node: its default, what it is, what is allowed."""

from __future__ import annotations

from dataclasses import field, fields
import math
from typing import Any


def param(
    default: Any,
    description: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    live: bool = True,
) -> Any:
    """
    Describe one parameter.

    Parameters
    ----------
    default : bool, int, float, str or tuple of float
        Its type is the parameter's type.
    description : str
        One sentence, with the unit.
    low, high : float, optional
        Smallest and largest allowed value of a number, both allowed themselves.
    choices : tuple of str
        The allowed values of a string; empty when any will do.
    live : bool
        Whether it may change while the node is active; else it is read when configuring.
    """
    metadata = {
        'description': description,
        'low': low,
        'high': high,
        'choices': choices,
        'live': live,
    }
    return field(default=default, metadata=metadata)


def check(config: Any) -> None:
    """
    Check the values of a config against their descriptions.

    Raises
    ------
    ValueError
        With one line that names the parameter, its value and what is allowed.
    """
    for f in fields(config):
        value, low, high = getattr(config, f.name), f.metadata['low'], f.metadata['high']
        choices = f.metadata['choices']
        if type(value) is not type(f.default):
            wanted = type(f.default).__name__
            raise ValueError(f'{f.name} = {value!r}: must be a {wanted}')
        numbers = value if isinstance(value, tuple) else (value,)
        if any(isinstance(v, float) and not math.isfinite(v) for v in numbers):
            raise ValueError(f'{f.name} = {value!r}: must be finite')
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(f'{f.name} = {value!r}: must be between {low} and {high}')
        if choices and value not in choices:
            raise ValueError(f'{f.name} = {value!r}: must be one of {", ".join(choices)}')
