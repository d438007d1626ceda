# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
People as RViz markers: bones, joints and a label each; ellipsoids and velocities on request.

Whatever has been drawn and is not drawn again is deleted with the next message, whyever it is
gone: a person that left, a keypoint not seen, a switch turned off.
"""

from __future__ import annotations

from geometry_msgs.msg import Point, Quaternion
import numpy as np
from rclpy.duration import Duration
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from pose_ros.core.config import VisualizerConfig
from pose_ros.core.pose3d.display_points import DisplayPoints
from pose_ros.core.pose3d.ellipsoids import CHI2_95, ellipsoids
from pose_ros.core.skeleton import EDGES, LEFT_SHOULDER, NUM_KEYPOINTS
from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState
from pose_ros.media.palette import id_color

BONES, JOINTS, LABEL, COVARIANCE, VELOCITY = 'bones', 'joints', 'label', 'covariance', 'velocity'
NAMESPACES = (BONES, JOINTS, LABEL, COVARIANCE, VELOCITY)

ARROW_S = 0.25
"""An arrow reaches to where its keypoint will be after so long, s."""

_LABEL_HEIGHT_M = 0.1
_FADED = 0.35  # opacity of what is not seen at the moment
_FADED_LABEL = 0.7
_ELLIPSOID = 0.3  # opacity: what is inside stays visible
_LEAST_M = 0.001  # RViz refuses markers without extent
_LARGEST_M = 5.0  # a half axis beyond this says that nothing is known
_SHORTEST_ARROW_M = 0.01
_NUMBERS = 2**31  # ids of markers are int32


class MarkerWriter:
    """
    Writes people as markers, and remembers what to delete.

    A person's markers have the track's id, an untracked person's its place in the message; those
    of single keypoints (covariance, velocity) 17 times that, plus the keypoint's index.
    """

    def __init__(self) -> None:
        """No person is drawn yet, but an earlier process may have left something."""
        self._drawn: set[tuple[str, int]] = set()
        self._is_clear = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing is drawn."""
        return not self._drawn

    def write(
        self,
        tracks: Tracks,
        placed: DisplayPoints,
        header: Header,
        image_header: Header,
        config: VisualizerConfig,
    ) -> MarkerArray:
        """
        Write all people.

        Parameters
        ----------
        tracks : Tracks
            The tracks and their keypoints.
        placed : DisplayPoints
            Where they are.
        header : Header
            Of 3-D positions.
        image_header : Header
            Of people who are flat: the optical frame. The same as `header` unless the tracker
            gives positions in another frame.
        config : VisualizerConfig
            Widths, switches, lifetime.

        Returns
        -------
        MarkerArray
            With DELETE for what was in the message before and is not in this one. The first one
            begins with DELETEALL.
        """
        markers: list[Marker] = []
        for i in range(len(tracks)):
            flat = bool(placed.flat[i].any()) and header.frame_id != image_header.frame_id
            head = image_header if flat else header
            up = np.array([0.0, -1.0, 0.0] if head.frame_id == image_header.frame_id
                          else [0.0, 0.0, 1.0])
            markers += _person(tracks, placed, i, up, head, config)
        drawn = {(m.ns, m.id) for m in markers}
        gone = [
            Marker(header=header, ns=ns, id=number, action=Marker.DELETE)
            for ns, number in sorted(self._drawn - drawn)
        ]
        self._drawn = drawn
        if not self._is_clear:
            gone = [Marker(header=header, action=Marker.DELETEALL)]
            self._is_clear = True
        return MarkerArray(markers=gone + markers)

    def clear(self, header: Header) -> MarkerArray:
        """Delete everything, also what others drew."""
        self._drawn, self._is_clear = set(), True
        return MarkerArray(markers=[Marker(header=header, action=Marker.DELETEALL)])


