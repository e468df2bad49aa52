#!/bin/sh
# Reads the NoCloud seed (a volume labelled `cidata`) once for each instance id: host name, the user's key, and the
# script in `user-data`. Runs before sshd starts: all of it is done when the first login succeeds.
set -u
state=/var/lib/hostler
say() { echo "hostler first boot: $*"; }

device=$(blkid -L cidata || blkid -L CIDATA) || { say "no seed"; exit 0; }
mkdir -p /run/hostler/seed "$state"
mount -o ro "$device" /run/hostler/seed || exit 1
cp /run/hostler/seed/* /run/hostler/
umount /run/hostler/seed
cd /run/hostler || exit 1

# One value of a flat YAML mapping, without its quotes.
value() { sed -n "s/^$1: *//p" meta-data | tr -d '"\r'; }

instance=$(value instance-id)
[ "$instance" != "$(cat "$state/instance" 2>/dev/null)" ] || exit 0

name=$(value local-hostname)
if [ -n "$name" ]; then
    echo "$name" >/etc/hostname
    hostname "$name"
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost\n' "$name" >/etc/hosts
fi

home=/home/debian
mkdir -p -m 700 $home/.ssh
sed -n '/^public-keys:/,/^[^ ]/s/^ *- *//p' meta-data | tr -d '"\r' >$home/.ssh/authorized_keys
chmod 600 $home/.ssh/authorized_keys
chown -R debian:debian $home/.ssh

rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key

# The disk may be larger than the image: the root file system grows to its end.
resize2fs /dev/vda >/dev/null 2>&1 || say "the root file system could not be grown"

if [ "$(head -c 2 user-data 2>/dev/null)" = '#!' ]; then
    cp user-data "$state/user-data"
    chmod 700 "$state/user-data"
    "$state/user-data" || say "user-data ended with status $?"
fi
echo "$instance" >"$state/instance"
