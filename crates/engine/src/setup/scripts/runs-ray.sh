# Checks that this machine (with the address "$3") is part of the cluster at "$2", with the Ray in "$1".
home=$1 cluster=$2 address=$3
# Ray's per-machine program has both addresses on its command line. One of another version may have the same.
said=$(ray_processes "${home%/*}" | grep -F "/raylet " | while read -r whose id words; do
    case "$whose $words " in
        "${home##*/} "*" --node_ip_address=$address "*) ;;
        *) continue ;;
    esac
    case "$words " in *" --gcs-address=$cluster "*) echo "$id" ;; esac
done)
test -n "$said" && exit 0
echo "Ray is not running"
exit 1
