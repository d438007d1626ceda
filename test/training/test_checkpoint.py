# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: whole or not at all, no programs, and only for the network they are of."""

import contextlib
from pathlib import Path
import resource

import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed (TRAINING=no?)')

from pose_ros.training.checkpoint import load_checkpoint, load_weights, save_checkpoint  # noqa: E402
from pose_ros.training.settings import TrainingError  # noqa: E402


@contextlib.contextmanager
def small_files(limit_bytes):
    """Let the system refuse files beyond a size, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_is_saved_comes_back(tmp_path):
    path = tmp_path / 'checkpoint.pt'
    save_checkpoint(path, {'weights': {'a': torch.arange(3.0)}, 'rows': [{'epoch': 1}], 'step': 5})
    state = load_checkpoint(path)
    assert state['weights']['a'].tolist() == [0, 1, 2]
    assert (state['rows'], state['step']) == ([{'epoch': 1}], 5)


def test_a_full_disk_leaves_the_old_one(tmp_path):
    path = tmp_path / 'checkpoint.pt'
    save_checkpoint(path, {'step': 1})
    before = path.read_bytes()
    with small_files(20_000), pytest.raises(TrainingError) as caught:
        save_checkpoint(path, {'step': 2, 'weights': torch.zeros(100_000)})
    text = str(caught.value)
    assert 'the checkpoint before is as it was' in text and f'--resume {tmp_path}' in text
    assert '\n' not in text
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]


def test_nothing_written_says_so(tmp_path):
    with pytest.raises(TrainingError, match='nothing was written'):
        save_checkpoint(tmp_path / 'absent' / 'checkpoint.pt', {'step': 2})


class Bomb:
    """Would write a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_programs_are_not_run(tmp_path):
    path, mark = tmp_path / 'checkpoint.pt', tmp_path / 'run'
    torch.save({'format': 1, 'weights': Bomb(mark)}, path)
    with pytest.raises(TrainingError, match='no checkpoint, or a damaged one'):
        load_checkpoint(path)
    assert not mark.exists()


@pytest.mark.parametrize('content', [b'', b'PK\x03\x04 half', b'text'])
def test_damaged_files_are_one_error(tmp_path, content):
    path = tmp_path / 'checkpoint.pt'
    path.write_bytes(content)
    with pytest.raises(TrainingError, match=r'checkpoint\.pt is no checkpoint, or a damaged one'):
        load_checkpoint(path)


def test_a_cut_off_file_is_one_error(tmp_path):
    path = tmp_path / 'checkpoint.pt'
    save_checkpoint(path, {'weights': torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(TrainingError, match='damaged'):
        load_checkpoint(path)


def test_other_formats_and_none(tmp_path):
    torch.save([1, 2], tmp_path / 'a.pt')
    with pytest.raises(TrainingError, match='another program or version'):
        load_checkpoint(tmp_path / 'a.pt')
    with pytest.raises(TrainingError, match='no epoch was finished'):
        load_checkpoint(tmp_path / 'b.pt')


def test_another_architecture_is_named(tmp_path):
    network = torch.nn.Linear(3, 2)
    load_weights(network, {'weight': torch.ones(2, 3), 'bias': torch.ones(2)}, tmp_path)
    assert network.bias.tolist() == [1, 1]
    for weights, text in (
        ({'weight': torch.ones(2, 4), 'bias': torch.ones(2)}, r'weight is \(2, 4\), not \(2, 3\)'),
        ({'weight': torch.ones(2, 3)}, 'bias is missing'),
        ({'weight': torch.ones(2, 3), 'bias': torch.ones(2), 'x': torch.ones(1)}, 'x is too much'),
    ):
        with pytest.raises(TrainingError, match=f'another architecture: 1 tensors differ.*{text}'):
            load_weights(network, weights, tmp_path)
