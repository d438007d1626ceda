# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Config dataclasses of `core/config/` as ROS parameters of a node."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import Field, fields, replace
from typing import Any

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from pose_ros.core.config import check


class ParameterError(ValueError):
    """A parameter has a value that the node cannot take; the message names both."""


def declare(node: Node, config_class: type[Any]) -> Any:
    """
    Declare every field of a config dataclass on a node.

    Parameters
    ----------
    node : Node
        Its parameter overrides (file, command line) take the place of the defaults.
    config_class : type
        A dataclass of `core/config/`.

    Returns
    -------
    config_class
        With the values that the parameters have now.

    Raises
    ------
    ParameterError
        When an override has a wrong type or lies outside its range.
    """
    values = {}
    for f in fields(config_class):
        try:
            default = list(f.default) if isinstance(f.default, tuple) else f.default
            given = node.declare_parameter(f.name, default, descriptor(f)).value
            values[f.name] = plain(f, given)
        except ParameterException as error:
            value = node._parameter_overrides[f.name].value
            raise ParameterError(f'{f.name} = {value!r}: must be {allowed(f)}') from error
    config = config_class(**values)
    try:
        check(config)
    except ValueError as error:
        raise ParameterError(str(error)) from error
    return config


def accept_updates(
    node: Node,
    get: Callable[[], Any],
    apply: Callable[[Any], None],
    is_configured: Callable[[], bool],
) -> None:
    """
    Let declared parameters change at run time: all of a request, or none.

    Parameters
    ----------
    node : Node
        On which `declare` was called.
    get : callable
        Returns the present config.
    apply : callable
        Takes the new config, checked; ValueError refuses it with a reason.
    is_configured : callable
        Whether parameters that are read when configuring are in use at the moment.
    """
    known = {f.name: f for f in fields(get())}

    def on_set(parameters: list[Parameter]) -> SetParametersResult:
        changes = {
            p.name: plain(known[p.name], p.value) for p in parameters if p.name in known
        }
        config = get()
        fixed = [
            name for name, value in changes.items()
            if not known[name].metadata['live'] and value != getattr(config, name)
        ]
        if fixed and is_configured():
            return SetParametersResult(
                successful=False,
                reason=f'{", ".join(fixed)}: read when configuring, cannot change while the '
                'node is configured; deactivate and clean up first',
            )
        try:
            changed = replace(config, **changes)
            check(changed)
            apply(changed)
        except ValueError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(on_set)


def refusal(node: Node, config: Any, parameters: list[Parameter]) -> str:
    """
    Say what rclpy says without naming the parameter: it is unknown, or its type is wrong.

    Returns
    -------
    str
        The reason in one line; empty when there is none.
    """
    known = {f.name: f for f in fields(config)}
    for parameter in parameters:
        f = known.get(parameter.name)
        if not node.has_parameter(parameter.name):
            return f'{parameter.name}: {node.get_name()} has no such parameter'
        if f is not None and type(plain(f, parameter.value)) is not type(f.default):
            return f'{f.name} = {parameter.value!r}: must be {allowed(f)}'
    return ''


def plain(f: Field[Any], value: Any) -> Any:
    """Return a parameter's value as the config has it: arrays of numbers as tuples."""
    is_array = isinstance(f.default, tuple) and isinstance(value, (array, list))
    if is_array and all(isinstance(v, float) for v in value):
        return tuple(value)
    return value


def descriptor(f: Field[Any]) -> ParameterDescriptor:
    """Describe a field of a config dataclass as a ROS parameter, with its range."""
    low, high, choices = (f.metadata[key] for key in ('low', 'high', 'choices'))
    described = ParameterDescriptor(description=f.metadata['description'])
    if choices:
        described.additional_constraints = f'one of {", ".join(choices)}'
    if not f.metadata['live']:
        described.additional_constraints += '; read when configuring'
        described.additional_constraints = described.additional_constraints.lstrip('; ')
    if low is not None and high is not None:
        if isinstance(f.default, float):
            described.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high))
            ]
        else:
            described.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
    return described


def allowed(f: Field[Any]) -> str:
    """Say in words which values a field takes, for error messages."""
    low, high, choices = (f.metadata[key] for key in ('low', 'high', 'choices'))
    kind = {
        bool: 'true or false', int: 'an integer', str: 'a string', tuple: 'numbers with a point',
    }.get(type(f.default), 'a number with a point')
    if choices:
        return f'one of {", ".join(choices)}'
    return kind if low is None else f'{kind} between {low} and {high}'
