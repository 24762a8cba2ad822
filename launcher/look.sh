# look - ps and logs: what runs, and what it says.
# shellcheck shell=bash

LOG_LINES=100
LOG_LINES_FOLLOWED=20

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
        echo "$name $pid ${ADDRESS:--} ${ADMIN:--}"
        if ! live_pid "$name" keeper >/dev/null; then
            note "nobody keeps $name: its keeper was killed (./zpresence down, then up)"
        elif trouble=$(restless "$name"); then
            note "$name $trouble (./zpresence logs $name)"
        fi
    done
}

# What listens where, for people.
print_table() {
    local name url remark
    url=$(gateway_host):$PORT
    print_row process address admin ''
    for name in $(running_names); do
        describe "$name"
        case $name in
        gateway)
            remark=$(printf 'where clients come in%s, at most %d at once' \
                "$([[ $BIND ]] || echo ', on every address of this machine')" "$(gateway_clients_max)")
            ;;
        redis) remark="redis-cli -p ${ADDRESS##*:}" ;;
        *) remark= ;;
        esac
        print_row "$name" "${ADDRESS:--}" "${ADMIN:--}" "$remark"
    done
    printf '\nTry:\n'
    printf '    http://%s/ in a browser\n' "${url/127.0.0.1/localhost}"
    printf "    curl -X POST http://%s/api/presence/status -H 'Content-Type: application/json' -d '{\"userIds\": [\"123\"]}'\n" \
        "${url/127.0.0.1/localhost}"
}

# Columns, without blanks at the end.
print_row() {
    local row
    printf -v row '%-18s %-22s %-16s  %s' "$@"
    echo "${row%"${row##*[! ]}"}"
}

command_logs() {
    load_settings
    local argument file found follow='' names=() files=() logs=$HOME_DIR/logs
    for argument; do
        case $argument in
        -f | --follow) follow=1 ;;
        *) names+=("$argument") ;;
        esac
    done
    for argument in "${names[@]}"; do
        found=()
        for file in "$logs/$argument.log" "$logs/$argument"-[0-9]*.log; do
            [[ -e $file && $argument != */* ]] && found+=("$file")
        done
        ((${#found[@]})) || fail "there is no log of '$argument'; there are: $(names_of_logs)"
        files+=("${found[@]}")
    done
    if ((${#names[@]} == 0)); then
        for argument in $(running_names); do
            files+=("$logs/$argument.log")
        done
        ((${#files[@]})) || fail "nothing runs in $HOME_DIR; there are logs of: $(names_of_logs)"
    fi
    if [[ $follow ]]; then
        note "the last $LOG_LINES_FOLLOWED lines of each log, and what comes (whole ones: $logs)"
        exec tail -n "$LOG_LINES_FOLLOWED" -F "${files[@]}"
    fi
    note "the last $LOG_LINES lines of each log (whole ones: $logs)"
    tail -n "$LOG_LINES" "${files[@]}"
}

# Prints in one line whose logs there are.
names_of_logs() {
    local file names=()
    for file in "$HOME_DIR"/logs/*.log; do
        [[ -e $file ]] && names+=("$(basename "$file" .log)")
    done
    echo "${names[*]:-none}"
}
