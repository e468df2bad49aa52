# As root: adds the user "$1" to the groups that may use GPU devices.
set -e
for group in render video; do
    getent group "$group" >/dev/null || groupadd --system "$group"
    test "$1" = root || usermod --append --groups "$group" -- "$1"
done
