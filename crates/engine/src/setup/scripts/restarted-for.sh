# Succeeds if the marker "$1" shows that the machine has restarted for the reason "$2" before; else writes the marker and fails. The
# marker includes the boot id, so that an attempt interrupted before the restart does not count.
boot=$(cat /proc/sys/kernel/random/boot_id)
read -r marked_boot reason <"$1" 2>/dev/null
test "$reason" = "$2" && test "$marked_boot" != "$boot" && exit 0
mkdir -p "${1%/*}" && printf '%s %s\n' "$boot" "$2" >"$1"
exit 1
