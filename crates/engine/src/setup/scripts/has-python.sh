# Whether Python "$1" (any, where empty) is there with venv and pip; says what is missing.
wish=$1
python=python3
test -z "$wish" || python=python$(echo "$wish" | cut -d. -f1,2)
if command -v "$python" >/dev/null 2>&1 && "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    "$python" -m pip --version >/dev/null 2>&1 && exit 0
    command -v uv >/dev/null 2>&1 && exit 0
    echo "pip is missing for $python"
    exit 1
fi
if test -n "$wish" && command -v uv >/dev/null 2>&1; then
    uv python find -- "$wish" >/dev/null 2>&1 && exit 0
    echo "uv brings it"
    exit 1
fi
echo "$python with venv is missing"
exit 1
