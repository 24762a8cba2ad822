# supervise - one keeper per process: starts it again when it ends, and stops it when told.
#
# A keeper is this program again (`zpresence --keep NAME`) in a session of its own: it outlives the terminal and the
# command that started it, and needs no daemon, no root and no package. Why one each, and not one supervisor for all
# (Debian's `supervisor` gives up after some retries and knows no backoff below a second; runit's runsv restarts
# once a second for ever): a keeper has one child and one job, so that there is nothing to tell it but "stop"; a new
# instance is one more keeper; and one that is killed leaves all others supervised. Nothing replaces it: its process
# lives on, `ps` says that nobody keeps it, and `down` stops it all the same.
#
# All that a keeper starts is one process group, which can be swept as a whole.
#
# State, in run/<name>/: `keeper` and `service` hold "pid start-time", so that a pid that was given to another process
# is never taken for ours; `ends` holds how often the process has ended in a row, and how it did last.
# shellcheck shell=bash

RESTART_FIRST_MS=200
RESTART_LAST_MS=5000
# A life this long ends the row: the next restart is quick again.
STEADY_S=10
# Logs are looked at this often, and begun anew (keeping one old) beyond this size.
LOG_CHECK_S=60
LOG_MAX_BYTES=$((64 * 1024 * 1024))
# After SIGTERM and the service's own DRAIN_MS, before SIGKILL.
STOP_MARGIN_S=5

# Prints "pid start-time" of a live process; false where there is none. A zombie is not alive.
identity_of() {
    local stat fields
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }" # after the name, which may hold anything: state is field 3, start time 22
    [[ ${fields[0]} != [ZX] ]] && echo "$1 ${fields[19]}"
}

# live_pid NAME keeper|service: prints its pid; false where it is not alive.
live_pid() {
    local noted pid
    { noted=$(<"$HOME_DIR/run/$1/$2"); } 2>/dev/null || return 1
    pid=${noted%% *}
    [[ $pid =~ ^[0-9]+$ && $(identity_of "$pid") == "$noted" ]] && echo "$pid"
}

# Something of NAME runs: its process, or its keeper, which starts that again.
is_alive() { live_pid "$1" keeper >/dev/null || live_pid "$1" service >/dev/null; }

# signal_group SIGNAL PID: to the group of a process that is ours and alive: a keeper, what it keeps, and what those
# left behind.
signal_group() {
    local stat fields
    { stat=$(<"/proc/$2/stat"); } 2>/dev/null || return
    read -ra fields <<<"${stat##*) }" # group is field 5
    kill -s "$1" -- "-${fields[2]}" 2>/dev/null
}

# start_process NAME: returns once its keeper runs.
start_process() {
    local name=$1 log=$HOME_DIR/logs/$1.log tries descriptor
    rm -rf "${HOME_DIR:?}/run/$name" # of one that died with its keeper
    mkdir -p "$HOME_DIR/run/$name"
    # Nothing that is open here, our locks above all, may live on in the keeper, but the claims of its ports.
    (
        for descriptor in /proc/"$BASHPID"/fd/*; do
            descriptor=${descriptor##*/}
            ((descriptor <= 2)) || [[ " ${CLAIMS[$name]:-} " == *" $descriptor "* ]] || exec {descriptor}>&-
        done
        exec setsid "$ROOT/zpresence" --keep "$HOME_DIR" "$name" </dev/null >>"$log" 2>&1
    ) &
    for ((tries = 0; tries < 200; tries++)); do
        live_pid "$name" keeper >/dev/null && return
        sleep 0.05
    done
    note "the keeper of $name does not start (log: $log)"
    return 1
}

