# Checks that conda is at "$1" with the environment "$2" of the fingerprint "$3", and that login shells (such as this one) activate
# it. Prints what is missing.
prefix=$1 name=$2 fingerprint=$3
if test -e "$prefix/.hostler-begun"; then
    echo "conda is missing: its installation was interrupted"
    exit 1
fi
if ! "$prefix/bin/conda" --version >/dev/null 2>&1; then
    echo "conda is missing"
    exit 1
fi
if test "$(cat "$prefix/envs/$name/.hostler-fingerprint" 2>/dev/null)" != "$fingerprint"; then
    echo "the conda environment $name is missing or outdated"
    exit 1
fi
if test "${CONDA_DEFAULT_ENV:-}" != "$name"; then
    echo "login shells do not activate the conda environment $name"
    exit 1
fi
