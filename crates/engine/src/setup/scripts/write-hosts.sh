# As root: writes lines for the machines of the deployment "$1" to the top of /etc/hosts. Further parameters are pairs of address and
# name. At the top, because some images map their own name to 127.0.1.1, and the first line for a name applies.
set -e
umask 022
deployment=$1
shift
new=$(mktemp /etc/hosts.hostler.XXXXXX)
trap 'rm -f "$new"' EXIT
{
    while test $# -gt 1; do
        address=$1
        case $address in
            *[!0-9a-fA-F.:]*) address=$(getent ahosts "$address" | awk '{ print $1; exit }') ;;
        esac
        test -z "$address" || printf '%s\t%s\t# hostler %s\n' "$address" "$2" "$deployment"
        shift 2
    done
    sed "/\t# hostler $deployment\$/d" /etc/hosts
} >"$new"
chmod 644 "$new"
# In a container the file is a mount: it can be written, but not replaced.
mv "$new" /etc/hosts 2>/dev/null || cat "$new" >/etc/hosts
