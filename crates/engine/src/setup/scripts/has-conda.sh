# Whether conda is at "$1" with the environment "$2", made of the wishes "$3", and login shells (this is one) find that
# environment active; says what is missing.
prefix=$1 name=$2 wishes=$3
if test -e "$prefix/.hostler-begun"; then
    echo "conda is missing: its installation was cut off"
    exit 1
fi
if ! "$prefix/bin/conda" --version >/dev/null 2>&1; then
    echo "conda is missing"
    exit 1
fi
if test "$(cat "$prefix/envs/$name/.hostler-wishes" 2>/dev/null)" != "$wishes"; then
    echo "the environment $name is not as wished"
    exit 1
fi
if test "${CONDA_DEFAULT_ENV:-}" != "$name"; then
    echo "login shells don't find the environment $name active"
    exit 1
fi
