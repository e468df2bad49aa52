# Whether Ray of the version "$2" is installed at "$1"; says what is missing.
found=$("$1/.venv/bin/python" -c 'import importlib.metadata; print(importlib.metadata.version("ray"))' 2>/dev/null)
test "$found" = "$2" && exit 0
echo "Ray is not installed in this version"
exit 1
