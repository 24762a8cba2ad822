# help - what each command is for. A command's text stands here once: its rows, up to the first blank line, are what
# `help` shows of it; `COMMAND --help` shows all of it.
# shellcheck shell=bash

COMMANDS=(up ps logs scale down keys test help)

help_of() {
    case $1 in
    up)
        cat <<'TEXT'
    ./zpresence up              install what is missing, build, start; follow the logs until Ctrl-C, then stop
    ./zpresence up -d           the same, but return once all is healthy and leave it running

    -d, --detach                leave it running in the background

It starts one of each process, or nothing: a start that fails stops what it began. Settings are read now: what is in
the environment holds until `down`.

    PORT=8080 ZPRESENCE_HOME=.second ./zpresence up -d      a second instance beside the first
    ZPRESENCE_REDIS=external REDIS_HOST=10.0.0.5 ./zpresence up
TEXT
        ;;
    ps)
        cat <<'TEXT'
    ./zpresence ps              one line per process: name, pid ("-" while it is down), address, admin address

The address is where its clients reach it, the admin address where /healthz, /readyz and /metrics are; "-" where there
is none. What needs a word more, as a process that does not stay up, is said on stderr.

    ./zpresence ps | awk '$1 == "redis" {print $3}'         where Redis is
TEXT
        ;;
    logs)
        cat <<TEXT
    ./zpresence logs [-f] [NAME...]
                                the last lines of all processes, or of ws-edge-1, or of every ws-edge; -f: follow

    NAME                        a process, as in ps, or all of a kind; build and apt: what \`up\` built and installed
    -f, --follow                go on with what they say from now on, until Ctrl-C

It shows the last $LOG_LINES lines of each log; with -f, the last $LOG_LINES_FOLLOWED first. Whole logs are in
\$ZPRESENCE_HOME/logs, those of the last start beside them (*.log.1).

    ./zpresence logs -f ws-edge presence-core-1
TEXT
        ;;
    scale)
        cat <<TEXT
    ./zpresence scale NAME=N... while running: N instances of ws-edge, presence-core, expiry-watcher, fanout, http-api

    N                           from 1 to $INSTANCES_MAX

New ones are ready before anyone is sent to them; those that leave are sent nobody any more before they stop. Where it
was interrupted, the same scale does the rest.

    ./zpresence scale ws-edge=3 presence-core=2
TEXT
        ;;
    down)
        cat <<'TEXT'
    ./zpresence down            stop everything, clients first

Clients are told when to come back. Data, ports and logs stay in $ZPRESENCE_HOME for the next `up`.
TEXT
        ;;
    keys)
        cat <<'TEXT'
    ./zpresence keys [FOLDER]   make the keys that are missing in FOLDER (for processes that run elsewhere), or in the
                                folder that `up` uses, which makes its own; overwrites none

    ./zpresence keys keys       makes keys/ws-edge, keys/ws-edge_secret, and so on
TEXT
        ;;
    test)
        cat <<'TEXT'
    ./zpresence test [PART...]  install test tools, build with sanitizers, run everything; or only unit, integration, fuzz,
                                bench, checks, compose (containers: installs Docker, needs root)

The last line is "N passed, N failed"; logs are in build/test.

    ./zpresence test unit checks
TEXT
        ;;
    help)
        cat <<'TEXT'
    ./zpresence help [COMMAND]  this text, or all about one command, as does COMMAND --help
TEXT
        ;;
    *) return 1 ;;
    esac
}

help() {
    local command
    printf 'zpresence: who is online, right now, and since when.\n\n'
    for command in "${COMMANDS[@]}"; do
        help_of "$command" | sed '/^$/,$d'
    done
    cat <<'TEXT'

Settings come from the environment, else from .env beside this program (.env.example lists them). Its own:

    PORT=3000                   where clients come in: WebSockets and HTTP on one origin
    ZPRESENCE_BIND=             the address to listen on; empty: all of this machine's
    ZPRESENCE_HOME=.zpresence   ports, pids, logs and data of one instance; another PORT and HOME make a second one
    ZPRESENCE_REDIS=private     private: an own Redis; external: the one at REDIS_HOST, REDIS_PORT, REDIS_PASSWORD
    ZPRESENCE_BUILD=            a build folder to run instead of building (for development)
TEXT
}

command_help() {
    if (($#)); then
        help_of "$1" || no_such_command "$1"
    else
        help
    fi
}

asks_for_help() {
    local argument
    for argument; do
        [[ $argument == --help || $argument == -h ]] && return
    done
    return 1
}

# What begins with "-" must be an option that COMMAND has.
check_options() {
    local command=$1 argument known=''
    shift
    case $command in
    up) known='-d --detach' ;;
    logs) known='-f --follow' ;;
    esac
    for argument; do
        [[ $argument != -* || " $known " == *" $argument "* ]] || usage_error "$command has no option '$argument'"
    done
}

# What others call it, or the command that it begins, or that begins it.
no_such_command() {
    local command near=''
    for command in "${COMMANDS[@]}"; do
        [[ $1 == "$command"* || ($1 && $command == "$1"*) ]] && near=$command
    done
    case $1 in
    start | run | build | install) near='up' ;;
    stop | kill | end | quit) near='down' ;;
    restart | reload) near='down, then up' ;;
    status | list | ls | top | info) near='ps' ;;
    tail) near='logs' ;;
    check | checks) near='test checks' ;;
    esac
    SEE='./zpresence help'
    usage_error "there is no command '$1'${near:+: did you mean $near?}"
}
