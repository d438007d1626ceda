# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""README and docs say what is: message fields, topics, encodings, verbs, files."""

from pathlib import Path
import re

import pytest

from pose_ros import cli
from pose_ros.core.config import NODE_CONFIGS, TrackerConfig

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / 'README.md').read_text(encoding='utf-8')
MESSAGES = (ROOT / 'docs' / 'messages.md').read_text(encoding='utf-8')
CAMERAS = (ROOT / 'docs' / 'cameras.md').read_text(encoding='utf-8')
PAGES = {p: p.read_text(encoding='utf-8') for p in [*ROOT.glob('*.md'), *ROOT.glob('docs/*.md')]}


@pytest.mark.parametrize('name', ['SkeletonArray', 'Skeleton', 'Target'])
def test_every_field_of_every_message_is_in_its_table(name):
    section = MESSAGES.split(f'`pose_ros/{name}`\n\n')[1].split('\n\n')[0]
    names = ' '.join(row.split('|')[1] for row in section.split('\n'))
    documented = set(re.findall(r'`(\w+)`', names))
    text = (ROOT / 'msg' / f'{name}.msg').read_text(encoding='utf-8')
    field = r'^[\w/]+(?:\[[<=\d]*\])?\s+(\w+)\s*(?:#.*)?$'
    fields = set(re.findall(field, text, re.MULTILINE))
    assert documented == fields and fields


def test_every_field_of_the_service_is_named():
    section = MESSAGES.split('`pose_ros/LockTarget` chooses it')[1].split('\n\n')[0]
    text = (ROOT / 'srv' / 'LockTarget.srv').read_text(encoding='utf-8')
    fields = re.findall(r'^\w+\s+(\w+)\s*(?:#.*)?$', text, re.MULTILINE)
    constants = re.findall(r'^\w+\s+(\w+)\s*=', text, re.MULTILINE)
    assert fields and constants
    for name in fields:
        assert f'`{name}`' in section, name
    for name in constants:
        assert name in section, name


def test_every_node_has_a_row():
    for node in NODE_CONFIGS:
        assert re.search(rf'^\| `{node}` \|', README, re.MULTILINE), node


def test_every_encoding_is_named():
    images = pytest.importorskip('pose_ros.ros.images', reason='needs sensor_msgs')
    for encoding in images.ENCODINGS:
        assert encoding in CAMERAS, encoding


def test_commands_and_files_that_are_named_exist():
    verbs = re.findall(r'(?:`|\./run )pose_ros ([a-z][a-z-]*)', README)
    assert len(set(verbs)) >= 3
    for verb in verbs:
        assert verb in cli.VERBS, verb
    for path in re.findall(r'`((?:ros|core|backends|models|config)/[\w./]+)`', README):
        assert (ROOT / path).exists() or (ROOT / 'pose_ros' / path).exists(), path


def test_links_lead_somewhere():
    found = 0
    for page, text in PAGES.items():
        for path, anchor in re.findall(r'\]\(([\w./]*)(?:#([\w-]+))?\)', text):
            target = page.parent / path if path else page
            assert target.is_file(), f'{page.name}: {path}'
            if anchor:
                headings = re.findall(r'^#+ (.+)$', PAGES[target.resolve()], re.MULTILINE)
                assert anchor in {_anchor(h) for h in headings}, f'{page.name}: {path}#{anchor}'
            found += 1
    assert found > 30


def _anchor(heading: str) -> str:
    """Return the anchor that a Markdown heading gets."""
    return re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-')


def test_the_subscriber_prints_what_is_in_a_message(monkeypatch, capsys):
    rclpy = pytest.importorskip('rclpy', reason='rclpy is not here: ./run pytest brings it')
    messages = pytest.importorskip('pose_ros.msg', reason='the messages are not built')
    code = re.search(r'```python\n(import rclpy.*?)```', README, re.DOTALL).group(1)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    monkeypatch.setattr(rclpy, 'spin', lambda node: None)
    names: dict = {}
    try:
        exec(compile(code, 'README.md', 'exec'), names)
        assert names['subscription'].topic_name == '/pose/tracked'
        names['node'].destroy_node()
    finally:
        rclpy.try_shutdown()
    wrist = messages.Skeleton.RIGHT_WRIST
    seen, unseen = messages.Skeleton(id=7), messages.Skeleton(id=8)
    seen.keypoint_state[wrist] = messages.Skeleton.OBSERVED
    seen.u[wrist], seen.v[wrist] = 12.5, 40.0
    names['wrists'](messages.SkeletonArray(skeletons=[seen, unseen]))
    assert capsys.readouterr().out == '7 12.5 40.0\n'


@pytest.fixture
def names(tmp_path, monkeypatch) -> dict:
    """Run the README's Python on a photo of one person; return its names."""
    cv2 = pytest.importorskip('cv2')
    pytest.importorskip('onnxruntime')
    code = re.search(r'```python\n(import cv2.*?)```', README, re.DOTALL).group(1)
    assert len([line for line in code.splitlines() if line.strip()]) == 8
    picture = ROOT / 'docs' / 'picture.jpg'
    monkeypatch.chdir(tmp_path)
    cv2.imwrite('photo.jpg', cv2.imread(str(picture)))
    found: dict = {}
    exec(compile(code, 'README.md', 'exec'), found)
    return found


def test_the_core_without_ros_works_as_written(names):
    people = names['people']
    assert people.xy.shape[1:] == (17, 2) and (people.person_score > 0.9).sum() == 1
    assert names['tracks'].xy.shape[1:] == (17, 2)


def test_one_person_is_one_at_the_default_threshold(names):
    assert (names['people'].person_score > TrackerConfig().new_track_score).sum() == 1
