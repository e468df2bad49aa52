# Runs outside the root ($1), in mmdebstrap's namespaces: makes the disk of what is in the root, and puts it in
# /hostler/out there. No loop device and no mount of a disk, so that it works for a user without rights too.
set -eu
work=$(mktemp -d "$1.disk.XXXXXX")
trap 'rm -rf "$work"' EXIT

# What is only there for the making is put aside, and back afterwards: mmdebstrap looks for it when it tidies up.
aside='hostler etc/apt/apt.conf.d/00mmdebstrap tmp run'
for path in $aside; do
    mkdir -p "$work/aside/$(dirname "$path")"
    [ ! -e "$1/$path" ] || mv "$1/$path" "$work/aside/$path"
done
mkdir -m 1777 "$1/tmp"
mkdir -m 755 "$1/run"

# mke2fs would walk into what is mounted in the root. Unmounted only in a mount namespace that ends with this command.
unshare --mount sh -eu -c '
    inner() { while read -r _ _ _ _ point _; do case $point in "$1"/*) echo "$point" ;; esac; done </proc/self/mountinfo; }
    # One takes those below it along, which can then not be found any more.
    inner "$1" | while read -r point; do umount --lazy "$point" 2>/dev/null || true; done
    [ -z "$(inner "$1")" ] || { echo "still mounted: $(inner "$1")" >&2; exit 1; }
    blocks=$(($(du -skx "$1" | cut -f1) * 5 / 4 + 131072))
    truncate -s "${blocks}k" "$2"
    # Features and journal as small as can be: the file system grows, and every check of it costs boot time.
    mke2fs -q -t ext4 -L root -m 1 -O ^metadata_csum,^64bit -J size=16 -E lazy_itable_init=0 -d "$1" "$2"
' sh "$1" "$work/disk.raw"

rmdir "$1/tmp" "$1/run"
for path in $aside; do
    [ ! -e "$work/aside/$path" ] || mv "$work/aside/$path" "$1/$path"
done
qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$1/hostler/out/disk.qcow2"
