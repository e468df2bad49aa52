# Whether this machine (at "$3") is a part of the cluster at "$2" by Ray of "$1"; says so where it isn't.
home=$1 cluster=$2 address=$3
# The program that stands for a machine in the cluster says both addresses in its words. One of another version may say the same.
said=$(ray_processes "${home%/*}" | grep -F "/raylet " | while read -r whose id words; do
    case "$whose $words " in
        "${home##*/} "*" --node_ip_address=$address "*) ;;
        *) continue ;;
    esac
    case "$words " in *" --gcs-address=$cluster "*) echo "$id" ;; esac
done)
test -n "$said" && exit 0
echo "Ray does not run"
exit 1
