# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Asks every TensorRT whether it has the names that the package calls.

tensorrt_names.py [VERSION...]

The names stand in the sources: they are read there. The versions' Python bindings are small wheels
(1 MB) without the libraries (1 GB); with stubs in the place of these they can be imported on any
Linux with gcc, and asked for names and parameters. What they say is kept in
test/gpu/tensorrt_names.json. Fetched by pip for the Python that runs this: 11.4 has wheels from
3.10 on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / 'test' / 'gpu' / 'tensorrt_names.json'
BACKENDS = ROOT / 'pose_ros' / 'backends' / 'tensorrt'
WHEELS = {
    '10.3.0': 'tensorrt-cu12-bindings',  # JetPack 6
    '10.13.3.9': 'tensorrt-cu13-bindings',
    '11.4.0.106': 'tensorrt-cu13-bindings',
}
RTX = 'rtx'

# What the sources call the module, and objects that they are given.
GIVEN = {
    'trt': '', 'self._trt': '', 'self._runtime.trt': '', 'config': 'IBuilderConfig',
    'engine': 'ICudaEngine', 'self._engine': 'ICudaEngine', 'context': 'IExecutionContext',
    'bound.context': 'IExecutionContext', 'found.context': 'IExecutionContext',
}
# The class of what a call returns.
RETURNS = {
    'Builder': 'Builder', 'OnnxParser': 'OnnxParser', 'Runtime': 'Runtime',
    'Builder.create_network': 'INetworkDefinition',
    'Builder.create_builder_config': 'IBuilderConfig',
    'Builder.create_optimization_profile': 'IOptimizationProfile',
    'OnnxParser.get_error': 'ParserError',
    'Runtime.deserialize_cuda_engine': 'ICudaEngine',
    'ICudaEngine.create_execution_context': 'IExecutionContext',
    'ICudaEngine.create_runtime_config': 'IRuntimeConfig',
    'IRuntimeConfig.create_runtime_cache': 'IRuntimeCache',
}
# Names that are called only where another one is there: it is asked for before.
_OF_RTX = (
    'DynamicShapesKernelSpecializationStrategy', 'DynamicShapesKernelSpecializationStrategy.EAGER',
    'ICudaEngine.create_runtime_config', 'IRuntimeCache.deserialize', 'IRuntimeCache.serialize',
    'IRuntimeConfig.create_runtime_cache', 'IRuntimeConfig.set_runtime_cache',
    'IRuntimeConfig.dynamic_shapes_kernel_specialization_strategy',
    'IRuntimeConfig.set_execution_context_allocation_strategy',
)
ONLY_WITH = {
    'IBuilderConfig.num_compute_capabilities': 'ComputeCapability',
    'IBuilderConfig.set_compute_capability': 'ComputeCapability',
    **dict.fromkeys(_OF_RTX, 'IRuntimeCache'),
}


@dataclass(frozen=True)
class Use:
    """
    One name that the sources use.

    Attributes
    ----------
    name : str
        'Class.member', 'Class', or a name of the module.
    where : str
        File and line.
    arguments : tuple or None
        Number of positional arguments and the names of the others, of a call.
    is_asked : bool
        Whether it is only asked whether it is there.
    """

    name: str
    where: str
    arguments: tuple[int, tuple[str, ...]] | None = None
    is_asked: bool = False


def uses() -> list[Use]:
    """Return what the sources of the backends use of TensorRT."""
    found = []
    for path in sorted(BACKENDS.glob('*.py')):
        tree = ast.parse(path.read_text(encoding='utf-8'))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if 'trt' in names or 'self._engine' in path.read_text(encoding='utf-8'):
            found += list(_uses_of(tree, path.name))
    return found


