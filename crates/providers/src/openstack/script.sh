#   sh FILE up      makes everything, and keeps the ids in FILE.state
#   sh FILE down    gives back what FILE.state lists; what can't be given back is told, and the exit status is 1
# Say first which cloud is meant: export OS_CLOUD=..., or source an openrc file.
set -eu
case $0 in */*) here=$0 ;; *) here=./$0 ;; esac
state="$here.state"
key="$here.key"
[ ! -e "$state" ] || . "$state"

# Keeps an id for `down`: remember NAME ID
remember() {
    printf "%s='%s'\n" "$1" "$2" >> "$state"
    eval "$1=\$2"
}

# Gives back what bears an id, unless there is none, and forgets the id. What fails is gone past, and remembered in $left:
# give_back NAME ID COMMAND...
left=
give_back() {
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

# wait_until STATUS COMMAND...
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

# The part of a lease that holds a host: reservation_of LEASE HOST
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
