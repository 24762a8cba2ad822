# up - install, build, start, and, in the foreground, follow; down - the way back.
# shellcheck shell=bash

# For a process to say that it is ready, and how often it may end meanwhile.
START_TIMEOUT_S=30
START_ENDS_MAX=3

command_up() {
    local detached=''
    case $* in
    '') ;;
    -d | --detach) detached=1 ;;
    *) usage_error "up takes nothing but -d" ;;
    esac
    load_settings
    mkdir -p "$HOME_DIR"/{run,ports,logs,endpoints} 2>/dev/null || fail "cannot create $HOME_DIR"
    lock_home
    if is_up; then
        fail "already running in $HOME_DIR (./zpresence ps shows what, ./zpresence down stops it)"
    fi
    if [[ $(running_names) ]]; then
        echo "An earlier start was interrupted: stopping what it left"
        stop_all
    fi
    check_port
    install_packages "$HOME_DIR/logs/apt.log" "${PACKAGES_RUN[@]}"
    check_address
    build_services
    make_own_keys
    check_settings
    start_all
    echo
    print_table
    if [[ $detached ]]; then
        printf '\nIt runs in the background: ./zpresence ps, logs -f, scale ws-edge=2, down\n'
        return
    fi
    printf '\nCtrl-C stops it all. What the processes say:\n\n'
    follow_until_stopped
}

# One command at a time changes what runs here.
lock_home() {
    exec {HOME_LOCK}>"$HOME_DIR/lock" || fail "cannot write in $HOME_DIR"
    flock -w 120 "$HOME_LOCK" || fail "another command is busy with $HOME_DIR"
}

# `up` has finished here, and something of it is alive: after a crash of the machine nothing is.
is_up() {
    [[ -e $HOME_DIR/up ]] || return 1
    local name
    for name in $(running_names); do
        is_alive "$name" && return
    done
    return 1
}

# Claims PORT for the gateway.
claim_port() {
    look_at_ports
    claim_ports gateway "$PORT" 1 ||
        fail "port $PORT is taken by another program; choose another: PORT=$((PORT < 65535 ? PORT + 1 : 3000)) ./zpresence up"
}

# Better now than after the build; the claim itself waits, as whatever runs meanwhile would have it too.
check_port() {
    claim_port
    drop_claims
}

# Whether the gateway may listen there: curl binds as it would, and says why not, before it connects to nowhere.
check_address() {
    local option=() target=http://127.0.0.1:1/ trouble
    [[ $BIND ]] && option=(--interface "host!$BIND")
    [[ $BIND == *:* ]] && target='http://[::1]:1/'
    trouble=$(LC_ALL=C curl -sS --noproxy '*' --max-time 2 "${option[@]}" --local-port "$PORT" "$target" 2>&1)
    (($? == 45)) || return 0 # 45: it could not bind
    case $trouble in
    *'errno 98:'*) ;; # the last connections of an earlier instance; that nobody listens is known
    *) fail "cannot listen with ZPRESENCE_BIND=$BIND PORT=$PORT: ${trouble##*: }" ;;
    esac
}

