# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
#
# What goes into the environment: an interpreter, a virtual environment, packages. Sourced by
# environment.sh, whose variables (root, kind, distro, env, setup) and words (step, fail) it uses.

# Prints the interpreter to use; fails with what is wrong with each that is there.
find_python() {
    local candidate found reasons=()
    local candidates=(python3 python3.12 python3.11 python3.10)
    [ -z "${POSE_ROS_PYTHON:-}" ] || candidates=("$POSE_ROS_PYTHON")
    for candidate in "${candidates[@]}"; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        if found=$("$candidate" "$root/scripts/check_python.py" "$kind" 2>&1); then
            printf '%s\n' "$found"
            return 0
        fi
        reasons+=("$candidate: $(printf '%s' "$found" | tail -n 1)")
    done
    [ "${#reasons[@]}" -gt 0 ] || reasons=("there is no ${candidates[0]}")
    fail 'a Python 3.10, 3.11 or 3.12 that can build is needed' "${reasons[@]}" \
        'Another one can be named: POSE_ROS_PYTHON=/path/to/python3.12'
}

check_machine() {
    command -v g++ >/dev/null || fail 'g++ is missing: it compiles the messages' \
        'On Debian and Ubuntu: sudo apt install g++'
    [ "$(uname -s)" = Linux ] || fail "this works on Linux; here is $(uname -s)"
    if [ "$kind" = wheels ] && [ "$(uname -m)" != x86_64 ]; then
        fail "there are ROS 2 wheels for x86_64 only; here is $(uname -m)" \
            'Install ROS 2, source its setup.bash, and call this again.'
    fi
    [ -w "$root" ] || fail "$root cannot be written to"
    local free_kb
    free_kb=$(df -Pk "$root" | awk 'NR == 2 {print $4}')
    [ "${free_kb:-9999999}" -gt 2000000 ] \
        || fail "no space left: $((free_kb / 1024)) MB free in $root, about 2 GB are needed"
}

make_venv() {
    local python=$1 options=()
    [ "$kind" = wheels ] || options=(--system-site-packages)
    "$python" -m venv ${options[@]+"${options[@]}"} "$env"
}

# uv installs what is locked in seconds, where pip takes a minute; without it pip does it.
get_uv() {
    command -v uv || "$env/bin/python" -m pip install --quiet --retries 2 --no-input \
        --disable-pip-version-check 'uv>=0.4'
}

install_wheels() {
    local lock=$root/requirements/lock-$distro.txt
    if PATH=$env/bin:$PATH command -v uv; then
        install_with_uv "$lock" && return 0
        printf '\n--- uv failed; now with pip\n'
    fi
    "$env/bin/python" -m pip install --no-input --disable-pip-version-check \
        --progress-bar off -r "$lock"
}

