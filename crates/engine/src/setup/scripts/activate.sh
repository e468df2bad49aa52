# Before each script of the user's: paths that are relative to where the login began are made whole, and the Python
# environment is made active as its own script does, but also under `set -u`. Where the source has none, Ray's is found.
# Names of ours only: a user's variable may have any other.
for hostler_name in HOSTLER_HOSTFILE HOSTLER_RAY_HOME; do
    eval "hostler_value=\${$hostler_name:-}"
    case $hostler_value in ./*) export "$hostler_name=$OLDPWD/${hostler_value#./}" ;; esac
done
for hostler_at in "$PWD/.venv" "${HOSTLER_RAY_HOME:-}"; do
    if test -n "$hostler_at" && test -d "$hostler_at/bin"; then
        export VIRTUAL_ENV="$hostler_at" PATH="$hostler_at/bin:$PATH"
        unset PYTHONHOME
        break
    fi
done
unset hostler_name hostler_value hostler_at HOSTLER_RAY_HOME