def _uses_of(tree: ast.AST, file: str) -> Iterator[Use]:
    known = dict(GIVEN)

    def name_of(node: ast.AST) -> str | None:
        """Return TensorRT's name for an expression, '' for the module, None for all others."""
        text = ast.unparse(node)
        if text in known:
            return known[text]
        if isinstance(node, ast.Call):
            called = name_of(node.func)
            if called is not None and _is_asking(node):
                return None
            return RETURNS.get(called or '')
        if isinstance(node, ast.Attribute) and not node.attr.startswith('__'):
            owner = name_of(node.value)
            return None if owner is None else f'{owner}.{node.attr}'.lstrip('.')
        return None

    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            asked = _asked(node.value, name_of)
            known.update({
                ast.unparse(target): name
                for target in node.targets
                if not isinstance(target, ast.Tuple)
                and (name := asked or name_of(node.value)) is not None
            })
    calls = {
        id(node.func): (len(node.args), tuple(str(k.arg) for k in node.keywords))
        for node in ast.walk(tree) if isinstance(node, ast.Call)
    }  # fmt: skip
    for node in ast.walk(tree):
        where = f'{file}:{getattr(node, "lineno", 0)}'
        if isinstance(node, ast.Attribute) and ast.unparse(node) not in known:
            name = name_of(node)
            if name:
                yield Use(name, where, calls.get(id(node)))
        elif isinstance(node, ast.Call) and (asked_for := _asked(node, name_of)):
            has_answer = ast.unparse(node.func) == 'hasattr' or len(node.args) > 2
            yield Use(asked_for, where, is_asked=has_answer)
        elif isinstance(node, ast.ClassDef):
            for base in filter(None, map(name_of, node.bases)):
                for method in node.body:
                    if isinstance(method, ast.FunctionDef) and method.name != '__init__':
                        count = len(method.args.args) - 1
                        yield Use(f'{base}.{method.name}', where, (count, ()))


def _is_asking(node: ast.Call) -> bool:
    return isinstance(node.func, ast.Name) and node.func.id in ('getattr', 'hasattr')


def _asked(node: ast.AST, name_of: Any) -> str | None:
    """Return the name that `getattr` or `hasattr` asks for."""
    if not isinstance(node, ast.Call) or not _is_asking(node):
        return None
    owner = _asked(node.args[0], name_of) or name_of(node.args[0])
    member = node.args[1]
    if owner is None or not isinstance(member, ast.Constant):
        return None
    return f'{owner}.{member.value}'.lstrip('.')


def problems(table: dict[str, Any]) -> list[str]:
    """
    Return what a TensorRT lacks.

    Parameters
    ----------
    table : dict
        What `names_of` found.
    """
    found = []
    for use in uses():
        if use.is_asked:
            continue
        needs = ONLY_WITH.get(use.name)
        if needs and table.get(needs) is None:
            continue
        there = table.get(use.name)
        if use.name not in table:
            found.append(f'{use.where}: {use.name} is new: ./run python scripts/tensorrt_names.py')
        elif there is None:
            found.append(f'{use.where}: there is no {use.name}')
        elif use.arguments and not _fits(there, *use.arguments):
            found.append(f'{use.where}: {use.name} takes {there}, not {use.arguments}')
    return found


def _fits(there: Any, positional: int, keywords: tuple[str, ...]) -> bool:
    """Tell whether one of the overloads takes so many arguments and these keywords."""
    if not isinstance(there, list):
        return False
    for parameters in there:
        names = [p.rstrip('=') for p in parameters]
        given = set(names[:positional]) | set(keywords)
        required = {p for p in parameters if not p.endswith('=')}
        if positional <= len(names) and set(keywords) <= set(names) and required <= given:
            return True
    return False


# Runs where a TensorRT can be imported: names on stdin, what they are on stdout.
_ASK = r"""
import importlib, json, re, sys
trt = importlib.import_module(sys.argv[1])
def parameters(text):
    found = []
    for line in (text or '').splitlines():
        match = re.match(r'(?:\d+\. )?\w+\((.*)\) -> ', line.strip())
        if not match or match[1].startswith('*args'):
            continue
        inside, parts, depth, part = match[1], [], 0, ''
        for sign in inside:
            depth += (sign in '[(<') - (sign in '])>')
            if sign == ',' and not depth:
                parts.append(part); part = ''
            else:
                part += sign
        parts = [p.strip() for p in [*parts, part] if p.strip()]
        found.append([p.split(':')[0].strip() + '=' * ('=' in p) for p in parts][1:])
    return found
def about(name):
    found = trt
    for part in name.split('.'):
        owner, found = found, getattr(found, part, None)
        if found is None:  # what is called back may be declared in the text only
            declared = re.search(r'def ' + part + r'\(self, (.*?)\)', owner.__doc__ or '')
            return declared and [declared[1].split(', ')]
    if isinstance(found, type):
        return parameters(found.__init__.__doc__)
    if callable(found):
        return parameters(found.__doc__)
    return 'property' if isinstance(found, property) else 'value'
print(json.dumps({name: about(name) for name in json.load(sys.stdin)}))
"""


