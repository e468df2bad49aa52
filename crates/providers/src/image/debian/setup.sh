#!/bin/sh
# Turns a fresh Debian root into a hostler image. Runs inside the root, with the other files of this directory in
# /hostler; writes the kernel and the initrd to /hostler/out.
#
# Most of it shortens the boot: an emulated guest is some 20 times slower, so each process that does not start at boot
# saves a tenth of a second.
set -eu

# ---- identity, which each copy creates for itself
: >/etc/machine-id # empty, not absent: absent means a first boot with presets, which takes seconds
rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_* /etc/hostname
echo localhost >/etc/hostname

# ---- the user
useradd --create-home --shell /bin/bash --groups sudo debian
echo 'debian ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/debian
chmod 440 /etc/sudoers.d/debian

# ---- sshd
cat >/etc/ssh/sshd_config.d/hostler.conf <<'END'
UseDNS no
PasswordAuthentication no
HostKey /etc/ssh/ssh_host_ed25519_key
PrintMotd no
PrintLastLog no
END

# ---- packages: from the sources of the image itself
# Neither translations nor file lists: parsing them takes a guest seconds, and no phase needs them.
echo 'Acquire::Languages "none";' >/etc/apt/apt.conf.d/90hostler

# ---- services
units=/etc/systemd/system
install -m 755 /hostler/first-boot.sh /usr/lib/hostler-first-boot
cat >$units/hostler-first-boot.service <<'END'
[Unit]
Description=NoCloud seed
DefaultDependencies=no
After=systemd-remount-fs.service
Before=ssh.service shutdown.target
Conflicts=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/hostler-first-boot
StandardOutput=journal+console
StandardError=journal+console
[Install]
WantedBy=sysinit.target
END
# The network, by DHCP, and the power button. Measured, systemd's own daemons for both, with the bus that they need, take
# a fifth of the boot and of the first login. They are installed, and start on demand.
install -m 755 /hostler/dhcp.sh /usr/lib/hostler-dhcp
rm -f /etc/resolv.conf
: >/etc/resolv.conf
cat >$units/hostler-network.service <<'END'
[Unit]
Description=DHCP
DefaultDependencies=no
Wants=network.target
Before=network.target shutdown.target
Conflicts=shutdown.target
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/busybox udhcpc -f -R -i eth0 -T 1 -A 3 -t 10 -s /usr/lib/hostler-dhcp
Restart=always
RestartSec=1
[Install]
WantedBy=sysinit.target
END
mkdir -p /etc/acpi/PWRF
cat >/etc/acpi/PWRF/00000080 <<'END'
#!/bin/sh
exec systemctl --no-block --job-mode=replace-irreversibly start poweroff.target
END
chmod 755 /etc/acpi/PWRF/00000080
cat >$units/hostler-power.service <<'END'
[Unit]
Description=Power button
# No event arrives before a login is possible.
After=ssh.service
[Service]
ExecStart=/bin/busybox acpid -f -l /dev/null
[Install]
WantedBy=multi-user.target
END
rm -f /usr/lib/systemd/system/multi-user.target.wants/systemd-logind.service \
    /usr/lib/systemd/system/multi-user.target.wants/dbus.service
systemctl --quiet enable hostler-first-boot.service hostler-network.service hostler-power.service ssh.service
systemctl --quiet set-default multi-user.target

# Done by the initrd already, or of no use to a virtual machine.
for unit in systemd-remount-fs.service systemd-fsck-root.service systemd-random-seed.service systemd-update-utmp.service \
    systemd-update-utmp-runlevel.service systemd-pstore.service systemd-binfmt.service systemd-hwdb-update.service \
    systemd-modules-load.service systemd-sysusers.service systemd-sysctl.service systemd-boot-update.service \
    systemd-repart.service systemd-machine-id-commit.service systemd-journal-flush.service systemd-rfkill.socket \
    kmod-static-nodes.service keyboard-setup.service console-setup.service getty@tty1.service getty-static.service \
    serial-getty@ttyS0.service sys-kernel-debug.mount sys-kernel-tracing.mount sys-kernel-config.mount \
    sys-fs-fuse-connections.mount dev-hugepages.mount proc-sys-fs-binfmt_misc.automount modprobe@configfs.service \
    modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service modprobe@dm_mod.service \
    modprobe@loop.service e2scrub_all.timer e2scrub_reap.service fstrim.timer apt-daily.timer \
    apt-daily-upgrade.timer dpkg-db-backup.timer systemd-tmpfiles-clean.timer systemd-ask-password-wall.path \
    systemd-ask-password-console.path rsync.service remote-fs.target; do
    ln -sf /dev/null $units/$unit
done
# There is one disk, and the initrd has mounted it.
mkdir -p /etc/systemd/system-generators
for generator in /usr/lib/systemd/system-generators/*; do
    ln -sf /dev/null "/etc/systemd/system-generators/${generator##*/}"
done
: >/etc/fstab

override() { # UNIT TEXT
    mkdir -p "$units/$1.d"
    printf '%b' "$2" >"$units/$1.d/hostler.conf"
}
# Announces only the devices that the boot needs to udev. Modules for the others are loaded on demand.
override systemd-udev-trigger.service '[Service]\nExecStart=\nExecStart=-/bin/udevadm trigger --type=devices --action=add --subsystem-match=net --subsystem-match=block --subsystem-match=input\n'
# No test of the configuration before each start, and no wait for sessions.
override ssh.service '[Unit]\nAfter=hostler-first-boot.service\n[Service]\nExecStartPre=\n'
mkdir -p /etc/systemd/journald.conf.d /etc/systemd/system.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n' >/etc/systemd/journald.conf.d/hostler.conf
printf '[Manager]\nDefaultTimeoutStopSec=15s\n' >/etc/systemd/system.conf.d/hostler.conf

# ---- the initrd: one static program, and the drivers, dependencies first
release=$(ls /lib/modules)
tree=/hostler/tree
mkdir -p $tree/bin $tree/dev $tree/proc $tree/sys $tree/root $tree/modules /hostler/out
cp /bin/busybox $tree/bin/busybox
ln -s busybox $tree/bin/sh
install -m 755 /hostler/initrd-init.sh $tree/init
number=10
for module in virtio_pci virtio_blk virtio_net virtio-rng button evdev af_packet vfat nls_cp437 nls_ascii; do
    modprobe --set-version "$release" --show-depends $module
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
    cp "$file" "$tree/modules/$number-${file##*/}"
    number=$((number + 1))
done
(cd $tree && find . | busybox cpio -o -H newc >/hostler/out/initrd 2>/dev/null)

# ---- the kernel, unpacked if possible: QEMU starts it at once, and an emulated guest unpacks slowly
kernel=/boot/vmlinuz-$release
number_at() { od -An -v -t u"$2" -j "$1" -N "$2" "$kernel" | tr -d ' '; } # offsets: the kernel's x86 boot protocol
start=$((($(number_at 497 1) + 1) * 512 + $(number_at 584 4)))
length=$(number_at 588 4)
tail -c +$((start + 1)) "$kernel" | head -c $((length - 4)) | lz4 -dcq >/hostler/out/kernel 2>/dev/null || true
if [ "$(head -c 4 /hostler/out/kernel | tail -c 3)" != ELF ]; then
    cp "$kernel" /hostler/out/kernel
fi

# ---- files that no machine needs
rm -rf /boot/initrd.img* /boot/System.map* /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb \
    /etc/apt/apt.conf.d/99mmdebstrap /var/log/*.log /var/log/apt /var/cache/debconf/*-old /var/lib/dpkg/*-old /usr/sbin/policy-rc.d
