# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Config dataclasses of `core/config/` as ROS parameters of a node."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import Field, replace
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter

from pose_ros.core.config import NODE_CONFIGS, allowed, check, coerce, named_fields, nearest


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
    overrides = node._parameter_overrides
    for name, f in named_fields(config_class).items():
        if name in overrides:
            overrides[name] = coerced(f, overrides[name])
        try:
            default = list(f.default) if isinstance(f.default, tuple) else f.default
            given = node.declare_parameter(name, default, descriptor(f)).value
            values[f.name] = plain(f, given)
        except ParameterException as error:
            value = overrides[name].value
            raise ParameterError(f'{name} = {value!r}: must be {allowed(f)}') from error
    config = config_class(**values)
    try:
        check(config)
    except ValueError as error:
        raise ParameterError(str(error)) from error
    return config


def updated(config: Any, parameters: list[Parameter], is_configured: bool) -> Any:
    """
    Return a config with other values.

    Parameters
    ----------
    config : dataclass
        The present one.
    parameters : list of Parameter
        Those that are set; others than the config's do not matter.
    is_configured : bool
        Whether parameters that are read when configuring are in use at the moment.

    Raises
    ------
    ValueError
        When one of them cannot change now, or to this value; the message says which and why.
    """
    known = named_fields(config)
    changes = {p.name: plain(known[p.name], p.value) for p in parameters if p.name in known}
    fixed = [name for name, value in changes.items()
             if not known[name].metadata['live'] and value != getattr(config, known[name].name)]
    if fixed and is_configured:
        raise ValueError(
            f'{", ".join(fixed)}: read when configuring, cannot change while the node is '
            'configured; deactivate and clean up first')
    changed = replace(config, **{known[n].name: value for n, value in changes.items()})
    check(changed)
    return changed


def refusal(node: Node, config: Any, parameters: list[Parameter]) -> str:
    """
    Say what rclpy says without naming the parameter: it is unknown, or its type is wrong.

    Returns
    -------
    str
        The reason in one line; empty when there is none.
    """
    known = named_fields(config)
    for parameter in parameters:
        f = known.get(parameter.name)
        if not node.has_parameter(parameter.name):
            return no_such(node.get_name(), parameter.name, known)
        if f is not None and type(plain(f, parameter.value)) is not type(f.default):
            return f'{parameter.name} = {parameter.value!r}: must be {allowed(f)}'
    return ''


def unknown(node: Node, config: Any) -> list[str]:
    """
    Say which overrides, of a file or a command line, name no parameter of this node.

    Those that another node of this package has are not said: a file may give every node the same,
    and arguments of a container hold for all nodes in it.

    Returns
    -------
    list of str
        A line for each.
    """
    elsewhere = {name for other in NODE_CONFIGS.values() for name in named_fields(other)}
    return [
        no_such(node.get_name(), name, named_fields(config))
        for name in node._parameter_overrides
        if not node.has_parameter(name) and name not in elsewhere
        and not name.startswith('qos_overrides.')
    ]


def no_such(node_name: str, name: str, known: Iterable[str]) -> str:
    """Say that a node has no such parameter, with the nearest that it has."""
    return f'{node_name} has no parameter {name}{nearest(name, known)}'


def coerced(f: Field[Any], parameter: Parameter) -> Parameter:
    """Return a parameter with whole numbers made floats, where the config has floats."""
    value = parameter.value
    wanted = coerce(f, list(value) if isinstance(value, array) else value)
    if type(wanted) is type(value):
        return parameter
    return Parameter(parameter.name, value=list(wanted) if isinstance(wanted, tuple) else wanted)


def plain(f: Field[Any], value: Any) -> Any:
    """Return a parameter's value as the config has it: arrays of numbers as tuples."""
    return coerce(f, list(value) if isinstance(value, array) else value)


def descriptor(f: Field[Any]) -> ParameterDescriptor:
    """Describe a field of a config dataclass as a ROS parameter, with its range."""
    low, high, choices = (f.metadata[key] for key in ('low', 'high', 'choices'))
    described = ParameterDescriptor(description=f.metadata['description'])
    if choices:
        described.additional_constraints = f'one of {", ".join(map(str, choices))}'
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
