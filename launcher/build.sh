# build - cmake and ninja, presets as in CMakePresets.json.
# shellcheck shell=bash

SERVICES=(ws-edge http-api fanout presence-core expiry-watcher)
# What `up` and the tests need built.
PROGRAMS=("${SERVICES[@]}" zpresence-keys)

# build_preset PRESET LOG [TARGET...]: configured and built, or false. One at a time in this checkout.
build_preset() {
    local preset=$1 log=$2 lock
    shift 2
    mkdir -p "$ROOT/build" || fail "cannot create $ROOT/build"
    exec {lock}>"$ROOT/build/.lock"
    flock "$lock"
    : >"$log"
    step "Building ($preset)" "$log" configure_and_build "$preset" "$@"
    local status=$?
    exec {lock}>&-
    return "$status"
}

configure_and_build() {
    local preset=$1
    shift
    cd "$ROOT" || return 1
    # Quiet where it was configured before: ninja configures again by itself when a CMakeLists.txt changed.
    [[ -e build/$preset/build.ninja ]] || cmake --preset "$preset" || return 1
    cmake --build --preset "$preset" --target "${@:-all}"
}

# What `up` runs: the release build, or as ZPRESENCE_BUILD has it.
build_services() {
    local log=$HOME_DIR/logs/build.log program
    if [[ $BUILD_DIR == "$ROOT/build/release" ]]; then
        build_preset release "$log" "${PROGRAMS[@]}" || {
            grep -E 'error|FAILED|CMake Error' "$log" | head -n 5 | sed 's/^/    /' >&2
            fail "the build failed (log: $log)"
        }
    fi
    for program in "${PROGRAMS[@]}"; do
        [[ -x $BIN_DIR/$program ]] || fail "$BIN_DIR/$program is not there"
    done
}
