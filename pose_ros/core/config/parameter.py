# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One parameter of a node: its default, what it is, what is allowed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import Field, field, fields
from difflib import get_close_matches
import math
import sys
from typing import Any

# Of a wrong value, characters that are shown.
_SHOWN = 200


def param(
    default: Any,
    description: str,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | tuple[int, ...] = (),
    live: bool = True,
    group: str = '',
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
    choices : tuple of str or int
        The allowed values; empty when any will do.
    live : bool
        Whether it may change while the node is active; else it is read when configuring.
    group : str
        ROS parameter group: the field depth_wait_s of group 'depth' is the parameter depth.wait_s.
    """
    metadata = {
        'description': description,
        'low': low,
        'high': high,
        'choices': choices,
        'live': live,
        'group': group,
    }
    return field(default=default, metadata=metadata)


def name_of(f: Field[Any]) -> str:
    """Return the name of the ROS parameter of a field: with a dot behind its group."""
    group = f.metadata['group']
    return f'{group}.{f.name.removeprefix(group + "_")}' if group else f.name


def named_fields(config: Any) -> dict[str, Field[Any]]:
    """
    Return the parameters of a config or of its class, by the name of the ROS parameter.

    Examples
    --------
    >>> from pose_ros.core.config import EstimatorConfig
    >>> named_fields(EstimatorConfig)['depth.wait_s'].name
    'depth_wait_s'
    """
    return {name_of(f): f for f in fields(config)}


def coerce(f: Field[Any], value: Any) -> Any:
    """
    Return a value as the parameter has it: 2 as 2.0 where a float is meant, a list as a tuple.

    Examples
    --------
    >>> from pose_ros.core.config import ProximityConfig
    >>> [zone] = [f for f in fields(ProximityConfig) if f.name == 'zone']
    >>> coerce(zone, [0, 0, 0, 0.5])
    (0.0, 0.0, 0.0, 0.5)
    """
    if isinstance(f.default, tuple) and isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_as_float(v) for v in value)
    return _as_float(value) if isinstance(f.default, float) else value


def check_value(f: Field[Any], value: Any) -> None:
    """
    Check one value against the description of its parameter.

    Raises
    ------
    ValueError
        With one line that names the parameter, its value and what is allowed.
    """
    low, high, choices = (f.metadata[key] for key in ('low', 'high', 'choices'))
    numbers = value if isinstance(value, tuple) else (value,)
    fits = type(value) is type(f.default) and (
        not isinstance(value, tuple) or all(type(v) is float for v in value))
    if fits and any(isinstance(v, float) and not math.isfinite(v) for v in numbers):
        raise ValueError(f'{name_of(f)} = {value!r}: must be finite')
    if not fits or (low is not None and value < low) or (high is not None and value > high) or (
            choices and value not in choices):
        shown = repr(list(value) if isinstance(value, tuple) else value)
        shown = shown if len(shown) <= _SHOWN else f'{shown[:_SHOWN]}...'
        raise ValueError(f'{name_of(f)} = {shown}: must be {allowed(f)}')


def check(config: Any) -> None:
    """
    Check the values of a config against their descriptions.

    Raises
    ------
    ValueError
        With one line that names the parameter, its value and what is allowed.
    """
    for f in fields(config):
        check_value(f, getattr(config, f.name))


def allowed(f: Field[Any]) -> str:
    """Say in words which values a parameter takes, for error messages."""
    low, high, choices = (f.metadata[key] for key in ('low', 'high', 'choices'))
    kind = {
        bool: 'true or false', int: 'an integer', float: 'a number', str: 'a string',
        tuple: 'a list of numbers',
    }[type(f.default)]
    if choices:
        return f'one of {", ".join(map(str, choices))}'
    return kind if low is None else f'{kind} between {low} and {high}'


def _as_float(value: Any) -> Any:
    # A whole number beyond a float's largest stays what it is, and is refused as that.
    fits = type(value) is int and abs(value) <= sys.float_info.max
    return float(value) if fits else value


def nearest(name: str, names: Iterable[str]) -> str:
    """Return ': is NAME meant?' with the most similar of some names; nothing when none is."""
    near = get_close_matches(name, list(names), 1)
    return f': is {near[0]} meant?' if near else ''
