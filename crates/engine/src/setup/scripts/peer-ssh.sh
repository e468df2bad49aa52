# Logs in to each of the machines "$@", 16 at a time, and prints those that fail.
failed=$(
    running=0
    for name; do
        (ssh -o BatchMode=yes -o ConnectTimeout=20 -- "$name" true </dev/null >/dev/null || echo "$name") &
        running=$((running + 1))
        if test $((running % 16)) = 0; then wait; fi
    done
    wait
)
test -z "$failed" && exit 0
printf 'login to %s failed\n' $failed >&2
exit 1
