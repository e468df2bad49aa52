# Checks that Ray of the version "$2" is completely installed at "$1": the marker "$3", written last, contains "$4". Prints what is
# missing.
if test "$(cat "$3" 2>/dev/null)" = "$4"; then
    found=$("$1/.venv/bin/python" -c 'import importlib.metadata; print(importlib.metadata.version("ray"))' 2>/dev/null)
    test "$found" = "$2" && exit 0
fi
echo "Ray is missing or of another version"
exit 1
