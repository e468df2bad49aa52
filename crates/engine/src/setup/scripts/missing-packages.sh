# Prints the name of the package manager, then each package of "$@" that is not installed. A package provided by another counts as
# installed. Accepts apt's tasks (`ssh-server^`) and zypper's patterns (`pattern:base`), too.
has() { command -v "$1" >/dev/null 2>&1; }

is_deb() {
    case $1 in
        *=*) test "$(dpkg-query -W -f='${db:Status-Status} ${Version}' "${1%%=*}" 2>/dev/null)" = "installed ${1#*=}" ;;
        *^) said=$(apt-get -q -s install --no-install-recommends -- "$1" 2>/dev/null) &&
            ! printf '%s\n' "$said" | grep -q '^Inst [^ ]* (' ;;
        *) dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed || is_provided "$1" ;;
    esac
}

# A virtual package: apt would install a package that provides it, unless one is installed.
is_provided() {
    test -n "$provided" || provided=$(dpkg-query -W -f='${db:Status-Status} ${Provides}\n' |
        sed -n 's/^installed //p' | tr -d ' ' | tr ',' '\n' | sed 's/[(:].*//')
    printf '%s\n' "$provided" | grep -qxF -e "$1" && ! apt_has "$1"
}

is_rpm() {
    case $1 in
        *=*) rpm -q "${1%%=*}-${1#*=}" ;;
        pattern:*) zypper --non-interactive search --installed-only --match-exact --type pattern -- "${1#pattern:}" ;;
        *) rpm -q --whatprovides "$1" || rpm -q "$1" ;;
    esac >/dev/null 2>&1
}

provided=
if has apt-get; then
    echo apt
    for package; do is_deb "$package" || echo "$package"; done
elif has dnf || has zypper; then
    if has dnf; then echo dnf; else echo zypper; fi
    for package; do is_rpm "$package" || echo "$package"; done
else
    echo none
fi
exit 0
