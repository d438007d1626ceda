# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Images, skeletons and what is known of them into a Rerun recording (rerun.io).

Knows arrays, not where they come from. The timeline is that of the images' stamps. Entities:

    camera                          optical frame: x right, y down, z forward
    camera/joints, /covariance      3-D joints, and the ellipsoid of 95 %
    camera/image                    pinhole, image; below it seen, tracked, boxes
    keypoint/u, keypoint/v          one keypoint by id: raw, filtered, predicted, band of 95 %
    state/person_ID, state/stream   TENTATIVE, CONFIRMED, LOST; OK, STALE
    latency/STAGE                   milliseconds
    proximity/ZONE/person_ID        distance, bound, m
    proximity_rate/ZONE/person_ID   m/s
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np

from pose_ros.core.camera_model import CameraModel
from pose_ros.core.keypoints import boxes_around
from pose_ros.core.pose3d.ellipsoids import CHI2_95, ellipsoids
from pose_ros.core.skeleton import EDGES, KEYPOINT_NAMES
from pose_ros.core.tracking.tracks import Tracks, TrackState
from pose_ros.media.palette import id_color

TIMELINE = 'image'
SIGMAS_95 = 1.96
JPEG_QUALITY = 85
_GREY = (170, 170, 170)
STATES = {
    'TENTATIVE': (150, 150, 150), 'CONFIRMED': (0, 140, 100), 'LOST': (220, 130, 0),
    'OK': (0, 140, 100), 'STALE': (210, 30, 40),
}
"""RGB of the states."""
_KEPT = 200
"""Newest classes (one for each id) that the annotation context names."""


class SeenPeople(NamedTuple):
    """
    One SkeletonArray.

    Attributes
    ----------
    stamp_ns : int
        Of the image; when stale of publication: there may never have been an image.
    tracks : Tracks
        Of N people, pixels; id 0 when untracked.
    position : (N, 17, 3) float64
        Metres; NaN where unknown.
    covariance : (N, 17, 3, 3) float64
        m^2.
    image_size : (width, height)
        Pixels; 0 when no image has come yet.
    stages_ms : dict
        Milliseconds of convert, detect, refine, network and track, and 'age': from the image's
        stamp to publication.
    stale : bool
    """

    stamp_ns: int
    tracks: Tracks
    position: np.ndarray
    covariance: np.ndarray
    image_size: tuple[int, int]
    stages_ms: dict[str, float]
    stale: bool


class SeenProximity(NamedTuple):
    """
    One ProximityArray: for each person id, state, distance, bound, rate (m, m/s; NaN unknown).

    Attributes
    ----------
    stamp_ns : int
    zone : str
    stale : bool
    people : list of (id, distance_m, bound_m, rate_m_s)
    """

    stamp_ns: int
    zone: str
    stale: bool
    people: list[tuple[int, float, float, float]]


