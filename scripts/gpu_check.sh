#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
root=$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
env=$root/.venv-gpu

usage() {
    cat <<'TEXT'
usage: gpu_check.sh [--wheels FOLDER] [ARGUMENT of pose_ros gpu-check...]
       gpu_check.sh --collect FOLDER

`pose_ros gpu-check` on a machine with an NVIDIA GPU and without ROS. What the machine's Python has
already (PyTorch, JetPack's TensorRT) is used.

  scripts/gpu_check.sh --collect wheels    where there is a network: fills the folder (250 MB)
  scripts/gpu_check.sh --wheels wheels     where there is a GPU: fetches nothing
  scripts/gpu_check.sh --dry-run           no GPU: runs every line that can be run

Both want the same version of Python and the same processor (POSE_ROS_PYTHON names another one than
python3). PyCUDA has no wheels: where the first machine lacks CUDA's headers its sources are
collected, and the second one, which then wants them (CUDA_ROOT), compiles them.
TEXT
}

# folder_of OPTION FOLDER [ARGUMENT...]: fails without a folder to work with.
folder_of() {
    [ -d "${2:-}" ] || { echo "gpu_check.sh: $1 wants a folder that is there, not '${2:-}'" >&2; exit 1; }
}

make_env() {
    [ -x "$env/bin/python" ] || "${POSE_ROS_PYTHON:-python3}" -m venv --system-site-packages "$env"
}

pip() { "$env/bin/python" -m pip "$1" --quiet --no-input --disable-pip-version-check "${@:2}"; }

# What the compiler says, or else the last word of pip.
reason() { grep -m 1 -o 'fatal error: .*' "$1" || grep -v '^WARNING' "$1" | tail -n 1; }

requirements() { sed -E 's/[[:space:]]*#.*//; /^$/d' "$root/requirements/gpu-check.txt"; }

# One by one: what cannot be had is missed by the checks that need it, which say so.
collect() {
    local requirement
    make_env
    while read -r requirement; do
        echo "gpu_check.sh: collecting $requirement" >&2
        pip wheel --wheel-dir "$1" --find-links "$1" "$requirement" >"$1/pip.log" 2>&1 && continue
        # Cannot be compiled here: the sources, and what compiles them there.
        if pip download --no-deps --no-binary "${requirement%%[<>=]*}" --dest "$1" "$requirement" \
            >>"$1/pip.log" 2>&1 && pip wheel --wheel-dir "$1" setuptools wheel >>"$1/pip.log" 2>&1; then
            echo "gpu_check.sh: $requirement does not compile here: its sources are collected" >&2
        else
            echo "gpu_check.sh: no $requirement: $(reason "$1/pip.log")" >&2
        fi
    done < <(requirements)
    rm -f "$1/pip.log"
}

install() {
    local requirement log
    make_env
    log=$(mktemp)
    while read -r requirement; do
        pip install "$@" "$requirement" >"$log" 2>&1 \
            || echo "gpu_check.sh: no $requirement: $(reason "$log")" >&2
    done < <(requirements)
    rm -f "$log"
}

options=()
case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
    --collect)
        mkdir -p "${2:?gpu_check.sh: --collect wants a folder}"
        collect "$2"
        exit 0
        ;;
    --wheels)
        folder_of "$@"
        options=(--no-index --find-links "$2")
        shift 2
        ;;
esac
install ${options[@]+"${options[@]}"}
PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH} exec "$env/bin/python" -m pose_ros.cli gpu-check "$@"
