# Runs before each script of the user: makes paths relative to the login's directory absolute, and activates the Python
# environment as its own script does, but also under `set -u`. If the source has no environment, Ray's is activated.
# Uses only variables that start with `hostler_`: the user's variables may have any other name.
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
