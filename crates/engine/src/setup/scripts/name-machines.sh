# As root: writes the lines of the deployment "$1" to the top of /etc/hosts: its machines' addresses and names, which follow
# in pairs. At the top, because some images call their own name 127.0.1.1, and the first line of a name counts.
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
# In a container the file is a mount of its own, and can be written but not replaced.
mv "$new" /etc/hosts 2>/dev/null || cat "$new" >/etc/hosts
