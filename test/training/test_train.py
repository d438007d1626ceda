# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros train`, whole: what it leaves, the same again, after a kill, and bad input."""

import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed (TRAINING=no?)')

from pose_ros import cli  # noqa: E402
from pose_ros.training.checkpoint import load_checkpoint, new_network  # noqa: E402
from pose_ros.training.settings import TrainingSettings  # noqa: E402
from pose_ros.training.trace import EpochRow  # noqa: E402

FEW = ['--epochs', '2', '--passes', '1', '--batch', '3', '--warm-up-steps', '2', '--threads', '1',
       '--loader-threads', '1', '--precision', 'fp32']  # fmt: skip
RUN_FILES = {
    'checkpoint.pt', 'best.pt', 'config.json', 'trace.csv', 'curves.png', 'samples.png'
}


def train(*arguments):
    return cli.main(['train', *map(str, arguments)])


@pytest.fixture(scope='module')
def run(stick_folder, tmp_path_factory):
    """Train for two epochs, without interruption."""
    folder = tmp_path_factory.mktemp('runs') / 'whole'
    threads = torch.get_num_threads()
    assert train('--data', stick_folder, '--out', folder, *FEW) == 0
    torch.set_num_threads(threads)
    return folder


@pytest.fixture
def interrupted(monkeypatch):
    """Have Ctrl-C come before the first step: all that is read and printed is there then."""
    from pose_ros.training.loop import Training

    def run(self, stepped, finished):
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, 'run', run)


def read_csv(path):
    _, *lines = path.read_text(encoding='utf-8').splitlines()
    rows = [[float(value or 'nan') for value in line.split(',')] for line in lines]
    return [EpochRow(int(row[0]), *row[1:]) for row in rows]


def assert_same_trajectory(folder, other):
    """Compare the traces and the weights: the same up to rounding."""
    rows, others = (read_csv(path / 'trace.csv') for path in (folder, other))
    assert [row.epoch for row in rows] == [row.epoch for row in others]
    for row, wanted in zip(rows, others):
        assert row.loss == pytest.approx(wanted.loss, rel=1e-4)
    ours, theirs = (
        load_checkpoint(path / 'checkpoint.pt')['weights'] for path in (folder, other)
    )
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=1e-3, atol=1e-4)


def test_a_run_leaves_everything(run):
    assert {path.name for path in run.iterdir()} == RUN_FILES
    rows = read_csv(run / 'trace.csv')
    assert [row.epoch for row in rows] == [1, 2]
    assert rows[1].loss < rows[0].loss
    for row in rows:
        assert 0 <= row.train_pck <= 1 and 0 <= row.val_pck <= 1 and row.val_ap >= -1
        assert row.crops_per_s > 0 and row.network_crops_per_s > 0
    assert rows[0].minutes < rows[1].minutes
    for name in ('curves.png', 'samples.png'):
        picture = cv2.imread(str(run / name))
        assert picture is not None and picture.std() > 10
    config = json.loads((run / 'config.json').read_text())
    assert config['epochs'] == 2 and config['augmentation']['flip'] == 0.5


