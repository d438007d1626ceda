# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The command: quick help, lazy verbs, errors in one line with the right exit status."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
import subprocess
import sys

import pytest

from pose_ros import cli


def run_cli(*arguments: str, code: str = '') -> subprocess.CompletedProcess:
    """Run the command in a fresh process, `code` before it."""
    script = f'import sys\n{code}\nfrom pose_ros.cli import main\nsys.exit(main())'
    return subprocess.run(
        [sys.executable, '-c', script, *arguments], capture_output=True, text=True, timeout=60
    )


def test_help_teaches_and_imports_none_of_the_verbs():
    done = run_cli(
        '--help',
        code='import atexit; atexit.register(lambda: print(*sorted(sys.modules), sep="\\n"))',
    )
    assert done.returncode == 0
    text, _, _ = done.stdout.partition('\n__main__\n')
    assert 'pose_ros run demo' in text
    for verb in cli.VERBS:
        assert verb in text
    loaded = set(done.stdout.split('\n'))
    assert 'pose_ros.cli' in loaded
    assert not loaded & {'numpy', 'cv2', 'onnxruntime', 'rclpy', 'tqdm', 'pose_ros.cli.run'}


def test_the_version_is_that_of_package_xml(capsys):
    assert cli.main(['--version']) == 0
    text = (Path(__file__).parents[2] / 'package.xml').read_text()
    assert f'<version>{capsys.readouterr().out.split()[1]}</version>' in text


@pytest.mark.parametrize('verb', cli.VERBS)
def test_a_verb_is_what_the_table_says(verb):
    module_name, line = cli.VERBS[verb]
    if find_spec(module_name) is None:
        pytest.fail(f'{module_name} does not exist')
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if (error.name or '').split('.')[0] in cli.INSTALL or error.name == 'pose_ros.msg':
            pytest.skip(f'{error.name} is not installed here')
        raise
    assert module.HELP == line
    assert callable(module.add_arguments) and callable(module.main)


@pytest.mark.parametrize(
    'arguments, expected',
    [
        ([], 'VERB'),
        (['dance'], 'invalid choice'),
        (['run'], 'SOURCE'),
        (['run', 'demo', '--mode', 'four-pass'], 'invalid choice'),
    ],
)
def test_wrong_arguments_end_with_2(arguments, expected, capsys):
    assert cli.main(arguments) == 2
    assert expected in capsys.readouterr().err


def test_an_absent_file_is_one_line():
    done = run_cli('run', '/absent/video.mp4')
    assert done.returncode == 1
    assert done.stderr.count('\n') == 1
    assert done.stderr.startswith('pose_ros: /absent/video.mp4: no such file')
    assert done.stdout == ''


def test_debug_shows_where_it_comes_from():
    done = run_cli('run', '/absent/video.mp4', '--debug')
    assert done.returncode == 1
    assert 'Traceback' in done.stderr and 'open_source' in done.stderr


def test_a_missing_package_is_one_line_that_says_what_to_install():
    done = run_cli('run', 'demo', code='sys.modules["tqdm"] = None')
    assert done.returncode == 1
    assert done.stderr == 'pose_ros: the Python package tqdm is missing: pip install tqdm\n'


def test_messages_that_were_not_built_are_one_line():
    error = ModuleNotFoundError("No module named 'pose_ros.msg'", name='pose_ros.msg')
    assert 'colcon build' in cli._missing(error)


def test_an_interrupt_ends_with_130(monkeypatch, capsys):
    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, '_run', interrupt)
    assert cli.main(['run', 'demo']) == 130
    assert capsys.readouterr().err == 'pose_ros: interrupted\n'


def test_a_file_error_names_the_file(monkeypatch, capsys):
    monkeypatch.setattr(cli, '_run', lambda arguments: open('/absent/file'))
    assert cli.main([]) == 1
    assert capsys.readouterr().err == 'pose_ros: /absent/file: No such file or directory\n'


def test_a_mistake_of_ours_is_not_hidden(monkeypatch):
    monkeypatch.setattr(cli, '_run', lambda arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main([])
