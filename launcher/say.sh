# say - everything the launcher prints: steps with their time, a table, one line for what went wrong.
# shellcheck shell=bash

# One clear line, and the end.
fail() {
    printf 'zpresence: %s\n' "$*" >&2
    exit 1
}

# Where it says how it is done right.
SEE='./zpresence help'

usage_error() {
    printf 'zpresence: %s (%s)\n' "$*" "$SEE" >&2
    exit 2
}

note() { printf 'zpresence: %s\n' "$*" >&2; }

# step TEXT LOG COMMAND...: runs it with its output in LOG; one line on the terminal, with the time it took. Returns
# the command's status. On a terminal the line shows the command's own progress meanwhile.
step() {
    local text=$1 log=$2 begun_s=$SECONDS status
    shift 2
    printf '%s ...' "$text"
    [[ -t 1 ]] || echo
    "$@" 2>&1 </dev/null | show_progress "$text" "$log"
    status=${PIPESTATUS[0]}
    [[ -t 1 ]] && printf '\r\033[K'
    if ((status == 0)); then
        printf '%s: done, %d s\n' "$text" $((SECONDS - begun_s))
    else
        printf '%s: failed\n' "$text"
    fi
    return "$status"
}

# Copies stdin into the log $2; on a terminal also behind $1: "[12/80]" of ninja, else the seconds.
show_progress() {
    local line counter='' begun_s=$SECONDS status
    [[ -t 1 ]] || exec cat >>"$2"
    while :; do
        IFS= read -r -t 1 line
        status=$?
        if ((status == 0)); then
            printf '%s\n' "$line" >>"$2"
            [[ $line =~ ^\[[0-9]+/[0-9]+\] ]] && counter=${BASH_REMATCH[0]}
            [[ $counter ]] || continue
        elif ((status <= 128)); then
            printf '%s' "$line" >>"$2"
            return # end of input; a timeout is over 128
        else
            printf '%s' "$line" >>"$2"
        fi
        printf '\r\033[K%s ... %s' "$1" "${counter:-$((SECONDS - begun_s)) s}"
    done
}

# The last lines of a log, as what explains a failure.
show_tail() {
    [[ -s $1 ]] && tail -n "${2:-10}" "$1" | sed 's/^/    /' >&2
}
