# ports - which are free. Only PORT is promised; every other process has a block of up to three consecutive ports:
# first the one where its clients reach it, its admin endpoint last. A block is kept in the state folder
# (ports/<name>) and taken again at the next `up` if it is still free.
#
# A port must stay with its process while that is down for a moment and nobody listens there, or another instance on
# this machine would take it. So each is claimed: by a lock on a file of its number in a folder that all instances
# share, held by the keeper of its process. It ends with the keeper and what that started, however they end.
# shellcheck shell=bash

# Blocks are searched at base, base + 10, ... + 90, then the same a thousand higher, below the kernel's usual range
# of outgoing ports (from 32768): a port of ours must still be free when its process is started again.
PORT_STEPS=9
PORT_THOUSANDS=24

# name -> the open descriptors of its claims, until its keeper has them
declare -A CLAIMS=()

# Sets the keys of LISTENING to the TCP ports on which anyone listens here.
look_at_ports() {
    declare -gA LISTENING=()
    local port
    while read -r port; do
        LISTENING[$((16#$port))]=1
    done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { n = split($2, part, ":"); print part[n] }')
}

# claim_ports NAME FIRST COUNT: all of them, or false. Call look_at_ports before.
claim_ports() {
    local port claim claims=()
    for ((port = $2; port < $2 + $3; port++)); do
        if [[ ${LISTENING[$port]:-} ]] || ! lock_port "$port"; then
            for claim in "${claims[@]}"; do
                exec {claim}<&-
            done
            return 1
        fi
        claims+=("$PORT_LOCK")
    done
    CLAIMS[$1]="${CLAIMS[$1]:-} ${claims[*]}"
}

# Sets PORT_LOCK to an open descriptor; false where somebody has that port, we ourselves included.
lock_port() {
    local folder file
    for folder in /run/lock /tmp; do
        [[ -d $folder && -w $folder ]] && break
    done
    folder+=/zpresence-ports
    [[ -d $folder ]] || mkdir -m 1777 "$folder" 2>/dev/null
    file=$folder/$1
    [[ -e $file ]] || (umask 022 && : >>"$file") 2>/dev/null
    # For reading, as another user's file in a shared folder cannot be opened otherwise; flock does not mind.
    { exec {PORT_LOCK}<"$file"; } 2>/dev/null || fail "cannot open $file"
    flock -n "$PORT_LOCK" && return
    exec {PORT_LOCK}<&-
    return 1
}

# What the keepers hold is no longer ours to hold.
drop_claims() {
    local claim claims
    read -ra claims <<<"${CLAIMS[*]}"
    for claim in "${claims[@]}"; do
        exec {claim}<&-
    done
    CLAIMS=()
}

# allocate_ports NAME BASE COUNT: claims a block and remembers it. Call look_at_ports before.
allocate_ports() {
    local name=$1 base=$2 count=$3 first thousand step file=$HOME_DIR/ports/$1
    if [[ -s $file ]] && first=$(<"$file") && is_port "$first" && claim_ports "$name" "$first" "$count"; then
        return
    fi
    for ((thousand = 0; thousand <= PORT_THOUSANDS; thousand++)); do
        for ((step = 0; step <= PORT_STEPS; step++)); do
            first=$((base + thousand * 1000 + step * 10))
            if ((PORT >= first && PORT < first + count)); then
                continue # the gateway may be down without a keeper
            fi
            if claim_ports "$name" "$first" "$count"; then
                echo "$first" >"$file"
                return
            fi
        done
    done
    fail "no free ports for $name from $base up"
}
