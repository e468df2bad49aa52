# Makes this machine one of the deployment "$2": "$3" is the public key by which its machines log in to each other, the
# private one is $HOSTLER_PRIVATE_KEY, and $HOSTLER_NAMES are their addresses and names, a line each. Then files follow, each as
# a path, a mode and a text. With "write" as "$1" it writes; with "check" it only says what is missing, and has the SHA-256 of
# each text, and of the private key, in place of them: for hundreds of machines the texts are long. Names are written by another
# script, as root.
verb=$1 deployment=$2 public=$3
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
    if test "$verb" = write; then
        mkdir -p "${1%/*}" && printf '%s' "$3" >"$1.new" && chmod "$2" "$1.new" && mv "$1.new" "$1" || exit
    elif ! is "$1" "$3"; then
        echo "$1 is missing or another"
        missing=1
    fi
}

# line PATH LINE: at the top, where nothing that stands above can turn it off.
line() {
    if test "$verb" = write; then
        mkdir -p "${1%/*}" && touch "$1" || exit
        grep -qxF -e "$2" "$1" || { { printf '%s\n' "$2"; cat "$1"; } >"$1.new" && cat "$1.new" >"$1" && rm -f "$1.new"; } || exit
    elif ! grep -qxF -e "$2" "$1" 2>/dev/null; then
        echo "$1 lacks a line"
        missing=1
    fi
}

part ".ssh/hostler-$deployment" 600 "$key"
line .ssh/authorized_keys "$public"
line .ssh/config "Include hostler-$deployment.config"
while test $# -gt 2; do
    part "$1" "$2" "$3"
    shift 3
done
# Who may not become root has no names in /etc/hosts, and must do with those that `ssh` knows.
if test "$verb" = check && { test "$(id -u)" = 0 || sudo -n true 2>/dev/null; }; then
    # One question for all names: their number may be great, and each question a process.
    # shellcheck disable=SC2046 # a list of names
    found=$(getent hosts $(printf '%s\n' "$names" | cut -d' ' -f2))
    wrong=$(printf '%s\n==\n%s\n' "$found" "$names" | awk '
        $0 == "==" { wanted = 1; next }
        !wanted { for (i = 2; i <= NF; i++) if (!($i in at)) at[$i] = $1; next }
        $1 ~ /^[0-9a-fA-F.:]+$/ && at[$2] != $1 { print $2 " leads to " (at[$2] ? at[$2] : "nowhere") }')
    test -z "$wrong" || { printf '%s\n' "$wrong"; missing=1; }
fi
exit "$missing"
