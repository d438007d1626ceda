# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Why nothing comes on a topic: no publisher, another type, QoS that does not fit, or silence.

What is requested must not be more than what is offered: OMG DDS 1.4, 2.2.3, and
https://docs.ros.org/en/rolling/Concepts/Intermediate/About-Quality-of-Service-Settings.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from pose_ros.diagnostics.findings import Finding, Level

IMAGE_TYPES = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
VIDEO_TYPES = {
    'ffmpeg_image_transport_msgs/msg/FFMPEGPacket': ('ffmpeg', 'H.264 or H.265'),
    'theora_image_transport/msg/Packet': ('theora', 'Theora'),
    # foxglove_compressed_video_transport
    'foxglove_msgs/msg/CompressedVideo': ('foxglove', 'H.264 or H.265'),
}
"""Type of the messages of an image transport that sends video: its name, its codec."""
_NAMED = 3  # similar topics that are named
_POLICIES = {  # the values of each, the weaker first
    'reliability': ('best_effort', 'reliable'),
    'durability': ('volatile', 'transient_local'),
    'liveliness': ('automatic', 'manual_by_topic'),
}


@dataclass(frozen=True)
class Endpoint:
    """
    A publisher or subscription, as the graph tells it.

    Attributes
    ----------
    node : str
        Its full name.
    type : str
        Of its messages, for example 'sensor_msgs/msg/Image'.
    reliability, durability, liveliness : str
        In lower case; what is not known fits everything.
    deadline_s, lease_s : float
        Infinite for none.
    """

    node: str
    type: str
    reliability: str = 'reliable'
    durability: str = 'volatile'
    liveliness: str = 'automatic'
    deadline_s: float = float('inf')
    lease_s: float = float('inf')


def mismatches(subscription: Endpoint, publisher: Endpoint) -> list[tuple[str, str, str]]:
    """Return the policies that keep the two apart: (policy, requested, offered)."""
    found = []
    for policy, values in _POLICIES.items():
        requested, offered = getattr(subscription, policy), getattr(publisher, policy)
        known = requested in values and offered in values
        if known and values.index(requested) > values.index(offered):
            found.append((policy, requested, offered))
    for policy, requested_s, offered_s in (
        ('deadline', subscription.deadline_s, publisher.deadline_s),
        ('liveliness_lease_duration', subscription.lease_s, publisher.lease_s),
    ):
        if requested_s < offered_s:
            found.append((policy, f'{requested_s:g} s', f'{offered_s:g} s'))
    return found


