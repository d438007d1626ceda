# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Which QoS policies of a publisher and a subscription do not fit, and what makes them fit.

What is requested must not be more than what is offered: OMG DDS 1.4, 2.2.3, and
https://docs.ros.org/en/rolling/Concepts/Intermediate/About-Quality-of-Service-Settings.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pose_ros.core.health.findings import Finding, Level

_RELIABILITY = ('best_effort', 'reliable')
_DURABILITY = ('volatile', 'transient_local')
_LIVELINESS = ('automatic', 'manual_by_topic')


@dataclass(frozen=True)
class Endpoint:
    """
    A publisher or subscription, as the graph tells it.

    Attributes
    ----------
    node : str
        Its full name.
    kind : str
        Type of its messages, for example 'sensor_msgs/msg/Image'.
    reliability, durability, liveliness : str
        In lower case; what is not known fits everything.
    deadline_s, lease_s : float
        Infinite for none.
    """

    node: str
    kind: str
    reliability: str = 'reliable'
    durability: str = 'volatile'
    liveliness: str = 'automatic'
    deadline_s: float = float('inf')
    lease_s: float = float('inf')


@dataclass(frozen=True)
class Mismatch:
    """A policy, what the subscription requests of it and what the publisher offers."""

    policy: str
    requested: str
    offered: str


def mismatches(subscription: Endpoint, publisher: Endpoint) -> list[Mismatch]:
    """Return the policies that keep the two from talking."""
    found = []
    for policy, order in (
        ('reliability', _RELIABILITY), ('durability', _DURABILITY), ('liveliness', _LIVELINESS),
    ):
        requested, offered = getattr(subscription, policy), getattr(publisher, policy)
        known = requested in order and offered in order
        if known and order.index(requested) > order.index(offered):
            found.append(Mismatch(policy, requested, offered))
    for policy, requested_s, offered_s in (
        ('deadline', subscription.deadline_s, publisher.deadline_s),
        ('liveliness_lease_duration', subscription.lease_s, publisher.lease_s),
    ):
        if requested_s < offered_s:
            found.append(Mismatch(policy, f'{requested_s:g} s', f'{offered_s:g} s'))
    return found


def qos_findings(
    topic: str,
    publishers: Sequence[Endpoint],
    subscriptions: Sequence[Endpoint],
    overridable: Sequence[str] = (),
) -> list[Finding]:
    """
    Say who cannot talk to whom on a topic.

    Parameters
    ----------
    topic : str
        Its full name.
    publishers, subscriptions : sequence of Endpoint
        On it.
    overridable : sequence of str
        Nodes whose QoS on this topic can be set by `qos_overrides` parameters.

    Returns
    -------
    list of Finding
        One for each pair that does not fit; ERROR when the subscription hears no other
        publisher, else WARN.
    """
    found = []
    for subscription in subscriptions:
        alike = [p for p in publishers if p.kind == subscription.kind]
        bad = [(p, m) for p in alike if (m := mismatches(subscription, p))]
        level = Level.ERROR if len(bad) == len(alike) else Level.WARN
        for publisher, wrong in bad:
            found.append(_finding(level, topic, subscription, publisher, wrong, overridable))
    return found


def _finding(
    level: Level,
    topic: str,
    subscription: Endpoint,
    publisher: Endpoint,
    wrong: list[Mismatch],
    overridable: Sequence[str],
) -> Finding:
    said = ' and '.join(
        f'{m.policy} (it asks for {m.requested}, {publisher.node} offers {m.offered})'
        for m in wrong
    )
    text = f'{subscription.node} gets nothing from {publisher.node} on {topic}: {said}'
    # What QoSOverridingOptions.with_default_policies() lets a parameter set.
    settable = wrong if all(m.policy == 'reliability' for m in wrong) else []
    cures = []
    if subscription.node in overridable and settable:
        cures.append(f'start {subscription.node} with ' + _arguments(
            topic, 'subscription', [(m.policy, m.offered) for m in settable]))
    if publisher.node in overridable and settable:
        cures.append(f'start {publisher.node} with ' + _arguments(
            topic, 'publisher', [(m.policy, m.requested) for m in settable]))
    if not cures:
        cures.append(
            f'let {subscription.node} ask for no more, or {publisher.node} offer '
            + ' and '.join(f'{m.policy} {m.requested}' for m in wrong)
            + ' (many drivers and RViz have a setting for it)'
        )
    return Finding(level, 'qos', 'incompatible_qos', text, ', or '.join(cures))


def _arguments(topic: str, side: str, values: list[tuple[str, str]]) -> str:
    """Write the parameters of rclpy's QoS overrides, as arguments of a command line."""
    return ' '.join(
        f'-p qos_overrides.{topic}.{side}.{policy}:={value}' for policy, value in values
    )
