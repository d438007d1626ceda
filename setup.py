# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The part of pose_ros that needs no ROS, for pip: the networks and the command `pose_ros`.

colcon does not use this file: it builds the ROS package from CMakeLists.txt.
"""

from pathlib import Path
import xml.etree.ElementTree as ElementTree

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
PACKAGE = ElementTree.parse(ROOT / 'package.xml').getroot()


def text_of(tag: str) -> str:
    """Return the text of an element of package.xml, on one line."""
    return ' '.join((PACKAGE.findtext(tag) or '').split())


def requirements(name: str) -> list[str]:
    """Return the requirements of requirements/NAME.txt."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [line for line in (line.split('#')[0].strip() for line in lines) if line]


def files_of(folder: str) -> tuple[str, list[str]]:
    """Return where the files of a folder go, and the files."""
    files = sorted(p for p in (ROOT / folder).glob('*') if p.is_file())
    return f'share/pose_ros/{folder}', [str(p.relative_to(ROOT)) for p in files]


setup(
    name='pose_ros',
    version=text_of('version'),
    description=text_of('description'),
    license=text_of('license'),
    author=text_of('author'),
    maintainer=text_of('maintainer'),
    python_requires='>=3.10',
    packages=find_packages(include=['pose_ros', 'pose_ros.*']),
    package_data={'pose_ros': ['backends/tensorrt/kernels/*']},
    data_files=[files_of('models'), files_of('config'), files_of('msg')],
    install_requires=requirements('runtime'),
    extras_require={
        'convert': ['onnx>=1.15'],
        'evaluate': ['pycocotools>=2.0.6', 'scipy>=1.8', 'matplotlib>=3.5'],
        'openvino': requirements('openvino'),
        'record': ['rosbags>=0.10'],
        'tensorrt': ['pycuda>=2025.1.2', 'onnx>=1.15'],  # TensorRT itself: as NVIDIA ships it
        'view': requirements('view'),
        'train': [
            *requirements('training'), 'onnx>=1.15', 'pycocotools>=2.0.6', 'matplotlib>=3.5',
        ],
        'test': requirements('development'),
    },
    entry_points={'console_scripts': ['pose_ros = pose_ros.cli:main']},
)
