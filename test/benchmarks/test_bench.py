# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.bench`: a very short run gives every figure; verdicts are right."""

import json
from pathlib import Path

import cv2
import pytest

from benchmarks import bench
from benchmarks.bench import Figure
from benchmarks.people_images import people_images
from pose_ros import cli
from pose_ros.media.sources import SourceError


@pytest.mark.parametrize(
    'value, target, at_least, reached',
    [
        (2.9, 3.0, False, True), (3.1, 3.0, False, False), (3.0, 3.0, False, True),
        (21.0, 20.0, True, True), (19.0, 20.0, True, False),
        (None, 3.0, False, None), (3.0, None, False, None),
    ],
)  # fmt: skip
def test_verdicts(value, target, at_least, reached):
    figure = Figure('cost', value, 'ms', target, at_least)
    assert figure.reached() is reached
    assert ('missed' in figure.row()) == (reached is False)
    assert ('reached' in figure.row()) == (reached is True)


def test_the_page_takes_the_table_and_nothing_else():
    page = f'above\n{bench.FIGURES_BEGIN}\nold\n{bench.FIGURES_END}\nbelow\n'
    here = {'cores': 2, 'cpu': 'CPU', 'python': '3.11', 'load_before': 0.1}
    figures = [Figure('cost', 2.5, 'ms', 3.0), Figure('AP', None, '', 0.39, at_least=True)]
    text = bench.with_figures(page, figures, here)
    assert text.startswith('above\n') and text.endswith('below\n') and 'old' not in text
    assert '| cost | 2.5 ms |\n' in text and 'AP' not in text
    assert bench.with_figures(text, figures, here) == text
    with pytest.raises(bench.PipelineError, match='lacks'):
        bench.with_figures('nothing', figures, here)


def test_the_page_of_this_checkout_has_the_place_for_figures():
    page = (Path(__file__).parents[2] / 'docs/benchmarks.md').read_text(encoding='utf-8')
    assert bench.FIGURES_END in page.split(bench.FIGURES_BEGIN)[1]


@pytest.fixture(scope='module')
def five_people(tmp_path_factory) -> dict:
    """Run the nodes for a moment on images of five people."""
    pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
    pytest.importorskip('pose_ros.msg', reason='the messages are not built')
    scratch = tmp_path_factory.mktemp('bench')
    folder = scratch / 'images'
    folder.mkdir()
    try:
        image = people_images(5)[5]
    except SourceError as error:
        pytest.skip(str(error))
    cv2.imwrite(str(folder / '0.png'), image)
    return bench._measure('five', folder, scratch, 3.0, 'rate_hz=10.0')


@pytest.mark.slow
@pytest.mark.ros
def test_the_nodes_tell_every_figure(five_people, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv('POSE_ROS_DATA', raising=False)
    titles = ('one', 'five', 'single', 'two-pass')
    monkeypatch.setattr(bench, '_runs', lambda *_: dict.fromkeys(titles, five_people))
    file = tmp_path / 'bench.json'
    assert cli.run_module('benchmarks.bench', ['--quick', '--json', str(file)]) == 0
    output = capsys.readouterr().out
    report = json.loads(output.splitlines()[-1])
    assert report == json.loads(file.read_text())
    values = {figure['name']: figure['value'] for figure in report['figures']}
    assert values['estimator cost, 1 person, 640x480, median'] > 0
    assert values['estimator cost, 5 people, 640x480, median'] > 0
    parts = [value for name, value in values.items() if name.startswith('of it, 5 people: ')]
    assert len(parts) == 3 and all(0 < part for part in parts)
    # Each is noted in the same images as the whole.
    assert max(parts) <= values['estimator cost, 5 people, 640x480, median']
    for mode in ('single', 'two-pass'):
        assert values[f'skeletons per second, bikes.mp4 at 25 Hz, {mode}'] > 0
        assert values[f'age of the data, bikes.mp4 at 25 Hz, {mode}, 95 %'] > 0
    assert values['people tracked in the images of five, median'] == 5
    assert values['COCO keypoint AP, coco_dev, two-pass'] is None
    assert 'not measured' in output and report['machine']['cores'] >= 1
