# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The networks on ONNX Runtime, on the CPU."""

from __future__ import annotations

import hashlib
from pathlib import Path
import time

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state

from pose_ros.backends.model_files import find_model, read_spec
from pose_ros.core import decode, geometry, preprocess
from pose_ros.core.backend import BackendError, ModelSpec, StageTimes
from pose_ros.core.frame import Frame
from pose_ros.core.keypoints import Keypoints

# ONNX Runtime's errors share no base class of its own, and which there are depends on its version.
_RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    *(
        error
        for error in vars(onnxruntime_pybind11_state).values()
        if isinstance(error, type) and issubclass(error, Exception)
    ),
)
# More crops than this go through the network in several calls: memory stays bounded.
MAX_BATCH = 8


class OnnxNetwork:
    """
    One network: checked against its ModelSpec when it is made, its input array kept and reused.

    Parameters
    ----------
    path : Path
        NAME.onnx, with its ModelSpec NAME.json beside it.
    num_threads : int
        Threads inside the network; 0 for all cores.

    Raises
    ------
    BackendError
        When the file is missing or corrupt, or contradicts its spec.
    """

    def __init__(self, path: Path, num_threads: int) -> None:
        self.path = path
        self.spec = read_spec(path)
        _check_digest(path, self.spec)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        # Spinning threads would burn the cores that the other nodes of the robot need.
        options.add_session_config_entry('session.intra_op.allow_spinning', '0')
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=['CPUExecutionProvider']
            )
        except _RUNTIME_ERRORS as error:
            raise BackendError(f'ONNX Runtime cannot load {path}: {error}') from error
        self._roles = _needed_roles(self.spec)
        self._check_names()
        self._tables = preprocess.lookup_tables(self.spec)
        self._input = np.empty(0, np.float32)
        width, height = self.spec.input_size
        for values in self.run(np.zeros((1, 3, height, width), np.float32)).values():
            self.check_numbers(values)

    def _check_names(self) -> None:
        inputs = {i.name: i for i in self._session.get_inputs()}
        if list(inputs) != [self.spec.input_name]:
            raise BackendError(
                f'{self.path} has the inputs {sorted(inputs)}, its description says '
                f'{self.spec.input_name!r}'
            )
        tensor = inputs[self.spec.input_name]
        if tensor.type != 'tensor(float)':
            raise BackendError(f'the input of {self.path} is {tensor.type}, not tensor(float)')
        width, height = self.spec.input_size
        wanted = (None, 3, height, width)
        fits = len(tensor.shape) == 4 and all(
            not isinstance(has, int) or want is None or has == want
            for has, want in zip(tensor.shape, wanted)
        )
        if not fits:
            raise BackendError(
                f'the input of {self.path} is {tensor.shape}, its description says '
                f'[batch, 3, {height}, {width}]'
            )
        # A graph with a fixed batch gets its views one by one.
        fixed = isinstance(tensor.shape[0], int)
        self.max_batch = int(tensor.shape[0]) if fixed else MAX_BATCH
        if fixed and self.max_batch != 1:
            raise BackendError(f'{self.path} only takes {self.max_batch} views at once, not 1')
        if self.spec.multiple_of and any(isinstance(n, int) for n in tensor.shape[2:]):
            raise BackendError(
                f'the input of {self.path} is {tensor.shape}, its description says that any '
                f'multiple of {self.spec.multiple_of} will do'
            )
        names = {o.name for o in self._session.get_outputs()}
        missing = sorted(set(self._roles.values()) - names)
        if missing:
            raise BackendError(f'{self.path} has no outputs {missing}, only {sorted(names)}')

    def check_numbers(self, values: np.ndarray) -> None:
        """Raise BackendError when a value is NaN or infinite."""
        if not np.isfinite(values).all():
            raise BackendError(f'{self.path} gives values that are not numbers')

    def input_array(self, batch: int, input_size: tuple[int, int]) -> np.ndarray:
        """Return the (batch, 3, height, width) float32 array to fill, reused by the next call."""
        width, height = input_size
        needed = batch * 3 * height * width
        if self._input.size < needed:
            self._input = np.empty(needed, np.float32)
        return self._input[:needed].reshape(batch, 3, height, width)

    def fill(self, image: np.ndarray, input_from_image: np.ndarray, out: np.ndarray) -> None:
        """Write views of a BGR image into an input array (`preprocess.network_input`)."""
        preprocess.network_input(image, input_from_image, self._tables, self.spec.color, out)

    def run(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """
        Run the network.

        Parameters
        ----------
        batch : (B, 3, height, width) float32
            Normalised input.

        Returns
        -------
        dict of (B, C, height / stride, width / stride) float32
            The maps by role.

        Raises
        ------
        BackendError
            When the network fails, or gives other shapes than described.
        """
        try:
            found = self._session.run(
                list(self._roles.values()), {self.spec.input_name: batch}
            )
        except _RUNTIME_ERRORS as error:
            raise BackendError(f'ONNX Runtime cannot run {self.path}: {error}') from error
        count = len(self.spec.keypoints)
        channels = {'heatmaps': count, 'centers': 1, 'regress': 2 * count, 'offsets': 2 * count}
        size = tuple(n // self.spec.stride for n in batch.shape[2:])
        maps = dict(zip(self._roles, found))
        for role, values in maps.items():
            wanted = (len(batch), channels[role], *size)
            if values.shape != wanted:
                raise BackendError(
                    f'the output {self._roles[role]!r} of {self.path} is {values.shape}, '
                    f'its description says {wanted}'
                )
        return maps


def _check_digest(path: Path, spec: ModelSpec) -> None:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise BackendError(f'cannot read {path}: {error}') from error
    if spec.onnx_sha256 and digest != spec.onnx_sha256.lower():
        raise BackendError(
            f'{path} is damaged or another file than its description is about: its SHA-256 is '
            f'{digest}, the description says {spec.onnx_sha256}'
        )


def _needed_roles(spec: ModelSpec) -> dict[str, str]:
    """Return output name by role, of the outputs that decoding reads."""
    centers = ('heatmaps', 'centers', 'regress', 'offsets')
    roles = centers if spec.decoder == 'centers' else ('heatmaps',)
    return {role: spec.outputs[role] for role in roles}


class OnnxBackend:
    """
    Runs both passes on ONNX Runtime (`core.backend.Backend`).

    Parameters
    ----------
    detector, refiner : str
        Name of a shipped model or path of an ONNX file.
    num_threads : int
        Threads inside a network; 0 for all cores.
    max_people : int
        Largest number of candidates per view of the first pass.
    min_center : float
        Centres of lower height are no candidates.

    Raises
    ------
    BackendError
        When a model cannot be used.
    """

    name = 'onnx'
    encodings: tuple[str, ...] = ('bgr8',)

    def __init__(
        self,
        detector: str,
        refiner: str,
        num_threads: int = 0,
        max_people: int = 30,
        min_center: float = 0.1,
    ) -> None:
        self._detect = OnnxNetwork(find_model(detector), num_threads)
        self._refine = OnnxNetwork(find_model(refiner), num_threads)
        self.detector = self._detect.spec
        self.refiner = self._refine.spec
        if self.detector.decoder != 'centers':
            raise BackendError(
                f'{self._detect.path} cannot find several people: its decoder is '
                f'{self.detector.decoder!r}, the first pass needs centers'
            )
        self.times = StageTimes()
        self._max_people = max_people
        self._min_center = min_center
        self._image = np.zeros((1, 1, 3), np.uint8)

    def load_image(self, image: np.ndarray) -> None:
        """Take the BGR image that the next passes look at; ValueError when it is none."""
        self._image = preprocess.rows_of_pixels(image)
        self.times = StageTimes()

    def load_frame(self, frame: Frame) -> None:
        """Take a frame of bgr8; ValueError when it is another."""
        if frame.encoding not in self.encodings:
            raise ValueError(f'{self.name} takes frames of bgr8, not {frame.encoding}')
        self.load_image(frame.pixels())

    def detect(self, input_from_image: np.ndarray, input_size: tuple[int, int]) -> Keypoints:
        """Find everybody in views of the image, in image pixels (`core.backend.Backend`)."""
        start_s = time.perf_counter()
        maps = self._run(self._detect, input_from_image, input_size)
        # A peak is never found at a NaN, and nobody at all beside one.
        self._detect.check_numbers(maps['centers'])
        view, people = decode.decode_people(
            maps, self.detector, self._max_people, self._min_center
        )
        self._detect.check_numbers(people.score)
        people = _in_image(people, input_from_image[view])
        self.times.detect_s += time.perf_counter() - start_s
        return people

    def refine(self, input_from_image: np.ndarray) -> Keypoints:
        """Find the one person of each crop, in image pixels (`core.backend.Backend`)."""
        start_s = time.perf_counter()
        people = []
        for first in range(0, len(input_from_image), self._refine.max_batch):
            part = input_from_image[first:first + self._refine.max_batch]
            maps = self._run(self._refine, part, self.refiner.input_size)
            found = decode.decode_person(maps, self.refiner)
            # An arg max is at the first NaN where there is one.
            self._refine.check_numbers(found.score)
            people.append(_in_image(found, part))
        self.times.refine_s += time.perf_counter() - start_s
        return Keypoints.concatenate(people)

    def _run(
        self, network: OnnxNetwork, input_from_image: np.ndarray, input_size: tuple[int, int]
    ) -> dict[str, np.ndarray]:
        batch = network.input_array(len(input_from_image), input_size)
        network.fill(self._image, input_from_image, batch)
        start_s = time.perf_counter()
        maps = network.run(batch)
        self.times.network_s += time.perf_counter() - start_s
        return maps

    def close(self) -> None:
        """Free the image; the networks are freed with this object."""
        self._image = np.zeros((1, 1, 3), np.uint8)


def _in_image(people: Keypoints, input_from_image: np.ndarray) -> Keypoints:
    """Map people from pixels of their views to pixels of the image."""
    xy = geometry.apply(geometry.invert(input_from_image), people.xy)
    return Keypoints(xy.astype(np.float32), people.score, people.person_score)
