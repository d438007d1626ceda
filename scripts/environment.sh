# SPDX-FileCopyrightText: 2026 pose_ros contributors
# SPDX-License-Identifier: Apache-2.0
#
# The environment that `run` works in; sourced by it (bash). `environment_enter` sets it up when
# something is missing or has changed, then exports its variables.
#
#   .venv (Jazzy), .venv-kilted     ROS 2 from wheels, and everything else
#   .venv-ros-<distro>              on top of the ROS 2 that is sourced
#
# Inside: the virtual environment; colcon/{build,install,log}, where the package is built with
# symbolic links to the sources; setup/, with the logs and the stamps. A stamp holds the hash of
# what a step was made from; the step is done again when the hash differs.
#
# Variables that matter: POSE_ROS_DISTRO (jazzy or kilted), POSE_ROS_PYTHON (an interpreter).

setup_began_s=$SECONDS

say() { printf '%s\n' "$*" >&2; }

# fail WHAT [LINE...]: one plain error, and how to get on.
fail() {
    say ''
    say "pose_ros: $1"
    shift
    local line
    for line in "$@"; do say "  $line"; done
    exit 1
}

hash_of() { sha256sum | cut -c1-32; }

# Everything below works on these and on `root`, the checkout.
: "${root:?}"
kind='' distro='' env='' setup='' install=''

# shellcheck source=scripts/installation.sh
. "$root/scripts/installation.sh"

environment_choose() {
    distro=${POSE_ROS_DISTRO:-jazzy}
    kind=wheels
    if [ "${POSE_ROS_ENVIRONMENT_ROOT:-}" = "$root" ]; then
        # Called from inside: the same environment again, whatever it has exported.
        kind=$POSE_ROS_ENVIRONMENT_KIND
        distro=${POSE_ROS_DISTRO:-$POSE_ROS_ENVIRONMENT_DISTRO}
    elif [ -n "${ROS_DISTRO:-}" ] && [ -n "${AMENT_PREFIX_PATH:-}" ] \
        && [ "${POSE_ROS_DISTRO:-$ROS_DISTRO}" = "$ROS_DISTRO" ]; then
        if [ -e "$root/.venv-ros-$ROS_DISTRO/setup/packages" ] \
            || python3 -c 'import rclpy' 2>/dev/null; then
            kind=sourced
            distro=$ROS_DISTRO
        else
            say "pose_ros: ROS 2 $ROS_DISTRO is sourced, but python3 cannot import rclpy:" \
                "using ROS 2 $distro from wheels"
        fi
    fi
    if [ "$kind" = sourced ]; then
        env=$root/.venv-ros-$distro
    else
        case $distro in
            jazzy) env=$root/.venv ;;
            kilted) env=$root/.venv-kilted ;;
            *) fail "POSE_ROS_DISTRO=$distro: there are wheels of jazzy and kilted" \
                'For another distribution source its setup.bash instead.' ;;
        esac
    fi
    setup=$env/setup
    install=$env/colcon/install/pose_ros
}