def _person(
    tracks: Tracks, placed: DisplayPoints, i: int, up: np.ndarray, header: Header,
    config: VisualizerConfig,
) -> list[Marker]:
    points, state, track_id = placed.points[i], TrackState(tracks.state[i]), int(tracks.id[i])
    visible = np.isfinite(points).all(axis=1)
    if not visible.any():
        return []
    number = (track_id if state != TrackState.UNTRACKED else i) % _NUMBERS
    # On pose/predicted nothing is of an image: only LOST people are faint.
    is_now = config.skeletons == 'predicted'
    lost = state == TrackState.LOST or bool(tracks.since_seen_s[i] > 0 and not is_now)
    faint = lost | ((tracks.keypoint_state[i] != KeypointState.OBSERVED) & (not is_now))
    colors = [_color(track_id or 1, _FADED if f else 1.0) for f in faint.tolist()]
    at = [Point(x=x, y=y, z=z) for x, y, z in points.tolist()]
    lifetime = Duration(seconds=config.marker_lifetime_s).to_msg()
    width = config.line_width_m
    found = []

    def marker(ns: str, identity: int, kind: int, scale: list[float], color: ColorRGBA) -> Marker:
        made = Marker(
            header=header, ns=ns, id=identity % _NUMBERS, type=kind, action=Marker.ADD,
            color=color, lifetime=lifetime,
        )
        made.pose.orientation.w = 1.0
        made.scale.x, made.scale.y, made.scale.z = scale
        found.append(made)
        return made

    bones = [end for a, b in EDGES if visible[a] and visible[b] for end in (a, b)]
    if bones:
        lines = marker(BONES, number, Marker.LINE_LIST, [width, 0.0, 0.0], colors[0])
        lines.points, lines.colors = [at[k] for k in bones], [colors[k] for k in bones]
    seen = np.flatnonzero(visible).tolist()
    balls = marker(JOINTS, number, Marker.SPHERE_LIST, [2 * width] * 3, colors[0])
    balls.points, balls.colors = [at[k] for k in seen], [colors[k] for k in seen]
    label = marker(
        LABEL, number, Marker.TEXT_VIEW_FACING, [0.0, 0.0, _LABEL_HEIGHT_M],
        _color(track_id or 1, _FADED_LABEL if lost else 1.0),
    )
    label.text = _name(tracks, i)
    x, y, z = _above(points[visible], points[:LEFT_SHOULDER][visible[:LEFT_SHOULDER]], up).tolist()
    label.pose.position = Point(x=x, y=y, z=z)
    if config.covariance:
        for k, axes, attitude in _ellipsoids(placed, i, seen):
            ball = marker(
                COVARIANCE, number * NUM_KEYPOINTS + k, Marker.SPHERE, axes,
                _color(track_id or 1, _ELLIPSOID),
            )
            ball.pose.position, ball.pose.orientation = at[k], attitude
    if config.velocity:
        shaft = [0.5 * width, width, 0.0]
        ahead = points + ARROW_S * placed.velocity[i]
        length_m = np.linalg.norm(ahead - points, axis=1)
        for k in np.flatnonzero(length_m > _SHORTEST_ARROW_M).tolist():  # NaN is not
            arrow = marker(
                VELOCITY, number * NUM_KEYPOINTS + k, Marker.ARROW, shaft, colors[k])
            x, y, z = ahead[k].tolist()
            arrow.points = [at[k], Point(x=x, y=y, z=z)]
    return found


def _ellipsoids(
    placed: DisplayPoints, i: int, seen: list[int]
) -> list[tuple[int, list[float], Quaternion]]:
    """Return keypoint, full axes in m and attitude of the ellipsoids of 95 % of a person."""
    chosen = [k for k in seen if np.isfinite(placed.covariance[i, k]).all()]
    covariance = placed.covariance[i, chosen]
    # Along a plane two degrees of freedom are known.
    chi2 = np.where(placed.flat[i, chosen], CHI2_95[2], CHI2_95[3])
    half_axes, turned = ellipsoids(covariance * chi2[:, None, None], 1.0)
    return [
        (k, np.maximum(2 * half, _LEAST_M).tolist(), Quaternion(x=q[0], y=q[1], z=q[2], w=q[3]))
        for k, half, q in zip(chosen, half_axes, turned.tolist()) if half.max() < _LARGEST_M
    ]


def _name(tracks: Tracks, i: int) -> str:
    state = TrackState(tracks.state[i])
    if state == TrackState.UNTRACKED:
        return f'{float(tracks.score[i]):.2f}'
    name = f'{int(tracks.id[i])} {state.name.lower()}'
    return name + (f' {tracks.since_seen_s[i]:.1f} s' if state == TrackState.LOST else '')


def _above(points: np.ndarray, face: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Return the place above the head: over the face, higher than every point."""
    middle = (face if len(face) else points).mean(axis=0)
    height = float((points @ up).max()) + _LABEL_HEIGHT_M
    return middle + (height - float(middle @ up)) * up


def _color(track_id: int, opacity: float) -> ColorRGBA:
    blue, green, red = id_color(track_id)
    return ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=opacity)
