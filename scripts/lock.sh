#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
#
# Writes requirements/lock-<distro>.txt anew: every version, valid for Python 3.10 to 3.12.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../requirements"
for distro in jazzy kilted; do
    uv pip compile --quiet --universal --upgrade --python-version 3.10 --no-python-downloads \
        --no-annotate --no-emit-index-url \
        --custom-compile-command 'make lock' --output-file "lock-$distro.txt" \
        runtime.txt development.txt build.txt "ros-$distro.txt"
done
