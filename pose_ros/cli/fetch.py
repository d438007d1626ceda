# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""`pose_ros fetch`: a network that is known to run here, downloaded, checked and installed."""

from __future__ import annotations

import argparse
from dataclasses import replace
import difflib
import os
from pathlib import Path
import shutil
import tempfile
import zipfile

from pose_ros.backends.model_files import user_model_folder
from pose_ros.backends.onnx import OnnxNetwork
from pose_ros.core.backend import BackendError
from pose_ros.core.model_spec import ModelSpec
from pose_ros.model_import.download import STALL_S, DownloadError, download
from pose_ros.model_import.recipes import RECIPES, Recipe
from pose_ros.model_import.spec_guess import guess_spec

HELP = 'download a network that is known to run here'
DESCRIPTION = """\
Downloads a network of others, checks it (SHA-256 where it is known; that it runs and fits its
description in any case) and puts it beside its description, so that it is found by its name. It is
there whole or not at all. The networks' terms are their makers': see docs/models.md."""
EPILOG = """\
examples:
  pose_ros fetch                       lists what there is
  pose_ros fetch rtmpose-m
  pose_ros evaluate --data coco_dev --model rtmpose-m
  pose_ros fetch vitpose-s --from http://mirror.local/vitpose-s-coco.onnx"""
ERRORS = (DownloadError,)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument('name', metavar='NAME', nargs='?', help='of the network; none: list them')
    parser.add_argument(
        '--out', metavar='DIR', type=Path,
        help='where it goes (default: XDG_DATA_HOME/pose_ros/models, where it is found by name)',
    )
    parser.add_argument(
        '--from', dest='url', metavar='URL', help='another address of the same file, a mirror'
    )
    parser.add_argument('--force', action='store_true', help='fetch it although it is there')
    parser.add_argument(
        '--stall', metavar='S', type=float, default=STALL_S,
        help='give up when the server sends nothing for so long, s (default: %(default)s)',
    )


def main(args: argparse.Namespace) -> int:
    """Run the verb; returns the exit status."""
    if not args.name:
        for name, recipe in RECIPES.items():
            known = 'checksum known' if recipe.sha256 else 'checksum not known'
            print(f'{name:18} {recipe.what}; about {recipe.megabytes} MB, {known}')
        return 0
    if args.name not in RECIPES:
        near = difflib.get_close_matches(args.name, RECIPES, 1)
        raise DownloadError(
            f'no recipe is called {args.name!r}'
            + (f'; did you mean {near[0]}?' if near else f': {", ".join(RECIPES)}')
        )
    if args.stall <= 0:
        raise DownloadError(f'--stall {args.stall:g}: must be above 0')
    recipe = RECIPES[args.name]
    if args.url:
        recipe = replace(recipe, url=args.url)
    path = (args.out or user_model_folder()) / f'{args.name}.onnx'
    if path.is_file() and path.with_suffix('.json').is_file() and not args.force:
        print(f'{path} is there already (--force fetches it again)')
        return 0
    spec = _fetch(args.name, recipe, path, args.stall)
    print(f'{path}: {recipe.what}. Licence: {recipe.licence}')
    if not recipe.sha256 and not recipe.onnx_sha256:
        print(f'  no checksum of it is published; SHA-256 {spec.onnx_sha256}')
    parameter = 'detector_model' if spec.decoder in ('boxes', 'one_stage') else 'refiner_model'
    print(f'  use it by its name: {parameter}={args.name if not args.out else path}')
    return 0


def _fetch(name: str, recipe: Recipe, path: Path, stall_s: float) -> ModelSpec:
    """Download, check and install a network at NAME.onnx; its description comes beside it."""
    made = _make_folder(path.parent)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f'.{name}.') as folder:
            onnx = Path(folder) / path.name
            archive = onnx.with_suffix('.zip') if recipe.member else onnx
            download(recipe.url, archive, recipe.sha256, stall_s)
            if recipe.member:
                _extract(recipe, archive, onnx)
            spec = replace(
                guess_spec(onnx, **recipe.facts).spec,
                name=name, licence=recipe.licence, source=recipe.url,
            )
            if recipe.onnx_sha256 and spec.onnx_sha256 != recipe.onnx_sha256:
                raise DownloadError(
                    f'the network in {recipe.url} is another than expected: its SHA-256 is '
                    f'{spec.onnx_sha256}, it should be {recipe.onnx_sha256}'
                )
            description = onnx.with_suffix('.json')
            description.write_text(spec.to_json(), encoding='utf-8')
            OnnxNetwork(onnx, 1)  # raises when it does not run or fit
            # The description first: a network is found by its ONNX file, and never without it.
            os.replace(description, path.with_suffix('.json'))
            os.replace(onnx, path)
    except BaseException:
        _remove_empty(made)
        raise
    return spec


def _extract(recipe: Recipe, archive: Path, onnx: Path) -> None:
    """Take the ONNX file out of the archive."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [m for m in opened.infolist() if m.filename.endswith(recipe.member)]
            if len(members) != 1:
                raise DownloadError(
                    f'{recipe.url} has {len(members)} files called {recipe.member}, not one: '
                    f'{", ".join(opened.namelist()[:10])}'
                )
            with opened.open(members[0]) as source, onnx.open('wb') as target:
                shutil.copyfileobj(source, target)
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise DownloadError(f'{recipe.url} is no archive, or a damaged one: {error}') from error
    archive.unlink()


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder; return those that were made, the innermost first."""
    missing = [f for f in (folder, *folder.parents) if not f.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise BackendError(f'{folder} is a file, not a folder') from error
    return missing


def _remove_empty(folders: list[Path]) -> None:
    """Remove what `_make_folder` made, as far as it is empty."""
    for folder in folders:
        if any(folder.iterdir()):
            return
        folder.rmdir()