class NotToBeHad(Exception):
    """There is no network, or no wheel for this Python; the message says what pip said."""


def names_of(version: str) -> dict[str, Any]:
    """
    Ask a TensorRT for the names that the package uses.

    Parameters
    ----------
    version : str
        One of WHEELS, which is fetched, or RTX, which is installed.

    Returns
    -------
    dict
        None for what is not there, the parameters of each overload of what can be called
        ('name=' has a default), else 'value' or 'property'.

    Raises
    ------
    NotToBeHad
        When pip gets no wheel.
    subprocess.CalledProcessError
        When it cannot be imported.
    """
    if version == RTX:
        return _ask('tensorrt_rtx', dict(os.environ))
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, '-m', 'pip', 'install', '--quiet', '--no-input', '--no-deps',
             '--disable-pip-version-check', '--retries', '0', '--timeout', '15',
             '--only-binary', ':all:', '--target', folder, f'{WHEELS[version]}=={version}'],
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            reason = (done.stderr.strip() or 'it says nothing').splitlines()[-1]
            raise NotToBeHad(f'pip gets no {WHEELS[version]} {version} for this Python: {reason}')
        _write_stubs(Path(folder))
        paths = {'PYTHONPATH': folder, 'LD_LIBRARY_PATH': folder}
        return _ask('tensorrt_bindings', {**os.environ, **paths})


def _ask(module: str, environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, '-c', _ASK, module], input=json.dumps(sorted({u.name for u in uses()})),
        check=True, capture_output=True, text=True, env=environment, timeout=60,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _write_stubs(folder: Path) -> None:
    """Make libraries with functions that return nothing, for the bindings in this folder."""
    (binding,) = folder.glob('*/tensorrt.so')
    symbols = _lines('nm', '-D', '--undefined-only', str(binding))
    needed = _lines('objdump', '-p', str(binding))
    # What has no version (@) and is not Python's is TensorRT's.
    wanted = [line.split()[-1] for line in symbols if ' U ' in f' {line}']
    wanted = [name for name in wanted if '@' not in name and not name.startswith(('Py', '_Py'))]
    source = folder / 'stubs.c'
    source.write_text(''.join(f'void *{name}(void) {{ return 0; }}\n' for name in wanted))
    library = folder / 'stubs.so'
    subprocess.run(
        ['gcc', '-w', '-shared', '-fPIC', str(source), '-o', str(library)], check=True,
        capture_output=True, text=True,
    )
    for line in needed:
        parts = line.split()
        if parts[:1] == ['NEEDED'] and parts[1].startswith('libnv'):
            shutil.copy(library, folder / parts[1])


def _lines(*command: str) -> list[str]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def main(versions: list[str]) -> int:
    """Write the table, say what is missing; return the exit status."""
    table = json.loads(TABLE.read_text(encoding='utf-8')) if TABLE.exists() else {}
    failed = 0
    for version in versions or [*WHEELS, RTX]:
        try:
            table[version] = names_of(version)
        except (NotToBeHad, subprocess.CalledProcessError) as error:
            print(f'{version}: {error} {getattr(error, "stderr", "")}'.rstrip(), file=sys.stderr)
            failed += 1
            continue
        wrong = problems(table[version])
        failed += bool(wrong)
        lacks = sorted(name for name, what in table[version].items() if what is None)
        print(f'{version}: {len(table[version])} names; not there: {", ".join(lacks) or "none"}')
        print('\n'.join(f'  {line}' for line in wrong) or '  nothing is called that is not there')
    # A line for each name: what changes is seen.
    versions_text = [
        f'{json.dumps(version)}: {{\n' + ',\n'.join(
            f'{json.dumps(name)}: {json.dumps(what)}' for name, what in sorted(names.items())
        ) + '\n}' for version, names in sorted(table.items())
    ]
    TABLE.write_text('{\n' + ',\n'.join(versions_text) + '\n}\n', encoding='utf-8')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
