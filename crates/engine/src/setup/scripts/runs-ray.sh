# Whether this machine (at "$2") is a part of the cluster at "$1"; says so where it isn't.
cluster=$1 address=$2
# The program that stands for a machine in the cluster says both addresses on its command line.
for line in /proc/[0-9]*/cmdline; do
    words=$(tr '\0' ' ' <"$line" 2>/dev/null) || continue
    case " $words" in
        *"/raylet "*"--node_ip_address=$address "*"--gcs-address=$cluster "*) exit 0 ;;
        *"/raylet "*"--gcs-address=$cluster "*"--node_ip_address=$address "*) exit 0 ;;
    esac
done
echo "Ray does not run"
exit 1
