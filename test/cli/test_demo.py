# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros demo`: a short run across real processes; failures are told; Ctrl-C ends it."""

import json
import os
import signal
import subprocess
import sys

import pytest
from ros_fixtures import new_domain

from pose_ros import cli
from pose_ros.cli import recorded_run as pipeline
from pose_ros.cli.recorded_run import PipelineError, Recording, record
from pose_ros.media.sources import SourceError, demo_paths, open_source

pytest.importorskip('onnxruntime')
pytestmark = pytest.mark.ros


@pytest.fixture(autouse=True)
def needed(monkeypatch):
    """Skip without ROS or the footage; take a domain of its own."""
    pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
    pytest.importorskip('pose_ros.msg', reason='the messages are not built')
    pytest.importorskip('rosbags')
    try:
        demo_paths()
    except SourceError as error:
        pytest.skip(str(error))
    monkeypatch.setenv('ROS_DOMAIN_ID', str(new_domain()))


@pytest.mark.slow
def test_a_short_demo_leaves_all_its_files(tmp_path, capsys):
    out = tmp_path / 'demo_out'
    arguments = ['demo', '--out', str(out), '--seconds', '2', '--json', str(tmp_path / 'r.json')]
    assert cli.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    report = json.loads(lines[-1])
    assert report == json.loads((tmp_path / 'r.json').read_text())
    assert not report['interrupted'] and report['images'] >= 1 and report['overlays'] >= 1
    assert abs(report['images'] - report['tracked']) <= 2
    assert report['age_ms']['p50'] > 0 and report['cost_ms']['p50'] is not None
    assert any(' Hz | ' in line and 'latency' in line for line in lines), 'a live line'
    assert {p.name for p in out.iterdir()} == {
        'annotated.mp4', 'bag', 'contact_sheet.png', 'skeletons.jsonl', 'summary.json',
        'nodes.log', 'recorder.log',
    }  # fmt: skip
    assert len(list(open_source(str(out / 'annotated.mp4')))) >= 1
    assert len((out / 'skeletons.jsonl').read_text().splitlines()) == report['tracked']

    from rosbags.highlevel import AnyReader

    with AnyReader([out / 'bag']) as reader:
        counts = {c.topic: c.msgcount for c in reader.connections}
    assert counts['/pose'] == report['images']
    assert counts['/pose/tracked'] >= report['tracked']  # besides, STALE when a node was slow


@pytest.mark.slow
def test_ctrl_c_ends_every_process_and_keeps_the_files(tmp_path):
    out = tmp_path / 'out'
    demo = subprocess.Popen(
        [sys.executable, '-m', 'pose_ros.cli', 'demo', '--out', str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, 'PYTHONUNBUFFERED': '1'},
    )  # fmt: skip
    try:
        for line in demo.stdout:
            if ' Hz ' in line:
                break
        children = processes_with(str(out))
        assert len(children) >= 2
        demo.send_signal(signal.SIGINT)
        output, errors = demo.communicate(timeout=60)
    finally:
        demo.kill()
    assert demo.returncode == 130
    assert 'Traceback' not in errors and errors == ''
    assert json.loads(output.splitlines()[-1])['interrupted'] is True
    assert (out / 'summary.json').is_file() and (out / 'bag' / 'bag.mcap').is_file()
    assert processes_with(str(out)) == []


def test_a_node_that_dies_is_told_with_its_last_words(tmp_path):
    job = Recording('demo', tmp_path / 'out', settings=('pose_estimator.max_people=many',))
    with pytest.raises(PipelineError, match='(?s)a node failed.*nodes.log.*max_people'):
        record(job, lambda line: None)
    assert processes_with(str(tmp_path)) == []


@pytest.mark.slow
def test_networks_that_cannot_be_loaded_are_told_at_once(tmp_path):
    job = Recording(
        'demo', tmp_path / 'out', settings=('pose_estimator.detector_model=/absent.onnx',)
    )
    with pytest.raises(PipelineError, match='^failed: pose_estimator: .*/absent.onnx'):
        record(job, lambda line: None)


@pytest.mark.slow
def test_nodes_that_say_nothing_are_given_up(tmp_path):
    job = Recording(
        'demo', tmp_path / 'out', settings=('pose_estimator.autostart=false',), start_within_s=1.0
    )
    with pytest.raises(PipelineError, match='(?s)no skeletons within 1 s.*nodes.log'):
        record(job, lambda line: None)


def test_a_source_that_does_not_exist_starts_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(pipeline.subprocess, 'Popen', None)
    assert cli.main(['demo', '--video', '/absent.mp4', '--out', str(tmp_path / 'out')]) == 1
    assert capsys.readouterr().err.startswith('pose_ros: /absent.mp4: no such file')
    assert not (tmp_path / 'out').exists()


def test_video_and_camera_exclude_each_other(capsys):
    assert cli.main(['demo', '--video', 'a.mp4', '--camera', '0']) == 2


def processes_with(text: str) -> list[int]:
    """Return the ids of the running processes whose command line has the text in it."""
    found = []
    for entry in os.listdir('/proc'):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f'/proc/{entry}/cmdline', 'rb') as file:
                    if text.encode() in file.read():
                        found.append(int(entry))
            except OSError:
                continue
    return found
