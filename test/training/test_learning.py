# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Loss, learning rate, averaged weights, the network's shapes, accuracy."""

import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed (TRAINING=no?)')

from pose_ros.core.decode.encode import encode_heatmaps  # noqa: E402
from pose_ros.core.keypoints import Keypoints  # noqa: E402
from pose_ros.training import accuracy  # noqa: E402
from pose_ros.training.heatmap_net import HeatmapNet  # noqa: E402
from pose_ros.training.loop import (  # noqa: E402
    AveragedWeights,
    learning_rate_factor,
    parameter_groups,
)
from pose_ros.training.network import choose_device, heatmap_loss, normalised  # noqa: E402
from pose_ros.training.settings import TrainingError  # noqa: E402


def targets(sigma):
    xy = np.random.default_rng(1).uniform(60, 200, (2, 17, 2))
    return torch.from_numpy(encode_heatmaps(xy, (64, 64), 4, 1.5, sigma))


@pytest.mark.parametrize('sigma', [2.0, 3.0])
def test_an_empty_map_costs_one_and_the_right_one_nothing(sigma):
    wanted, weight = targets(sigma), torch.ones(2, 17)
    empty = heatmap_loss(torch.zeros_like(wanted), wanted, weight, sigma)
    assert float(empty) == pytest.approx(1.0, abs=0.01)
    assert float(heatmap_loss(wanted, wanted, weight, sigma)) == 0


def test_what_is_not_labelled_costs_nothing():
    wanted = targets(2.0)
    weight = torch.ones(2, 17)
    weight[:, 3] = 0
    drawn = wanted.clone()
    drawn[:, 3] += 5.0
    assert float(heatmap_loss(drawn, wanted, torch.zeros(2, 17))) == 0
    drawn.requires_grad_()
    loss = heatmap_loss(drawn, wanted, weight)
    loss.backward()
    assert float(loss.detach()) == 0 and (drawn.grad == 0).all()


def test_weights_are_relative():
    wanted = targets(2.0)
    drawn = wanted.clone()
    drawn[0] = 0  # the first person is not found at all
    light = torch.ones(2, 17)
    light[0] = 0.25
    assert float(heatmap_loss(drawn, wanted, torch.ones(2, 17))) == pytest.approx(0.5, abs=0.01)
    assert float(heatmap_loss(drawn, wanted, light)) == pytest.approx(0.2, abs=0.01)


def test_the_learning_rate_rises_and_falls():
    factors = [learning_rate_factor(step, 100, 10) for step in range(100)]
    assert factors[0] == 0.1 and factors[9] == 1.0
    assert all(a > b for a, b in zip(factors[10:], factors[11:]))
    assert factors[55] == pytest.approx(0.5) and factors[99] < 0.001


def test_averaged_weights_follow():
    network = torch.nn.BatchNorm1d(2)
    average = AveragedWeights(network, decay=0.9)
    with torch.no_grad():
        network.weight += 1.0
        network.running_mean += 1.0
        network.num_batches_tracked += 7
    average.update(network, step=0)  # decay 0.1 at first
    assert average.network.weight.tolist() == pytest.approx([1.9, 1.9])
    average.update(network, step=10_000)
    assert average.network.running_mean.tolist() == pytest.approx([0.91, 0.91])
    assert int(average.network.num_batches_tracked) == 7
    assert not average.network.training and not average.network.weight.requires_grad


def test_the_textbook_network_is_what_the_textbook_says():
    network = HeatmapNet().eval()
    images = torch.rand(2, 3, 256, 256, requires_grad=True)
    features = network.features(images)
    maps = network(images)['heatmaps']
    assert features.shape == (2, 128, 64, 64) and maps.shape == (2, 17, 64, 64)
    # One pixel of the map sees the whole person.
    maps[0, 0, 32, 32].backward()
    seen = (images.grad[0] != 0).any(dim=0)
    assert seen[8:-8, 8:-8].float().mean() > 0.9 and not images.grad[1].any()
    crops = torch.zeros(1, 256, 256, 3, dtype=torch.uint8)
    crops[..., 2] = 255
    red = normalised(crops, network.spec)
    assert red[0, :, 0, 0].tolist() == [1, 0, 0]
    assert sum(p.numel() for p in network.parameters()) < 4e6


def test_biases_do_not_decay():
    network = HeatmapNet()
    decayed, others = parameter_groups(network, 0.1)
    assert (decayed['weight_decay'], others['weight_decay']) == (0.1, 0.0)
    assert all(p.ndim == 4 for p in decayed['params'])
    count = len(decayed['params']) + len(others['params'])
    assert count == len(list(network.parameters()))


def test_pck_counts_labelled_joints_of_people_with_a_torso():
    xy = np.tile(np.arange(34, dtype=np.float32).reshape(17, 2) * 5, (2, 1, 1))
    xy[1, 5:13] = np.nan  # no torso
    torso_px = np.linalg.norm(xy[0, 5] - xy[0, 12])  # left shoulder, right hip

    def pck(error_px):
        found = np.where(np.isnan(xy), 0, xy)
        found[:, 0, 0] += error_px
        return accuracy.pck(Keypoints(found, np.ones((2, 17), 'f4'), np.ones(2, 'f4')), xy)

    assert pck(1000) == pytest.approx(16 / 17)
    assert pck(0.19 * torso_px) == 1
    assert pck(0.21 * torso_px) == pytest.approx(16 / 17)
    xy[0] = np.nan
    assert np.isnan(pck(0))


def test_devices_that_are_not_there():
    assert choose_device('cpu', 'fp32').dtype == torch.float32
    assert choose_device('cpu', 'auto').dtype in (torch.float32, torch.bfloat16)
    with pytest.raises(TrainingError, match='--device cuda:99 cannot be used'):
        choose_device('cuda:99', 'auto')
    with pytest.raises(TrainingError, match='--device abacus cannot be used'):
        choose_device('abacus', 'auto')
    with pytest.raises(TrainingError, match='fp16 is for CUDA'):
        choose_device('cpu', 'fp16')
