# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The doctor's look at the machine; no ROS needed: packages, networks, webcams, disk."""

from __future__ import annotations

import hashlib
import importlib.util
import math
import os
from pathlib import Path
import platform
import shutil
import sys

from pose_ros.backends.tensorrt.engine_cache import EngineCache, default_folder
from pose_ros.backends.tensorrt.gpu_readings import GpuReader
from pose_ros.backends.model_files import SHIPPED_DETECTOR, SHIPPED_REFINER, find_model, read_spec
from pose_ros.core.backend import BackendError
from pose_ros.core.health.findings import Finding, Level
from pose_ros.core.health.load import gpu_findings, process_findings
from pose_ros.core.health.transport import shared_memory_findings
from pose_ros.ros.health.process_usage import UsageMeter
from pose_ros.ros.health.transport import segment_of, shared_memory

_PACKAGES = {  # import name: what installs it
    'numpy': 'pip install numpy', 'cv2': 'pip install opencv-python-headless',
    'onnxruntime': 'pip install onnxruntime', 'yaml': 'pip install pyyaml',
    'tqdm': 'pip install tqdm',
}
_DISK_BYTES = 500e6  # a minute of video and bag, an engine
_LAST_DOMAIN = 101  # higher ones use ports that Linux gives away (docs.ros.org, The ROS_DOMAIN_ID)


def look_at_machine() -> tuple[list[Finding], dict[str, str]]:
    """Return findings and facts."""
    found, facts = _packages()
    facts['load'] = f'{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores'
    found += _networks()
    found += _engines()
    reader = GpuReader()
    gpu = reader.read()
    reader.close()
    facts['gpu'] = f'{gpu.name} ({gpu.source})' if gpu.name else gpu.source
    if not math.isnan(gpu.temperature_c):
        facts['gpu_temperature_c'] = f'{gpu.temperature_c:.0f}'
    if not math.isnan(gpu.memory_total_bytes):
        facts['gpu_memory_mb'] = (
            f'{gpu.memory_used_bytes / 1e6:.0f} of {gpu.memory_total_bytes / 1e6:.0f}')
    found += gpu_findings(gpu) + process_findings(UsageMeter().read())
    found += _webcams(facts) + _disk(facts) + _ros_environment(facts)
    return found, facts


def _packages() -> tuple[list[Finding], dict[str, str]]:
    facts = {'python': f'{platform.python_version()} ({sys.executable})',
             'system': f'{platform.system()} {platform.machine()}'}
    found = []
    for name, command in _PACKAGES.items():
        if importlib.util.find_spec(name) is None:
            found.append(Finding(
                Level.ERROR, 'install', 'missing_package',
                f'the Python package {name} is missing', command))
    return found, facts


def _networks() -> list[Finding]:
    found = []
    for name in (SHIPPED_DETECTOR, SHIPPED_REFINER):
        try:
            path = find_model(name)
            spec = read_spec(path)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
        except (BackendError, OSError) as error:
            found.append(Finding(
                Level.ERROR, 'models', 'no_model', str(error),
                'install pose_ros again: its models/ folder is not there or not whole'))
            continue
        if digest != spec.onnx_sha256.lower():
            found.append(Finding(
                Level.ERROR, 'models', 'damaged_model',
                f'{path} is damaged: its SHA-256 is not that of its description',
                'install pose_ros again (git lfs, an aborted download?)'))
    return found


def _engines() -> list[Finding]:
    folder = default_folder()
    if not folder.is_dir():
        return []
    try:
        unusable = [e for e in EngineCache(folder).contents() if e.problem]
    except (BackendError, OSError) as error:
        return [Finding(Level.WARN, 'models', 'engine_folder', str(error))]
    return [
        Finding(Level.WARN, 'models', 'bad_engine',
                f'the engine {e.digest[:12]} in {folder} cannot be used: {e.problem}',
                'pose_ros engine clear, then it is built anew')
        for e in unusable
    ]


def _webcams(facts: dict[str, str]) -> list[Finding]:
    devices = sorted(Path('/dev').glob('video*'))
    facts['webcams'] = ', '.join(map(str, devices)) or 'none (/dev/video*)'
    return [
        Finding(Level.WARN, 'camera', 'no_permission', f'no permission to read {device}',
                'sudo usermod -aG video $USER, then log in again')
        for device in devices if not os.access(device, os.R_OK | os.W_OK)
    ]


def _disk(facts: dict[str, str]) -> list[Finding]:
    free = shutil.disk_usage('.').free
    facts['disk_free_mb'] = f'{free / 1e6:.0f}'
    if free > _DISK_BYTES:
        return []
    return [Finding(
        Level.WARN, 'disk', 'disk_full',
        f'{free / 1e6:.0f} MB are free on the disk of this folder',
        'make room: recordings, bags and engines need it')]


def _ros_environment(facts: dict[str, str]) -> list[Finding]:
    facts['ros_distro'] = os.environ.get('ROS_DISTRO', 'not sourced')
    if importlib.util.find_spec('rclpy') is None:
        return []
    domain = os.environ.get('ROS_DOMAIN_ID', '')
    facts['ros_domain_id'] = domain or '0 (not set)'
    facts['rmw'] = os.environ.get('RMW_IMPLEMENTATION', 'default')
    segment, memory = segment_of(os.environ), shared_memory()
    facts['shm_segment_mb'] = f'{segment.bytes / 1e6:.1f} ({segment.profile or "default"})'
    facts['shm_folder_mb'] = f'{memory.total_bytes / 1e6:.0f} ({memory.path})'
    found = []
    if importlib.util.find_spec('pose_ros.msg') is None:
        found.append(Finding(
            Level.ERROR, 'ros', 'no_messages', 'the messages of pose_ros are not built here',
            'colcon build --packages-select pose_ros, then source install/setup.bash'))
    if domain.isdigit() and int(domain) > _LAST_DOMAIN:
        found.append(Finding(
            Level.WARN, 'ros', 'high_domain',
            f'ROS_DOMAIN_ID is {domain}: above {_LAST_DOMAIN} ports collide with those of Linux',
            f'take one from 0 to {_LAST_DOMAIN}'))
    if os.environ.get('ROS_LOCALHOST_ONLY') == '1':
        found.append(Finding(
            Level.OK, 'ros', 'localhost_only',
            'ROS_LOCALHOST_ONLY is 1: other machines are not seen'))
    if 'fastrtps' in (os.environ.get('RMW_IMPLEMENTATION') or 'rmw_fastrtps_cpp'):
        found += shared_memory_findings(memory, segment)
    return found
