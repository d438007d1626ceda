# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Why a topic is silent: nobody publishes it, another type, QoS, or it has only stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from pose_ros.core.health.findings import Finding, Level
from pose_ros.core.health.qos import Endpoint, mismatches

IMAGE_KINDS = ('sensor_msgs/msg/Image', 'sensor_msgs/msg/CompressedImage')
_ADVISED = 3  # similar topics that are named


@dataclass(frozen=True)
class TopicFacts:
    """
    A topic that is waited for.

    Attributes
    ----------
    topic, kind : str
        Its full name and the type that is subscribed.
    subscription : Endpoint
        With its QoS.
    publishers : sequence of Endpoint
        On it, of any type.
    images : mapping of str to str
        Every topic of the graph that carries images and that somebody publishes, with its type;
        our own outputs apart.
    """

    topic: str
    kind: str
    subscription: Endpoint
    publishers: Sequence[Endpoint] = ()
    images: Mapping[str, str] = field(default_factory=dict)


def silent_findings(facts: TopicFacts, silent_s: float, ever: bool) -> list[Finding]:
    """
    Say why nothing comes.

    Parameters
    ----------
    facts : TopicFacts
        About the topic.
    silent_s : float
        For how long nothing has come.
    ever : bool
        Whether anything has come before.
    """
    topic, since = facts.topic, f'no image on {facts.topic} for {silent_s:.0f} s'
    if not facts.publishers:
        return [Finding(
            Level.WARN, 'image', 'no_publisher', f'{since}: 0 publishers there',
            _other_topics(facts) if not ever else
            'the camera driver has ended or is cut off: start it again')]
    alike = [p for p in facts.publishers if p.kind == facts.kind]
    if not alike:
        kinds = ', '.join(sorted({p.kind for p in facts.publishers}))
        return [Finding(
            Level.ERROR, 'image', 'other_type',
            f'{since}: it carries {kinds}, {facts.kind} is wanted', _other_kind(facts))]
    if all(mismatches(facts.subscription, p) for p in alike):
        return [Finding(
            Level.WARN, 'image', 'silent_qos', f'{since}: incompatible QoS',
            'see the check qos')]
    count = f'{len(alike)} publisher{"" if len(alike) == 1 else "s"} there'
    names = ', '.join(sorted({p.node for p in alike}))
    return [Finding(
        Level.WARN, 'image', 'silent', f'{since}; {count} ({names})',
        f'does it send (ros2 topic hz {topic})? If so: containers must share memory '
        '(docker run --ipc=host), and a driver of large images needs the shared-memory profile')]


def similar_topics(topic: str, images: Mapping[str, str]) -> list[str]:
    """Sort the topics that carry images by their likeness to `topic`, the most like first."""
    def likeness(name: str) -> float:
        words = set(name.strip('/').split('/'))
        depth = bool(words & {'depth', 'aligned_depth_to_color', 'compressedDepth'})
        infrared = any(w.startswith('infra') or w == 'ir' for w in words)
        return SequenceMatcher(None, topic, name).ratio() - 0.5 * (depth or infrared)

    return sorted((name for name in images if name != topic), key=lambda n: (-likeness(n), n))


def _other_topics(facts: TopicFacts) -> str:
    names = similar_topics(facts.topic, facts.images)[:_ADVISED]
    if not names:
        return (
            'start the camera driver, in the same ROS_DOMAIN_ID; no topic of images is seen at '
            'all (pose_ros up --camera 0 takes a webcam without a driver)'
        )
    listed = ', '.join(f'{name} ({facts.images[name].rpartition("/")[2]})' for name in names)
    return f'images there are on {listed}: {_remap(names[0], facts)}'


def _remap(name: str, facts: TopicFacts) -> str:
    compressed = facts.images[name].endswith('CompressedImage')
    base = name.removesuffix('/compressed') if compressed else name
    transport = 'compressed' if compressed else 'raw'
    wanted = 'compressed' if facts.kind.endswith('CompressedImage') else 'raw'
    more = '' if transport == wanted else f' and image_transport:={transport}'
    return f'start with image:={base}{more} (pose_ros up --image {base})'


def _other_kind(facts: TopicFacts) -> str:
    kinds = {p.kind for p in facts.publishers}
    if kinds & set(IMAGE_KINDS):
        transport = 'compressed' if IMAGE_KINDS[1] in kinds else 'raw'
        return f'set the parameter image_transport to {transport}'
    return _other_topics(facts)
