# Whether Ray of the version "$2" is installed at "$1", to the end: the note "$3", written last, says "$4". Says what is missing.
if test "$(cat "$3" 2>/dev/null)" = "$4"; then
    found=$("$1/.venv/bin/python" -c 'import importlib.metadata; print(importlib.metadata.version("ray"))' 2>/dev/null)
    test "$found" = "$2" && exit 0
fi
echo "Ray is not installed in this version"
exit 1
