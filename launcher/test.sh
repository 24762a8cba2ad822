# test - ./zpresence test [unit] [integration] [fuzz] [bench] [checks] [compose]: installs the tools, builds with sanitizers and
# warnings as errors, runs everything, and ends with "N passed, N failed" on a line of its own. What cannot run has failed.
# shellcheck shell=bash

TEST_PARTS=(unit integration fuzz bench checks compose)
# A hanging test must end too.
INTEGRATION_TIMEOUT_S=3600
BENCH_TIMEOUT_S=1800
COMPOSE_TIMEOUT_S=2400
# New inputs for each target, after its corpus.
FUZZ_SECONDS=20

command_test() {
    local part parts=("${@:-${TEST_PARTS[@]}}")
    for part in "${parts[@]}"; do
        [[ " ${TEST_PARTS[*]} " == *" $part "* ]] || usage_error "there is no part '$part': ${TEST_PARTS[*]}"
    done
    # Whatever instance the caller has, the tests have their own.
    unset PORT ZPRESENCE_HOME ZPRESENCE_REDIS ZPRESENCE_ENV_FILE
    export HOME=${HOME:-/root} LC_ALL=C.UTF-8
    RESULTS=$ROOT/build/test
    rm -rf "$RESULTS"
    mkdir -p "$RESULTS" || fail "cannot create $RESULTS"
    PASSED=0 FAILED=0 FAILURES=()

    if (install_test_tools); then
        if build_preset asan "$RESULTS/build.log"; then
            passed
            for part in "${parts[@]}"; do
                "test_$part"
            done
        else
            grep -E 'error|FAILED|CMake Error' "$RESULTS/build.log" | head -n 20
            failed "build with sanitizers (log: $RESULTS/build.log)"
        fi
    else
        failed "installation of the test tools"
    fi

    echo
    ((FAILED)) && printf 'FAILED %s\n' "${FAILURES[@]}"
    echo "$PASSED passed, $FAILED failed"
    ((FAILED == 0 && PASSED > 0))
    exit
}

passed() { PASSED=$((PASSED + 1)); }

failed() {
    FAILED=$((FAILED + 1))
    FAILURES+=("$1")
}

install_test_tools() {
    local packages=("${PACKAGES_RUN[@]}" "${PACKAGES_TEST[@]}")
    # Debian's npm conflicts with the Node of other sources: only where there is none.
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        packages+=(nodejs npm)
    fi
    install_packages "$RESULTS/apt.log" "${packages[@]}"
}

# Every cmocka test counts, and so does a program that ended before it could say how many it has.
test_unit() {
    echo 'Unit tests'
    ctest --test-dir "$ROOT/build/asan" --output-junit "$RESULTS/unit.xml" --output-on-failure -j "$(nproc)" \
        --no-tests=error --test-output-size-passed 1000000 --test-output-size-failed 1000000 --timeout 300 \
        >"$RESULTS/unit.log" 2>&1
    count_report unit $?
}

test_integration() {
    if ! install_node_libraries; then
        tail -n 3 "$RESULTS/npm.log"
        failed "integration tests: npm cannot install the Node client's libraries (log: $RESULTS/npm.log)"
        return
    fi
    # What load and faults are proved on.
    if ! build_preset proof "$RESULTS/proof.log" "${PROGRAMS[@]}"; then
        grep -E 'error|FAILED' "$RESULTS/proof.log" | head -n 20
        failed "integration tests: release build with fault points (log: $RESULTS/proof.log)"
        return
    fi
    echo 'Integration tests'
    # Debian's Python, as its packages are there: `python3` may be another one.
    (
        cd "$ROOT/tests/integration" &&
            ZPRESENCE_BUILD=$ROOT/build/asan ZPRESENCE_PROOF_BUILD=$ROOT/build/proof \
                timeout --kill-after=30 "$INTEGRATION_TIMEOUT_S" \
                /usr/bin/python3 -B -m pytest --junitxml="$RESULTS/integration.xml"
    ) </dev/null 2>&1 | tee "$RESULTS/integration.log"
    count_report integration "${PIPESTATUS[0]}"
}

# As package-lock.json pins them.
install_node_libraries() {
    local folder=$ROOT/tests/integration/node
    [[ $folder/node_modules/.package-lock.json -nt $folder/package-lock.json ]] ||
        step 'Installing the libraries of the Node client' "$RESULTS/npm.log" \
            npm --prefix "$folder" ci --no-audit --no-fund --loglevel=error
}

