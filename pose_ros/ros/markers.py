# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""People as RViz markers: bones, joints and a label each, in the camera's optical frame."""

from __future__ import annotations

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
import numpy as np
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from pose_ros.core import geometry
from pose_ros.core.skeleton import EDGES
from pose_ros.core.tracks import KeypointState, Tracks, TrackState
from pose_ros.media.overlay import id_color

_BONES, _JOINTS, _LABEL = 'bones', 'joints', 'label'
_LABEL_HEIGHT_M = 0.1
_FADED = 0.35  # opacity of who or what is not seen at the moment


class MarkerWriter:
    """
    Writes people as markers, and remembers whom to delete.

    A person's markers have the track's id; an untracked person's, its place in the message.
    """

    def __init__(self) -> None:
        """Nobody is drawn yet."""
        self._drawn: set[int] = set()

    def write(
        self,
        tracks: Tracks,
        header: Header,
        camera_matrix: np.ndarray,
        plane_distance_m: float = 2.0,
        line_width_m: float = 0.02,
        lifetime_s: float = 0.5,
    ) -> MarkerArray:
        """
        Write everybody, drawn on the plane z = plane_distance_m of the optical frame.

        Parameters
        ----------
        tracks : Tracks
            In pixels.
        header : Header
            Of the skeletons.
        camera_matrix : (3, 3) float64
            K, pixels.
        plane_distance_m, line_width_m : float
            Metres.
        lifetime_s : float
            Seconds after which RViz removes what is not renewed; 0 for never.

        Returns
        -------
        MarkerArray
            With DELETE for those who were in the message before and are not in this one.
        """
        depth_m = np.full(tracks.xy.shape[:2], plane_distance_m)
        points = geometry.unproject(camera_matrix, tracks.xy, depth_m)
        visible = np.isfinite(points).all(axis=2) & (
            tracks.keypoint_state != KeypointState.MISSING)
        lifetime = _duration(lifetime_s)
        markers, drawn = [], set()
        for i in range(len(tracks)):
            track_id, state = int(tracks.id[i]), int(tracks.state[i])
            number = track_id if state != TrackState.UNTRACKED else i
            if not visible[i].any():
                continue
            drawn.add(number)
            color = _color(number if track_id else 1, _FADED if state == TrackState.LOST else 1.0)
            joints = [_point(p) for p in points[i][visible[i]].tolist()]
            bones = [
                _point(points[i, end].tolist())
                for edge in EDGES if visible[i, edge[0]] and visible[i, edge[1]]
                for end in edge
            ]
            top = points[i][visible[i]]
            above = [float(top[:, 0].mean()), float(top[:, 1].min()) - _LABEL_HEIGHT_M,
                     plane_distance_m]
            name = f'{track_id} {TrackState(state).name.lower()}' if track_id else (
                f'{float(tracks.score[i]):.2f}')
            for kind, namespace, width in (
                (Marker.LINE_LIST, _BONES, line_width_m),
                (Marker.SPHERE_LIST, _JOINTS, 2 * line_width_m),
                (Marker.TEXT_VIEW_FACING, _LABEL, _LABEL_HEIGHT_M),
            ):
                marker = _marker(header, namespace, number, kind, width, color, lifetime)
                if namespace == _LABEL:
                    marker.text = name
                    marker.pose.position = _point(above)
                else:
                    marker.points = bones if namespace == _BONES else joints
                markers.append(marker)
        gone = self._drawn - drawn
        self._drawn = drawn
        return MarkerArray(markers=self._delete(gone, header) + markers)

    def clear(self, header: Header) -> MarkerArray:
        """Delete everybody who is drawn."""
        gone, self._drawn = self._drawn, set()
        return MarkerArray(markers=self._delete(gone, header))

    @staticmethod
    def _delete(numbers: set[int], header: Header) -> list[Marker]:
        return [
            Marker(header=header, ns=namespace, id=number, action=Marker.DELETE)
            for number in sorted(numbers) for namespace in (_BONES, _JOINTS, _LABEL)
        ]


def _marker(
    header: Header, namespace: str, number: int, kind: int, width_m: float, color: ColorRGBA,
    lifetime: Duration,
) -> Marker:
    marker = Marker(
        header=header, ns=namespace, id=number, type=kind, action=Marker.ADD, color=color,
        lifetime=lifetime,
    )
    marker.pose.orientation.w = 1.0
    marker.scale.x = marker.scale.y = marker.scale.z = width_m
    return marker


def _point(xyz: list[float]) -> Point:
    return Point(x=xyz[0], y=xyz[1], z=xyz[2])


def _color(track_id: int, opacity: float) -> ColorRGBA:
    blue, green, red = id_color(track_id)
    return ColorRGBA(r=red / 255, g=green / 255, b=blue / 255, a=opacity)


def _duration(seconds: float) -> Duration:
    whole = int(seconds)
    return Duration(sec=whole, nanosec=int((seconds - whole) * 1e9))
