# Runs outside the root ($1), in mmdebstrap's namespaces: takes what `setup.sh` made out of the root, and makes the disk
# of the rest. No loop device and no mount of a disk, so that it works for a user without rights too.
set -eu
out=$1/hostler/out
work=$(mktemp -d "$1.disk.XXXXXX")
trap 'rm -rf "$work"' EXIT
mv "$1/hostler" "$work/hostler"
# mke2fs would walk into what is mounted in the root. Unmounted only in a mount namespace that ends with this command.
unshare --mount sh -eu -c '
    while read -r _ _ _ _ point _; do
        case $point in "$1"/*) umount --lazy "$point" ;; esac
    done </proc/self/mountinfo
    rm -rf "$1/run"/* "$1/tmp"/*
    blocks=$(($(du -skx "$1" | cut -f1) * 5 / 4 + 131072))
    truncate -s "${blocks}k" "$2"
    # Features and journal as small as can be: the file system grows, and every check of it costs boot time.
    mke2fs -q -t ext4 -L root -m 1 -O ^metadata_csum,^64bit -J size=16 -E lazy_itable_init=0 -d "$1" "$2"
' sh "$1" "$work/disk.raw"
mv "$work/hostler" "$1/hostler"
qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$out/disk.qcow2"
