# Says what this machine is, one fact a line. What can't be seen is left out.
command -v cloud-init >/dev/null && cloud-init status --wait 2>/dev/null | sed -n 's/^status: */cloud_init /p'
[ -r /proc/cpuinfo ] && echo "cpus $(grep -c '^processor' /proc/cpuinfo)"
sed -n 's/^MemTotal: *\([0-9]*\) kB/memory \1/p' /proc/meminfo 2>/dev/null
echo "arch $(uname -m)"
[ -r /etc/os-release ] && (. /etc/os-release && echo "os ${ID:-} ${VERSION_ID:-}")
sectors=0
for size in /sys/block/*/size; do
    [ -r "$size" ] || continue
    disk=${size%/size}
    case ${disk##*/} in loop* | ram* | zram* | dm-* | md* | sr* | fd* | nbd*) continue ;; esac
    [ "$(cat "$disk/removable" 2>/dev/null)" = 1 ] || sectors=$((sectors + $(cat "$size")))
done
[ "$sectors" = 0 ] || echo "sectors $sectors"
if [ -d /sys/bus/pci/devices ]; then
    echo pci
    models=$(command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null) &&
        [ -n "$models" ] && printf '%s\n' "$models" | sed 's/^/model /'
    pci_devices /sys
fi
exit 0
