# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where model files are: shipped and fetched ones by name, others by path; each with its spec."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
import re
import sys

from pose_ros.core.backend import BackendError, ModelSpec, ModelSpecError

SHIPPED_DETECTOR = 'pose_multipose'
SHIPPED_REFINER = 'pose_thunder'

# Field 1 of StringStringEntryProto is the key, field 2 the value: its length, seven bits in each
# byte, and then so many.
_LOCATION = re.compile(rb'\x0a\x08location\x12([\x80-\xff][\x01-\x1f]|[\x01-\x7f])')


def shipped_model_folders() -> list[Path]:
    """
    List where the shipped models may be, in the order in which they are looked for.

    The source checkout that this file is in; the share folder of the ROS package, for each prefix
    of AMENT_PREFIX_PATH; the data files of a pip installation.
    """
    prefixes = [p for p in os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    prefixes.append(sys.prefix)
    checkout = Path(__file__).resolve().parents[2] / 'models'
    return [checkout, *(Path(p) / 'share' / 'pose_ros' / 'models' for p in prefixes)]


def user_model_folder() -> Path:
    """Return where `pose_ros fetch` puts networks: XDG_DATA_HOME/pose_ros/models."""
    data = os.environ.get('XDG_DATA_HOME') or str(Path.home() / '.local' / 'share')
    return Path(data) / 'pose_ros' / 'models'


def find_model(model: str) -> Path:
    """
    Find a model file.

    Parameters
    ----------
    model : str
        Path of an ONNX file, or the name of a shipped or fetched model, for example
        'movenet_thunder'.

    Returns
    -------
    Path
        Of the ONNX file, which exists.

    Raises
    ------
    BackendError
        When there is none; the message says where it was looked for.
    """
    if model.endswith('.onnx') or os.sep in model:
        path = Path(model).expanduser()
        if not path.is_file():
            raise BackendError(f'no model file at {path}')
        return path
    folders = [*shipped_model_folders(), user_model_folder()]
    for folder in folders:
        path = folder / f'{model}.onnx'
        if path.is_file():
            return path
    looked = ', '.join(str(folder) for folder in folders)
    raise BackendError(f'no model named {model!r}: there is no {model}.onnx in {looked}')


def check_passes(
    detector: Path, first: ModelSpec, refiner: Path, second: ModelSpec
) -> None:
    """Raise BackendError when a network cannot serve its pass."""
    if first.decoder not in ('centers', 'boxes', 'one_stage'):
        raise BackendError(
            f'{detector} cannot find several people: its decoder is {first.decoder!r}, the first '
            'pass needs centers, boxes or one_stage: is it meant as refiner_model?'
        )
    if second.decoder in ('boxes', 'one_stage'):
        raise BackendError(
            f'{refiner} does not look into crops: its decoder is {second.decoder!r}, the second '
            'pass needs heatmaps, simcc or centers: is it meant as detector_model?'
        )


def external_data(model: Path) -> list[Path]:
    """
    List the files that a model keeps its weights in, beside the ONNX file; mostly none.

    PyTorch writes NAME.onnx.data by default since 2.9. The names are found without the package
    onnx: each tensor has an entry of the key "location" (onnx.proto, TensorProto.external_data).

    Raises
    ------
    BackendError
        When one is missing, or the model cannot be read.
    """
    try:
        data = model.read_bytes()
    except OSError as error:
        raise BackendError(f'cannot read {model}: {error}') from error
    found = set()
    for key in _LOCATION.finditer(data):
        length = sum((byte & 0x7F) << 7 * n for n, byte in enumerate(key[1]))
        found.add(data[key.end():key.end() + length].decode('utf-8', 'replace'))
    paths = [model.parent / name for name in sorted(found) if name]
    for path in paths:
        if not is_file(path):
            raise BackendError(
                f'{model} keeps its weights in {path}, which is missing: put it beside the model, '
                'or export it into one file (torch.onnx.export(..., external_data=False))'
            )
    return paths


def model_digest(model: Path) -> str:
    """
    Return the SHA-256 of a model: of the ONNX file, followed by those that hold its weights.

    Raises
    ------
    BackendError
        When one of the files is missing or cannot be read.
    """
    digest = hashlib.sha256()
    for path in (model, *external_data(model)):
        try:
            with path.open('rb') as file:
                while part := file.read(2**20):
                    digest.update(part)
        except OSError as error:
            raise BackendError(f'cannot read {path}: {error}') from error
    return digest.hexdigest()


def is_file(path: Path) -> bool:
    """Whether there is such a file; also of names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def read_spec(model: Path) -> ModelSpec:
    """
    Read the ModelSpec that lies beside a model file.

    Parameters
    ----------
    model : Path
        NAME.onnx; the spec is NAME.json in the same folder.

    Raises
    ------
    BackendError
        When it is missing or unusable; the message names the file and what is wrong.
    """
    path = model.with_suffix('.json')
    try:
        return ModelSpec.from_json(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise BackendError(f'the model {model} has no description: {path} is missing') from error
    except (OSError, UnicodeDecodeError) as error:
        raise BackendError(f'cannot read {path}: {error}') from error
    except ModelSpecError as error:
        raise BackendError(f'{path} does not describe a model: {error}') from error
