# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros view`: live topics or a bag in Rerun, for machines without RViz and to look back."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import socket
import sys
from threading import Event
from typing import Any

from tqdm import tqdm

from pose_ros.core.camera_model import CameraError
from pose_ros.core.skeleton import KEYPOINT_NAMES
from pose_ros.media.rerun_log import RerunLog
from pose_ros.ros.recording.bag import BagError
from pose_ros.ros.viewing.bag_reader import BagReader
from pose_ros.ros.viewing.view_messages import write_message

HELP = 'live topics or a bag in the Rerun viewer'
DESCRIPTION = (
    'Image with skeletons, 3-D joints with their uncertainty, one keypoint over time (raw, '
    'filtered, predicted, with its band of 95 %), states, latencies, distances to a zone if '
    'there are any. '
    'Without BAG it listens to the topics of the running nodes, which needs ROS; a bag needs none.'
)
EPILOG = """\
examples:
  pose_ros view demo_out/bag --spawn                 what `make demo` recorded, in a window
  pose_ros view demo_out/bag --save demo.rrd         into a file; later: rerun demo.rrd
  pose_ros view --web                                the running nodes, in any browser
  pose_ros view --web --keypoint left_wrist --namespace front --image /front/image_raw
Needs rerun-sdk (about 700 MB): pip install -r requirements/view.txt; the viewer is part of it and
fetches nothing from the internet."""

APPLICATION, LOCAL = 'pose_ros', '127.0.0.1'
_FLUSH_S = 20.0


class ViewError(RuntimeError):
    """The viewer cannot be started; the message says why and what to do."""


ERRORS = (ViewError, BagError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('bag', nargs='?', type=Path, metavar='BAG',
                        help='bag (MCAP, SQLite3) or recording to show; without: the live topics')
    parser.add_argument('--save', type=Path, metavar='FILE.rrd', help='write a Rerun recording')
    parser.add_argument('--web', action='store_true', help='serve the viewer to browsers')
    parser.add_argument('--spawn', action='store_true',
                        help='open the viewer in a window (default without --save and --web)')
    parser.add_argument('--keypoint', choices=KEYPOINT_NAMES, default='nose', metavar='NAME',
                        help='whose time series are drawn: ' + ', '.join(KEYPOINT_NAMES)
                        + '; default: %(default)s')
    parser.add_argument('--namespace', metavar='NS', help='of the topics pose, pose/tracked, ..')
    parser.add_argument('--image', metavar='TOPIC',
                        help='of the camera; compressed if it ends so; default: image, and of a '
                        'bag the only one')
    parser.add_argument('--no-image', action='store_true', help='show no images')
    parser.add_argument('--seconds', type=float, metavar='S', help='live: end after so long')
    parser.add_argument('--web-port', type=int, default=9090, metavar='PORT',
                        help='of the viewer in the browser; default: %(default)s')
    parser.add_argument('--bind', default=LOCAL, metavar='IP',
                        help='address to serve on: 127.0.0.1 this machine (default), 0.0.0.0 '
                        'all that can reach it')
    parser.add_argument('--port', type=int, default=9876, metavar='PORT',
                        help='of the data, for browsers and windows; default: %(default)s')


def main(args: argparse.Namespace) -> int:
    """Show; return the exit status."""
    if args.web and args.spawn:
        raise ViewError('--web or --spawn, not both: a window can be opened on the served data '
                        f'with: rerun rerun+http://localhost:{args.port}/proxy')
    import rerun  # missing: said in one line by the command

    bag = None if args.bag is None else BagReader(args.bag, args.namespace, args.image)
    recording = rerun.RecordingStream(APPLICATION)
    url = _open_sinks(rerun, recording, args)
    log = RerunLog(recording, args.keypoint)
    if url:
        print(f'open in a browser: {url}', flush=True)
    try:
        if bag is not None:
            _show_bag(bag, log, not args.no_image)
        else:
            from pose_ros.ros.viewing.live_view import show_live

            show_live(log, args)
        if url and bag is not None:
            recording.flush(timeout_sec=_FLUSH_S)
            print('Ctrl-C ends the viewer', flush=True)
            Event().wait(args.seconds)
    except KeyboardInterrupt:
        print()
    finally:
        if bag is not None:
            bag.close()
        _finish(recording)
    print(', '.join(f'{count} {kind}' for kind, count in sorted(log.counts.items())) or 'nothing',
          *(['in', str(args.save)] if args.save else []))
    return 0


def _open_sinks(rerun: Any, recording: Any, args: argparse.Namespace) -> str:
    """Say where the data goes; return the address for a browser, if there is one."""
    sinks = []
    if args.save is not None:
        try:
            args.save.parent.mkdir(parents=True, exist_ok=True)
            args.save.open('wb').close()
        except OSError as error:
            raise ViewError(f'cannot write {args.save}: {error.strerror}') from error
        sinks.append(rerun.FileSink(str(args.save)))
    host = {LOCAL: 'localhost', '0.0.0.0': socket.gethostname()}.get(args.bind, args.bind)
    data = f'rerun+http://{host}:{args.port}/proxy'
    if args.web:
        # A page of another host's name may fetch the data only if it is told so; `--bind` decides.
        pages = [] if args.bind == LOCAL else [f'http://*:{args.web_port}']
        sinks.append(rerun.GrpcServerSink(args.bind, args.port, cors_allow_origin=pages))
    elif args.spawn or args.save is None:
        if sys.platform.startswith('linux') and not (
            os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
        ):
            raise ViewError('no window can be opened here (no DISPLAY): use --web or --save')
        try:
            recording.spawn(port=args.port, connect=False)
        except (RuntimeError, OSError) as error:
            raise ViewError(f'no window can be opened ({error}): use --web or --save') from error
        sinks.append(rerun.GrpcSink(f'rerun+http://127.0.0.1:{args.port}/proxy'))
    try:
        recording.set_sinks(*sinks)
        if not args.web:
            return ''
        rerun.serve_web_viewer(web_port=args.web_port, open_browser=False, connect_to=data)
    except (RuntimeError, OSError, ValueError) as error:
        raise ViewError(
            f'cannot serve on the ports {args.web_port} and {args.port} ({error}): choose others '
            'with --web-port and --port'
        ) from error
    return f'http://{host}:{args.web_port}/?url={data}'


def _finish(recording: Any) -> None:
    try:
        recording.flush(timeout_sec=_FLUSH_S)
    except (RuntimeError, OSError, ValueError) as error:
        raise ViewError(f'the viewer did not take everything ({error}): was it closed?') from error
    finally:
        recording.disconnect()


def _show_bag(bag: BagReader, log: RerunLog, images: bool) -> None:
    """Write everything of a bag; what cannot be used is counted and said."""
    bad: dict[str, int] = {}
    for kind, msg in tqdm(bag, total=bag.count, unit='message', file=sys.stderr):
        if kind == 'image' and not images:
            continue
        try:
            write_message(log, kind, msg)
        except (ValueError, CameraError) as error:
            reason = f'{kind}: {error}'
            bad[reason] = bad.get(reason, 0) + 1
    for reason, count in bad.items():
        print(f'pose_ros view: {count} not shown, {reason}', file=sys.stderr)
