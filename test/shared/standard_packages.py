# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""
The messages of other packages that tests need, built: they are not among the wheels.

The fields in test/ros/messages are those of hri_msgs (humble-devel) and vision_msgs 4; rosidl
makes the same classes from them as from the real packages.
"""

from __future__ import annotations

import os
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig

MESSAGES = Path(__file__).parents[1] / 'ros' / 'messages'
DEPENDS = ('std_msgs', 'geometry_msgs')

_PACKAGE_XML = """\
<package format="3">
  <name>{name}</name> <version>0.0.0</version> <description>For tests</description>
  <maintainer email="none@example.org">none</maintainer> <license>Apache-2.0</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  {depends}
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
"""
_CMAKE = """\
cmake_minimum_required(VERSION 3.16)
project({name})
find_package(ament_cmake REQUIRED)
find_package(rosidl_default_generators REQUIRED)
# Not what C++ alone needs: a third of the time.
list(FILTER AMENT_EXTENSIONS_rosidl_generate_idl_interfaces EXCLUDE REGEX "_cpp:")
{find}
rosidl_generate_interfaces({name} {files} DEPENDENCIES {depends})
ament_package()
"""


def write_source(folder: Path, name: str) -> None:
    """Write a package of messages."""
    package = folder / name
    shutil.copytree(MESSAGES / name, package / 'msg')
    files = ' '.join(f'msg/{path.name}' for path in sorted((package / 'msg').glob('*.msg')))
    (package / 'package.xml').write_text(_PACKAGE_XML.format(
        name=name, depends=''.join(f'<depend>{d}</depend>' for d in DEPENDS)))
    (package / 'CMakeLists.txt').write_text(_CMAKE.format(
        name=name, files=files, depends=' '.join(DEPENDS),
        find='\n'.join(f'find_package({d} REQUIRED)' for d in DEPENDS)))


def build(folder: Path) -> dict[str, str]:
    """
    Build them below `folder`, unless they are there.

    Returns
    -------
    dict
        PYTHONPATH, LD_LIBRARY_PATH and AMENT_PREFIX_PATH with them in front.
    """
    install, done = folder / 'install', folder / 'done'
    if not done.exists():
        shutil.rmtree(folder)
        for path in sorted(MESSAGES.iterdir()):
            write_source(folder / 'src', path.name)
        # Ninja's and CMake's names are what is found first on PATH: those of the environment.
        generator = ['-G', 'Ninja'] if shutil.which('ninja') else []
        built = subprocess.run(
            ['colcon', '--log-base', str(folder / 'log'), 'build', '--base-paths',
             str(folder / 'src'), '--build-base', str(folder / 'build'), '--install-base',
             str(install), '--merge-install', '--event-handlers', 'console_direct+',
             '--cmake-args', *generator, '-DBUILD_TESTING=OFF', '-DCMAKE_CXX_FLAGS=-O0',
             '-DCMAKE_C_FLAGS=-O0', f'-DPython3_EXECUTABLE={sys.executable}'],
            capture_output=True, text=True,
            env={**os.environ, 'MAKEFLAGS': f'-j{os.cpu_count()}'},  # else colcon says -l as well
        )
        assert built.returncode == 0, (built.stdout + built.stderr)[-4000:]
        done.touch()
    packages = next(install.rglob('vision_msgs/__init__.py')).parents[1]
    front = {
        'PYTHONPATH': packages, 'LD_LIBRARY_PATH': install / 'lib', 'AMENT_PREFIX_PATH': install,
    }
    return {
        name: f'{path}{os.pathsep}{os.environ.get(name, "")}' for name, path in front.items()
    }


def compiler() -> str | None:
    """Return the C compiler that CMake would take, None without one."""
    names = [os.environ.get('CC', ''), 'cc', 'gcc', 'clang',
             (sysconfig.get_config_var('CC') or '').split(' ')[0]]
    return next((found for name in names if name and (found := shutil.which(name))), None)

