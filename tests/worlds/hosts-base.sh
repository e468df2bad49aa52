# The root file system shared by all hosts, and the layer over it. Sourced by `hosts`.
# shellcheck shell=sh disable=SC2154,SC2034

base=$cache/hosts-base

release=bookworm
base_packages="openssh-server,tini,sudo,mount,iproute2,iputils-ping,procps,pciutils,curl,ca-certificates,gnupg,rsync,\
python3,python3-venv,python3-pip"

# Debian package sources of this host. Without any, mmdebstrap uses the official mirror.
package_sources() {
    apt-get indextargets --format '$(CREATED_BY) $(ORIGIN) $(CODENAME) deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 2>/dev/null |
        sed -n "s/^Packages Debian $release\(-[a-z]*\)\{0,1\} //p" | sort -u
}

# Builds the base, which takes a minute. It is kept between runs and rebuilt when this function changes.
make_base() {
    version=$({ echo "$release $base_packages"; sed -n '/^make_base()/,/^}/p' "${me%/*}/hosts-base.sh"; } | cksum | cut -d' ' -f1)
    base=$base/$version
    [ ! -e "$base/etc/ssh/sshd_config.d/world.conf" ] || return 0
    need "mmdebstrap debian-archive-keyring" mmdebstrap
    say "building the root file system of the hosts (once, about a minute)"
    mkdir -p "${base%/*}"
    exec 8>"${base%/*}/lock"
    flock 8
    [ ! -e "$base/etc/ssh/sshd_config.d/world.conf" ] || return 0
    drop_old_bases
    draft=$(mktemp -d "${base%/*}/draft.XXXXXX")
    package_sources >"$draft.list"
    # shellcheck disable=SC2016 # expanded by mmdebstrap's shell
    mmdebstrap --quiet --mode=root --variant=minbase --include="$base_packages" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --aptopt='Acquire::Languages "none"' \
        --customize-hook='chroot "$1" useradd --create-home --shell /bin/bash debian' \
        "$release" "$draft/root" $([ ! -s "$draft.list" ] || printf %s "$draft.list") >&2
    rm -f "$draft/root"/etc/ssh/ssh_host_*
    # One file, which the layer with the sources of this host replaces.
    cat "$draft/root"/etc/apt/sources.list.d/* >>"$draft/root/etc/apt/sources.list" 2>/dev/null || true
    rm -f "$draft/root"/etc/apt/sources.list.d/*
    printf 'debian ALL=(ALL) NOPASSWD: ALL\n' >"$draft/root/etc/sudoers.d/debian"
    # Hosts run no init system: packages must not start services.
    printf '#!/bin/sh\nexit 101\n' >"$draft/root/usr/sbin/policy-rc.d"
    printf '#!/bin/sh\nexec kill -HUP 1\n' >"$draft/root/usr/sbin/reboot"
    printf '#!/bin/sh\nexec kill -TERM 1\n' >"$draft/root/usr/sbin/poweroff"
    printf '#!/bin/sh\nfor a; do case $a in -r) exec kill -HUP 1 ;; esac; done\nexec kill -TERM 1\n' \
        >"$draft/root/usr/sbin/shutdown"
    (cd "$draft/root/usr/sbin" && chmod 755 policy-rc.d reboot poweroff shutdown)
    printf '%s\n' 'MaxStartups 500' 'MaxSessions 500' 'UseDNS no' 'PrintMotd no' \
        >"$draft/root/etc/ssh/sshd_config.d/world.conf"
    : >"$base.used"
    mv "$draft/root" "$base"
    rm -rf "$draft" "$draft.list"
    exec 8>&-
}

# Removes older bases that no world uses.
drop_old_bases() {
    for old in "${base%/*}"/[0-9]*.used; do
        [ ! -e "$old" ] || flock --exclusive --nonblock "$old" rm -rf --one-file-system "${old%.used}" "$old" || true
    done
    rm -rf --one-file-system "${base%/*}"/draft.*
}

# A layer over the base with the certificates, proxies and package sources of this host. Rebuilt for each world.
carry() {
    layer=$state/carry
    rm -rf "$layer"
    mkdir -p "$layer/etc/ssl" "$layer/etc/apt/apt.conf.d" "$layer/root" "$layer/home/debian"
    chown --reference="$base/home/debian" "$layer/home/debian"
    allow "$layer/root" "$state/key.pub"
    allow "$layer/home/debian" "$state/key.pub"
    cp "$state/etc/resolv.conf" "$layer/etc/resolv.conf"
    cp -rL /etc/ssl/certs "$layer/etc/ssl/certs"
    bundle=$layer/etc/ssl/certs/ca-certificates.crt
    [ ! -r "${SSL_CERT_FILE:-}" ] || cp "$SSL_CERT_FILE" "$bundle"
    for name in SSL_CERT_FILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE PIP_CERT NODE_EXTRA_CA_CERTS; do
        printf '%s=/etc/ssl/certs/ca-certificates.crt\n' "$name"
    done >"$layer/etc/environment"
    env | grep -iE '^(https?|no)_proxy=' | grep -vE '://(localhost|127\.|\[::1\])' >>"$layer/etc/environment" || true
    package_sources >"$layer/etc/apt/sources.list"
    [ -s "$layer/etc/apt/sources.list" ] || rm "$layer/etc/apt/sources.list"
    apt-config dump 2>/dev/null | grep -E '^Acquire::(https?::Proxy|Check-Valid-Until|Check-Date|Retries) ' \
        >"$layer/etc/apt/apt.conf.d/80computer" || true
    {
        printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n'
        python3 -m pip config list 2>/dev/null |
            sed -nE "s/^(global|user|:env:)\.((extra-)?index-url|trusted-host|default-timeout|timeout)='(.*)'$/\2 = \4/p"
    } >"$layer/etc/pip.conf"
}