# Each target is one test.
test_fuzz() {
    if ! build_preset fuzz "$RESULTS/fuzz-build.log" fuzz_targets; then
        grep -E 'error|FAILED|CMake Error' "$RESULTS/fuzz-build.log" | head -n 20
        failed "build of the fuzz targets (log: $RESULTS/fuzz-build.log)"
        return
    fi
    echo 'Fuzzing'
    "$ROOT/tests/fuzz/run" --seconds "$FUZZ_SECONDS" </dev/null 2>&1 | tee "$RESULTS/fuzz.log"
    count_results fuzz "${PIPESTATUS[0]}" <"$ROOT/build/fuzz/results"
}

# The images and compose.yaml, on this machine's Docker Engine, or on one that is started for it.
test_compose() {
    if ! (install_packages "$RESULTS/apt-compose.log" "${PACKAGES_COMPOSE[@]}"); then
        failed "containers: installation of Docker"
        return
    fi
    echo 'Containers'
    (
        cd "$ROOT/tests/compose" &&
            timeout --kill-after=60 "$COMPOSE_TIMEOUT_S" \
                /usr/bin/python3 -B -m pytest --junitxml="$RESULTS/compose.xml"
    ) </dev/null 2>&1 | tee "$RESULTS/compose.log"
    count_report compose "${PIPESTATUS[0]}"
}

# Whether every row can be measured, not how fast anything is: this machine may be any.
test_bench() {
    echo 'Benchmark, in small'
    if timeout --kill-after=60 "$BENCH_TIMEOUT_S" "$ROOT/tests/bench/run" --quick </dev/null >"$RESULTS/bench.txt" 2>"$RESULTS/bench.log"; then
        passed
    else
        grep 'NOT MEASURED' "$RESULTS/bench.txt" || tail -n 5 "$RESULTS/bench.log"
        failed "benchmark (log: $RESULTS/bench.log)"
    fi
}

# count_report NAME STATUS: adds what $RESULTS/NAME.xml says.
count_report() {
    local name=$1 failed_before=$FAILED
    count_results "$@" < <(/usr/bin/python3 -B "$ROOT/launcher/read_junit.py" "$RESULTS/$name.xml")
    if ((FAILED > failed_before)) && [[ $name == unit ]]; then
        sed -n '/^The following tests FAILED/,$p' "$RESULTS/unit.log"
        grep -E '^\[ +(ERROR|FAILED) +\]|AddressSanitizer|runtime error' "$RESULTS/unit.log" | head -n 40
    fi
}

# count_results NAME STATUS: adds the lines of stdin, "passed COUNT" or "failed TEXT"; a run that failed without a failed
# test counts as one.
count_results() {
    local name=$1 status=$2 kind text failed_before=$FAILED
    while read -r kind text; do
        case $kind in
        passed) PASSED=$((PASSED + text)) ;;
        failed) failed "$text" ;;
        esac
    done
    if ((status != 0 && FAILED == failed_before)); then
        failed "$name tests: ended with exit code $status (log: $RESULTS/$name.log)"
    fi
}

test_checks() {
    local files
    mapfile -t files < <(cd "$ROOT" && find common services proto tests -name '*.[ch]' -not -path '*/node_modules/*')
    check format clang-format --dry-run -Werror "${files[@]}"
    mapfile -t files < <(printf '%s\n' "${files[@]}" | grep '\.c$' | grep -v '^tests/')
    check clang-tidy each_file clang-tidy -p build/asan --quiet "${files[@]}"
    check shellcheck shellcheck --severity=style -x -a zpresence launcher/install-as-root .ci/run tests/fuzz/run tests/nemesis tests/mutations \
        docker/{base-image,healthcheck,install-packages,make-secrets,pin-packages,roll,start-service} \
        docker/gateway/{reload,start} docker/redis/{as,start}
    # What `up` runs: other warnings appear at -O2.
    if build_preset release "$RESULTS/release.log" "${PROGRAMS[@]}"; then
        passed
    else
        grep -E 'error|FAILED' "$RESULTS/release.log" | head -n 20
        failed "release build (log: $RESULTS/release.log)"
    fi
}

# check NAME COMMAND...: run in the repository; one more test.
check() {
    local name=$1
    shift
    if step "Check: $name" "$RESULTS/$name.log" in_repository "$@"; then
        passed
    else
        grep -E 'error|warning|SC[0-9]+' "$RESULTS/$name.log" | head -n 40
        failed "$name (log: $RESULTS/$name.log)"
    fi
}

in_repository() { cd "$ROOT" && "$@"; }

# each_file COMMAND OPTION... FILE.c...: one run a file, as many at once as there are processors.
each_file() {
    local tool=()
    while [[ $1 != *.c ]]; do
        tool+=("$1")
        shift
    done
    printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" "${tool[@]}"
}
