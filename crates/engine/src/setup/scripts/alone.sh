# Runs the script "$3", with all further parameters, while no other one runs under the lock file "$1"; waits at most
# "$2" seconds for that. Without `flock`, or where files can't be made or locked there, it is run as it is.
#
# Only this shell holds the lock, and no program of the script: one that is left in the background must not keep it.
hostler_wait() {
    hostler_left=$1
    until flock -n 9 2>/dev/null; do
        test $? = 1 || break
        if test "$hostler_left" -le 0; then
            echo "== an earlier attempt still works here: end its processes, or restart the machine, and try again" >&2
            exit 75
        fi
        if test "$hostler_left" = "$1"; then
            echo "== waiting for an earlier attempt that still works on this machine, at most $1 s" >&2
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
