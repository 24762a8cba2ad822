# haproxy - the gateway: WebSocket upgrades go to the edges, everything else to http-api, on one port.
# shellcheck shell=bash

# A client costs HAProxy two descriptors, and it refuses to start when its limit does not cover maxconn; the rest is
# for listeners, checks and threads. What is allowed here may be a billion, for which it would reserve memory.
FILES_MAX=131072
GATEWAY_FILES_SPARE=600

# Prints how many descriptors each process may have.
files_limit() {
    local hard
    hard=$(ulimit -Hn)
    if [[ $hard == unlimited ]] || ((hard > FILES_MAX)); then
        hard=$FILES_MAX
    fi
    echo "$hard"
}

# Prints how many clients the gateway takes at once.
gateway_clients_max() { echo $((($(files_limit) - GATEWAY_FILES_SPARE) / 2)); }

# Where `up` and `ps` say the gateway is: an address that can be connected to.
gateway_host() {
    case $BIND in
    '' | 0.0.0.0 | ::) echo 127.0.0.1 ;;
    *:*) echo "[$BIND]" ;;
    *) echo "$BIND" ;;
    esac
}

# The bind line's address: both families where the machine has IPv6, as "localhost" may be either.
gateway_bind() {
    if [[ $BIND ]]; then
        echo "$BIND:$PORT"
    elif [[ -s /proc/net/if_inet6 ]]; then
        echo ":::$PORT v4v6"
    else
        echo "*:$PORT"
    fi
}

# server_lines KIND NAME...: prints the servers of KIND among them. Edges are told whom a connection is from in front of it,
# http-apis in the request (option forwardfor).
server_lines() {
    local kind=$1 name first how=''
    [[ $kind == ws-edge ]] && how=' send-proxy-v2'
    shift
    for name; do
        [[ $(kind_of "$name") == "$kind" ]] || continue
        first=$(<"$HOME_DIR/ports/$name")
        echo "    server $name 127.0.0.1:$first check port $((first + 1))$how"
    done
}

# write_haproxy_cfg NAME...: for the edges and apis among them. No requests are logged: they could hold tokens. Each
# writing has a number of its own on this machine, its generation, which the gateway tells once it runs with it.
write_haproxy_cfg() {
    local ttl_s clients_max generation=${EPOCHREALTIME//[!0-9]/}
    ttl_s=$(service_setting PRESENCE_TTL ws-edge) || ttl_s=360
    clients_max=$(gateway_clients_max)
    ((clients_max > 0)) || fail "the limit of open files ($(files_limit)) is too low for the gateway"
    replace_file "$HOME_DIR/haproxy.cfg" "# Written by ./zpresence up and scale; changes are lost.
global
    maxconn $clients_max
    # After a reload the old worker lives as long as its last client; this many at most.
    mworker-max-reloads 20

defaults
    mode http
    timeout connect 5s
    # As the edges' HANDSHAKE_TIMEOUT.
    timeout http-request 5s
    timeout client 60s
    timeout server 60s
    timeout client-fin 30s
    # A WebSocket is quiet between PINGs, which come at least every third of PRESENCE_TTL; the edge ends dead ones.
    timeout tunnel $((ttl_s * 2 + 3600))s
    option http-server-close
    option redispatch
    default-server inter 1s fastinter 250ms downinter 500ms fall 2 rise 1
    # Of heads that it cannot read, or that do not come within timeout http-request, HAProxy 2.6 tells in HTML of its own, whatever
    # stands here: this is for what comes behind a head.
    http-error status 400 content-type application/json string '{\"error\": \"Bad request\", \"code\": \"malformed_request\"}'
    http-error status 408 content-type application/json string '{\"error\": \"The request came too slowly\", \"code\": \"request_too_slow\"}'
    http-error status 502 content-type application/json string '{\"error\": \"The server broke off\", \"code\": \"server_broke_off\"}'
    http-error status 504 content-type application/json string '{\"error\": \"The server took too long\", \"code\": \"server_too_slow\"}'
    http-error status 503 content-type application/json string '{\"error\": \"No server is ready\", \"code\": \"no_server_ready\"}' hdr Retry-After 1

frontend clients
    bind $(gateway_bind)
    option disable-h2-upgrade
    acl wants_upgrade req.hdr(Connection),lower -m sub upgrade
    acl wants_websocket req.hdr(Upgrade),lower -m str websocket
    use_backend edges if wants_upgrade wants_websocket
    default_backend api

backend edges
    balance leastconn
    option httpchk GET /readyz
    http-check expect status 200
$(server_lines ws-edge "$@")

backend api
    option forwardfor
    # Alive is enough: while the state is out of reach it is http-api that must say so.
    option httpchk GET /healthz
    http-check expect status 200
$(server_lines http-api "$@")

frontend admin
    bind 127.0.0.1:$(<"$HOME_DIR/ports/gateway")
    http-request use-service prometheus-exporter if { path /metrics }
    http-request return status 503 content-type text/plain string \"no edge\" if { path /readyz } { nbsrv(edges) 0 }
    http-request return status 503 content-type text/plain string \"no api\" if { path /readyz } { nbsrv(api) 0 }
    http-request return status 200 content-type text/plain string \"generation $generation\" if { path /readyz }
    http-request return status 200 content-type text/plain string \"generation $generation\" if { path /healthz }
    http-request return status 404
"
}

# Prints what the gateway says of itself when it runs with what was written last.
written_generation() { grep -om 1 'generation [0-9]*' "$HOME_DIR/haproxy.cfg"; }

gateway_runs_what_is_written() {
    describe gateway
    http_ok "$ADMIN" /healthz && [[ $WHY == "$(written_generation)" ]]
}

# gateway_knows NAME...: it runs with the edges and apis among them, and no others.
gateway_knows() {
    local wanted
    wanted=$(server_lines ws-edge "$@" && server_lines http-api "$@")
    [[ $(grep -E '^ +server ' "$HOME_DIR/haproxy.cfg") == "$wanted" ]] && gateway_runs_what_is_written
}

# Makes the gateway run with what was written last, its clients staying connected: the master starts a new worker,
# the old one serves its clients to the end. False: the new configuration was not taken up in time.
reload_gateway() {
    local pid deadline_s=$((SECONDS + 15))
    pid=$(live_pid gateway service) || return 1
    kill -USR2 "$pid"
    until gateway_runs_what_is_written; do
        ((SECONDS < deadline_s)) || return 1
        sleep 0.1
    done
}
