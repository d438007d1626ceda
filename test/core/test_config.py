# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import fields, replace
import inspect

import pytest

from pose_ros.core import config

CLASSES = [
    c for _, c in inspect.getmembers(config, inspect.isclass) if c.__name__.endswith('Config')
]


@pytest.mark.parametrize('cls', CLASSES)
def test_defaults_are_allowed_and_described(cls):
    config.check(cls())
    for f in fields(cls):
        assert len(f.metadata['description']) > 10, f.name
        assert type(f.default) in (bool, int, float, str, tuple), f.name
        if isinstance(f.default, tuple):  # arrays of a ROS parameter have one type
            assert f.default and {type(v) for v in f.default} == {float}, f.name


@pytest.mark.parametrize(
    ('name', 'value'),
    [('mode', 'three-pass'), ('num_threads', -1), ('num_threads', 2.0), ('crop_padding', 0.5),
     ('min_person_score', float('nan')), ('autostart', 1), ('max_people', 0),
     ('detect_size_px', 5000)],
)  # fmt: skip
def test_a_bad_value_is_named(name, value):
    with pytest.raises(ValueError, match=name):
        config.check(replace(config.EstimatorConfig(), **{name: value}))


@pytest.mark.parametrize('value', [(0.0, float('inf')), [0.0, 1.0], 'zone'])
def test_a_bad_array_is_named(value):
    with pytest.raises(ValueError, match='zone'):
        config.check(replace(config.ProximityConfig(), zone=value))
