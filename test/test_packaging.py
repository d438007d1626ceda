# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What is shipped: one version, every file in the install lists, licences, no stray paths."""

from importlib import import_module, metadata
from pathlib import Path
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

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
    nodes = {
        path.stem.removesuffix('_node')
        for path in (ROOT / 'pose_ros/ros').glob('*_node.py')
        if '\ndef main(' in text_of(path)
    }
    assert set(names.group(1).split()) == nodes


def test_the_set_up_has_compiled_the_libraries():
    """Where Python is told to keep nothing each process would compile them again."""
    spec = import_module('pycocotools.cocoeval').__spec__  # no node imports it
    assert spec is not None and spec.cached is not None
    assert Path(spec.cached).is_file()


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
    pose_ros = pytest.importorskip('pose_ros.msg', reason='the messages are not built')
    prefix = next(
        p for p in Path(pose_ros.__file__).parents if (p / 'share/pose_ros/package.xml').is_file()
    )
    executable = prefix / 'lib/pose_ros' / name
    assert executable.is_file()
    assert executable.stat().st_mode & 0o111


def test_every_source_names_its_licence():
    for path in tracked_files():
        if path.suffix in SOURCES or path.name in ('run', 'Makefile', 'CMakeLists.txt'):
            head = ''.join(text_of(path).splitlines(keepends=True)[:5])
            assert 'SPDX-License-Identifier: Apache-2.0' in head, path
            assert 'SPDX-FileCopyrightText:' in head, path


def test_no_path_of_one_machine():
    pattern = re.compile(r'(?<![\w.$}])/(?:home|root|work|Users)/\w+')
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
