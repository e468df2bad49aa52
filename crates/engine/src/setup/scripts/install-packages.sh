# As root: installs packages with the package manager "$1"; further parameters are names. Waits for the package manager's lock.
manager=$1
shift

apt() {
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

case $manager in
    apt)
        export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
        # Finish an interrupted installation. If another process is installing, this fails at once, and apt waits for it.
        if test -n "$(ls -A /var/lib/dpkg/updates 2>/dev/null)"; then
            dpkg --configure -a --force-confdef --force-confold || :
        fi
        if ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then
            # The lists may be outdated, but update them only after a failure, because that takes long.
            apt install --no-install-recommends -- "$@" && exit
        fi
        # On standard error, in order with apt's errors.
        echo "== updating the package lists" >&2
        apt update && apt install --no-install-recommends -- "$@"
        ;;
    dnf) dnf -y --setopt=install_weak_deps=False install -- "$@" ;;
    zypper) ZYPP_LOCK_TIMEOUT=300 zypper --non-interactive install --no-recommends -- "$@" ;;
esac
