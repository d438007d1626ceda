# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Images as a camera sends them that compresses."""

from __future__ import annotations

from array import array

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header


def image_to_compressed_msg(
    image_bgr: np.ndarray, header: Header, extension: str = 'jpeg'
) -> CompressedImage:
    """Write a BGR image, (H, W, 3) uint8, as 'jpeg' or 'png'."""
    encoded = cv2.imencode('.jpg' if extension == 'jpeg' else '.png', image_bgr)[1]
    data = array('B')
    data.frombytes(memoryview(np.ascontiguousarray(encoded)).cast('B'))
    return CompressedImage(header=header, format=f'bgr8; {extension} compressed bgr8', data=data)
