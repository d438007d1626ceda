# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is shipped: one version, every file in the install lists, licences, no stray paths."""

from importlib import metadata
from importlib.util import cache_from_source
import os
from pathlib import Path
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import xml.etree.ElementTree as ElementTree
import zipfile

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {'.py', '.sh', '.cu', '.cuh', '.h', '.cpp', '.js'}


def tracked_files() -> list[Path]:
    """List the files that git tracks and that are there."""
    listing = subprocess.run(
        ['git', '-C', str(ROOT), 'ls-files', '-z'], capture_output=True, text=True
    )
    if listing.returncode:
        pytest.skip('this is no git checkout')
    return [ROOT / name for name in listing.stdout.split('\0') if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    """Read a file; what is no text gives the empty string."""
    try:
        return path.read_text(encoding='utf-8')
    except UnicodeDecodeError:
        return ''


def installed_prefix() -> Path:
    """Return where the ROS package is installed."""
    pose_ros = pytest.importorskip('pose_ros.msg', reason='the messages are not built')
    return next(
        p for p in Path(pose_ros.__file__).parents if (p / 'share/pose_ros/package.xml').is_file())


def package_version() -> str:
    """Read the version of record."""
    version = ElementTree.parse(ROOT / 'package.xml').getroot().findtext('version')
    assert version is not None
    return version


def test_the_version_is_written_once():
    assert re.fullmatch(r'\d+\.\d+\.\d+', package_version())
    assert metadata.version('pose_ros') == package_version()
    for path in (ROOT / 'setup.py', ROOT / 'CMakeLists.txt', ROOT / 'pose_ros/__init__.py'):
        assert package_version() not in text_of(path), f'{path.name} repeats the version'


def test_pip_reads_the_version_of_package_xml():
    shown = subprocess.run(
        [sys.executable, 'setup.py', '--version'], cwd=ROOT, capture_output=True, text=True
    )
    assert shown.stdout.split()[-1:] == [package_version()], shown.stderr


def test_the_changelog_knows_the_version():
    changelog = text_of(ROOT / 'CHANGELOG.rst')
    assert re.search(rf'^({re.escape(package_version())} |Forthcoming$)', changelog, re.MULTILINE)


def test_every_message_is_generated():
    cmake = text_of(ROOT / 'CMakeLists.txt')
    listed = set(re.findall(r'^\s+msg/(\w+)\.msg$', cmake, re.MULTILINE))
    assert listed == {path.stem for path in (ROOT / 'msg').glob('*.msg')}


def test_every_node_has_an_executable():
    cmake = text_of(ROOT / 'CMakeLists.txt')
    names = re.search(r'foreach\(name ([\w\s]+)\)', cmake)
    assert names is not None
    nodes = {path.stem for path in (ROOT / 'pose_ros/ros/nodes').glob('pose_*.py')}
    assert set(names.group(1).split()) == nodes


def test_the_examples_are_installed():
    names = re.search(r'foreach\(name ([^)]*)\)\s+install\(PROGRAMS examples/', text_of(
        ROOT / 'CMakeLists.txt'))
    examples = {path.stem for path in (ROOT / 'examples').glob('*.py')}
    assert set(names.group(1).split()) == examples
    if os.environ.get('POSE_ROS_ENVIRONMENT_ROOT'):
        assert all(shutil.which(name) for name in examples)


def test_the_set_up_has_compiled_what_it_installed():
    """A process that is killed or has no space left must never be the one that compiles."""
    pose_ros = pytest.importorskip('pose_ros.msg', reason='the messages are not built')
    root = os.environ.get('POSE_ROS_ENVIRONMENT_ROOT')
    if root is None:
        pytest.skip('this is not the environment of ./run')
    folders = {Path(sysconfig.get_path('purelib')), Path(pose_ros.__file__).parents[1]}
    sources = [path for folder in folders for path in folder.rglob('*.py')]
    bare = [path for path in sources if not Path(cache_from_source(str(path))).is_file()]
    # Two of scikit-video are Python 2.
    known = {'skvideo', 'testing'}  # the second: of PyTorch, for Python 3.12 and newer
    assert len(sources) > 3000 and {path.parts[-3] for path in bare} <= known, bare


@pytest.mark.parametrize('value', [None, '1'])
def test_the_installer_compiles_in_every_case(value, tmp_path):
    if shutil.which('uv') is None:
        pytest.skip('uv is not here: pip compiles what it installs by itself')
    wheel = tmp_path / 'small-1.0-py3-none-any.whl'
    with zipfile.ZipFile(wheel, 'w') as file:
        file.writestr('small.py', 'NAME = 1\n')
        file.writestr('small-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: small\n'
                                                      'Version: 1.0\n')
        file.writestr('small-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: test\n'
                                                   'Root-Is-Purelib: true\nTag: py3-none-any\n')
        file.writestr('small-1.0.dist-info/RECORD', '')
    (tmp_path / 'list.txt').write_text(f'{wheel}\n')
    environment = {name: text for name, text in os.environ.items() if name not in (
        'PYTHONDONTWRITEBYTECODE', 'UV_COMPILE_BYTECODE')}
    if value:
        environment['PYTHONDONTWRITEBYTECODE'] = value
    subprocess.run(
        ['bash', '-ec', 'env=$1; . scripts/installation.sh; install_with_uv "$2/list.txt"'
         ' --no-index --no-cache --target "$2/there"', '-', sys.prefix, str(tmp_path)],
        cwd=ROOT, env=environment, check=True)
    assert Path(cache_from_source(str(tmp_path / 'there/small.py'))).is_file()


def test_message_dependencies_are_declared_and_found():
    used = set()
    for path in (ROOT / 'msg').glob('*.msg'):
        used |= set(re.findall(r'^(\w+)/\w+', text_of(path), re.MULTILINE)) - {'pose_ros'}
    cmake = text_of(ROOT / 'CMakeLists.txt')
    declared = {element.text for element in ElementTree.parse(ROOT / 'package.xml').iter('depend')}
    assert declared == used
    assert set(re.search(r'DEPENDENCIES ([\w ]+)', cmake).group(1).split()) == used
    assert used <= set(re.findall(r'find_package\((\w+) REQUIRED\)', cmake))


def test_what_the_nodes_import_is_declared():
    package = ElementTree.parse(ROOT / 'package.xml').getroot()
    declared = {element.text for tag in ('depend', 'exec_depend') for element in package.iter(tag)}
    imported = set()
    for path in (ROOT / 'pose_ros/ros').rglob('*.py'):
        imported |= set(re.findall(r'^\s*from (\w+)\.(?:msg|srv) import', text_of(path), re.M))
    assert imported - {'pose_ros', 'rcl_interfaces'} <= declared


def test_the_installed_package_has_every_source():
    """Tests run against the installed tree: nothing may be missing there."""
    pose_ros = pytest.importorskip('pose_ros.msg', reason='the messages are not built')
    installed = Path(pose_ros.__file__).parents[1]
    for source in (ROOT / 'pose_ros').rglob('*.py'):
        assert (installed / source.relative_to(ROOT / 'pose_ros')).is_file(), source
    prefix = next(p for p in installed.parents if (p / 'share/pose_ros/package.xml').is_file())
    for folder in ('config', 'launch', 'models'):
        for source in (ROOT / folder).iterdir():
            if source.is_file():
                assert (prefix / 'share/pose_ros' / folder / source.name).is_file(), source


def test_one_package_holds_sources_and_messages():
    pytest.importorskip('pose_ros.msg', reason='the messages are not built')
    code = 'import pose_ros.core.skeleton as a, pose_ros.msg as b; print(a.__file__, b.__file__)'
    for folder in (ROOT, ROOT.parent):
        subprocess.run([sys.executable, '-c', code], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize('name', ['pose_ros', 'pose_estimator', 'pose_tracker'])
def test_executables_are_installed(name):
    executable = installed_prefix() / 'lib/pose_ros' / name
    assert executable.is_file()
    assert executable.stat().st_mode & 0o111


def test_the_command_is_on_the_path_of_a_sourced_workspace():
    """`source install/setup.bash` puts bin/ of each package on PATH, and not lib/NAME."""
    prefix = installed_prefix()
    said = subprocess.run(
        ['bash', '-c', f'. {prefix}/share/pose_ros/package.bash && exec pose_ros --version'],
        env={**os.environ, 'PATH': f'{Path(sys.executable).parent}:/usr/bin:/bin',
             'COLCON_CURRENT_PREFIX': str(prefix), 'COLCON_PYTHON_EXECUTABLE': sys.executable},
        capture_output=True, text=True)
    assert said.stdout == f'pose_ros {package_version()}\n', said


def test_what_pip_installs_reads_bags(tmp_path):
    """`pip install '.[record]'`: the definitions of the messages come with it."""
    pytest.importorskip('rosbags', reason='rosbags is not here')
    pytest.importorskip('setuptools', reason='setuptools is not here')
    source, target = tmp_path / 'source', tmp_path / 'target'
    for name in ('pose_ros', 'config', 'msg', 'requirements'):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in ('setup.py', 'pyproject.toml', 'package.xml', 'MANIFEST.in', 'LICENSE'):
        shutil.copy(ROOT / name, source)
    venv.create(target)
    # Everything but pose_ros itself comes from the environment of the tests.
    environment = {'PATH': os.environ['PATH'], 'PYTHONPATH': sysconfig.get_path('purelib')}
    subprocess.run(
        [target / 'bin/python', '-m', 'pip', 'install', '--quiet', '--no-deps', '--no-compile',
         '--no-build-isolation', source], check=True, env=environment)
    said = subprocess.run(
        [target / 'bin/python', '-c',
         'import pose_ros; from pose_ros.ros.recording.bag import skeleton_types;'
         'print(pose_ros.__file__, len(skeleton_types().fielddefs["pose_ros/msg/Skeleton"][1]))'],
        cwd=tmp_path, capture_output=True, text=True, env=environment)
    file, fields = said.stdout.split() or pytest.fail(said.stderr)
    assert Path(file).is_relative_to(target) and int(fields) > 5


def test_every_source_names_its_licence():
    for path in tracked_files():
        if path.suffix in SOURCES or path.name in ('run', 'Makefile', 'CMakeLists.txt'):
            head = ''.join(text_of(path).splitlines(keepends=True)[:5])
            assert 'SPDX-License-Identifier: Apache-2.0' in head, path
            assert 'SPDX-FileCopyrightText:' in head, path


def test_no_path_of_one_machine():
    pattern = re.compile(r'(?<![\w.$}])/(?:home|root|work|Users)/[\w.]+')
    for path in tracked_files():
        assert not pattern.search(text_of(path)), path


def test_the_lock_covers_the_ranges():
    """A name that is wanted but not locked would make `./run` install something else."""
    wanted = set()
    for name in ('runtime', 'development', 'build'):
        for line in text_of(ROOT / f'requirements/{name}.txt').splitlines():
            if line.strip() and not line.startswith('#'):
                wanted.add(re.split(r'[<>=# ]', line)[0].lower())
    for distro in ('jazzy', 'kilted'):
        lock = text_of(ROOT / f'requirements/lock-{distro}.txt')
        ros = set(re.findall(r'^ros-\S+', text_of(ROOT / f'requirements/ros-{distro}.txt'), re.M))
        assert wanted | ros <= set(re.findall(r'^([\w-]+)==', lock, re.M))
