# As root: loads the kernel module "$1" of an accelerator, and says what came of it, as one line:
#   ready            it is loaded, and drives
#   restart WHY      it can be once the machine has restarted
#   refused WHY      it can't be
module=$1
PATH=$PATH:/usr/sbin:/sbin
running=$(uname -r)
loaded() { [ -d "/sys/module/$1" ]; }
# Another version than the one on the disk is loaded, and is in use.
outdated() {
    disk=$(modinfo -F version "$module" 2>/dev/null)
    at_work=$(cat "/sys/module/$module/version" 2>/dev/null)
    [ -n "$disk" ] && [ "$disk" != "$at_work" ]
}

if loaded "$module"; then
    if outdated; then echo "restart \`$module\` $disk is installed, and $at_work is loaded"; else echo "ready"; fi
elif [ "$module" = nvidia ] && loaded nouveau; then
    echo "restart \`nouveau\` has the accelerators"
elif said=$(modprobe "$module" 2>&1); then
    # CUDA's own device is made by it.
    [ "$module" != nvidia ] || modprobe nvidia-uvm 2>/dev/null
    echo "ready"
elif ! modinfo -k "$running" "$module" >/dev/null 2>&1; then
    for kernel in /lib/modules/*; do
        if modinfo -k "${kernel##*/}" "$module" >/dev/null 2>&1; then
            echo "restart \`$module\` was built for the kernel ${kernel##*/}, and $running runs"
            exit 0
        fi
    done
    echo "refused there is no \`$module\` for the kernel $running"
else
    echo "refused $(printf '%s' "$said" | tr '\n' ' ')"
fi
exit 0
