# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Parameters given on the command line: `--set NAME=VALUE`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pose_ros.core import config as parameters
from pose_ros.core.config import EstimatorConfig, TrackerConfig, named_fields, nearest

_SHOWN = 200  # characters of a setting, in messages


class SettingError(Exception):
    """A parameter given by --set is unknown or out of range."""


def configs(mode: str, settings: list[str]) -> tuple[EstimatorConfig, TrackerConfig]:
    """
    Make the parameters of estimator and tracker.

    Parameters
    ----------
    mode : str
        Of the estimator.
    settings : list of str
        NAME=VALUE; a name that both have is given to both.

    Raises
    ------
    SettingError
        When a name is unknown, or a value of the wrong type or out of range.
    """
    estimator, tracker = EstimatorConfig(mode=mode), TrackerConfig()
    for whole in settings:
        name, equals, text = whole.partition('=')
        setting = whole if len(whole) <= _SHOWN else f'{whole[:_SHOWN]}...'
        given = False
        for config in (estimator, tracker):
            known = named_fields(config)
            if equals and name in known:
                given = True
                value = _parse(text, type(known[name].default), setting)
                if config is estimator:
                    estimator = replace(estimator, **{known[name].name: value})
                else:
                    tracker = replace(tracker, **{known[name].name: value})
        if not given:
            every = {**named_fields(estimator), **named_fields(tracker)}
            near = nearest(name[:_SHOWN], every) if equals else ''
            raise SettingError(
                f'--set {setting}: NAME=VALUE with a name of `pose_ros parameters`{near}')
    try:
        parameters.check(estimator)
        parameters.check(tracker)
    except ValueError as error:
        raise SettingError(str(error)) from error
    return estimator, tracker


def _parse(text: str, kind: type, setting: str) -> Any:
    if kind is bool:
        if text.lower() not in ('true', 'false'):
            raise SettingError(f'--set {setting}: the value is true or false')
        return text.lower() == 'true'
    try:
        return kind(text)
    except ValueError as error:
        what = {int: 'a whole number', float: 'a number'}.get(kind, kind.__name__)
        raise SettingError(f'--set {setting}: the value must be {what}') from error
