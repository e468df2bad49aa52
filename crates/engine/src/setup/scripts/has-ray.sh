# Whether Ray of the version "$2" is installed at "$1", and this machine (at "$4") is a part of the cluster at "$3"; says what
# is missing.
home=$1 version=$2 cluster=$3 address=$4
python=$home/.venv/bin/python
found=$("$python" -c 'import importlib.metadata; print(importlib.metadata.version("ray"))' 2>/dev/null)
if test "$found" != "$version"; then
    echo "Ray is not installed"
    exit 1
fi
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
