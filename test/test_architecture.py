# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What keeps the package in shape: import direction, light imports, one source of parameters."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
import re
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'pose_ros'

# Which folder may import which, besides itself. `cli` is where everything is put together.
LIBRARY = {'core', 'backends', 'media'}
ALLOWED = {
    'core': set(),
    'diagnostics': {'core'},
    'backends': {'core'},
    'media': {'core'},
    'evaluation': LIBRARY,
    'model_import': LIBRARY,
    'training': LIBRARY | {'evaluation'},
    'ros': LIBRARY | {'diagnostics', 'msg', 'srv'},
    'cli': LIBRARY | {
        'diagnostics', 'evaluation', 'model_import', 'training', 'ros', 'msg', 'srv'},
}
HEAVY = {
    'rclpy', 'sensor_msgs', 'std_msgs', 'cv2', 'onnxruntime', 'openvino', 'tensorrt', 'pycuda',
    'cuda', 'scipy', 'torch', 'yaml', 'rosbags', 'tqdm', 'onnx',
}
ROS = {
    'rclpy', 'rcl_interfaces', 'lifecycle_msgs', 'sensor_msgs', 'std_msgs', 'geometry_msgs',
    'visualization_msgs', 'diagnostic_msgs', 'builtin_interfaces', 'std_srvs', 'launch',
    'launch_ros', 'ament_index_python', 'cv_bridge', 'tf2_ros', 'rosgraph_msgs',
}


def sources(folder: str) -> list[Path]:
    return sorted((PACKAGE / folder).rglob('*.py'))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Return all nodes of a file's syntax tree."""
    return list(ast.walk(ast.parse(path.read_text(encoding='utf-8'))))


