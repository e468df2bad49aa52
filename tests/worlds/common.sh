# Shared by all worlds: namespaces, one network link to the outside, and a firewall on it. The scripts in this directory source
# this file after setting `world` (their name) and `me` (their path).
#
# Invariant: outside the namespaces a world changes one network link, one nft table, IP forwarding and, if the host drops
# forwarded packets, two iptables rules. `close_world` reverts all of them from any state.
# shellcheck shell=sh disable=SC2154,SC2034

say() { printf 'worlds/%s: %s\n' "$world" "$*" >&2; }
die() { say "$@"; exit 1; }

cache=${XDG_CACHE_HOME:-$HOME/.cache}/hostler-worlds
state=${HOSTLER_WORLD_DIR:-$cache}/$world
case $state in /*) ;; *) state=$PWD/$state ;; esac
# Processes inside use the same directory.
export HOSTLER_WORLD_DIR="${state%/*}"

# Names outside are derived from the path of the state directory, so that `down` finds them even if the state is lost.
crc=$(printf %s "$state" | cksum | cut -d' ' -f1)
tag=$(printf %06x $((crc & 0xffffff)))
link=hw$tag
table=hostler_world_$tag
forward_was=/run/hostler-worlds.ip_forward

need_root() {
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null || die "namespaces and network links need root: run this as root, or install sudo"
    exec sudo -E env "PATH=$PATH" "HOME=$HOME" "HOSTLER_WORLD_USER=$(id -u):$(id -g)" "$me" "$@"
}

need() { # WHERE-FROM TOOL…
    from=$1 missing=
    shift
    for tool in "$@"; do
        command -v "$tool" >/dev/null || missing="$missing $tool"
    done
    [ -z "$missing" ] || die "missing:$missing; on Debian or Ubuntu: apt-get install $from"
}

locked() {
    mkdir -p "$state"
    exec 9>"$state/lock"
    flock 9
    "$@"
    exec 9>&-
}

wait_for() { # WHAT TRIES CMD…: a tenth of a second each
    what=$1 tries=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ $tries -gt 0 ] || die "no $what in time; see $state/log"
        sleep 0.1
    done
}

# ---- the namespaces --------------------------------------------------------------------------------------------------

# The kernel reuses process ids: the start time tells the processes apart.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

alive() {
    [ -s "$state/init" ] || return 1
    read -r init since <"$state/init"
    [ -n "$since" ] && [ "$(started_at "$init")" = "$since" ]
}

# Closes the lock: processes started inside may outlive this one.
inside() { nsenter --target "$init" --net --mount --pid -- "$@" 9>&-; }

# Runs a command as the calling user, with its arguments unchanged. Tests that need a world check HOSTLER_WORLD.
run_inside() {
    [ $# -gt 0 ] || die "\`run\` needs a command"
    drop=
    if [ -n "${HOSTLER_WORLD_USER:-}" ]; then
        drop="setpriv --reuid ${HOSTLER_WORLD_USER%:*} --regid ${HOSTLER_WORLD_USER#*:} --init-groups"
    fi
    # shellcheck disable=SC2086 # $drop is several words on purpose
    HOSTLER_WORLD=$world exec nsenter --target "$init" --net --mount --pid -- $drop \
        sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
}

# Starts the process that holds the namespaces (`_init` of the script) and its network link.
open_world() {
    mkdir -p "$state/log" "$state/etc"
    resolvers | sed 's/^/nameserver /' >"$state/etc/resolv.conf"
    free_subnet
    # The process that holds the namespaces must not hold the lock.
    setsid unshare --net --mount --pid --fork --kill-child --propagation private -- \
        "$me" _init </dev/null >"$state/log/world.log" 2>&1 9>&- &
    wait_for "namespace" 50 alive
    alive
    uplink
}

# Called by `_init` before /proc of the new namespace is mounted: the old one shows the process id that the outside sees.
enter_world() {
    read -r pid _ </proc/self/stat
    since=$(started_at "$pid")
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    ip link set lo up
    echo 1 >/proc/sys/net/ipv4/ip_forward
}

# Called by `_init` after all mounts: /etc/resolv.conf may link into a directory that a mount covers.
entered_world() {
    resolv=$(readlink -f /etc/resolv.conf)
    mkdir -p "$(dirname "$resolv")"
    [ -e "$resolv" ] || : >"$resolv"
    mount --bind "$state/etc/resolv.conf" "$resolv"
    printf '%s %s\n' "$pid" "$since" >"$state/init"
}

close_world() {
    if alive; then
        # The kernel kills all processes of a PID namespace with its first one.
        kill -9 "$init"
        wait_for "end of the world" 100 sh -c "! kill -0 $init"
    fi
    ip link delete "$link" 2>/dev/null || true
    nft delete table ip "$table" 2>/dev/null || true
    if command -v iptables >/dev/null; then
        while iptables -w -D FORWARD -i "$link" -j ACCEPT 2>/dev/null; do :; done
        while iptables -w -D FORWARD -o "$link" -j ACCEPT 2>/dev/null; do :; done
    fi
    # The last world restores IP forwarding.
    if [ -e "$forward_was" ] && ! ip -o link show | grep -Eq ': hw[0-9a-f]{6}@'; then
        cat "$forward_was" >/proc/sys/net/ipv4/ip_forward
        rm -f "$forward_was"
    fi
    rm -rf "$state/init" "$state/uplink" "$state/etc"
}

# ---- network -----------------------------------------------------------------------------------------------------

# Finds a /30 that overlaps no route of this host. The search starts at an offset derived from the state directory.
free_subnet() {
    n=0
    while [ $n -lt 64 ]; do
        i=$(((crc / 7 + n * 37) % 16384)) n=$((n + 1))
        subnet=10.213.$((i / 64)) low=$((i % 64 * 4))
        for how in match root; do
            ip -4 route show "$how" "$subnet.$low/30" | grep -qv '^default' && continue 2
        done
        return 0
    done
    die "no free /30 in 10.213.0.0/16"
}

resolvers() {
    for file in /run/systemd/resolve/resolv.conf /etc/resolv.conf; do
        [ -r "$file" ] || continue
        found=$(awk '$1 == "nameserver" && $2 ~ /^[0-9.]+$/ && $2 !~ /^127\./ { print $2 }' "$file" | sort -u)
        [ -n "$found" ] && printf '%s\n' "$found" && return
    done
    die "/etc/resolv.conf lists no DNS server that is reachable from a namespace"
}

# pip's default package index and the server of its files.
python_index() {
    index=$(python3 -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)' 2>/dev/null) || return 0
    printf '%s\n' "$index"
    curl -fsS --max-time 20 "${index%/}/pip/" 2>/dev/null | grep -o 'href="https\{0,1\}://[^/"]*' | head -n 1 | sed 's/^href="//' || true
}

# Host names of the package mirrors, indexes and proxies that this host is configured with, one per line.
mirrors() {
    {
        apt-get indextargets --format '$(REPO_URI)' 2>/dev/null || true
        apt-config dump 2>/dev/null | sed -n 's/^Acquire::https\{0,1\}::Proxy "\(.*\)";/\1/p'
        python3 -m pip config list 2>/dev/null | sed -n "s/^[^ ]*index-url='\(.*\)'/\1/p"
        printf '%s\n' "${http_proxy:-}" "${https_proxy:-}" "${HTTP_PROXY:-}" "${HTTPS_PROXY:-}" "${PIP_INDEX_URL:-}"
        python_index
    } | sed -n 's,^[a-z+]*://,,; s,.*@,,; s,[/:].*,,; /./p' | sort -u
}

addresses() { mirrors | while read -r host; do getent ahostsv4 "$host" || true; done | awk '{ print $1 }' | sort -u; }

commas() { tr '\n' ',' | sed 's/,$//'; }

# Restricts outgoing traffic to DNS, mirrors and proxies. Rewritten by each `up`: mirrors change addresses.
guard() {
    read -r gateway _ <"$state/uplink"
    inside nft -f - <<END
table inet guard
delete table inet guard
table inet guard {
    chain out {
        ip daddr { $(resolvers | commas) } meta l4proto { tcp, udp } th dport 53 accept
        ip daddr { $(addresses | commas) } tcp dport { 80, 443, 3128, 8080 } accept
        ip daddr $gateway icmp type echo-request accept
        reject
    }
    chain forward { type filter hook forward priority -10; oifname "uplink" ct state new jump out; }
    chain output { type filter hook output priority -10; oifname "uplink" ct state new jump out; }
}
END
}

uplink() {
    gateway=$subnet.$((low + 1)) own=$subnet.$((low + 2))
    printf '%s %s\n' "$gateway" "$own" >"$state/uplink"
    ip link add "$link" type veth peer name uplink netns "$init"
    ip address add "$gateway/30" dev "$link"
    ip link set "$link" up
    inside ip address add "$own/30" dev uplink
    guard
    inside ip link set uplink up
    inside ip route replace default via "$gateway"
    [ -e "$forward_was" ] || cat /proc/sys/net/ipv4/ip_forward >"$forward_was"
    echo 1 >/proc/sys/net/ipv4/ip_forward
    nft -f - <<END
table ip $table {
    chain out { type nat hook postrouting priority srcnat; ip saddr $own oifname != "$link" masquerade; }
}
END
    # Docker sets the policy of FORWARD to drop, which no rule of another table overrides.
    if iptables -w -S FORWARD 2>/dev/null | grep -q '^-P FORWARD DROP'; then
        iptables -w -I FORWARD -i "$link" -j ACCEPT
        iptables -w -I FORWARD -o "$link" -j ACCEPT
    fi
}
