# keys - the keys of the bus (BUS_SECURITY=curve): what is missing is made, nothing is overwritten.
# shellcheck shell=bash

command_keys() {
    (($# <= 1)) || usage_error "keys takes one folder, or none"
    load_settings
    local folder=${1:-$BUS_KEYS} log=$HOME_DIR/logs/build.log made
    if [[ ! -x $BIN_DIR/zpresence-keys ]]; then
        mkdir -p "$HOME_DIR/logs" 2>/dev/null || fail "cannot create $HOME_DIR"
        install_packages "$HOME_DIR/logs/apt.log" "${PACKAGES_RUN[@]}"
        build_preset release "$log" zpresence-keys || fail "the build failed (log: $log)"
    fi
    made=$("$BIN_DIR/zpresence-keys" "$folder") || exit 1
    printf '%s\n' "${made:-all keys are in $folder}"
}

# Keys of our own for `up`; those of a folder that the settings name are not ours to make.
make_own_keys() {
    local made
    [[ $OWN_KEYS && $(setting BUS_SECURITY curve) != off ]] || return 0
    made=$("$BIN_DIR/zpresence-keys" "$BUS_KEYS") || fail "cannot make keys in $BUS_KEYS"
    [[ $made ]] && echo "Made keys in $BUS_KEYS"
    return 0
}