class RerunLog:
    """
    Writes into one recording.

    Parameters
    ----------
    recording : rerun.RecordingStream
        With a sink, or without one yet.
    keypoint : str
        Name of the keypoint whose time series are drawn.

    Attributes
    ----------
    counts : dict
        How many images, messages of people ('observed', 'tracked', 'predicted') and of proximity
        were written.
    """

    def __init__(self, recording: Any, keypoint: str = 'nose') -> None:
        import rerun

        self._rr, self._rec = rerun, recording
        self._keypoint, self._index = keypoint, KEYPOINT_NAMES.index(keypoint)
        self.counts: dict[str, int] = {}
        self._classes: list[int] = []
        self._styled: set[str] = set()
        self._observed: SeenPeople | None = None
        self._has: dict[str, bool] = {'3d': False, 'proximity': False}
        self._size = (0, 0)
        recording.log('camera', rerun.ViewCoordinates.RDF, static=True)
        self._style_series()
        self.arrange()

    def camera(self, model: CameraModel) -> None:
        """Place the image in space; distortion is not drawn."""
        width, height = model.image_size
        self._rec.log('camera/image', self._rr.Pinhole(
            image_from_camera=model.matrix, resolution=[width, height], image_plane_distance=0.5,
        ), static=True)

    def image(self, stamp_ns: int, image: np.ndarray) -> None:
        """Write an image, (H, W, 3) uint8 BGR, as JPEG."""
        good, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if good:
            self.encoded_image(stamp_ns, data.tobytes(), 'image/jpeg')

    def encoded_image(self, stamp_ns: int, data: bytes, media_type: str) -> None:
        """Write a JPEG or PNG as it is."""
        self._at(stamp_ns)
        self._rec.log('camera/image', self._rr.EncodedImage(contents=data, media_type=media_type))
        self._count('image')

    def people(self, kind: str, seen: SeenPeople) -> None:
        """
        Write skeletons.

        Parameters
        ----------
        kind : str
            'observed' (topic pose), 'tracked' or 'predicted'.
        seen : SeenPeople
        """
        self._at(seen.stamp_ns)
        self._count(kind)
        if kind == 'observed':
            self._observed = seen
            self._draw_observed(seen)
            return
        if kind == 'predicted':
            # Its stamps are not those of images: the picture stays as it was.
            self._band(kind, seen)
            return
        self._name_classes(seen.tracks.id.tolist())
        self._rec.log('state/stream', self._rr.StateChange(
            state='STALE' if seen.stale else 'OK'))
        if seen.stale:
            return
        self._draw_tracked(seen)
        self._draw_3d(seen)
        self._band('filtered', seen)
        self._raw(seen)
        for person, state in zip(seen.tracks.id.tolist(), seen.tracks.state.tolist()):
            self._rec.log(f'state/person_{person}', self._rr.StateChange(
                state=TrackState(state).name))
        for stage, value in seen.stages_ms.items():
            self._rec.log(f'latency/{stage}', self._rr.Scalars(value))

    def proximity(self, seen: SeenProximity) -> None:
        """Write distances; a person without one leaves a gap."""
        self._at(seen.stamp_ns)
        self._count('proximity')
        self._seen('proximity')
        for person, distance_m, bound_m, rate_m_s in seen.people:
            path = f'{seen.zone or "zone"}/person_{person}'
            if path not in self._styled:
                self._styled.add(path)
                self._style_distance(path, person)
            self._rec.log(f'proximity/{path}/distance', self._rr.Scalars(distance_m))
            self._rec.log(f'proximity/{path}/bound', self._rr.Scalars(bound_m))
            self._rec.log(f'proximity_rate/{path}', self._rr.Scalars(rate_m_s))

    def arrange(self) -> None:
        """Send the layout that fits what has come so far."""
        import rerun.blueprint as rrb

        pictures = [rrb.Spatial2DView(origin='camera/image', name='image')]
        if self._has['3d']:
            pictures.append(rrb.Spatial3DView(origin='camera', name='3-D'))
        series = [
            rrb.TimeSeriesView(
                origin=f'keypoint/{axis}', plot_legend=rrb.PlotLegend(visible=False),
                name=f'{self._keypoint} {axis}, px (grey: raw; thick: filtered; thin: predicted)',
            )
            for axis in 'uv'
        ]
        if self._has['proximity']:
            series.append(rrb.TimeSeriesView(
                origin='proximity', plot_legend=rrb.PlotLegend(visible=False),
                name='distance (thick) and its bound (thin), m'))
        series += [
            rrb.StateTimelineView(origin='state', name='states'),
            rrb.TimeSeriesView(origin='latency', name='latency, ms'),
        ]
        self._rec.send_blueprint(rrb.Blueprint(
            rrb.Horizontal(rrb.Vertical(*pictures), rrb.Vertical(*series), column_shares=[3, 2]),
            rrb.BlueprintPanel(state='collapsed'),
            rrb.SelectionPanel(state='collapsed'),
            rrb.TimePanel(state='collapsed', timeline=TIMELINE),
            auto_views=False,
        ))

    def _at(self, stamp_ns: int) -> None:
        self._rec.set_time(TIMELINE, timestamp=np.datetime64(stamp_ns, 'ns'))

    def _count(self, kind: str) -> None:
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def _seen(self, what: str) -> None:
        """Give a view to what comes for the first time."""
        if not self._has[what]:
            self._has[what] = True
            self.arrange()

    def _name_classes(self, ids: list[int]) -> None:
        """Tell the colour and the bones of ids that are new; a class has 16 bits."""
        new = [person for person in ids if person not in self._classes]
        if not new:
            return
        self._classes = (self._classes + new)[-_KEPT:]
        self._rec.log('camera', self._rr.AnnotationContext([
            self._rr.ClassDescription(
                info=self._rr.AnnotationInfo(
                    person % 65536, f'person {person}', _rgb(id_color(person))),
                keypoint_annotations=[
                    self._rr.AnnotationInfo(k, name, _rgb(id_color(person)))
                    for k, name in enumerate(KEYPOINT_NAMES)
                ],
                keypoint_connections=list(EDGES),
            )
            for person in self._classes
        ]), static=True)
        for person in new:
            self._style_person(person)

    def _style_state(self, path: str, states: tuple[str, ...]) -> None:
        self._rec.log(f'state/{path}', self._rr.StateConfiguration(
            values=states, labels=states, colors=[STATES[s] for s in states]), static=True)

    def _style_person(self, person: int) -> None:
        self._style_state(f'person_{person}', ('TENTATIVE', 'CONFIRMED', 'LOST'))
        colour = _rgb(id_color(person))
        faint = tuple((c + 2 * 128) // 3 for c in colour)
        for axis in 'uv':
            path = f'keypoint/{axis}/person_{person}'
            for name, shade, width in (
                ('raw', _GREY, 1.0), ('filtered', colour, 2.0), ('predicted', colour, 1.0),
            ):
                self._rec.log(f'{path}/{name}', self._rr.SeriesLines(
                    colors=shade, widths=width, names=f'{name} {person}'), static=True)
            for name in ('filtered', 'predicted'):
                self._rec.log(f'{path}/{name}_band', self._rr.SeriesLines(
                    colors=[faint, faint], widths=[0.5, 0.5],
                    names=[f'{name} {person} low', f'{name} {person} high']), static=True)

    def _style_distance(self, path: str, person: int) -> None:
        for name, width in (('distance', 2.0), ('bound', 1.0)):
            self._rec.log(f'proximity/{path}/{name}', self._rr.SeriesLines(
                colors=_rgb(id_color(person)), widths=width, names=f'{name} {person}'),
                static=True)

    def _style_series(self) -> None:
        self._style_state('stream', ('OK', 'STALE'))
        for stage in ('convert', 'detect', 'refine', 'network', 'track', 'age'):
            self._rec.log(f'latency/{stage}', self._rr.SeriesLines(names=stage), static=True)

    def _draw_observed(self, seen: SeenPeople) -> None:
        bones = [
            person[list(edge)] for person in seen.tracks.xy for edge in EDGES
            if np.isfinite(person[list(edge)]).all()
        ]
        self._rec.log('camera/image/seen', self._rr.LineStrips2D(
            np.array(bones).reshape(-1, 2, 2), colors=_GREY, radii=0.5))

    def _draw_tracked(self, seen: SeenPeople) -> None:
        tracks = seen.tracks
        person, k = np.nonzero(np.isfinite(tracks.xy).all(axis=2))
        self._rec.log('camera/image/tracked', self._rr.Points2D(
            tracks.xy[person, k], class_ids=tracks.id[person] % 65536, keypoint_ids=k,
            radii=2.0, show_labels=False))
        boxes = boxes_around(tracks.xy)
        there = np.isfinite(boxes).all(axis=1)
        self._rec.log('camera/image/boxes', self._rr.Boxes2D(
            array=boxes[there], array_format=self._rr.Box2DFormat.XYXY,
            class_ids=tracks.id[there] % 65536,
            labels=[
                str(i) if s == TrackState.CONFIRMED else f'{i} {TrackState(s).name}'
                for i, s in zip(tracks.id[there].tolist(), tracks.state[there].tolist())
            ]))

    def _draw_3d(self, seen: SeenPeople) -> None:
        known = np.isfinite(seen.position).all(axis=2)
        if not known.any() and not self._has['3d']:
            return
        self._seen('3d')
        person, k = np.nonzero(known)
        classes = seen.tracks.id[person] % 65536
        self._rec.log('camera/joints', self._rr.Points3D(
            seen.position[person, k], class_ids=classes, keypoint_ids=k, radii=0.015,
            show_labels=False))
        sure = np.isfinite(seen.covariance[person, k]).all(axis=(1, 2))
        half, quaternion = ellipsoids(seen.covariance[person, k][sure], CHI2_95[3])
        self._rec.log('camera/covariance', self._rr.Ellipsoids3D(
            centers=seen.position[person, k][sure], half_sizes=half, quaternions=quaternion,
            class_ids=classes[sure], line_radii=0.001))

    def _band(self, name: str, seen: SeenPeople) -> None:
        """Write the chosen keypoint of every person with its band of 95 %."""
        k = self._index
        variance = seen.tracks.covariance[:, k, [0, 1], [0, 1]]
        reach = SIGMAS_95 * np.sqrt(np.maximum(variance, 0.0))
        for row, person in enumerate(seen.tracks.id.tolist()):
            for d, axis in enumerate('uv'):
                value, path = float(seen.tracks.xy[row, k, d]), f'keypoint/{axis}/person_{person}'
                self._rec.log(f'{path}/{name}', self._rr.Scalars(value))
                self._rec.log(f'{path}/{name}_band', self._rr.Scalars(
                    [value - float(reach[row, d]), value + float(reach[row, d])]))

    def _raw(self, seen: SeenPeople) -> None:
        """Write where the network saw the chosen keypoint of each track: the nearest person's."""
        observed = self._observed
        if observed is None or observed.stamp_ns != seen.stamp_ns or not len(observed.tracks):
            return
        apart = np.linalg.norm(seen.tracks.xy[:, None] - observed.tracks.xy[None], axis=3)
        known = np.isfinite(apart)
        mean = np.where(known, apart, 0.0).sum(axis=2) / np.maximum(known.sum(axis=2), 1)
        mean = np.where(known.any(axis=2), mean, np.inf)
        for row, person in enumerate(seen.tracks.id.tolist()):
            near = int(mean[row].argmin())
            if np.isfinite(mean[row, near]) and int((mean[:, near]).argmin()) == row:
                for axis, value in zip('uv', observed.tracks.xy[near, self._index].tolist()):
                    self._rec.log(f'keypoint/{axis}/person_{person}/raw', self._rr.Scalars(value))


def _rgb(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    blue, green, red = colour
    return red, green, blue
