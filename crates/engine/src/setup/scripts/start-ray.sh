# Starts Ray of "$1" on this machine, at "$3": as the head of the cluster at "$2" where "$4" is head, with the dashboard's port
# "$5"; else as a worker of it.
home=$(cd "$1" && pwd) cluster=$2 address=$3 role=$4 dashboard=$5
export RAY_USAGE_STATS_ENABLED=0 PATH="$home/.venv/bin:$PATH"
# What is left of an earlier start that did not come up would be in the way.
ray stop --force >/dev/null 2>&1
if test "$role" = head; then
    exec ray start --head --node-ip-address="$address" --port="${cluster##*:}" --dashboard-host=127.0.0.1 \
        --dashboard-port="$dashboard" --disable-usage-stats
fi
exec ray start --address="$cluster" --node-ip-address="$address" --disable-usage-stats