# What a service cannot use, a line for each, before anything is started. A line of the log is shown from its event.
check_settings() {
    local service trouble line errors
    for service in "${SERVICES[@]}"; do
        trouble=$(cd "$ROOT" && "$BIN_DIR/$service" --check-config 2>&1 >/dev/null) && continue
        errors=()
        while IFS= read -r line; do
            if [[ $line =~ ^[0-9]{4}-[^\ ]+\ ([A-Z]+)\ [^\ ]+\ (.*)$ ]]; then
                [[ ${BASH_REMATCH[1]} == ERROR ]] || continue
                line="$service: ${BASH_REMATCH[2]}"
            fi
            errors+=("$line")
        done <<<"$trouble"
        ((${#errors[@]} > 0)) || errors=("$service: ${trouble##*$'\n'}")
        ((${#errors[@]} == 1)) || printf 'zpresence: %s\n' "${errors[@]:0:${#errors[@]}-1}" >&2
        fail "${errors[-1]}"
    done
}

# All or nothing: a start that fails or is interrupted stops what it began.
start_all() {
    local name names=(gateway ws-edge-1 http-api-1 fanout-1 presence-core-1 expiry-watcher-1)
    if [[ $REDIS_MODE == external ]]; then
        check_external_redis
    else
        names+=(redis)
    fi
    claim_port
    trap 'undo_start' EXIT
    trap 'exit 130' INT TERM HUP PIPE
    for name in "${names[@]}"; do
        allocate_ports_of "$name"
    done
    set_old_logs_aside
    write_endpoints "${names[@]}"
    [[ $REDIS_MODE == private ]] && write_redis_conf
    write_haproxy_cfg "${names[@]}"
    remember_environment

    printf 'Starting'
    if [[ $REDIS_MODE == private ]]; then
        start_process redis && await_ready redis || exit 1
    fi
    for name in presence-core-1 expiry-watcher-1 fanout-1 http-api-1 ws-edge-1; do
        start_process "$name" || exit 1
    done
    await_ready presence-core-1 expiry-watcher-1 fanout-1 http-api-1 ws-edge-1 || exit 1
    start_process gateway && await_ready gateway || exit 1
    echo ': all healthy'
    drop_claims
    : >"$HOME_DIR/up"
    trap - EXIT INT TERM HUP PIPE
    exec {HOME_LOCK}>&-
}

# Every start begins new logs; those of the last one stay beside them.
set_old_logs_aside() {
    local log
    for log in "$HOME_DIR"/logs/*.log; do
        [[ $log == */build.log || $log == */apt.log || ! -s $log ]] || mv -f "$log" "$log.1"
    done
}

undo_start() {
    local status=$?
    trap '' INT TERM HUP PIPE
    stop_all
    exit "$status"
}

# await_ready NAME...: false, with one line and the end of its log, when one does not come up.
await_ready() {
    local name row deadline_s=$((SECONDS + START_TIMEOUT_S))
    for name; do
        until is_ready "$name"; do
            { row=$(<"$HOME_DIR/run/$name/ends"); } 2>/dev/null || row=0
            if ((${row%% *} >= START_ENDS_MAX)); then
                echo
                show_tail "$HOME_DIR/logs/$name.log"
                fail "$name does not stay up: it ended ${row#* } (log: $HOME_DIR/logs/$name.log)"
            fi
            if ((SECONDS >= deadline_s)); then
                echo
                show_tail "$HOME_DIR/logs/$name.log"
                fail "$name is not ready after $START_TIMEOUT_S s${WHY:+: $WHY} (log: $HOME_DIR/logs/$name.log)"
            fi
            sleep 0.1
        done
        printf ' %s' "$name"
    done
}

# The foreground `up`: new lines of every process, of those that `scale` adds too, until we or `down` stop it all.
# Every tail ends with us, even where we are killed.
follow_until_stopped() {
    local name pid stop=''
    declare -A tails=()
    trap 'stop=1' INT TERM HUP
    while [[ ! $stop && -e $HOME_DIR/up ]]; do
        for name in $(running_names); do
            [[ ${tails[$name]:-} ]] && continue
            case $name in # their lines do not say who speaks
            redis | gateway) tail --pid=$$ -n +1 -F "$HOME_DIR/logs/$name.log" 2>/dev/null > >(sed -u "s/^/$name: /") & ;;
            *) tail --pid=$$ -n +1 -F "$HOME_DIR/logs/$name.log" 2>/dev/null & ;;
            esac
            tails[$name]=$!
        done
        sleep 1
    done
    if [[ $stop ]]; then
        trap '' INT TERM HUP PIPE
        printf '\nStopping\n'
        lock_home
        stop_all
    fi
    for pid in "${tails[@]}"; do
        kill "$pid" 2>/dev/null
    done
    echo "Stopped"
}

# Clients first: the gateway takes no new ones, the edges tell theirs to go, then what they stood on, from the front
# to the back.
stop_all() {
    local kind names pid
    rm -f "$HOME_DIR/up"
    pid=$(live_pid gateway keeper) && kill -USR1 "$pid"
    for kind in ws-edge gateway http-api fanout presence-core expiry-watcher redis; do
        mapfile -t names < <(running_of_kind "$kind")
        ((${#names[@]})) && stop_processes "${names[@]}"
    done
}

command_down() {
    (($# == 0)) || usage_error "down takes no arguments"
    load_settings
    if [[ ! -d $HOME_DIR/run ]]; then
        echo "Nothing runs in $HOME_DIR"
        return
    fi
    lock_home
    if [[ ! $(running_names) ]]; then
        rm -f "$HOME_DIR/up"
        echo "Nothing runs in $HOME_DIR"
        return
    fi
    [[ -e $HOME_DIR/instance ]] && recall_environment
    stop_all
    echo "Stopped"
}
