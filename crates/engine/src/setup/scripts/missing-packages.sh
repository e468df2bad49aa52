# Prints the package manager's name, then each package of "$@" that is not installed. Another package that stands for one will
# do; so will what a manager takes beside packages (apt's tasks, as `ssh-server^`; zypper's patterns, as `pattern:base`).
has() { command -v "$1" >/dev/null 2>&1; }

is_deb() {
    case $1 in
        *=*) test "$(dpkg-query -W -f='${db:Status-Status} ${Version}' "${1%%=*}" 2>/dev/null)" = "installed ${1#*=}" ;;
        *^) said=$(apt-get -q -s install --no-install-recommends -- "$1" 2>/dev/null) &&
            ! printf '%s\n' "$said" | grep -q '^Inst [^ ]* (' ;;
        *) dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed || is_provided "$1" ;;
    esac
}

# A name without a package of its own: apt would install whatever stands for it, which one that is installed does already.
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
