# Installs packages as root: "$1" is the manager, the rest are names. Waits for others who hold the manager's lock.
manager=$1
shift

apt() {
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

case $manager in
    apt)
        export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
        # What an installation left that was cut off. While another is at work this fails at once, and apt waits for it.
        if test -n "$(ls -A /var/lib/dpkg/updates 2>/dev/null)"; then
            dpkg --configure -a --force-confdef --force-confold || :
        fi
        if ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then
            # Lists that are there may be too old: only a failure costs fetching them.
            apt install --no-install-recommends -- "$@" && exit
        fi
        # On the stream of apt's errors, so that it stands where it belongs among them.
        echo "== fetching the lists of packages" >&2
        apt update && apt install --no-install-recommends -- "$@"
        ;;
    dnf) dnf -y --setopt=install_weak_deps=False install -- "$@" ;;
    zypper) ZYPP_LOCK_TIMEOUT=300 zypper --non-interactive install --no-recommends -- "$@" ;;
esac
