# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The shipped networks, loaded once."""

import pytest

from pose_ros.backends import load_backend
from pose_ros.core.config import EstimatorConfig


@pytest.fixture(scope='session')
def backend():
    one = load_backend(EstimatorConfig(backend='onnx', num_threads=1))
    yield one
    one.close()
