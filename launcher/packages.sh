# packages - what Debian must provide. apt-get is called only when something is missing.
# shellcheck shell=bash

# To build: here, and in docker/Dockerfile.
PACKAGES_BUILD=(
    gcc libc6-dev cmake ninja-build pkg-config protobuf-c-compiler
    libprotobuf-c-dev libzmq3-dev libczmq-dev libhiredis-dev libwebsockets-dev libwebsockets-evlib-uv
    libmicrohttpd-dev libuv1-dev libmsgpack-dev libjansson-dev libssl-dev libcurl4-openssl-dev libjwt-dev uthash-dev libcmocka-dev
)
# To build and run. curl is for the command that `up` tells people to try.
PACKAGES_RUN=(
    "${PACKAGES_BUILD[@]}"
    redis-server redis-tools haproxy curl procps
)
PACKAGES_TEST=(
    clang-format clang-tidy shellcheck git
    clang-14 libclang-rt-14-dev
    python3 python3-pytest python3-websockets python3-msgpack python3-redis
    python3-prometheus-client python3-jsonschema
    python3-jwt python3-cryptography python3-selenium python3-hypothesis chromium chromium-driver
)
# For the part `compose` of the tests.
PACKAGES_COMPOSE=(docker.io docker-compose debootstrap iptables)

# install_packages LOG PACKAGE...: exits with one line, naming what is still missing, where it cannot.
install_packages() {
    local log=$1 missing
    shift
    mapfile -t missing < <(missing_packages "$@")
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || fail "missing: ${missing[*]}; there is no apt-get here to install them with"

    local as_root=()
    if ((EUID != 0)); then
        command -v sudo >/dev/null || fail "missing: ${missing[*]}; run this as root once, or install sudo"
        sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; } ||
            fail "missing: ${missing[*]}; installing them needs root, and sudo asks for a password"
        as_root=(sudo -n)
    fi
    : >"$log"
    step "Installing what is missing (${#missing[@]} of $# packages)" "$log" "${as_root[@]}" bash "$ROOT/launcher/install-as-root" "${missing[@]}"
    mapfile -t missing < <(missing_packages "$@")
    if ((${#missing[@]})); then
        grep -E '^E:' "$log" | tail -n 3 | sed 's/^/    /' >&2
        fail "could not install ${missing[*]} (log: $log)"
    fi
}

# Prints those of its arguments that are not installed, one a line.
missing_packages() {
    local name status
    declare -A installed=()
    while read -r name status; do
        [[ $status == installed ]] && installed[$name]=1
    done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null)
    for name; do
        [[ ${installed[$name]:-} ]] || echo "$name"
    done
}
