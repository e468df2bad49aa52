# Runs outside the root ($1), in mmdebstrap's namespaces: creates the disk from the root's content, in its
# directory /hostler/out. Uses no loop device and mounts no disk, so that it works for unprivileged users, too.
set -eu
work=$(mktemp -d "$1.disk.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Moves files that only the build needs aside, and back afterwards: mmdebstrap's clean-up expects them.
aside='hostler etc/apt/apt.conf.d/00mmdebstrap tmp run'
for path in $aside; do
    mkdir -p "$work/aside/$(dirname "$path")"
    [ ! -e "$1/$path" ] || mv "$1/$path" "$work/aside/$path"
done
mkdir -m 1777 "$1/tmp"
mkdir -m 755 "$1/run"

# mke2fs would copy what is mounted in the root. It is unmounted in a mount namespace that ends with this command.
unshare --mount sh -eu -c '
    inner() { while read -r _ _ _ _ point _; do case $point in "$1"/*) echo "$point" ;; esac; done </proc/self/mountinfo; }
    # Unmounting one unmounts those below it, too: their own turn then fails, which is no error.
    inner "$1" | while read -r point; do umount --lazy "$point" 2>/dev/null || true; done
    [ -z "$(inner "$1")" ] || { echo "still mounted: $(inner "$1")" >&2; exit 1; }
    blocks=$(($(du -skx "$1" | cut -f1) * 5 / 4 + 131072))
    truncate -s "${blocks}k" "$2"
    # Few features and a small journal: the file system grows, and every check of it costs boot time.
    mke2fs -q -t ext4 -L root -m 1 -O ^metadata_csum,^64bit -J size=16 -E lazy_itable_init=0 -d "$1" "$2"
' sh "$1" "$work/disk.raw"

rmdir "$1/tmp" "$1/run"
for path in $aside; do
    [ ! -e "$work/aside/$path" ] || mv "$work/aside/$path" "$1/$path"
done
qemu-img convert -f raw -O qcow2 "$work/disk.raw" "$1/hostler/out/disk.qcow2"
