# Prints the properties of this machine, one fact per line. Unknown ones are left out.
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
# Check name resolution. A site may be isolated from the internet, so any answer of a name server counts, even a negative one. First
# resolve the hosts of the package repositories, as programs do. If that fails, ask the name servers for the root zone. Without a
# way to ask, print nothing.
repository_hosts() {
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/yum.repos.d/*.repo 2>/dev/null |
        sed -n 's|^[^#]*https\{0,1\}://\([a-zA-Z][a-zA-Z0-9.-]*\).*|\1|p' | sort -u | head -n 3
}
servers=/run/systemd/resolve/resolv.conf
[ -r "$servers" ] || servers=/etc/resolv.conf
names=
for name in $(repository_hosts); do
    timeout 10 getent ahosts "$name" >/dev/null 2>&1 && names=yes && break
done
if [ -z "$names" ] && command -v python3 >/dev/null; then
    timeout 30 python3 - "$servers" <<'END' && names=yes || names=no
import socket, sys
lines = open(sys.argv[1]).read().split("\n") if sys.argv[1:] else []
servers = [line.split()[1].split("%")[0] for line in lines if line.startswith("nameserver ")]
# "." NS IN, recursion desired (RFC 1035, section 4.1).
question = bytes.fromhex("4862 0100 0001 0000 0000 0000 00 0002 0001")
for server in servers[:3]:
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    for _ in range(2):
        with socket.socket(family, socket.SOCK_DGRAM) as query:
            query.settimeout(4)
            try:
                query.connect((server, 53))
                query.send(question)
                if query.recv(512)[:2] == question[:2]:
                    sys.exit(0)
            except OSError:
                pass
sys.exit(1)
END
fi
[ -z "$names" ] || echo "names $names"
exit 0
