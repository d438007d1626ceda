# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros run SOURCE`: images in, annotated images and skeletons out, without ROS."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field, fields, replace
import os
from pathlib import Path
import sys
import time

import cv2
import numpy as np
from tqdm import tqdm

from pose_ros.backends import load_backend
from pose_ros.cli.report import add_json_argument, finish, percentiles
from pose_ros.cli.settings import SettingError, configs
from pose_ros.core.config import EstimatorConfig
from pose_ros.core.estimator.two_pass import TwoPassEstimator
from pose_ros.core.keypoints import Keypoints
from pose_ros.core.tracking.tracker import Tracker
from pose_ros.core.tracking.tracks import KeypointState, Tracks, TrackState
from pose_ros.media.contact_sheet import ContactSheet
from pose_ros.media.overlay import draw_tracks, enlarged, people_in
from pose_ros.media.skeleton_lines import SkeletonLines
from pose_ros.media.sources import (
    FOLDER_FPS,
    IMAGE_SUFFIXES,
    ImageSource,
    Source,
    SourceError,
    SourceImage,
    open_source,
)
from pose_ros.media.video import VideoRecorder

# People of a photo are drawn from this probability on: a little below the tracker's, since no
# second image can confirm the doubtful. On the 80 photos of coco_dev 219 people are drawn, at
# precision 0.831 and recall 0.672 (`pose_ros evaluate --data coco_dev`).
PHOTO_SCORE = 0.45
HELP = 'skeletons of images, a video or a webcam, without ROS'
DESCRIPTION = """\
Find and track the people in a video, webcam or sequence of images, or the people in photos.

Writes into the folder --out:
  annotated.mp4 (or annotated/NAME.jpg for photos)   the skeletons drawn in
  contact_sheet.png                                  a page of moments with people in them
  skeletons.jsonl                                    one JSON object per image"""
EPILOG = """\
examples:
  pose_ros run demo                        the bundled footage
  pose_ros run walk.mp4 --out walk         a video
  pose_ros run a.jpg b.jpg                 photos: each on its own, nothing is tracked
  pose_ros run album/                      a folder of photos, likewise
  pose_ros run frames/                     a folder whose images follow on each other: a film at
                                           10 images per second (--photos, --sequence decide)
  pose_ros run 0 --show                    the first webcam; q or Ctrl-C ends
  pose_ros run rtsp://10.0.0.7/live        a network camera
  pose_ros run walk.mp4 --mode single --set min_person_score=0.3"""

MIN_SIDE_PX = 360
"""Smaller images are magnified before anything is drawn."""

ERRORS = (SettingError,)


