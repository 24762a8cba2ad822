# processes - what runs: the order, and for each process its command, its ports, its settings and its peers.
# To add a kind of process: its name in KINDS, a case in describe, its targets in SERVICES (build.sh).
# shellcheck shell=bash

# As clients meet them, which is the order of `ps`. Started from the back, stopped from the front.
KINDS=(gateway ws-edge http-api fanout presence-core expiry-watcher redis)
INSTANCES_MAX=50

is_scalable() { [[ $1 != gateway && $1 != redis && " ${KINDS[*]} " == *" $1 "* ]]; }

# ws-edge-2 -> ws-edge; gateway -> gateway
kind_of() { [[ $1 =~ ^(.+)-[0-9]+$ ]] && echo "${BASH_REMATCH[1]}" || echo "$1"; }

# Prints whom edges and http-apis believe who their clients are: the gateway (haproxy.sh), and whom the settings name.
trusted_proxies() {
    local named
    named=$(setting TRUSTED_PROXIES '')
    echo "127.0.0.1${named:+,$named}"
}

# describe NAME: sets ADDRESS (where its clients reach it; empty: it has none), ADMIN (host:port of /readyz, empty for redis),
# COMMAND and SETTINGS (name=value, over those of the environment). Its ports must have been allocated.
describe() {
    local name=$1 kind first='' endpoints=file:$HOME_DIR/endpoints
    kind=$(kind_of "$name")
    [[ -s $HOME_DIR/ports/$name ]] && first=$(<"$HOME_DIR/ports/$name")
    COMMAND=("$BIN_DIR/$kind")
    SETTINGS=("PROCESS_NAME=$name")
    case $kind in
    gateway)
        ADDRESS=$(gateway_host):$PORT
        ADMIN=127.0.0.1:$first
        SETTINGS=()
        COMMAND=(haproxy -W -f "$HOME_DIR/haproxy.cfg")
        ;;
    redis)
        ADDRESS=127.0.0.1:$first
        ADMIN=
        SETTINGS=()
        COMMAND=(redis-server "$HOME_DIR/redis.conf")
        ;;
    ws-edge)
        ADDRESS=127.0.0.1:$first
        ADMIN=127.0.0.1:$((first + 1))
        SETTINGS+=("WS_LISTEN=$ADDRESS" "CORE_ENDPOINTS=$endpoints/presence-core"
            "FANOUT_ENDPOINTS=$endpoints/fanout" "TRUSTED_PROXIES=$(trusted_proxies)")
        ;;
    http-api)
        ADDRESS=127.0.0.1:$first
        ADMIN=127.0.0.1:$((first + 1))
        SETTINGS+=("HTTP_LISTEN=$ADDRESS" "CORE_ENDPOINTS=$endpoints/presence-core"
            "FANOUT_ENDPOINTS=$endpoints/fanout" "TRUSTED_PROXIES=$(trusted_proxies)")
        ;;
    fanout)
        ADDRESS=127.0.0.1:$first
        ADMIN=127.0.0.1:$((first + 1))
        SETTINGS+=("FANOUT_LISTEN=tcp://$ADDRESS" "CORE_ENDPOINTS=$endpoints/presence-core"
            "CORE_PUB_ENDPOINTS=$endpoints/presence-core-pub")
        ;;
    presence-core)
        ADDRESS=127.0.0.1:$first
        ADMIN=127.0.0.1:$((first + 2))
        SETTINGS+=("CORE_LISTEN=tcp://$ADDRESS" "CORE_PUB_LISTEN=tcp://127.0.0.1:$((first + 1))")
        ;;
    expiry-watcher)
        ADDRESS=
        ADMIN=127.0.0.1:$first
        SETTINGS+=("CORE_ENDPOINTS=$endpoints/presence-core")
        ;;
    esac
    [[ $kind == gateway || $kind == redis ]] || SETTINGS+=("ADMIN_LISTEN=$ADMIN")
    if [[ $REDIS_MODE == private && ($kind == presence-core || $kind == expiry-watcher) ]]; then
        SETTINGS+=(REDIS_HOST=127.0.0.1 "REDIS_PORT=$(<"$HOME_DIR/ports/redis")" REDIS_USER=)
    fi
}

