# Runs the script "$3" with all further parameters while holding the lock file "$1". Waits at most "$2" seconds for the lock.
# Without `flock`, or if the file can't be created or locked, the script runs without the lock.
#
# Only this shell holds the lock, not the script's programs: one left in the background must not keep it.
hostler_wait() {
    hostler_left=$1
    until flock -n 9 2>/dev/null; do
        test $? = 1 || break
        if test "$hostler_left" -le 0; then
            echo "== an earlier attempt is still running on this machine: end its processes or restart the machine, then retry" >&2
            exit 75
        fi
        if test "$hostler_left" = "$1"; then
            echo "== waiting for an earlier attempt that is still running on this machine, at most $1 s" >&2
        fi
        hostler_left=$((hostler_left - 1))
        sleep 1
    done
}
mkdir -p "${1%/*}" 2>/dev/null
if command -v flock >/dev/null 2>&1 && (: >>"$1") 2>/dev/null; then
    exec 9>>"$1"
    hostler_wait "$2"
fi
unset -f hostler_wait
unset hostler_left
hostler_script=$3
shift 3
(
    eval "unset hostler_script; $hostler_script"
) 9>&-
