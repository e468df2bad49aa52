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

# line PATH LINE HOW: "above" all others, where nothing can turn it off, or "below" them, by nothing but adding to the file.
line() {
    if grep -qxF -e "$2" "$1" 2>/dev/null; then
        return
    elif test "$verb" != write; then
        echo "$1 lacks a line"
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
# Who may not become root has no names in /etc/hosts, and must do with those that `ssh` knows.
if test "$verb" = check && { test "$(id -u)" = 0 || sudo -n true 2>/dev/null; }; then
    # One question for all names: their number may be great, and each question a process. A name may have several addresses,
    # and the first line of each says the name.
    # shellcheck disable=SC2046 # a list of names
    found=$(getent ahosts $(printf '%s\n' "$names" | cut -d' ' -f2))
    wrong=$(printf '%s\n==\n%s\n' "$found" "$names" | awk '
        $0 == "==" { wanted = 1; next }
        !wanted { if (NF > 2) name = $3; at[name, $1] = 1; next }
        $1 ~ /^[0-9a-fA-F.:]+$/ && !(($2, $1) in at) { print $2 " does not lead to " $1 }')
    test -z "$wrong" || { printf '%s\n' "$wrong"; missing=1; }
fi
exit "$missing"
