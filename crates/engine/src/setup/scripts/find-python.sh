# Prints how to get an environment with Python "$1" (any version if empty), as one line:
#   keep            .venv exists and has this version
#   uv              create it with uv
#   use PYTHON      create it with this interpreter
#   needs PACKAGES  install these packages first
#   none            no such Python is available
version=$1

fits() {
    "$1" -c 'import sys
wanted = [n for n in sys.argv[1].split(".") if n]
sys.exit([str(n) for n in sys.version_info[:len(wanted)]] != wanted)' "$version" >/dev/null 2>&1
}

if test -x .venv/bin/pip && fits .venv/bin/python; then
    echo keep
    exit 0
fi
if command -v uv >/dev/null 2>&1; then
    echo uv
    exit 0
fi
minor=$(echo "$version" | cut -d. -f1,2)
for python in "python$minor" python3; do
    if command -v "$python" >/dev/null 2>&1 && fits "$python"; then
        if "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
            echo "use $python"
        elif test "$python" = python3 && command -v apt-get >/dev/null; then
            echo "needs python3-venv"
        elif command -v apt-get >/dev/null; then
            echo "needs $python-venv"
        else
            echo "needs python3-pip"
        fi
        exit 0
    fi
done
if command -v python3 >/dev/null 2>&1; then
    echo none
elif command -v apt-get >/dev/null; then
    echo "needs python3 python3-venv"
else
    echo "needs python3"
fi
exit 0