# What each stamp must hold: three lines, for the steps packages, messages and links.
environment_keys() {
    cd "$root" || return
    local packages messages
    packages=$(
        {
            printf '%s\n' "$root" "$kind" "$distro" "${POSE_ROS_PYTHON:-}"
            [ "$kind" = wheels ] || printf '%s\n' "$AMENT_PREFIX_PATH" | tr ':' '\n' \
                | grep -v "^$env/" || true
            if [ "$kind" = wheels ]; then
                cat "requirements/lock-$distro.txt"
            else
                cat requirements/runtime.txt requirements/development.txt
            fi
            cat requirements/peers.txt
        } | hash_of
    )
    messages=$({ printf '%s\n' "$packages"; cat msg/*.msg srv/*.srv CMakeLists.txt package.xml; } | hash_of)
    printf '%s\n%s\n' "$packages" "$messages"
    {
        printf '%s\n' "$messages"
        find pose_ros launch config models scripts -type f ! -name '*.pyc' 2>/dev/null | sort
        cat scripts/node.py scripts/cli.py examples/*.py  # CMake copies what it renames
    } | hash_of
}

stamp_holds() { [ -r "$setup/$1" ] && [ "$(<"$setup/$1")" = "$2" ]; }

# step TITLE COMMAND...: runs it quietly, shows the seconds; on failure shows the log and why.
step() {
    local title=$1 log began=$SECONDS status=0
    shift
    log=$setup/$(printf '%s' "$title" | tr -cs 'A-Za-z0-9\n' '-').log
    # In a process group of its own, so that Ctrl-C ends all of it. It inherits the lock: should
    # this shell be killed, the next call waits until the orphan is done.
    set -m
    "$@" >"$log" 2>&1 </dev/null &
    local child=$!
    set +m
    trap 'interrupted "$child"' INT TERM HUP
    if [ -t 2 ]; then
        while kill -0 "$child" 2>/dev/null; do
            printf '\r  %-58s %3d s ' "$title ..." "$((SECONDS - began))" >&2
            sleep 0.2
        done
        wait "$child" || status=$?
        printf '\r' >&2
    else
        wait "$child" || status=$?
    fi
    trap - INT TERM HUP
    if [ "$status" = 0 ]; then
        printf '  %-58s %3d s \n' "$title" "$((SECONDS - began))" >&2
        return 0
    fi
    printf '  %-58s failed\n' "$title" >&2
    say "  --- the end of $log"
    tail -n 25 "$log" | cut -c1-200 | sed 's/^/  | /' >&2
    fail "$(explain "$log" "$title")"
}

interrupted() {
    kill -- "-$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
    say ''
    say 'pose_ros: interrupted; the next call begins this step again'
    exit 130
}

# explain LOG TITLE: the likely cause, in one sentence.
explain() {
    if grep -qiE 'no space left|disk quota' "$1"; then
        printf 'no space left: about 2 GB are needed in %s' "$root"
    elif grep -qiE 'name resolution|dns error|failed to lookup|network is unreachable|connection (refused|reset|timed out)|newconnectionerror|max retries|error sending request|proxyerror|timed out' "$1"; then
        printf 'no network: the Python package index cannot be reached (proxy? PIP_INDEX_URL?)'
    elif grep -qiE 'Python\.h: No such|Could NOT find Python3 .*Development' "$1"; then
        printf "Python's headers are missing: install python3-dev"
    elif grep -qiE 'Killed|cannot allocate memory' "$1"; then
        printf 'out of memory while doing: %s' "$2"
    else
        printf 'this step failed: %s. The whole log is in %s' "$2" "$1"
    fi
}

# Writes the variables of the environment, as shell code: `entered` adds what is inherited.
write_variables() {
    local site libraries
    site=$("$env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    site=${site#"$env"/}
    libraries=$(find "$env/$site" -maxdepth 1 -name 'ros_*.libs' | sort | tr '\n' ':')
    {
        printf 'own_bin=%q\n' "$install/lib/pose_ros:$env/bin"
        printf 'own_python=%q\n' "$install/$site"
        if [ "$kind" = wheels ]; then
            printf 'own_libraries=%q\n' "$install/lib:$env/lib:${libraries%:}"
            printf 'own_prefixes=%q\n' "$install:$env"
        else
            printf 'own_libraries=%q\n' "$install/lib"
            printf 'own_prefixes=%q\n' "$install"
        fi
    } >"$setup/variables.part"
    mv "$setup/variables.part" "$setup/variables"
}

# Exports the environment into this shell.
environment_export() {
    local own_bin own_python own_libraries own_prefixes
    # shellcheck disable=SC1091
    . "$setup/variables"
    export VIRTUAL_ENV=$env
    case ":$PATH:" in *":$own_bin:"*) ;; *) export PATH=$own_bin:$PATH ;; esac
    if [ "$kind" = wheels ]; then
        # Nothing of another ROS: its rclpy or its libraries would be taken for ours.
        export AMENT_PREFIX_PATH=$own_prefixes CMAKE_PREFIX_PATH=$own_prefixes
        export PYTHONPATH=$own_python LD_LIBRARY_PATH=$own_libraries
        export ROS_DISTRO=$distro ROS_VERSION=2 ROS_PYTHON_VERSION=3
        # The wheels would start every Python twice to set LD_LIBRARY_PATH, which is set here.
        export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
    elif [ "${POSE_ROS_ENVIRONMENT_ROOT:-}" != "$root" ]; then
        export AMENT_PREFIX_PATH=$own_prefixes:$AMENT_PREFIX_PATH
        export CMAKE_PREFIX_PATH=$own_prefixes:${CMAKE_PREFIX_PATH:-$AMENT_PREFIX_PATH}
        export PYTHONPATH=$own_python${PYTHONPATH:+:$PYTHONPATH}
        export LD_LIBRARY_PATH=$own_libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    fi
    export POSE_ROS_ENVIRONMENT_ROOT=$root POSE_ROS_ENVIRONMENT_KIND=$kind
    export POSE_ROS_ENVIRONMENT_DISTRO=$distro
}

build_package() {
    local generator=() source=$env/colcon/source/pose_ros entry
    # CMake refuses a target whose headers are inside its source folder, as NumPy's are in $root:
    # so the source folder is one of links.
    mkdir -p "$source"
    for entry in CMakeLists.txt package.xml config examples launch models msg pose_ros scripts srv test; do
        ln -sfn "$root/$entry" "$source/$entry"
    done
    ! command -v ninja >/dev/null || generator=(-G Ninja)
    # --symlink-install: an edited source needs no new build. MAKEFLAGS: else colcon says `-l2` (of two
    # cores), and on a machine with other work one job runs at a time.
    MAKEFLAGS=-j$(nproc) colcon --log-base "$env/colcon/log" build --base-paths "$source" \
        --build-base "$env/colcon/build" --install-base "$env/colcon/install" --symlink-install \
        --event-handlers console_direct+ \
        --cmake-args ${generator[@]+"${generator[@]}"} -DBUILD_TESTING=OFF \
        "-DPython3_EXECUTABLE=$env/bin/python"
}

# New files need links, and those of removed files must go.
link_sources() {
    # It leaves a list of what it did where it is called: not in the checkout.
    cd "$env/colcon/build/pose_ros" && cmake --install . && find "$install" -xtype l -delete \
        && "$env/bin/python" -m compileall -q -j 0 "$install/lib"
}

environment_update() {
    local packages=$1 messages=$2 links=$3
    if ! stamp_holds packages "$packages" || ! "$env/bin/python" -c '' 2>/dev/null; then
        rm -f "$setup/packages" "$setup/messages" "$setup/links"
        environment_install
        printf '%s' "$packages" >"$setup/packages"
    fi
    environment_export
    if ! stamp_holds messages "$messages"; then
        rm -f "$setup/messages" "$setup/links"
        # A build that another CMake, Python or ROS began is not continued.
        if ! stamp_holds built_with "$packages"; then rm -rf "$env/colcon"; fi
        printf '%s' "$packages" >"$setup/built_with"
        step 'messages and package (colcon build)' build_package
        printf '%s' "$messages" >"$setup/messages"
    fi
    if ! stamp_holds links "$links"; then
        (link_sources) >"$setup/links.log" 2>&1 \
            || fail 'the sources could not be linked' "The log is in $setup/links.log"
        printf '%s' "$links" >"$setup/links"
    fi
}

# environment_add NAME: installs requirements/NAME.txt, once; what is there already stays as it is.
environment_add() {
    local list=$root/requirements/$1.txt key
    [ -r "$list" ] || fail "there is no $list"
    key=$({ cat "$setup/packages" "$list"; } | hash_of)
    stamp_holds "with-$1" "$key" && return
    if grep -q '^pycuda' "$list" && ! ls "$setup"/pycuda/*.whl >/dev/null 2>&1; then
        step 'PyCUDA (compiled)' env "POSE_ROS_PYTHON=$env/bin/python" \
            "$root/scripts/build_pycuda.sh" "$setup/pycuda"
    fi
    step "requirements/$1.txt" install_more "$list"
    printf '%s' "$key" >"$setup/with-$1"
}

environment_ready() {
    stamp_holds packages "$1" && stamp_holds messages "$2" && stamp_holds links "$3" \
        && [ -x "$env/bin/python" ]
}

# environment_enter [NAME...]: each NAME is one of requirements/NAME.txt that is wanted as well.
environment_enter() {
    local keys name
    # `backend: auto` takes OpenVINO on processors with bfloat16.
    ! grep -qsE 'avx512_bf16|amx_bf16' /proc/cpuinfo || set -- openvino "$@"
    environment_choose
    mapfile -t keys < <(environment_keys)
    [ "${#keys[@]}" = 3 ] || fail 'the sources are incomplete (msg/, requirements/, package.xml)'
    if ! environment_ready "${keys[@]}"; then
        # One at a time: a second call waits here, then finds everything done.
        exec 9<"$root"
        if command -v flock >/dev/null && ! flock -n 9; then
            say 'pose_ros: waiting for another call that is setting up'
            flock 9
        fi
        if ! environment_ready "${keys[@]}"; then
            environment_update "${keys[@]}"
            [ "$((SECONDS - setup_began_s))" -lt 5 ] \
                || say "  ready after $((SECONDS - setup_began_s)) s"
        fi
        exec 9<&-
    fi
    environment_export
    [ "$#" = 0 ] || exec 9<"$root"
    for name in "$@"; do
        ! command -v flock >/dev/null || flock 9
        environment_add "$name"
    done
    [ "$#" = 0 ] || exec 9<&-
}
