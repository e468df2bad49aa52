# Waits until "$3" machines have joined the cluster at "$2", and prints the status of the Ray in "$1".
home=$1 cluster=$2 count=$3
export RAY_USAGE_STATS_ENABLED=0
said=
while :; do
    status=$("$home/.venv/bin/ray" status --address "$cluster" 2>&1)
    alive=$(printf '%s\n' "$status" | sed -n '/^Active:/,/^Pending:/p' | grep -c '^ *[0-9][0-9]* node_')
    if test "$alive" -ge "$count"; then
        printf '%s\n' "$status"
        exit 0
    fi
    if test "$alive" != "$said"; then
        printf '%s\n' "$status"
        echo "$alive of $count machines have joined the cluster"
    fi
    said=$alive
    sleep 2
done
