# Whether Python "$1" (any, where empty) is there with venv and pip; says what is missing.
wish=$1
python=python3
test -z "$wish" || python=python$(echo "$wish" | cut -d. -f1,2)

fits() {
    "$1" -c 'import ensurepip, sys, venv
wish = [n for n in sys.argv[1].split(".") if n]
sys.exit([str(n) for n in sys.version_info[:len(wish)]] != wish)' "$wish" >/dev/null 2>&1
}

if command -v "$python" >/dev/null 2>&1 && fits "$python"; then
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
echo "$python${wish:+ ($wish)} with venv is missing"
exit 1
