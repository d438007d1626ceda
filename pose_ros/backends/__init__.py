# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Runtimes that run the networks: one file each, heavy imports inside."""

from __future__ import annotations

from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER
from pose_ros.core.backend import Backend, BackendError
from pose_ros.core.config import EstimatorConfig


def load_backend(config: EstimatorConfig) -> Backend:
    """
    Load the networks on the runtime that the parameters ask for.

    Parameters
    ----------
    config : EstimatorConfig
        Reads backend, detector_model, refiner_model and num_threads.

    Raises
    ------
    BackendError
        When the runtime is missing or a model cannot be used; the message says what to do.
    """
    try:
        # Inside the function: importing ONNX Runtime takes a while and is not always needed.
        from pose_ros.backends.onnx import OnnxBackend
    except ImportError as error:
        raise BackendError(
            f'ONNX Runtime is not installed ({error}): pip install onnxruntime'
        ) from error
    return OnnxBackend(
        detector=config.detector_model or SHIPPED_DETECTOR,
        refiner=config.refiner_model or SHIPPED_REFINER,
        num_threads=config.num_threads,
    )