@dataclass
class Tally:
    """What was seen during a run."""

    frames: int = 0
    people: int = 0
    estimate_ms: list[float] = field(default_factory=list)
    track_ms: list[float] = field(default_factory=list)
    confirmed: dict[int, list[float]] = field(default_factory=dict)  # id: first and last seen, s

    def count(self, tracks: Tracks) -> None:
        """Take in the tracks of one image."""
        self.frames += 1
        seen = tracks.since_seen_s == 0.0
        confirmed = seen & (tracks.state == TrackState.CONFIRMED)
        self.people += int((confirmed | (tracks.state == TrackState.UNTRACKED)).sum())
        for i in np.flatnonzero(confirmed):
            span = self.confirmed.setdefault(int(tracks.id[i]), [tracks.stamp_s, tracks.stamp_s])
            span[1] = tracks.stamp_s


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    parser.add_argument(
        'source',
        nargs='+',
        metavar='SOURCE',
        help='webcam number, rtsp:// or http:// address, video, image(s), folder of images, or '
        '"demo"',
    )
    parser.add_argument('--out', default='pose_out', metavar='DIR', help='default: %(default)s')
    modes = next(f for f in fields(EstimatorConfig) if f.name == 'mode')
    parser.add_argument(
        '--mode',
        choices=modes.metadata['choices'],
        default=modes.default,
        help=f'default: %(default)s. {modes.metadata["description"]}',
    )
    parser.add_argument(
        '--set',
        action='append',
        default=[],
        metavar='NAME=VALUE',
        help='any other parameter of pose_estimator or pose_tracker (`pose_ros parameters`)',
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument('--photos', action='store_true', help='each image on its own, no tracking')
    kind.add_argument('--sequence', action='store_true',
                      help='the images are a film, people are tracked (default: what the images '
                      'look like)')
    parser.add_argument('--max-frames', type=int, metavar='N', help='stop after so many images')
    parser.add_argument('--no-video', action='store_true', help='write no annotated images')
    parser.add_argument('--show', action='store_true', help='show the images in a window')
    add_json_argument(parser)


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    if args.show:
        _need_window()
    estimator_config, tracker_config = configs(args.mode, args.set)
    source, photos = _open(args)
    if isinstance(source, ImageSource) and source.count != 1:
        print(
            f'{source.name}: photos, each on its own (--sequence: a film)' if photos else
            f'{source.name}: a film of {source.fps:g} images per second '
            '(--photos: each on its own)'
        )
    with source:
        estimator = TwoPassEstimator(load_backend(estimator_config), estimator_config)
        out = Path(args.out)
        out.mkdir(parents=True, exist_ok=True)
        tracker = None if photos else Tracker(tracker_config)
        started_s = time.monotonic()
        tally, interrupted = _process(
            source, estimator, tracker, PHOTO_SCORE, out, args
        )
        wall_s = time.monotonic() - started_s
    _print_summary(tally, wall_s, out, photos)
    if isinstance(source, ImageSource) and source.unread:
        print(f'pose_ros: {len(source.unread)} of {source.count} images are left out: '
              f'{source.unread[0]}', file=sys.stderr)
    report = {
        'source': source.name,
        'mode': estimator_config.mode,
        'out': str(out),
        'frames': tally.frames,
        'people_seen': tally.people,
        'frames_per_s': round(tally.frames / wall_s, 2) if wall_s > 0 else 0.0,
        'estimate_ms': percentiles(tally.estimate_ms),
        'track_ms': percentiles(tally.track_ms),
        'tracks': [
            {'id': i, 'first_s': round(span[0], 3), 'last_s': round(span[1], 3)}
            for i, span in sorted(tally.confirmed.items())
        ],
    }
    finish(report, args.json)
    # Ctrl-C is how one stops a webcam, and is no failure there.
    return 130 if interrupted and not source.live else 0


def _process(
    source: Source,
    estimator: TwoPassEstimator,
    tracker: Tracker | None,
    min_score: float,
    out: Path,
    args: argparse.Namespace,
) -> tuple[Tally, bool]:
    tally, sheet = Tally(), ContactSheet()
    lines = SkeletonLines(out / 'skeletons.jsonl')
    video = None
    if not args.no_video and tracker is not None:
        video = VideoRecorder(out / 'annotated.mp4', source.fps)
    total = source.count
    if args.max_frames is not None:
        total = min(args.max_frames, total or args.max_frames)
    bar = tqdm(
        total=total,
        unit='image',
        desc=source.name[:32],
        file=sys.stderr,
        mininterval=0.1 if sys.stderr.isatty() else 5.0,  # in a log every update is a line
    )
    interrupted = False
    try:
        for frame in source:
            people_before = tally.people
            tracks = _look(frame, estimator, tracker, min_score, tally)
            height, width = frame.image.shape[:2]
            lines.write(tracks, (width, height), index=frame.index)
            picture, drawn = enlarged(frame.image, tracks, MIN_SIDE_PX)
            draw_tracks(picture, drawn, _status(tracks, tally))
            caption = f'{frame.time_s:.2f} s' if tracker else f'image {frame.index}'
            sheet.add(picture, caption, frame.time_s, tally.people - people_before)
            if video is not None:
                video.write(picture, frame.time_s)
            elif not args.no_video:
                _write_photo(picture, source, frame, out)
            bar.update()
            if args.show and _show(picture):
                break
            if args.max_frames is not None and tally.frames >= args.max_frames:
                break
    except KeyboardInterrupt:
        interrupted = True
    finally:
        bar.close()
        lines.close()
        if video is not None:
            video.close()
        if tally.frames:
            sheet.write(out / 'contact_sheet.png')
        if args.show:
            cv2.destroyAllWindows()
    return tally, interrupted


def _look(
    frame: SourceImage,
    estimator: TwoPassEstimator,
    tracker: Tracker | None,
    min_score: float,
    tally: Tally,
) -> Tracks:
    """Return the people in an image; of a photo those of a score as high."""
    begin_s = time.perf_counter()
    keypoints = estimator.estimate(frame.image, frame.time_s)
    middle_s = time.perf_counter()
    tally.estimate_ms.append(1e3 * (middle_s - begin_s))
    if tracker is None:
        tracks = _untracked(frame.time_s, keypoints.select(keypoints.person_score >= min_score))
    else:
        size = (frame.image.shape[1], frame.image.shape[0])
        tracks = tracker.update(frame.time_s, keypoints, size, estimator.camera_motion)
        tally.track_ms.append(1e3 * (time.perf_counter() - middle_s))
    tally.count(tracks)
    return tracks


def _untracked(stamp_s: float, keypoints: Keypoints) -> Tracks:
    """Give the people of a photo the form of tracks, without identity."""
    n, nothing = len(keypoints), Tracks.empty()
    seen = np.isfinite(keypoints.xy).all(axis=2)
    return replace(
        nothing,
        stamp_s=stamp_s,
        id=np.zeros(n, np.int64),
        state=np.full(n, TrackState.UNTRACKED, np.int8),
        score=keypoints.person_score,
        age_s=np.full(n, np.nan),
        since_seen_s=np.zeros(n),
        xy=keypoints.xy,
        velocity=np.full_like(keypoints.xy, np.nan),
        covariance=np.full((*keypoints.score.shape, 2, 2), np.nan, np.float32),
        keypoint_state=np.where(seen, KeypointState.OBSERVED, KeypointState.MISSING).astype(
            np.int8
        ),
        keypoint_score=keypoints.score,
    )


def _open(args: argparse.Namespace) -> tuple[Source, bool]:
    """Open the source; the flag says whether its images have nothing to do with each other."""
    texts = args.source
    if len(texts) == 1:
        source = open_source(texts[0])
    else:
        paths = [Path(text).expanduser() for text in texts]
        for path in paths:
            if path.suffix.lower() not in IMAGE_SUFFIXES or not path.is_file():
                raise SourceError(
                    f'{path}: several sources must all be image files; this is none')
        source = ImageSource(paths, f'{len(paths)} images', FOLDER_FPS)
    if not isinstance(source, ImageSource) or args.sequence:
        return source, False
    source.photos = args.photos or not source.is_sequence()
    return source, source.photos


def _status(tracks: Tracks, tally: Tally) -> str:
    who = people_in(tracks)
    # The first image takes longer; a photo is the first one as a rule.
    return who if tally.frames == 1 else f'{who}   {tally.estimate_ms[-1]:.0f} ms'


def _write_photo(picture: np.ndarray, source: Source, frame: SourceImage, out: Path) -> None:
    assert isinstance(source, ImageSource)
    folder = out / 'annotated'
    folder.mkdir(exist_ok=True)
    stem = source.paths[frame.index].stem
    if sum(path.stem == stem for path in source.paths) > 1:
        stem = f'{stem}_{frame.index}'
    path = folder / f'{stem}.jpg'
    good, data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    if good:
        path.write_bytes(data.tobytes())


def _need_window() -> None:
    # Without a display, Qt ends the whole process: ask before.
    if sys.platform == 'linux' and not {'DISPLAY', 'WAYLAND_DISPLAY'} & os.environ.keys():
        raise SettingError('--show: there is no display here (DISPLAY is not set)')
    try:
        cv2.namedWindow('pose_ros', cv2.WINDOW_NORMAL)
    except cv2.error as error:
        raise SettingError(
            '--show: this OpenCV has no windows: pip install opencv-python instead of '
            'opencv-python-headless'
        ) from error


def _show(picture: np.ndarray) -> bool:
    """Show a picture; True when the user wants to stop."""
    cv2.imshow('pose_ros', picture)
    return (cv2.waitKey(1) & 0xFF) in (ord('q'), 27)


def _print_summary(tally: Tally, wall_s: float, out: Path, photos: bool) -> None:
    estimate = percentiles(tally.estimate_ms)
    print(
        f'{tally.frames} images in {wall_s:.1f} s; estimator {estimate["p50"]:.1f} ms (median), '
        f'{estimate["p95"]:.1f} ms (95 %)'
    )
    if photos:
        print(f'{tally.people} people')
    for i, (first, last) in sorted(tally.confirmed.items()):
        print(f'  person {i}: {first:.2f} s to {last:.2f} s')
    print(f'written to {out}{os.sep}: {", ".join(sorted(p.name for p in out.iterdir()))}')
