# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
ROS parameter files: what is wrong in one, and numbers that ROS refuses and people write.

rcl ends a node with a long message from its YAML parser, and refuses `[0, 0.5]`, in which one
number is an integer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
import os
from pathlib import Path
import re
import tempfile
from typing import Any

import yaml

from pose_ros.core.config import NODE_CONFIGS, check_value, coerce, named_fields

_INTEGER = re.compile(r'[-+]?[0-9]+')
_FLOAT = re.compile(
    r'[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF|nan|NaN|NAN)')


class ParameterFileError(ValueError):
    """A parameter file cannot be used; the message names the file, what is wrong and where."""


class _Loader(yaml.SafeLoader):
    """
    Scalars as rcl_yaml_param_parser reads them, get_value() in its parse.c.

    Otherwise than PyYAML it takes y and n for truths, 1e-3 for a number, a date for a string.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}
    bool_values = {**yaml.SafeLoader.bool_values, 'y': True, 'n': False}


for _kind, _pattern in (
    ('bool', re.compile('(?:y|yes|true|on|n|no|false|off)$', re.IGNORECASE)),
    ('int', re.compile(r'[-+]?(?:0[xX][0-9a-fA-F]+|[0-9]+)$')),
    ('float', re.compile(f'(?:{_FLOAT.pattern})$')),
    ('null', re.compile('(?:~|null|Null|NULL|)$')),
):
    _Loader.add_implicit_resolver(f'tag:yaml.org,2002:{_kind}', _pattern, None)


def read_text(path: Path) -> str:
    """
    Return the text of a parameter file.

    Raises
    ------
    ParameterFileError
        When it cannot be read, or is no YAML.
    """
    try:
        text = path.read_text(encoding='utf-8')
    except OSError as error:
        raise ParameterFileError(f'parameter file {path}: {error.strerror}') from error
    except UnicodeDecodeError as error:
        raise ParameterFileError(f'parameter file {path}: is no text') from error
    _compose(text, f'parameter file {path}')
    return text


def check_parameter_file(path: Path, nodes: Sequence[str]) -> None:
    """
    Check the sections of a parameter file that name these nodes.

    What is not of these nodes is not looked at: a file may hold parameters of other packages.
    Unknown names do not matter to ROS either; the nodes say them.

    Parameters
    ----------
    path : Path
    nodes : sequence of str
        Keys of NODE_CONFIGS.

    Raises
    ------
    ParameterFileError
        With one line: a section or a value that its node cannot take.
    """
    where = f'parameter file {path}'
    data = _load(read_text(path), where) or {}
    if not isinstance(data, dict):
        raise ParameterFileError(f'{where}: must have sections like pose_tracker: '
                                 'ros__parameters: ...')
    for key, parameters in _sections(data, '', where):
        node = key.rpartition('/')[2]
        if node not in NODE_CONFIGS:
            near = get_close_matches(node, NODE_CONFIGS, 1, 0.85)
            if near:
                raise ParameterFileError(f'{where}: there is no node {node}: is {near[0]} meant?')
        if node not in nodes:
            continue
        known = named_fields(NODE_CONFIGS[node])
        for name, value in _flat(parameters).items():
            if name not in known:
                continue
            try:
                check_value(known[name], coerce(known[name], value))
            except ValueError as error:
                raise ParameterFileError(f'{where}: {node}: {error}') from error


def parse_value(text: str) -> Any:
    """Return the value of a parameter as it is written: true, 5, 0.5, [0, 0.5], two-pass."""
    try:
        return _load(text, '')
    except ParameterFileError:
        return text


@contextmanager
def repaired_arguments(arguments: Sequence[str]) -> Iterator[list[str]]:
    """
    Replace parameter files, in the arguments of a node, in which lists mix integers and floats.

    Parameters
    ----------
    arguments : sequence of str
        Of a node: `--params-file FILE` and `-p NAME:=VALUE` after `--ros-args`.

    Yields
    ------
    list of str
        The same with all numbers of such a list as floats; files in their place are temporary.

    Raises
    ------
    ParameterFileError
        When a file cannot be read, or is no YAML.
    """
    repaired, temporary = list(arguments), []
    try:
        for index in range(1, len(repaired)):
            flag, value = repaired[index - 1:index + 1]
            if flag == '--params-file':
                text = read_text(Path(value))
                floats = with_floats(text)
                if floats != text:
                    descriptor, repaired[index] = tempfile.mkstemp(suffix='.yaml')
                    temporary.append(repaired[index])
                    with os.fdopen(descriptor, 'w', encoding='utf-8') as file:
                        file.write(floats)
            elif flag in ('-p', '--param') and '[' in value:
                name, separator, text = value.partition(':=')
                repaired[index] = f'{name}{separator}{with_floats(text)}'
        yield repaired
    finally:
        for path in temporary:
            os.unlink(path)


def with_floats(text: str) -> str:
    """
    Return YAML with all numbers of a list as floats where one of them is.

    Nothing else changes: what rcl makes of a word is not what PyYAML makes of it.

    Examples
    --------
    >>> with_floats('zone: [0, -1, 0.5]  # a sphere')
    'zone: [0.0, -1.0, 0.5]  # a sphere'
    """
    try:
        root = _compose(text, '')
    except ParameterFileError:
        return text  # rcl says what is wrong
    places = []
    for sequence in _sequences(root):
        values = [v for v in sequence.value if isinstance(v, yaml.ScalarNode) and not v.style]
        whole = [v for v in values if _INTEGER.fullmatch(v.value)]
        if any(_FLOAT.fullmatch(v.value) for v in values):
            places += [v.end_mark.index for v in whole]
    for index in sorted(places, reverse=True):
        text = f'{text[:index]}.0{text[index:]}'
    return text


def _sequences(node: yaml.Node | None) -> Iterator[yaml.SequenceNode]:
    if isinstance(node, yaml.SequenceNode):
        yield node
        for child in node.value:
            yield from _sequences(child)
    elif isinstance(node, yaml.MappingNode):
        for _, child in node.value:
            yield from _sequences(child)


def _compose(text: str, where: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ParameterFileError(f'{where}: {_one_line(error)}') from error


def _load(text: str, where: str) -> Any:
    try:
        return _Loader(text).get_single_data()
    except (yaml.YAMLError, ValueError) as error:  # ValueError: 09, which is no octal number
        raise ParameterFileError(f'{where}: {_one_line(error)}') from error


def _one_line(error: Exception) -> str:
    mark = getattr(error, 'problem_mark', None)
    problem = getattr(error, 'problem', None) or str(error).splitlines()[0]
    return f'line {mark.line + 1}: {problem}' if mark is not None else problem


def _sections(
    data: dict[Any, Any], prefix: str, where: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and parameters of each section: namespaces may be levels of their own."""
    for key, value in data.items():
        name = f'{prefix}/{str(key).strip("/")}'
        if not isinstance(value, dict):
            if value is not None:
                raise ParameterFileError(f'{where}: {name.strip("/")}: ros__parameters is missing')
        elif 'ros__parameters' in value:
            parameters = value['ros__parameters']
            if parameters is not None and not isinstance(parameters, dict):
                raise ParameterFileError(
                    f'{where}: {name.strip("/")}: ros__parameters must be names and values')
            yield name, parameters or {}
        else:
            yield from _sections(value, name, where)


def _flat(parameters: dict[Any, Any], prefix: str = '') -> dict[str, Any]:
    """Return parameters whose groups are levels of their own by their names with points."""
    found: dict[str, Any] = {}
    for key, value in parameters.items():
        if isinstance(value, dict):
            found |= _flat(value, f'{prefix}{key}.')
        else:
            found[f'{prefix}{key}'] = value
    return found
