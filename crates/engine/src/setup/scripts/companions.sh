# Makes this machine one of the deployment "$2": "$3" is the public key by which its machines log in to each other, the
# private one is $HOSTLER_PRIVATE_KEY. Then files follow, each as a path, a mode and a text. With "write" as "$1" it writes;
# with "check" it only says what is missing, and has the SHA-256 of each text, and of the private key, in place of them: for
# hundreds of machines the texts are long.
verb=$1 deployment=$2 public=$3
shift 3
key=$HOSTLER_PRIVATE_KEY
unset HOSTLER_PRIVATE_KEY
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
exit "$missing"
