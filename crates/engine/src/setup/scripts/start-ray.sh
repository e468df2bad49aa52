# Starts Ray of "$1" on this machine, at "$3": as the head of the cluster at "$2" where "$4" is head, with the dashboard's port
# "$5"; else as a worker of it.
home=$(cd "$1" && pwd) cluster=$2 address=$3 role=$4 dashboard=$5
export RAY_USAGE_STATS_ENABLED=0 PATH="$home/.venv/bin:$PATH"

# The processes "$@", and all that they have started.
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

# Those of the processes "$@" that are at work: one that has ended says no words.
at_work() { for id; do grep -qa . "/proc/$id/cmdline" 2>/dev/null && echo "$id"; done; }

# What is left of an earlier start, or runs in another version, would be in the way. `ray stop` ends everybody's Ray.
# shellcheck disable=SC2046 # ids
ids=$(with_children $(ray_processes "${home%/*}" | awk '$1 != "others" { print $2 }'))
left=20
# shellcheck disable=SC2086
while ids=$(at_work $ids); test -n "$ids" && test "$left" -gt 0; do
    signal=TERM
    test "$left" -gt 10 || signal=KILL
    kill -s "$signal" $ids 2>/dev/null
    left=$((left - 1))
    sleep 1
done

# Whether something listens at the port "$1", by the kernel's own tables.
held() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk -v port="$(printf ':%04X' "$1")" '
        $4 == "0A" && substr($2, length($2) - 4) == port { held = 1 }
        END { exit !held }'
}

if test "$role" = head; then
    for port in "${cluster##*:}" "$dashboard"; do
        held "$port" || continue
        echo "the port $port is in use by somebody else on this machine, and was left alone; of Ray there runs:" >&2
        found=$(ray_processes "${home%/*}" | cut -c 1-300)
        echo "${found:-nothing that can be seen}" >&2
        exit 73
    done
    exec ray start --head --node-ip-address="$address" --port="${cluster##*:}" --dashboard-host=127.0.0.1 \
        --dashboard-port="$dashboard" --disable-usage-stats
fi
exec ray start --address="$cluster" --node-ip-address="$address" --disable-usage-stats