def qos_findings(
    topic: str,
    publishers: Sequence[Endpoint],
    subscriptions: Sequence[Endpoint],
    overridable: Sequence[str] = (),
) -> list[Finding]:
    """
    Say which publishers and subscriptions of a topic are kept apart by their QoS.

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
        alike = [p for p in publishers if p.type == subscription.type]
        bad = [(p, wrong) for p in alike if (wrong := mismatches(subscription, p))]
        level = Level.ERROR if len(bad) == len(alike) else Level.WARN
        for publisher, wrong in bad:
            said = ' and '.join(
                f'{policy} (it asks for {requested}, {publisher.node} offers {offered})'
                for policy, requested, offered in wrong)
            found.append(Finding(
                level, 'qos', 'incompatible_qos',
                f'{subscription.node} gets nothing from {publisher.node} on {topic}: {said}',
                _qos_cure(topic, subscription, publisher, wrong, overridable)))
    return found


def _qos_cure(
    topic: str,
    subscription: Endpoint,
    publisher: Endpoint,
    wrong: list[tuple[str, str, str]],
    overridable: Sequence[str],
) -> str:
    """Say which parameter, or else which setting, makes the two fit."""
    cures = []
    # What QoSOverridingOptions.with_default_policies() lets a parameter set.
    if [policy for policy, _, _ in wrong] == ['reliability']:
        _, requested, offered = wrong[0]
        for node, side, value in (
            (subscription.node, 'subscription', offered), (publisher.node, 'publisher', requested),
        ):
            if node in overridable:
                cures.append(
                    f'start {node} with -p qos_overrides.{topic}.{side}.reliability:={value}')
    return ', or '.join(cures) or (
        f'let {subscription.node} ask for no more, or {publisher.node} offer '
        + ' and '.join(f'{policy} {requested}' for policy, requested, _ in wrong)
        + ' (many drivers and RViz have a setting for it)')


def silent_findings(
    topic: str,
    subscription: Endpoint,
    publishers: Sequence[Endpoint],
    images: Mapping[str, str],
    silent_s: float,
    ever: bool,
) -> list[Finding]:
    """
    Say why no image comes.

    Parameters
    ----------
    topic : str
        Its full name.
    subscription : Endpoint
        That waits.
    publishers : sequence of Endpoint
        On the topic, of any type.
    images : mapping of str to str
        Every topic of the graph that carries images or video and has a publisher, with its type;
        our own outputs apart.
    silent_s : float
        For how long nothing has come.
    ever : bool
        Whether anything has come before.
    """
    since = f'no image on {topic} for {silent_s:.0f} s'
    if not publishers:
        return [Finding(
            Level.WARN, 'image', 'no_publisher', f'{since}: it has no publisher',
            'the camera driver has ended or is cut off: start it again' if ever
            else _other_topics(topic, subscription.type, images))]
    alike = [p for p in publishers if p.type == subscription.type]
    if not alike:
        types = sorted({p.type for p in publishers})
        return [Finding(
            Level.ERROR, 'image', 'other_type',
            f'{since}: it carries {", ".join(types)}, {subscription.type} is wanted',
            _other_type(topic, subscription.type, types, images))]
    if all(mismatches(subscription, p) for p in alike):
        return [Finding(
            Level.WARN, 'image', 'silent_qos', f'{since}: incompatible QoS',
            'see the check qos')]
    names = ', '.join(sorted({p.node for p in alike}))
    return [Finding(
        Level.WARN, 'image', 'silent',
        f'{since}; {len(alike)} publisher{"s" * (len(alike) > 1)} there ({names})',
        f'does it send (ros2 topic hz {topic})? If so: containers must share memory '
        '(docker run --ipc=host), and a driver of large images needs the shared-memory profile')]


def video_findings(images: Mapping[str, str]) -> list[Finding]:
    """Say that there is video and no image, when that is so; `images` as for silent_findings."""
    videos = [name for name, kind in sorted(images.items()) if kind in VIDEO_TYPES]
    if not videos or len(videos) < len(images):
        return []
    return [Finding(
        Level.WARN, 'image', 'video_only', f'{", ".join(videos)}: video, and no topic of images',
        _republish(videos[0], images[videos[0]]))]


def similar_topics(topic: str, images: Mapping[str, str]) -> list[str]:
    """Sort the topics of images by their similarity to `topic`; depth, infrared and video last."""
    def similarity(name: str) -> float:
        words = set(name.strip('/').split('/'))
        depth = bool(words & {'depth', 'aligned_depth_to_color', 'compressedDepth'})
        infrared = any(w.startswith('infra') or w == 'ir' for w in words)
        video = images[name] in VIDEO_TYPES
        return SequenceMatcher(None, topic, name).ratio() - 0.5 * (depth or infrared) - 2 * video

    return sorted((name for name in images if name != topic), key=lambda n: (-similarity(n), n))


def _other_topics(topic: str, wanted: str, images: Mapping[str, str]) -> str:
    names = similar_topics(topic, images)[:_NAMED]
    if not names:
        return (
            'start the camera driver, in the same ROS_DOMAIN_ID; no topic of images is seen at '
            'all (pose_ros up --camera 0 takes a webcam without a driver)')
    best, kind = names[0], images[names[0]]
    if kind in VIDEO_TYPES:
        return _republish(best, kind)
    listed = ', '.join(f'{name} ({images[name].rpartition("/")[2]})' for name in names)
    # A compressed topic is taken by its name; a raw one only when compressed is not asked for.
    transport = ' and the parameter image_transport: raw' * (kind == IMAGE_TYPES[0] != wanted)
    return f'images are on {listed}: start with image:={best}{transport} ' \
           f'(pose_ros up --image {best})'


def _other_type(
    topic: str, wanted: str, types: Sequence[str], images: Mapping[str, str]
) -> str:
    for kind in types:
        if kind in IMAGE_TYPES:
            transport = 'compressed' if kind == IMAGE_TYPES[1] else 'raw'
            return f'set the parameter image_transport to {transport}'
        if kind in VIDEO_TYPES:
            return _republish(topic, kind)
    return _other_topics(topic, wanted, images)


def _republish(topic: str, kind: str) -> str:
    """Say how video becomes images: image_transport's republish, as of Jazzy."""
    transport, codec = VIDEO_TYPES[kind]
    base = topic.removesuffix(f'/{transport}') + '_decoded'
    return (
        f'{topic} is {codec} video, which the nodes do not decode; republish it as images '
        f'(package {transport}_image_transport): ros2 run image_transport republish --ros-args '
        f'-p in_transport:={transport} -p out_transport:=raw -r in/{transport}:={topic} '
        f'-r out:={base}, and start with image:={base}')
