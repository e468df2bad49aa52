#!/bin/sh
# The first process of an image's initrd: loads the few drivers that a virtual machine needs, mounts the root file system,
# and starts its init. With `hostler.probe` on the kernel's command line it prints a marker instead, and powers off.
busybox=/bin/busybox
$busybox mount -t proc proc /proc
$busybox mount -t sysfs sysfs /sys
$busybox mount -t devtmpfs devtmpfs /dev
root=/dev/vda init=/sbin/init
for word in $($busybox cat /proc/cmdline); do
    case $word in
        root=*) root=${word#root=} ;;
        init=*) init=${word#init=} ;;
        hostler.probe) echo hostler-probe-ok && exec $busybox poweroff -f ;;
    esac
done
for module in /modules/*; do $busybox insmod "$module"; done

tries=0
until [ -b "$root" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 200 ]; then
        echo "hostler: no disk $root" && exec $busybox poweroff -f
    fi
    $busybox usleep 20000
done
if ! $busybox mount -t ext4 -o rw,noatime "$root" /root; then
    echo "hostler: $root holds no ext4 file system" && exec $busybox poweroff -f
fi
for dir in dev proc sys; do $busybox mount -o move /$dir /root/$dir; done
exec $busybox switch_root /root "$init"
