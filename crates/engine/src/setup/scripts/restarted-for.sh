# Ends well where the note "$1" says that the machine has restarted for "$2" before; else notes that it is about to, and fails.
# With the boot's id: whoever notes it and is cut off before the restart has not restarted.
boot=$(cat /proc/sys/kernel/random/boot_id)
read -r noted what <"$1" 2>/dev/null
test "$what" = "$2" && test "$noted" != "$boot" && exit 0
mkdir -p "${1%/*}" && printf '%s %s\n' "$boot" "$2" >"$1"
exit 1