# Gives NAME its ports (ports.sh), if it has none that are free.
allocate_ports_of() {
    case $(kind_of "$1") in
    redis) allocate_ports "$1" 7000 1 ;;
    ws-edge) allocate_ports "$1" 7100 2 ;;
    http-api) allocate_ports "$1" 7200 2 ;;
    presence-core) allocate_ports "$1" 7300 3 ;;
    fanout) allocate_ports "$1" 7400 2 ;;
    expiry-watcher) allocate_ports "$1" 7500 1 ;;
    gateway) allocate_ports "$1" 7600 1 ;; # its admin endpoint: where clients come in is PORT
    esac
}

# What the endpoint lists name: the cores and the fanouts among NAME..., each file replaced in one step, as running
# processes read it again every ENDPOINT_REFRESH_MS.
write_endpoints() {
    local name first cores='' pubs='' fanouts=''
    for name; do
        first=$(<"$HOME_DIR/ports/$name")
        case $(kind_of "$name") in
        presence-core)
            cores+="tcp://127.0.0.1:$first"$'\n'
            pubs+="tcp://127.0.0.1:$((first + 1))"$'\n'
            ;;
        fanout) fanouts+="tcp://127.0.0.1:$first"$'\n' ;;
        esac
    done
    replace_file "$HOME_DIR/endpoints/presence-core" "$cores"
    replace_file "$HOME_DIR/endpoints/presence-core-pub" "$pubs"
    replace_file "$HOME_DIR/endpoints/fanout" "$fanouts"
}

endpoints_text() { (cd "$HOME_DIR/endpoints" && cat presence-core presence-core-pub fanout) 2>/dev/null; }

# replace_file PATH TEXT: readers see the old text or the new one.
replace_file() {
    if ! (umask 077 && printf '%s' "$2" >"$1.new") || ! mv -f "$1.new" "$1"; then
        fail "cannot write $1"
    fi
}

# Prints the names of what runs or should, in the order of KINDS and numbers.
running_names() {
    local kind folder
    for kind in "${KINDS[@]}"; do
        for folder in "$HOME_DIR/run/$kind" "$HOME_DIR/run/$kind"-[0-9]*; do
            [[ -d $folder ]] && basename "$folder"
        done | sort -V
    done
}

# Prints those of running_names whose kind is $1.
running_of_kind() {
    local name
    for name in $(running_names); do
        [[ $(kind_of "$name") == "$1" ]] && echo "$name"
    done
}

# is_ready NAME: false, and WHY set to what it says, while it is not. Who answers must be the process that is kept: its
# port may have gone to another program.
is_ready() {
    local pid
    WHY='it is not running'
    pid=$(live_pid "$1" service) || return 1
    describe "$1"
    case $1 in
    redis)
        redis_answers 127.0.0.1 "${ADDRESS##*:}" || return 1
        [[ $(redis_pid 127.0.0.1 "${ADDRESS##*:}") == "$pid" ]] && return
        ;;
    gateway)
        http_ok "$ADMIN" /readyz || return 1
        [[ $WHY == "$(written_generation)" ]] && return
        ;;
    *)
        http_ok "$ADMIN" /readyz || return 1
        [[ $WHY == *"\"pid\": $pid,"* ]] && return
        ;;
    esac
    WHY="another process answers at ${ADMIN:-$ADDRESS}"
    return 1
}

# http_ok HOST:PORT PATH: a GET is answered with 200. Sets WHY to the answer's last line.
http_ok() {
    local answer
    # In a shell of its own, as a peer that hangs up would end this one (SIGPIPE).
    answer=$(
        exec 2>/dev/null {peer}<>"/dev/tcp/${1%:*}/${1##*:}" || exit
        printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$2" "$1" >&"$peer"
        timeout 2 cat <&"$peer" | tr -d '\0'
    )
    WHY=${answer##*$'\n'}
    [[ $answer == HTTP/1.?\ 200\ * ]]
}
