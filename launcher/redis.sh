# redis - the private Redis (ZPRESENCE_REDIS=private), or the question whether yours answers.
# shellcheck shell=bash

# Its configuration. What presence asks of it stands in one file, for containers too. A REDIS_PASSWORD is asked for here
# too, as the services send it.
write_redis_conf() {
    local password
    password=$(setting REDIS_PASSWORD '')
    mkdir -p "$HOME_DIR/redis"
    replace_file "$HOME_DIR/redis.conf" "# Written by ./zpresence up; changes are lost.
include \"$ROOT/docker/redis/presence.conf\"
bind 127.0.0.1
port $(<"$HOME_DIR/ports/redis")
dir \"$HOME_DIR/redis\"
daemonize no
${password:+requirepass \"$(sed -E 's/(["\\])/\\\1/g' <<<"$password")\"}
"
}

# ask_redis HOST PORT COMMAND...: prints the answer.
ask_redis() (
    password=$(setting REDIS_PASSWORD '')
    user=
    [[ $REDIS_MODE == external ]] && user=$(setting REDIS_USER '')
    unset REDISCLI_AUTH # set, it is sent even when it is empty
    [[ $password ]] && export REDISCLI_AUTH=$password
    timeout 3 redis-cli -h "$1" -p "$2" --no-auth-warning ${user:+--user "$user"} "${@:3}" 2>&1
)

# redis_pid HOST PORT: prints who answers there.
redis_pid() { ask_redis "$1" "$2" INFO server | tr -d '\r' | sed -n 's/^process_id://p'; }

# redis_answers HOST PORT: PING is answered. Sets WHY to what was said instead.
redis_answers() {
    WHY=$(ask_redis "$1" "$2" PING)
    [[ $WHY == PONG ]] && return
    WHY=${WHY%%$'\n'*}
    [[ $WHY ]] || WHY='no answer within 3 s'
    return 1
}

check_external_redis() {
    local host port
    host=$(setting REDIS_HOST localhost)
    port=$(setting REDIS_PORT 6379)
    redis_answers "$host" "$port" || fail "Redis at $host:$port (ZPRESENCE_REDIS=external) is out of reach: $WHY"
}
