#!/bin/sh
# Called by busybox's DHCP client: when it starts, and when a lease is granted, renewed or lost. See `man udhcpc`.
set -u
case $1 in
    deconfig)
        busybox ip link set "$interface" up
        busybox ip -4 address flush dev "$interface"
        exit
        ;;
    bound)
        busybox ip -4 address add "$ip/$mask" brd + dev "$interface"
        [ -z "${router:-}" ] || busybox ip route replace default via "${router%% *}" dev "$interface"
        ;;
    renew) ;;
    *) exit ;;
esac
{
    [ -z "${domain:-}" ] || echo "search $domain"
    for server in ${dns:-}; do echo "nameserver $server"; done
} >/etc/resolv.conf.new && mv /etc/resolv.conf.new /etc/resolv.conf
