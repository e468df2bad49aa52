# Starts the Ray in "$1" on this machine, with the address "$3": if "$4" is `head`, as the head of the cluster at "$2" with the dashboard
# on the port "$5", else as a worker.
home=$(cd "$1" && pwd) cluster=$2 address=$3 role=$4 dashboard=$5
export RAY_USAGE_STATS_ENABLED=0 PATH="$home/.venv/bin:$PATH"

# Prints the processes "$@" and all their descendants.
with_children() {
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^\([0-9]*\) (.*) [A-Za-z] \([0-9]*\) .*/\1 \2/' | awk -v ids="$*" '
        BEGIN { count = split(ids, list, " "); for (i = 1; i <= count; i++) taken[list[i]] = 1 }
        { parent[$1] = $2 }
        END {
            do {
                more = 0
                for (id in parent) if (!(id in taken) && (parent[id] in taken)) more = taken[id] = 1
            } while (more)
            for (id in taken) print id
        }'
}

# Prints those of the processes "$@" that are running: an exited one has an empty command line.
running() { for id; do grep -qa . "/proc/$id/cmdline" 2>/dev/null && echo "$id"; done; }

# Stop our own earlier Ray, of any version. `ray stop` would stop other users' Ray, too.
# shellcheck disable=SC2046 # ids
ids=$(with_children $(ray_processes "${home%/*}" | awk '$1 != "others" { print $2 }'))
left=20
# shellcheck disable=SC2086
while ids=$(running $ids); test -n "$ids" && test "$left" -gt 0; do
    signal=TERM
    test "$left" -gt 10 || signal=KILL
    kill -s "$signal" $ids 2>/dev/null
    left=$((left - 1))
    sleep 1
done

# True if a program listens on the port "$1", according to the kernel's tables.
held() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$(printf ':%04X' "$1")" '
        $4 == "0A" && substr($2, length($2) - 4) == port { held = 1 }
        END { exit !held }'
}

if test "$role" = head; then
    for port in "${cluster##*:}" "$dashboard"; do
        held "$port" || continue
        echo "the port $port is in use by another program on this machine; running Ray processes:" >&2
        found=$(ray_processes "${home%/*}" | cut -c 1-300)
        echo "${found:-none found}" >&2
        exit 73
    done
    exec ray start --head --node-ip-address="$address" --port="${cluster##*:}" --dashboard-host=127.0.0.1 \
        --dashboard-port="$dashboard" --disable-usage-stats
fi
exec ray start --address="$cluster" --node-ip-address="$address" --disable-usage-stats
