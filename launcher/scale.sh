# scale - more or fewer of one kind while all runs, others untouched, clients unharmed.
# shellcheck shell=bash

command_scale() {
    (($#)) || usage_error "scale takes NAME=N, as in: scale ws-edge=3"
    load_settings
    local wish kind count
    for wish; do
        kind=${wish%%=*}
        count=${wish#*=}
        case $kind in
        gateway | redis) fail "there is one $kind, and it cannot be scaled" ;;
        esac
        is_scalable "$kind" || fail "there is no '$kind' to scale: ws-edge, http-api, fanout, presence-core, expiry-watcher"
        [[ $wish == *=* && $count =~ ^0*[1-9][0-9]?$ ]] && ((10#$count <= INSTANCES_MAX)) && continue
        fail "$wish: a number from 1 to $INSTANCES_MAX is needed, as in: scale $kind=2"
    done
    [[ -d $HOME_DIR/run ]] || fail "nothing runs in $HOME_DIR (./zpresence up)"
    lock_home
    is_up || fail "nothing runs in $HOME_DIR (./zpresence up)"
    recall_environment
    for wish; do
        scale_kind "${wish%%=*}" "$((10#${wish#*=}))"
    done
}

# New ones are ready before anyone is sent to them; those that leave are sent nobody any more before they stop. What an
# earlier scale did not get done is done now.
scale_kind() {
    local kind=$1 count=$2 number name all have leaving=() coming=() doing='' interrupted=''
    mapfile -t have < <(running_of_kind "$kind")
    for ((number = 1; number <= count; number++)); do
        is_alive "$kind-$number" || coming+=("$kind-$number")
    done
    for name in "${have[@]}"; do
        ((${name##*-} > count)) && leaving+=("$name")
    done

    trap leave_scale EXIT
    trap 'interrupted=1; exit 130' INT TERM HUP PIPE
    if ((${#coming[@]})); then
        doing="starting ${coming[*]}: stopped again"
        printf 'Starting'
        look_at_ports
        for name in "${coming[@]}"; do
            allocate_ports_of "$name"
            start_process "$name" || exit 1
        done
        await_ready "${coming[@]}" || exit 1
        echo
        drop_claims
        coming=()
    fi
    doing="telling others of $kind"
    mapfile -t all < <(running_names)
    for name in "${leaving[@]}"; do
        mapfile -t all < <(printf '%s\n' "${all[@]}" | grep -vxF "$name")
    done
    tell_peers "$kind" "${all[@]}"
    if ((${#leaving[@]})); then
        doing="stopping ${leaving[*]}"
        echo "Stopping ${leaving[*]}"
        stop_processes "${leaving[@]}"
    fi
    trap - EXIT INT TERM HUP PIPE
    echo "$kind: $count"
}

# Where scale_kind ends half-way: those that were not ready yet go again, as nobody has been sent to them; everything else
# stays as it is, for the next scale.
leave_scale() {
    local status=$? names
    trap '' INT TERM HUP PIPE
    [[ $interrupted ]] && note "interrupted while $doing"
    ((${#coming[@]})) && stop_processes "${coming[@]}"
    if [[ $interrupted ]]; then
        mapfile -t names < <(running_of_kind "$kind")
        note "there are now ${names[*]}; the same scale does the rest"
    fi
    exit "$status"
}

# tell_peers KIND NAME...: those who send someone to processes of KIND now know the NAMEs, and were told only if they
# did not.
tell_peers() {
    local kind=$1 known refresh_ms
    shift
    case $kind in
    ws-edge | http-api)
        gateway_knows "$@" && return
        write_haproxy_cfg "$@"
        reload_gateway ||
            fail "the gateway did not take up its new configuration; the same scale tries again (log:" \
                "$HOME_DIR/logs/gateway.log)"
        ;;
    presence-core | fanout)
        known=$(endpoints_text)
        write_endpoints "$@"
        [[ $(endpoints_text) == "$known" ]] && return
        refresh_ms=$(service_setting ENDPOINT_REFRESH_MS ws-edge) || refresh_ms=3000
        sleep $((refresh_ms / 1000 + 1))
        ;;
    expiry-watcher) ;; # nobody is sent to it
    esac
}
