#   sh FILE up      creates the resources, and writes their ids to FILE.state
#   sh FILE down    deletes the resources in FILE.state; lists those that could not be deleted, and exits with 1
# Select the cloud first: export OS_CLOUD=..., or source an openrc file.
set -eu
case $0 in */*) here=$0 ;; *) here=./$0 ;; esac
state="$here.state"
key="$here.key"
[ ! -e "$state" ] || . "$state"

# Records an id for `down`: remember NAME ID
remember() {
    printf "%s='%s'\n" "$1" "$2" >> "$state"
    eval "$1=\$2"
}

# Deletes a resource, if its id is recorded, and forgets the id. A failure is added to $left, and the script continues:
# delete NAME ID COMMAND...
left=
delete() {
    name=$1
    id=$2
    shift 2
    [ -n "$id" ] || return 0
    if "$@" "$id"; then
        remember "$name" ''
    else
        left="$left $name=$id"
    fi
}

# Polls a resource: wait_until STATUS COMMAND...
wait_until() {
    wanted=$1
    shift
    while :; do
        status=$("$@" -f value -c status)
        case $status in
        "$wanted") return ;;
        ERROR | TERMINATED) echo "$*: $status" >&2; exit 1 ;;
        esac
        sleep 5
    done
}

# Prints the id of the reservation that holds a host: reservation_of LEASE HOST
reservation_of() {
    openstack reservation lease show "$1" -f value -c reservations | python3 -c '
import json, sys
text, parts, decoder = sys.stdin.read().strip(), [], json.JSONDecoder()
while text:
    part, end = decoder.raw_decode(text)
    parts.append(part)
    text = text[end:].strip()
hosts = [part for part in parts if part["resource_type"] == "physical:host"]
mine = [part for part in hosts if sys.argv[1] in str(part.get("hypervisor_properties")) + str(part.get("resource_properties"))]
print((mine or hosts)[0]["id"])
' "$2"
}
