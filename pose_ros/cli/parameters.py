# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Every parameter of every node: tables (`docs/parameters.md`) or YAML (`config/pose.yaml`)."""

from __future__ import annotations

import argparse
from dataclasses import Field
import json
from pathlib import Path
from typing import Any

from pose_ros.core.config import NODE_CONFIGS, named_fields

HELP = 'list every parameter of every node'
EPILOG = """\
examples:
  pose_ros parameters                              the tables of docs/parameters.md
  pose_ros parameters --node pose_tracker          those of one node
  pose_ros parameters --format yaml > mine.yaml    a file for `pose_ros up --params mine.yaml`
  pose_ros parameters --update .                   both files of a checkout"""

_BEGIN, _END = '<!-- parameters:', '<!-- end of parameters -->'

_YAML_HEAD = """\
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
#
# Every parameter of every node, with its default. Made by `pose_ros parameters --format yaml`.
# The keys begin with /**/ so that they hold in every namespace; a node that is renamed needs its
# own key.
"""


def allowed(f: Field[Any]) -> str:
    """Return the values that a field may take, in words; empty when any will do."""
    low, high, choices = (f.metadata[key] for key in ('low', 'high', 'choices'))
    if choices:
        return ', '.join(map(str, choices))
    return f'{low} to {high}' if low is not None else ''


def markdown(node: str, config_class: type[Any]) -> str:
    """Return the table of one node."""
    rows = ['| parameter | default | allowed | live | what it is |', '|---|---|---|---|---|']
    for name, f in named_fields(config_class).items():
        live = 'yes' if f.metadata['live'] else 'no'
        rows.append(
            f'| `{name}` | `{json.dumps(f.default)}` | {allowed(f)} | {live} | '
            f'{f.metadata["description"]} |'
        )
    return f'### `{node}`\n\n' + '\n'.join(rows) + '\n'


def yaml(node: str, config_class: type[Any]) -> str:
    """Return the parameter file's section of one node."""
    lines = [f'/**/{node}:', '  ros__parameters:']
    group = ''
    for name, f in named_fields(config_class).items():
        values = allowed(f)
        comment = f.metadata['description'] + (f' ({values})' if values else '')
        # JSON's scalars are YAML's: numbers keep their point, strings their quotes.
        if f.metadata['group'] not in ('', group):
            lines.append(f'    {f.metadata["group"]}:')
        group = f.metadata['group']
        indent = '      ' if group else '    '
        key = name.removeprefix(f'{group}.')
        lines += [f'{indent}# {comment}', f'{indent}{key}: {json.dumps(f.default)}']
    return '\n'.join(lines) + '\n'


def document(form: str, nodes: dict[str, type[Any]]) -> str:
    """Return all sections in one form, 'markdown' or 'yaml'."""
    if form == 'yaml':
        return '\n'.join([_YAML_HEAD, *(yaml(name, c) for name, c in nodes.items())])
    return '\n'.join(markdown(name, config_class) for name, config_class in nodes.items())


def update(checkout: Path) -> None:
    """Rewrite the parameter file, and the tables of the page between their two marks."""
    shipped = checkout / 'config' / 'pose.yaml'
    shipped.write_text(document('yaml', NODE_CONFIGS), encoding='utf-8')
    page = checkout / 'docs' / 'parameters.md'
    text = page.read_text(encoding='utf-8')
    before, found, rest = text.partition(_BEGIN)
    mark_end, _, tables = rest.partition('\n')
    after = tables.partition(_END)
    if not (found and after[1]):
        raise OSError(f'{page}: the marks around the parameter tables are missing')
    new = document('markdown', NODE_CONFIGS)
    page.write_text(f'{before}{_BEGIN}{mark_end}\n{new}{_END}{after[2]}', encoding='utf-8')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('--format', choices=('markdown', 'yaml'), default='markdown')
    parser.add_argument('--node', choices=tuple(NODE_CONFIGS), help='only this node')
    parser.add_argument('--update', type=Path, metavar='CHECKOUT',
                        help='rewrite docs/parameters.md and config/pose.yaml')


def main(args: argparse.Namespace) -> int:
    """Print; return the exit status."""
    if args.update is not None:
        update(args.update)
        return 0
    nodes = {args.node: NODE_CONFIGS[args.node]} if args.node else NODE_CONFIGS
    print(document(args.format, nodes), end='')
    return 0
