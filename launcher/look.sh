# look - ps and logs: what runs, and what it says.
# shellcheck shell=bash

# One line each on stdout, for programs too; what needs a word more goes to stderr.
command_ps() {
    (($# == 0)) || usage_error "ps takes no arguments"
    load_settings
    [[ -e $HOME_DIR/instance ]] && recall_environment
    local name pid trouble
    [[ $(running_names) ]] || note "nothing runs in $HOME_DIR"
    for name in $(running_names); do
        describe "$name"
        pid=$(live_pid "$name" service) || pid=-
        echo "$name $pid $ADDRESS"
        if ! live_pid "$name" keeper >/dev/null; then
            note "nobody keeps $name: its keeper was killed (./zpresence down, then up)"
        elif trouble=$(restless "$name"); then
            note "$name $trouble (./zpresence logs $name)"
        fi
    done
}

# What listens where, for people.
print_table() {
    local name url
    url=$(gateway_host):$PORT
    for name in $(running_names); do
        describe "$name"
        printf '%-18s %-22s' "$name" "$ADDRESS"
        case $(kind_of "$name") in
        gateway)
            printf 'where clients come in%s, at most %d at once' \
                "$([[ $BIND ]] || echo ', on every address of this machine')" "$(gateway_clients_max)"
            ;;
        redis) printf 'redis-cli -p %s' "${ADDRESS##*:}" ;;
        expiry-watcher) printf 'admin' ;;
        *) printf 'admin %s' "$ADMIN" ;;
        esac
        echo
    done
    printf '\nTry:\n'
    printf '    http://%s/ in a browser\n' "${url/127.0.0.1/localhost}"
    printf "    curl -X POST http://%s/api/presence/status -H 'Content-Type: application/json' -d '{\"userIds\": [\"123\"]}'\n" \
        "${url/127.0.0.1/localhost}"
}

command_logs() {
    load_settings
    local follow='' name file files=()
    local logs=$HOME_DIR/logs
    if [[ ${1:-} == -f || ${1:-} == --follow ]]; then
        follow=1
        shift
    fi
    if (($# == 0)); then
        for name in $(running_names); do
            files+=("$logs/$name.log")
        done
    fi
    for name; do
        if [[ $name == -f ]]; then
            follow=1
            continue
        fi
        [[ $name =~ ^[a-z0-9-]+$ ]] || usage_error "there is no process '$name'"
        local found=()
        for file in "$logs/$name.log" "$logs/$name"-[0-9]*.log; do
            [[ -e $file ]] && found+=("$file")
        done
        ((${#found[@]})) || fail "there is no log of '$name' in $logs"
        files+=("${found[@]}")
    done
    ((${#files[@]})) || fail "nothing runs in $HOME_DIR"
    if [[ $follow ]]; then
        exec tail -n 20 -F "${files[@]}"
    fi
    tail -n 100 "${files[@]}"
}
