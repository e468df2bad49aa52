# As root, to update package lists: prints the first of the packages "$@" that the package manager can install.
available() {
    if command -v apt-get >/dev/null 2>&1; then
        apt_has "$1"
    elif command -v dnf >/dev/null 2>&1; then
        dnf -q list --available -- "$1" >/dev/null 2>&1 || rpm -q "$1" >/dev/null 2>&1
    else
        zypper --non-interactive --quiet search --match-exact -- "$1" >/dev/null 2>&1
    fi
}
if command -v apt-get >/dev/null 2>&1 && ! ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1; then
    apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update >&2
fi
for package; do
    if available "$package"; then
        echo "$package"
        break
    fi
done
exit 0