@cache
def imported(path: Path) -> set[str]:
    """Return the dotted names of all that a file imports, also inside functions."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{path}: relative import'
            # `from pose_ros.core import oks` imports pose_ros.core.oks.
            found |= {f'{node.module}.{alias.name}' for alias in node.names}
    return found


@pytest.mark.parametrize('folder', ALLOWED)
def test_imports_run_one_way(folder: str) -> None:
    assert sources(folder)
    for path in sources(folder):
        parts = {n.split('.')[1] for n in imported(path) if n.startswith('pose_ros.')}
        wrong = parts - ALLOWED[folder] - {folder}
        assert not wrong, f'{path.relative_to(ROOT)} imports pose_ros.{", pose_ros.".join(wrong)}'


def test_only_ros_imports_ros() -> None:
    for folder in set(ALLOWED) - {'ros', 'cli'}:
        for path in sources(folder):
            wrong = {name.split('.')[0] for name in imported(path)} & ROS
            assert not wrong, f'{path.relative_to(ROOT)} imports {wrong}'


def test_core_imports_numpy_only() -> None:
    for path in sources('core'):
        tops = {name.split('.')[0] for name in imported(path)}
        known = set(sys.stdlib_module_names) | {'numpy', 'pose_ros'}
        if path.name in ('preprocess.py', 'colors.py', 'camera_motion.py'):
            known.add('cv2')
        assert tops <= known, f'{path.relative_to(ROOT)} imports {tops - known}'


def test_core_has_no_clock_files_or_log() -> None:
    for path in sources('core'):
        wrong = {name.split('.')[0] for name in imported(path)} & {
            'time', 'datetime', 'logging', 'os', 'pathlib', 'io', 'random', 'threading', 'socket'}
        assert not wrong, f'{path.relative_to(ROOT)} imports {wrong}'
        calls = {
            node.func.id for node in nodes(path)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        assert not calls & {'print', 'open', 'input'}, path


def test_nothing_installed_imports_what_is_not() -> None:
    for path in sorted(PACKAGE.rglob('*.py')):
        wrong = {name.split('.')[0] for name in imported(path)} & {'benchmarks', 'models', 'test'}
        assert not wrong, f'{path.relative_to(ROOT)} imports {wrong}'


def blocked(names: set[str], *modules: str) -> subprocess.CompletedProcess[str]:
    """Import modules in a new process in which some packages cannot be imported."""
    script = (
        'import sys\n'
        'class Block:\n'
        '    def find_spec(self, name, path=None, target=None):\n'
        f'        if name.split(".")[0] in {sorted(names)!r}:\n'
        '            raise ModuleNotFoundError(f"blocked: {name}", name=name)\n'
        'sys.meta_path.insert(0, Block())\n'
        'from importlib import import_module\n'
        f'for name in {list(modules)!r}: import_module(name)\n'
    )
    return subprocess.run([sys.executable, '-c', script], capture_output=True, text=True)


def names_in(folder: str) -> list[str]:
    return ['.'.join(path.relative_to(ROOT).with_suffix('').parts) for path in sources(folder)
            if path.stem != '__init__']


def test_core_works_without_everything_else() -> None:
    with_opencv = ('.preprocess', '.two_pass', '.colors', '.camera_motion')
    light = [name for name in names_in('core') if not name.endswith(with_opencv)]
    result = blocked(HEAVY, *light)
    assert result.returncode == 0, result.stderr
    # With OpenCV it is complete.
    result = blocked(HEAVY - {'cv2'}, *names_in('core'))
    assert result.returncode == 0, result.stderr


def test_importing_the_command_and_the_backends_loads_nothing_heavy() -> None:
    result = blocked(HEAVY, 'pose_ros.cli', 'pose_ros.backends')
    assert result.returncode == 0, result.stderr


def test_block_blocks() -> None:
    assert blocked({'numpy'}, 'pose_ros.core.oks').returncode != 0


def test_no_broad_except() -> None:
    """Errors are caught by name; what is caught broadly is raised again, or is marked and why."""
    for path in sorted(PACKAGE.rglob('*.py')):
        text = path.read_text(encoding='utf-8')
        for node in nodes(path):
            if not isinstance(node, ast.ExceptHandler):
                continue
            named = getattr(node.type, 'id', '')
            if node.type is not None and named not in ('Exception', 'BaseException'):
                continue
            marked = re.search(r'# noqa: BLE001 +\w+', text.splitlines()[node.lineno - 1])
            place = f'{path.relative_to(ROOT)}:{node.lineno}'
            assert marked or isinstance(node.body[-1], ast.Raise), place


def test_topics_are_relative() -> None:
    pattern = re.compile(
        r'create_(?:subscription|publisher|service|client)\([^)]*?[\'"](/[^\'"]*)[\'"]', re.DOTALL)
    for path in sources('ros'):
        found = set(pattern.findall(path.read_text(encoding='utf-8'))) - {'/diagnostics'}
        assert not found, f'{path.relative_to(ROOT)}: {found}'




def test_every_node_is_in_the_tables() -> None:
    from pose_ros.core import config
    from pose_ros.core.config import NODE_CONFIGS

    classes = {c for name, c in vars(config).items() if name.endswith('Config')}
    assert set(NODE_CONFIGS.values()) == classes
    found = {path.stem for path in sources('ros/nodes') if path.stem != '__init__'}
    found.remove('pose_container')  # holds nodes, is none
    assert set(NODE_CONFIGS) == found


def test_pose_yaml_is_made_from_the_parameters() -> None:
    from pose_ros.cli.parameters import document
    from pose_ros.core.config import NODE_CONFIGS

    shipped = (ROOT / 'config/pose.yaml').read_text(encoding='utf-8')
    assert shipped == document('yaml', NODE_CONFIGS), 'run: ./run pose_ros parameters --update .'


def test_pose_yaml_says_what_the_defaults_are() -> None:
    yaml = pytest.importorskip('yaml')
    from pose_ros.core.config import NODE_CONFIGS, named_fields

    def flat(values: dict, before: str = '') -> dict:
        found = {}
        for name, value in values.items():
            name = before + name
            found |= flat(value, f'{name}.') if isinstance(value, dict) else {name: value}
        return found

    data = yaml.safe_load((ROOT / 'config/pose.yaml').read_text(encoding='utf-8'))
    assert set(data) == {f'/**/{node}' for node in NODE_CONFIGS}
    for node, config_class in NODE_CONFIGS.items():
        values = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in flat(data[f'/**/{node}']['ros__parameters']).items()
        }
        known = named_fields(config_class)
        assert values == {name: f.default for name, f in known.items()}
        for name, f in known.items():
            assert type(values[name]) is type(f.default), f'{node}.{name}'


def test_the_page_of_parameters_is_made_from_them() -> None:
    from pose_ros.cli.parameters import document
    from pose_ros.core.config import NODE_CONFIGS

    text = (ROOT / 'docs' / 'parameters.md').read_text(encoding='utf-8')
    begin = text.index('-->\n', text.index('<!-- parameters')) + 4
    tables = text[begin : text.index('<!-- end of parameters -->')]
    assert tables == document('markdown', NODE_CONFIGS), (
        'docs/parameters.md is not that of core/config/; '
        'run: ./run pose_ros parameters --update .')


def test_updating_keeps_everything_else(tmp_path: Path) -> None:
    from pose_ros.cli.parameters import document, update
    from pose_ros.core.config import NODE_CONFIGS

    (tmp_path / 'config').mkdir()
    (tmp_path / 'docs').mkdir()
    page = tmp_path / 'docs' / 'parameters.md'
    begin, end = '<!-- parameters: x -->', '<!-- end of parameters -->'
    page.write_text(f'one\n{begin}\nold\n{end}\ntwo\n')
    for _ in range(2):
        update(tmp_path)
        expected = f'one\n{begin}\n{document("markdown", NODE_CONFIGS)}{end}\ntwo\n'
        assert page.read_text() == expected
    assert (tmp_path / 'config/pose.yaml').read_text() == document('yaml', NODE_CONFIGS)
    page.write_text('without marks')
    with pytest.raises(OSError, match='marks'):
        update(tmp_path)


def test_defaults_lie_in_their_ranges() -> None:
    from pose_ros.core.config import NODE_CONFIGS, check

    for config_class in NODE_CONFIGS.values():
        check(config_class())


def test_launch_file_and_installation_name_the_same_nodes() -> None:
    cmake = (ROOT / 'CMakeLists.txt').read_text(encoding='utf-8')
    for path in sources('ros/nodes'):
        if path.stem != '__init__':
            assert path.stem in cmake, f'{path.stem} is not installed'
            starts = 'def main(' if path.stem == 'pose_container' else (
                f'class {path.stem.title().replace("_", "")}Node(')  # as node_class finds it
            assert starts in path.read_text(encoding='utf-8')


def test_headers() -> None:
    for path in sorted([*PACKAGE.rglob('*.py'), *(ROOT / 'test').rglob('*.py'),
                        *(ROOT / 'launch').rglob('*.py')]):
        lines = path.read_text(encoding='utf-8').splitlines()
        if lines and lines[0].startswith('#!'):
            lines = lines[1:]
        assert lines[:2] == [
            '# SPDX-FileCopyrightText: 2026 pose_ros contributors',
            '# SPDX-License-Identifier: Apache-2.0',
        ], path.relative_to(ROOT)


def test_transport_profile_is_well_formed() -> None:
    from xml.etree import ElementTree

    root = ElementTree.parse(ROOT / 'config/fastdds_shm.xml').getroot()
    space = {'f': root.tag[1:].partition('}')[0]}
    kinds = [e.text for e in root.iterfind('.//f:transport_descriptor/f:type', space)]
    assert kinds == ['SHM', 'UDPv4']
    defined = [e.text for e in root.iterfind('.//f:transport_descriptor/f:transport_id', space)]
    used = [e.text for e in root.iterfind('.//f:userTransports/f:transport_id', space)]
    assert defined == used


def test_the_way_of_a_frame_names_what_is_there():
    text = (ROOT / 'CONTRIBUTING.md').read_text(encoding='utf-8')
    steps = re.findall(r'^    \d  ([\w.]+) ', text, re.MULTILINE)
    assert 0 < len(steps) <= 8, 'from the callback to the publisher'
    code = '\n'.join(
        path.read_text(encoding='utf-8') for path in sorted((ROOT / 'pose_ros').rglob('*.py')))
    for step in steps[:-1]:
        for name in step.split('.'):
            assert re.search(rf'^ *(?:def|class) {name}\b', code, re.MULTILINE), step
    assert steps[-1] == 'publish'
