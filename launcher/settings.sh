# settings - what the launcher itself needs to know: the environment wins over .env, .env over the default. The
# services read the same .env (or the file that ZPRESENCE_ENV_FILE names) by the same rules: common/config/dotenv.c.
# shellcheck shell=bash

# Sets PORT, BIND, HOME_DIR, REDIS_MODE, BIN_DIR, BUILD_DIR, BUS_KEYS (for the services too) and OWN_KEYS. Exits with one line for a bad value.
load_settings() {
    local from_env_home=${ZPRESENCE_HOME:-} from_env_keys=${BUS_KEYS:-} keys
    ENV_FILE=${ZPRESENCE_ENV_FILE:-$ROOT/.env}
    if [[ ${ZPRESENCE_ENV_FILE:-} ]]; then
        ENV_FILE=$(absolute "$ENV_FILE" "$PWD")
        export ZPRESENCE_ENV_FILE=$ENV_FILE # services run elsewhere
        [[ -r $ENV_FILE ]] || fail "ZPRESENCE_ENV_FILE: cannot read $ENV_FILE"
    fi

    PORT=$(setting PORT 3000)
    is_port "$PORT" || fail "PORT=$PORT: a number from 1 to 65535 is needed"
    BIND=$(setting ZPRESENCE_BIND '')
    [[ $BIND =~ ^([0-9.]*|[0-9a-fA-F:]*)$ ]] || fail "ZPRESENCE_BIND=$BIND: a numeric address is needed, or nothing"
    REDIS_MODE=$(setting ZPRESENCE_REDIS private)
    [[ $REDIS_MODE == private || $REDIS_MODE == external ]] ||
        fail "ZPRESENCE_REDIS=$REDIS_MODE: private or external is needed"

    # A relative folder of the environment is the caller's, one in .env is the repository's.
    HOME_DIR=$(absolute "$(setting ZPRESENCE_HOME .zpresence)" "$([[ $from_env_home ]] && echo "$PWD" || echo "$ROOT")")
    [[ $HOME_DIR == *[[:cntrl:],\"\\]* ]] &&
        fail "ZPRESENCE_HOME=$HOME_DIR: a path without commas, quotes and backslashes is needed"
    keys=$(setting BUS_KEYS '')
    OWN_KEYS=$([[ $keys ]] || echo 1)
    BUS_KEYS=$(absolute "${keys:-$HOME_DIR/keys}" "$([[ $from_env_keys ]] && echo "$PWD" || echo "$ROOT")")
    export BUS_KEYS
    BUILD_DIR=$(setting ZPRESENCE_BUILD '')
    if [[ $BUILD_DIR ]]; then
        BUILD_DIR=$(absolute "$BUILD_DIR" "$PWD")
    else
        BUILD_DIR=$ROOT/build/release
    fi
    BIN_DIR=$BUILD_DIR/bin
}

is_port() { [[ $1 =~ ^[0-9]{1,5}$ ]] && ((10#$1 >= 1 && 10#$1 <= 65535)); }

# Prints path $1, taken from folder $2 unless it is absolute.
absolute() { if [[ $1 == /* ]]; then echo "$1"; else realpath -ms "$2/$1"; fi; }

# Prints setting $1, or $2 where it is not set or empty.
setting() {
    local value
    if [[ -v $1 ]]; then
        value=${!1}
    else
        value=$(setting_in_file "$1")
    fi
    printf '%s\n' "${value:-$2}"
}

# Prints the value of $1 in .env as dotenv.c reads it: `export` may lead, quotes may surround the value, " #" begins
# a comment, the last line of a name wins. False: not there.
setting_in_file() {
    [[ -r $ENV_FILE ]] || return 1
    local line found=1 value=
    while IFS= read -r line || [[ $line ]]; do
        line=${line%$'\r'}
        [[ $line =~ ^[[:space:]]*(export[[:space:]]+)?"$1"[[:space:]]*=[[:space:]]*(.*)$ ]] || continue
        line=${BASH_REMATCH[2]}
        found=0
        if [[ $line =~ ^\"(([^\"\\]|\\.)*)\" || $line =~ ^\'([^\']*)\' ]]; then
            value=${BASH_REMATCH[1]}
            [[ $line == \"* ]] && value=$(sed -E 's/\\(["\\])/\1/g' <<<"$value")
        else
            value=$(sed -E 's/(^|[[:space:]]+)#.*$//; s/[[:space:]]+$//' <<<"$line")
        fi
    done <"$ENV_FILE"
    ((found == 0)) && echo "$value"
}

# Prints setting $1 as the program $2 of this build reads it, defaults included: its own table is the authority.
service_setting() {
    local line
    line=$(cd "$ROOT" && "$BIN_DIR/$2" --print-config 2>/dev/null | grep "^$1=") || return 1
    line=${line#*=}
    echo "${line%%[[:space:]]*}"
}

# What was in the environment of `up` holds for processes that are started later, by a restart or by `scale` from
# another shell: those settings are kept in the state folder, readable by its owner only (there may be secrets).
remember_environment() {
    local name
    (
        umask 077
        for name in $(sed -nE 's/^(BOOL|INTEGER|TEXT|SECRET|ONE_OF)\(([A-Z0-9_]+),.*/\2/p' \
            "$ROOT/common/config/settings.def") ZPRESENCE_ENV_FILE FAULTS ASAN_OPTIONS UBSAN_OPTIONS; do
            if [[ -v $name ]]; then
                printf 'export %s=%q\n' "$name" "${!name}"
            else
                echo "unset $name"
            fi
        done >"$HOME_DIR/environment"
        # PORT and the like, which `scale` needs to write the gateway's configuration again.
        for name in PORT BIND REDIS_MODE BUILD_DIR BIN_DIR ENV_FILE; do
            printf '%s=%q\n' "$name" "${!name}"
        done >"$HOME_DIR/instance"
    )
}

recall_environment() {
    # shellcheck source=/dev/null
    source "$HOME_DIR/environment" && source "$HOME_DIR/instance"
}
