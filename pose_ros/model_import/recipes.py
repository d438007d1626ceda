# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
Where known networks are, and the facts that their graphs do not tell.

Tensor names and sizes are read from the file that came. Addresses and checksums are those of the
public pages named in `source`; docs/models.md says which were tried and which could not be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pose_ros.core.joint_names import ORDERS
from pose_ros.model_import.spec_guess import IMAGENET_MEAN, IMAGENET_STD

_IMAGENET: dict[str, Any] = {'color': 'rgb', 'mean': IMAGENET_MEAN, 'std': IMAGENET_STD}
_RTMPOSE = 'https://download.openmmlab.com/mmpose/v1/projects/rtmposev1/onnx_sdk/'
_RTMO = 'https://download.openmmlab.com/mmpose/v1/projects/rtmo/onnx_sdk/'
_VITPOSE = (
    'https://huggingface.co/JunkyByte/easy_ViTPose/resolve/'
    '6683ba58712bdac469602b00df2e8e86baf94c0a/onnx/coco/'
)


@dataclass(frozen=True)
class Recipe:
    """
    How one network is had.

    Attributes
    ----------
    what : str
        A line for people.
    url : str
        Of the file.
    megabytes : int
        About.
    licence : str
        Of the weights, as far as their page says it.
    source : str
        Where this is known from.
    facts : dict
        Fields of its ModelSpec.
    sha256 : str
        Of the file at the address; empty when it is not published.
    member : str
        End of the name of the ONNX file in the archive; empty when the file is the ONNX file.
    onnx_sha256 : str
        Of the ONNX file in the archive; empty when unknown.
    """

    what: str
    url: str
    megabytes: int
    licence: str
    source: str
    facts: dict[str, Any] = field(default_factory=dict)
    sha256: str = ''
    member: str = ''
    onnx_sha256: str = ''


_RTM = {
    'licence': 'Apache-2.0 (code; the data sets behind the weights have terms of their own)',
    'source': 'github.com/Tau-J/rtmlib, github.com/open-mmlab/mmpose projects/rtmpose',
    'member': 'end2end.onnx',
}
_VIT: dict[str, Any] = {
    'licence': 'Apache-2.0 (as ViTPose)',
    'source': 'huggingface.co/JunkyByte/easy_ViTPose, github.com/ViTAE-Transformer/ViTPose',
    'facts': {**_IMAGENET, 'keypoints': ORDERS['coco17'], 'refinement': 'udp'},
}

_RTMDET: dict[str, Any] = {
    **_RTM,
    'licence': 'Apache-2.0 (code); of its training data Objects365 is for academic use only',
    'facts': {
        'color': 'bgr', 'mean': (103.53, 116.28, 123.675), 'std': (57.375, 57.12, 58.395),
    },
}  # fmt: skip

RECIPES: dict[str, Recipe] = {
    'rtmpose-s': Recipe(
        'RTMPose-s, 256x192, 17 joints, SimCC', megabytes=20,
        url=_RTMPOSE + 'rtmpose-s_simcc-body7_pt-body7_420e-256x192-acd4a1ef_20230504.zip',
        facts={**_IMAGENET, 'keypoints': ORDERS['coco17']}, **_RTM,
    ),
    'rtmpose-m': Recipe(
        'RTMPose-m, 256x192, 17 joints, SimCC', megabytes=50,
        url=_RTMPOSE + 'rtmpose-m_simcc-body7_pt-body7_420e-256x192-e48f03d0_20230504.zip',
        facts={**_IMAGENET, 'keypoints': ORDERS['coco17']}, **_RTM,
    ),
    'rtmpose-m-halpe26': Recipe(
        'RTMPose-m, 256x192, 26 joints (feet and neck are dropped), SimCC', megabytes=50,
        url=_RTMPOSE + 'rtmpose-m_simcc-body7_pt-body7-halpe26_700e-256x192-4d3e73dd_20230605.zip',
        facts={**_IMAGENET, 'keypoints': ORDERS['halpe26']},
        sha256='55b81170e236040b59fc792ad0a8315301ac4c079a3bdb1095d838aad3088d18',
        onnx_sha256='26f3a19e61304a600dfb82d1001d41d24343b89fc70a33ffc84657e0b0bf2ecf', **_RTM,
    ),
    'rtmdet-nano': Recipe(
        'RTMDet-nano, boxes of people, 320x320, for detector_model', megabytes=4,
        url=_RTMPOSE + 'rtmdet_nano_8xb32-100e_coco-obj365-person-05d8511e.zip', **_RTMDET,
    ),
    'rtmdet-m': Recipe(
        'RTMDet-m, boxes of people, 640x640, for detector_model', megabytes=95,
        url=_RTMPOSE + 'rtmdet_m_8xb32-100e_coco-obj365-person-235e8209.zip', **_RTMDET,
    ),
    'rtmo-s': Recipe(
        'RTMO-s, people with 17 joints in one stage, 640x640, for detector_model', megabytes=40,
        url=_RTMO + 'rtmo-s_8xb32-600e_body7-640x640-dac2bf74_20231211.zip', **_RTM,
    ),
    'rtmo-m': Recipe(
        'RTMO-m, people with 17 joints in one stage, 640x640, for detector_model', megabytes=90,
        url=_RTMO + 'rtmo-m_16xb16-600e_body7-640x640-39e78cc4_20231211.zip', **_RTM,
    ),
    'vitpose-s': Recipe(
        'ViTPose-s, 256x192, 17 joints, heatmaps', megabytes=97, url=_VITPOSE +
        'vitpose-s-coco.onnx',
        sha256='4fa1d994578f76eb96e95f3cebecb6ebecd7021a85d16b4f4de8eb4441006da5', **_VIT,
    ),
    'vitpose-b': Recipe(
        'ViTPose-b, 256x192, 17 joints, heatmaps', megabytes=360, url=_VITPOSE +
        'vitpose-b-coco.onnx',
        sha256='26e215fd6e27305824f13db0a0d0b597c3c4adf030dd66cbadf2228256f4af25', **_VIT,
    ),
    'hrnet-w32': Recipe(
        'HRNet-w32, 256x192, 17 joints, heatmaps', megabytes=114,
        url='https://huggingface.co/qualcomm/HRNetPose/resolve/'
        '243dc9a10c7aecb17f2b35578c7252ca955ba31b/HRNetPose.onnx',
        licence='other (see the page)', source='huggingface.co/qualcomm/HRNetPose',
        sha256='eef7be164160f2136c7907397c38d5d339f532f7eb265436b0c609bd3709b2d1',
        # It takes 0..1 and normalises inside.
        facts={
            'color': 'rgb', 'mean': (0.0, 0.0, 0.0), 'std': (255.0, 255.0, 255.0),
            'keypoints': ORDERS['coco17'], 'refinement': 'taylor',
        },
    ),
}  # fmt: skip