install_with_uv() (
    export PATH=$env/bin:$PATH
    export UV_NO_CONFIG=1 UV_PYTHON_DOWNLOADS=never UV_HTTP_TIMEOUT=120 UV_NO_PROGRESS=1
    # What pip is told by its variables, and the machine's own certificates, hold for uv too.
    [ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$PIP_INDEX_URL}
    [ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE=${SSL_CERT_FILE:-$PIP_CERT}
    if [ -e /etc/ssl/certs/ca-certificates.crt ] || [ -e /etc/pki/tls/certs/ca-bundle.crt ]; then
        export UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1
    fi
    # Unlike pip it leaves compiling to the first import. That may be the import of a process that
    # is killed or has no space left, and with PYTHONDONTWRITEBYTECODE nothing is kept at all.
    export UV_COMPILE_BYTECODE=1
    uv pip install --python "$env/bin/python" -r "$@"
)

# The wheels' CMake files name the headers of the machine that built them.
fix_include_paths() {
    local python numpy
    python=$("$env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    numpy=$("$env/bin/python" -c 'import numpy; print(numpy.get_include())')
    # sed -i writes a new file: the cache that a file may be linked to stays as it was.
    { grep -rl --include='*.cmake' '/opt/python/cp' "$env/share" || true; } | while read -r file; do
        sed -i -E \
            -e "s#/opt/python/cp[0-9]+-cp[0-9]+/lib/python3\.[0-9]+/site-packages/numpy/_?core/include#$numpy#g" \
            -e "s#/opt/python/cp[0-9]+-cp[0-9]+/include/python3\.[0-9]+#$python#g" "$file"
    done
}

# A tracker to compare with and the metrics: without what they would bring along, which is a second
# OpenCV and an old NumPy.
install_peers() {
    if PATH=$env/bin:$PATH command -v uv; then
        install_with_uv "$root/requirements/peers.txt" --no-deps && return 0
    fi
    "$env/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off \
        --no-deps -r "$root/requirements/peers.txt"
}

# On top of a sourced ROS 2: only what cannot be imported, and NumPy as ROS was built with.
install_missing() {
    local wanted=$setup/missing.txt
    "$env/bin/python" "$root/scripts/missing_requirements.py" \
        "$root"/requirements/{runtime,development,build}.txt >"$wanted"
    cat "$wanted"
    "$env/bin/python" -c 'import numpy; print(f"numpy=={numpy.__version__}")' \
        >"$setup/constraints.txt" 2>/dev/null || : >"$setup/constraints.txt"
    if grep -q '[^[:space:]]' "$wanted"; then
        "$env/bin/python" -m pip install --no-input --disable-pip-version-check \
            --progress-bar off -c "$setup/constraints.txt" -r "$wanted"
    fi
    # The machine's pytest has a program of another name (pytest-3), or of another interpreter.
    if [ ! -e "$env/bin/pytest" ]; then
        printf '%s\n' '#!/usr/bin/env python' 'import sys, pytest' 'sys.exit(pytest.main())' \
            >"$env/bin/pytest"
        chmod +x "$env/bin/pytest"
    fi
}

install_more() {
    # The versions that are installed: nothing of the environment may change.
    "$env/bin/python" -m pip freeze --local --exclude-editable 2>/dev/null | grep '==' \
        | grep -v '^pose.ros==' >"$setup/constraints-more.txt"
    # Where wheels lie that were compiled here.
    local -x PIP_FIND_LINKS="$setup/pycuda${PIP_FIND_LINKS:+ $PIP_FIND_LINKS}"
    local -x UV_FIND_LINKS="$setup/pycuda${UV_FIND_LINKS:+,$UV_FIND_LINKS}"
    if [ "${1##*/}" = training.txt ]; then
        # The machine's own PyTorch will do: on a robot it is one that was built for its GPU.
        if [ "$kind" = sourced ] && "$env/bin/python" -c 'import torch'; then return 0; fi
        # By pip: it takes the build that the index it is told of offers, where uv may take another.
    elif PATH=$env/bin:$PATH command -v uv; then
        install_with_uv "$1" -c "$setup/constraints-more.txt" && return 0
    fi
    "$env/bin/python" -m pip install --no-input --disable-pip-version-check --progress-bar off \
        -c "$setup/constraints-more.txt" -r "$1"
}

environment_install() {
    local python
    # An interrupted installation may leave half a package that looks whole, and the programs in
    # a virtual environment name the folder that it was made in.
    local place="$root ${POSE_ROS_PYTHON:-}"
    if [ -e "$setup/installing" ] || ! "$env/bin/python" -c '' 2>/dev/null \
        || ! stamp_holds place "$place"; then
        rm -rf "$env"
    fi
    if [ ! -x "$env/bin/python" ]; then
        check_machine
        python=$(find_python) || exit 1
        if [ "$kind" = wheels ]; then
            say "Setting up ROS 2 ${distro^} and the tools in $env (once, about a minute)"
        else
            say "Setting up the tools in $env, on top of the sourced ROS 2 ${distro^} (once)"
        fi
        mkdir -p "$setup"
        : >"$setup/installing"
        printf '%s' "$place" >"$setup/place"
        step "virtual environment, $("$python" --version)" make_venv "$python"
    fi
    : >"$setup/installing"
    if [ "$kind" = wheels ]; then
        step 'package installer' get_uv
        step "ROS 2 ${distro^}, build tools, libraries" install_wheels
        fix_include_paths
    else
        step 'what the machine lacks' install_missing
    fi
    step 'trackers and metrics to compare with' install_peers
    write_variables
    rm "$setup/installing"
}
