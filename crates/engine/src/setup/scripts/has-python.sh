# Checks that Python "$1" (any version if empty) is installed with venv and pip. Prints what is missing.
version=$1
python=python3
test -z "$version" || python=python$(echo "$version" | cut -d. -f1,2)

fits() {
    "$1" -c 'import ensurepip, sys, venv
wanted = [n for n in sys.argv[1].split(".") if n]
sys.exit([str(n) for n in sys.version_info[:len(wanted)]] != wanted)' "$version" >/dev/null 2>&1
}

if command -v "$python" >/dev/null 2>&1 && fits "$python"; then
    "$python" -m pip --version >/dev/null 2>&1 && exit 0
    command -v uv >/dev/null 2>&1 && exit 0
    echo "pip is missing for $python"
    exit 1
fi
if test -n "$version" && command -v uv >/dev/null 2>&1; then
    uv python find -- "$version" >/dev/null 2>&1 && exit 0
    echo "uv can install it"
    exit 1
fi
echo "$python${version:+ ($version)} with venv is missing"
exit 1