def start(*arguments):
    """Start the command in a process of its own, which Ctrl-C reaches."""
    code = (
        'import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n'
        'from pose_ros.cli import main; sys.exit(main())'
    )
    return subprocess.Popen(
        [sys.executable, '-c', code, 'train', *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding='utf-8',
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
    )


def wait_for(path: Path, process):
    for _ in range(1900):
        if path.exists():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    pytest.fail(f'{path} did not come')


@pytest.mark.slow
@pytest.mark.parametrize('stop', [
    signal.SIGINT,
    pytest.param(signal.SIGKILL, marks=pytest.mark.nightly('as Ctrl-C, but for what is said')),
])
def test_what_was_stopped_goes_on_as_if_nothing_had_been(run, stick_folder, tmp_path, stop):
    """In another process with the same seed, and resumed: the same training."""
    folder = tmp_path / 'stopped'
    process = start('--data', stick_folder, '--out', folder, *FEW)
    wait_for(folder / 'samples.png', process)  # the last that is written after an epoch
    before = (folder / 'checkpoint.pt').read_bytes()
    process.send_signal(stop)
    _, errors = process.communicate(timeout=60)
    if stop == signal.SIGINT:
        assert process.returncode == 130
        assert errors.splitlines()[-1] == (
            'pose_ros: interrupted; 1 epochs are stored; to go on: '
            f'pose_ros train --resume {folder}'
        )
        assert 'Traceback' not in errors
        assert (folder / 'checkpoint.pt').read_bytes() == before
        assert {path.name for path in folder.iterdir()} <= RUN_FILES
    (folder / 'checkpoint.ptx.part').write_bytes(b'half of the next one')  # as a kill leaves it
    assert train('--resume', folder) == 0
    assert_same_trajectory(folder, run)
    assert {path.name for path in folder.iterdir()} == RUN_FILES


def test_a_resumed_run_keeps_its_settings(run, capsys):
    assert train('--resume', run, '--sigma', 3, '--occlusion', 0.9, '--epochs', 9) == 1
    error = capsys.readouterr().err
    assert 'only --epochs may be given besides, not --sigma, --occlusion' in error


def test_a_run_without_a_checkpoint_says_so(run, tmp_path, capsys):
    folder = tmp_path / 'begun'
    folder.mkdir()
    (folder / 'config.json').write_bytes((run / 'config.json').read_bytes())
    assert train('--resume', folder) == 1
    assert 'no epoch was finished, begin anew' in capsys.readouterr().err


def test_an_interruption_before_the_first_epoch_is_begun_anew(
    interrupted, stick_folder, tmp_path, capsys
):
    for _ in range(2):
        assert train('--data', stick_folder, '--out', tmp_path / 'run', *FEW) == 130
        assert 'the same command begins anew' in capsys.readouterr().err


def test_a_disk_that_is_full_after_the_checkpoint_says_so(
    stick_folder, tmp_path, capsys, monkeypatch
):
    from pose_ros.training import loop

    def full(path, rows):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(loop, 'write_csv', full)
    folder = tmp_path / 'full'
    assert train('--data', stick_folder, '--out', folder, *FEW) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert 'No space left on device; the checkpoint of epoch 1 is stored' in error
    assert f'pose_ros train --resume {folder}' in error
    monkeypatch.undo()
    assert train('--resume', folder) == 0
    assert len(read_csv(folder / 'trace.csv')) == 2


def test_without_validation_the_last_epoch_is_best(stick_folder, tmp_path):
    folder = tmp_path / 'all'
    assert train('--data', stick_folder, '--out', folder, *FEW, '--val-fraction', 0) == 0
    rows = read_csv(folder / 'trace.csv')
    assert all(np.isnan(row.val_pck) and np.isnan(row.val_ap) for row in rows)
    assert load_checkpoint(folder / 'best.pt')['row']['epoch'] == 2


def test_a_second_data_set_and_photos_of_its_own_to_measure_on(
    interrupted, stick_folder, tmp_path, capsys
):
    train(
        '--data', stick_folder, '--data', stick_folder, '--weight', 1, '--weight', 0.25,
        '--val', stick_folder, '--out', tmp_path / 'two', *FEW,
    )
    assert '16 people to learn from, 8 to measure on' in capsys.readouterr().out


def test_standard_names_of_coco(interrupted, stick_folder, tmp_path, capsys):
    (tmp_path / 'annotations').mkdir()
    file = tmp_path / 'annotations' / 'person_keypoints_train2017.json'
    file.write_text((stick_folder / 'annotations.json').read_text())
    (tmp_path / 'train2017').symlink_to(stick_folder / 'images')
    train(
        '--data', tmp_path, '--annotations', 'annotations/person_keypoints_train2017.json',
        '--images', 'train2017', '--out', tmp_path / 'run', *FEW,
    )
    assert '7 people to learn from, 1 to measure on' in capsys.readouterr().out


@pytest.mark.parametrize('arguments, text', [
    (['--data', 'absent', '--out', 'run'], 'there is no absent/annotations.json'),
    (['--out', 'run'], '--data DIR and --out DIR are needed'),
    (['--resume', 'absent'], 'absent holds no training'),
    (['--data', 'sticks', '--out', 'run', '--weight', '1', '--weight', '2'], '2 --weight for 1'),
    (['--data', 'sticks', '--out', 'run', '--batch', '1'], '--batch is out of range'),
    (['--data', 'sticks', '--out', 'run', '--from', 'run', '--learn-from', '6'],
     '--learn-from is out of range'),
    (['--data', 'sticks', '--out', 'run', '--learn-from', 'block_6'], '--learn-from is for --fro'),
    (['--data', 'sticks', '--out', 'run', '--device', 'cuda:77'], '--device cuda:77'),
    (['--data', 'sticks', '--out', 'run', '--from', 'absent'], '--from absent'),
])
def test_mistakes_are_one_line(stick_folder, tmp_path, monkeypatch, capsys, arguments, text):
    monkeypatch.chdir(tmp_path)
    Path('sticks').symlink_to(stick_folder)
    assert train(*arguments) == 1
    errors = capsys.readouterr().err
    assert errors.startswith('pose_ros: ') and errors.count('\n') == 1 and text in errors
    assert not Path('run').exists()


def test_a_training_is_not_overwritten(run, stick_folder, capsys):
    before = (run / 'checkpoint.pt').read_bytes()
    assert train('--data', stick_folder, '--out', run, *FEW) == 1
    assert f'--resume {run} goes on' in capsys.readouterr().err
    assert (run / 'checkpoint.pt').read_bytes() == before


def test_a_loss_that_is_no_number_stops_it(stick_folder, tmp_path, capsys, monkeypatch):
    from pose_ros.training import network

    real = network.heatmap_loss
    calls = []

    def spoilt(*arguments):
        # The loss of the eighth batch overflows: three are the measurement before.
        calls.append(1)
        return real(*arguments) * (float('inf') if len(calls) >= 8 else 1.0)

    monkeypatch.setattr(network, 'heatmap_loss', spoilt)
    folder = tmp_path / 'spoilt'
    assert train('--data', stick_folder, '--out', folder, *FEW) == 1
    errors = capsys.readouterr().err.splitlines()[-1]
    assert 'not a number any more, in epoch 2' in errors and '--learning-rate' in errors
    assert f'the checkpoint of epoch 1 is in {folder}' in errors
    state = load_checkpoint(folder / 'checkpoint.pt')
    assert all(torch.isfinite(value).all() for value in state['weights'].values())


def test_a_checkpoint_of_another_network_is_refused(run, tmp_path, capsys):
    folder = tmp_path / 'other'
    folder.mkdir()
    (folder / 'config.json').write_bytes((run / 'config.json').read_bytes())
    state = load_checkpoint(run / 'checkpoint.pt')
    torch.save({**state, 'network': 'hourglass'}, folder / 'checkpoint.pt')
    assert train('--resume', folder) == 1
    assert 'of another network: hourglass, not textbook' in capsys.readouterr().err
    state['weights']['head.bias'] = torch.zeros(3)
    torch.save(state, folder / 'checkpoint.pt')
    assert train('--resume', folder) == 1
    assert 'another architecture: 1 tensors differ' in capsys.readouterr().err


def test_a_finished_run_may_be_begun_from(run):
    network = new_network(TrainingSettings(data=('',), start_from=str(run)))
    begun = load_checkpoint(run / 'best.pt')['averaged']['head.weight']
    assert torch.equal(network.head.weight, begun)
