# Before each script of the user's: paths that are relative to where the login began are made whole, and the Python
# environment is made active as its own script does, but also under `set -u`. Where the source has none, Ray's is found.
for name in HOSTLER_HOSTFILE HOSTLER_RAY_HOME; do
    eval "value=\${$name:-}"
    case $value in ./*) export "$name=$OLDPWD/${value#./}" ;; esac
done
for at in "$PWD/.venv" "${HOSTLER_RAY_HOME:-}"; do
    if test -n "$at" && test -d "$at/bin"; then
        export VIRTUAL_ENV="$at" PATH="$at/bin:$PATH"
        unset PYTHONHOME
        break
    fi
done
unset name value at HOSTLER_RAY_HOME
