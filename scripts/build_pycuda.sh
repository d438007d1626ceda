#!/usr/bin/env bash
# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
if [ "$#" != 1 ] || [ "$1" = -h ] || [ "$1" = --help ]; then
    cat <<'TEXT'
usage: build_pycuda.sh FOLDER

Builds a wheel of PyCUDA into FOLDER, without a GPU, a driver or a CUDA toolkit (two minutes on one
core). It runs wherever libcuda.so.1 is at run time, with the same Python (POSE_ROS_PYTHON; by
default python3) and the same processor. Wanted are g++, Python's headers and a package index.

The headers of CUDA come from two wheels of NVIDIA's; PyCUDA's cuRAND part is left out, pose_ros
does not use it; an empty libcuda.so is what the linker asks for.
TEXT
    exit 0
fi
python=${POSE_ROS_PYTHON:-python3}
version=2026.1
cuda=12.6.77
mkdir -p "$1"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
pip() { "$python" -m pip --no-input --disable-pip-version-check "$@"; }

pip install --quiet --no-deps --target "$scratch/headers" \
    "nvidia-cuda-runtime-cu12==$cuda" "nvidia-cuda-profiler-api-cu12==$cuda"
mkdir -p "$scratch/cuda/include" "$scratch/cuda/lib64"
cp -r "$scratch"/headers/nvidia/cuda_runtime/include/. \
    "$scratch"/headers/nvidia/cuda_profiler_api/include/. "$scratch/cuda/include/"
"${CC:-gcc}" -shared -fPIC -Wl,-soname,libcuda.so.1 -x c /dev/null -o "$scratch/cuda/lib64/libcuda.so"
# PyCUDA's setup.py reads its options from the home folder.
mkdir "$scratch/home"
printf 'CUDA_ROOT = "%s"\nCUDA_ENABLE_CURAND = False\n' "$scratch/cuda" \
    >"$scratch/home/.aksetup-defaults.py"
PIP_CACHE_DIR=$(pip cache dir) HOME=$scratch/home LDFLAGS=-Wl,--allow-shlib-undefined \
    pip wheel --no-deps --no-binary pycuda --no-cache-dir --wheel-dir "$1" "pycuda==$version"