# keep HOME NAME: the keeper. SIGTERM: stop the process and leave. SIGUSR1: let it end by itself, then leave.
# It waits for its child alone: bash's `wait -n` (child or timer) can miss one that ends at that very moment.
keep() {
    HOME_DIR=$1
    local name=$2 child='' timer='' stopping='' status began_s row=0 delay_ms=$RESTART_FIRST_MS
    local folder=$HOME_DIR/run/$name
    trap 'stopping=1; [[ $child ]] && kill -TERM "$child" 2>/dev/null; [[ $timer ]] && kill "$timer" 2>/dev/null' TERM
    trap 'stopping=1; [[ $child ]] && kill -USR1 "$child" 2>/dev/null' USR1
    trap : INT HUP
    identity_of $$ >"$folder/keeper"
    recall_environment
    describe "$name"
    ulimit -Sn "$(files_limit)"
    cd "$ROOT" || exit 1 # where .env is
    if [[ $name == gateway ]]; then
        # Open here and in what is started from here: bound_logs ends when all that has ended, in whatever way.
        # shellcheck disable=SC2034
        exec {leash}> >(bound_logs)
    fi

    while [[ ! $stopping ]]; do
        began_s=$SECONDS
        env "${SETTINGS[@]}" "${COMMAND[@]}" </dev/null &
        child=$!
        identity_of "$child" >"$folder/service.new" && mv -f "$folder/service.new" "$folder/service"
        [[ $stopping ]] && kill -TERM "$child"
        while :; do # a trap ends the wait, not the child
            { wait "$child"; } 2>/dev/null # bash would tell of a signal in words of its own
            status=$?
            kill -0 "$child" 2>/dev/null || break
        done
        child=
        rm -f "$folder/service"
        [[ $stopping ]] && break

        ((SECONDS - began_s >= STEADY_S)) && row=0 delay_ms=$RESTART_FIRST_MS
        row=$((row + 1))
        echo "$row $(how_it_ended "$status")" >"$folder/ends"
        keeper_says WARN "ended $(how_it_ended "$status"); next start in $delay_ms ms"
        sleep "$((delay_ms / 1000)).$(printf '%03d' $((delay_ms % 1000)))" &
        timer=$!
        [[ $stopping ]] || wait "$timer"
        timer=
        delay_ms=$((delay_ms * 2 < RESTART_LAST_MS ? delay_ms * 2 : RESTART_LAST_MS))
    done
    keeper_says INFO stopped
    # What else this session has: a HAProxy worker that outlived its master, the one below.
    trap '' TERM
    kill -TERM 0
    exec rm -rf "$folder" # whoever waits for us looks whether it is there
}

# Beside the gateway's keeper, for all logs of this home, until the end of stdin. They are open for appending, so that
# what is written after the cut begins them anew.
bound_logs() {
    local log bytes
    trap - TERM
    until read -r -t "$LOG_CHECK_S" || (($? <= 128)); do # over 128: the time is up
        for log in "$HOME_DIR"/logs/*.log; do
            bytes=$(stat -c %s "$log") && ((bytes > LOG_MAX_BYTES)) && cp "$log" "$log.1" && : >"$log"
        done
    done
}

# Prints in words what is wrong with NAME; false where nothing is: it is up, and has been for STEADY_S or ended once.
restless() {
    local folder=$HOME_DIR/run/$1 row how since_s
    { read -r row how <"$folder/ends"; } 2>/dev/null || return 1
    if since_s=$(stat -c %Y "$folder/service" 2>/dev/null); then
        ((row > 1 && $(date +%s) - since_s < STEADY_S)) || return 1
    fi
    if ((row > 1)); then
        echo "does not stay up: it ended $row times in a row, the last time $how"
    else
        echo "ended $how and is started again"
    fi
}

how_it_ended() { if (($1 > 128)); then echo "by signal $(($1 - 128))"; else echo "with exit code $1"; fi; }

keeper_says() { printf '%s %s %s keeper.%s\n' "$(date -u +%FT%T.%3NZ)" "$1" "$name" "$2"; }

# stop_processes NAME...: all at once, TERM first and KILL after the bound; returns when none is left.
stop_processes() {
    local name pid role waiting deadline_s drain_ms
    drain_ms=$(service_setting DRAIN_MS ws-edge) || drain_ms=3000
    deadline_s=$((SECONDS + drain_ms / 1000 + STOP_MARGIN_S))
    for name; do
        if pid=$(live_pid "$name" keeper); then
            kill -TERM "$pid" 2>/dev/null # it passes it on
        elif pid=$(live_pid "$name" service); then
            signal_group TERM "$pid"
        fi
    done
    while :; do
        waiting=
        for name; do
            for role in keeper service; do
                pid=$(live_pid "$name" "$role") || continue
                waiting=1
                ((SECONDS > deadline_s)) && signal_group KILL "$pid"
            done
        done
        [[ $waiting ]] || break
        sleep 0.05
    done
    for name; do
        rm -rf "${HOME_DIR:?}/run/$name"
    done
}
