# Ends well where the note "$1" says that the machine was restarted for "$2" before; else writes so, and fails.
test "$(cat "$1" 2>/dev/null)" = "$2" && exit 0
mkdir -p "${1%/*}" && printf '%s\n' "$2" >"$1"
exit 1
