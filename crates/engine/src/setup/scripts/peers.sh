# Writes keys, configuration and lists of the peers of this machine. "$1" is `write`, or `check` to only print what is missing. "$2"
# is the deployment, "$3" the public key for logins between its machines, $HOSTLER_PRIVATE_KEY the private key, and $HOSTLER_NAMES
# address and name of each machine, one per line. Further parameters are files: path, mode and text of each. With `check`, the
# private key and the texts are replaced by their SHA-256: for hundreds of machines the texts are long. Another script writes the
# names to /etc/hosts, as root.
mode=$1 deployment=$2 public=$3
shift 3
key=$HOSTLER_PRIVATE_KEY
unset HOSTLER_PRIVATE_KEY
names=$HOSTLER_NAMES
unset HOSTLER_NAMES
umask 077
missing=0

is() { test -f "$1" && test "$(sha256sum <"$1")" = "$2  -"; }

# part PATH MODE TEXT
part() {
    if test "$mode" = write; then
        mkdir -p "${1%/*}" && printf '%s' "$3" >"$1.new" && chmod "$2" "$1.new" && mv "$1.new" "$1" || exit
    elif ! is "$1" "$3"; then
        echo "$1 is missing or outdated"
        missing=1
    fi
}

# line PATH LINE POSITION: adds a line `above` all others, where no other line can override it, or `below` them by appending.
line() {
    if grep -qxF -e "$2" "$1" 2>/dev/null; then
        return
    elif test "$mode" != write; then
        echo "$1 lacks hostler's line"
        missing=1
        return
    fi
    mkdir -p "${1%/*}" && touch "$1" || exit
    if test "$3" = below; then
        test -z "$(tail -c 1 "$1")" || echo >>"$1" || exit
        printf '%s\n' "$2" >>"$1" || exit
    else
        new=$1.hostler-$deployment
        { printf '%s\n' "$2"; cat "$1"; } >"$new" && { if test -L "$1"; then cat "$new" >"$1" && rm -f "$new"; else mv "$new" "$1"; fi; } || exit
    fi
}

part ".ssh/hostler-$deployment" 600 "$key"
line .ssh/authorized_keys "$public" below
line .ssh/config "Include hostler-$deployment.config" above
while test $# -gt 2; do
    part "$1" "$2" "$3"
    shift 3
done
# Without root, names are not in /etc/hosts, and only `ssh` resolves them: do not check them.
if test "$mode" = check && { test "$(id -u)" = 0 || sudo -n true 2>/dev/null; }; then
    # One query for all names, because each would be a process. A name may have several addresses; only the first line of each
    # has the name.
    # shellcheck disable=SC2046 # a list of names
    found=$(getent ahosts $(printf '%s\n' "$names" | cut -d' ' -f2))
    wrong=$(printf '%s\n==\n%s\n' "$found" "$names" | awk '
        $0 == "==" { wanted = 1; next }
        !wanted { if (NF > 2) name = $3; at[name, $1] = 1; next }
        $1 ~ /^[0-9a-fA-F.:]+$/ && !(($2, $1) in at) { print $2 " does not resolve to " $1 }')
    test -z "$wrong" || { printf '%s\n' "$wrong"; missing=1; }
fi
exit "$missing"
