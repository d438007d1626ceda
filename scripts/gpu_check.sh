#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
#
# gpu_check.sh [--wheels FOLDER] [ARGUMENT of pose_ros gpu-check...]
#
# `pose_ros gpu-check` on a machine with an NVIDIA GPU and without ROS. With --wheels nothing is
# fetched; fill the folder elsewhere, with the same Python: pip wheel -r requirements/gpu-check.txt
# -w FOLDER. What the machine's Python has already (PyTorch, JetPack's TensorRT) is used.
set -euo pipefail
root=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
env=$root/.venv-gpu
options=()
if [ "${1:-}" = --wheels ]; then
    [ -d "${2:-}" ] || { echo "gpu_check.sh: there is no folder ${2:-} of wheels" >&2; exit 1; }
    options=(--no-index --find-links "$2")
    shift 2
fi
[ -x "$env/bin/python" ] || "${POSE_ROS_PYTHON:-python3}" -m venv --system-site-packages "$env"
# One by one: what cannot be had is missed by the checks that need it, which say so.
while read -r requirement _; do
    case $requirement in '' | \#*) continue ;; esac
    "$env/bin/python" -m pip install --quiet --no-input --disable-pip-version-check \
        ${options[@]+"${options[@]}"} "$requirement" \
        || echo "gpu_check.sh: no $requirement" >&2
done <"$root/requirements/gpu-check.txt"
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$env/bin/python" -m pose_ros.cli gpu-check "$@"
