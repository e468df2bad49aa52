# Prints the package manager's name, then each package of "$@" that is not installed.
has() { command -v "$1" >/dev/null 2>&1; }

is_deb() {
    case $1 in
        *=*) test "$(dpkg-query -W -f='${db:Status-Status} ${Version}' "${1%%=*}" 2>/dev/null)" = "installed ${1#*=}" ;;
        *) dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed ;;
    esac
}

if has apt-get; then
    echo apt
    for package; do is_deb "$package" || echo "$package"; done
elif has dnf || has zypper; then
    if has dnf; then echo dnf; else echo zypper; fi
    for package; do rpm -q --whatprovides "$package" >/dev/null 2>&1 || echo "$package"; done
else
    echo none
fi
exit 0
