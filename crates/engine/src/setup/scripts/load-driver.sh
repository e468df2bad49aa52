# As root: loads the GPU kernel module "$1", and prints the result as one line:
#   ready            loaded
#   restart REASON   will load after a restart of the machine
#   refused REASON   can't be loaded
module=$1
PATH=$PATH:/usr/sbin:/sbin
running=$(uname -r)
loaded() { [ -d "/sys/module/$1" ]; }
# True if the loaded version differs from the one on the disk.
outdated() {
    disk=$(modinfo -F version "$module" 2>/dev/null)
    loaded_version=$(cat "/sys/module/$module/version" 2>/dev/null)
    [ -n "$disk" ] && [ "$disk" != "$loaded_version" ]
}

if loaded "$module"; then
    if outdated; then echo "restart \`$module\` $disk is installed, but $loaded_version is loaded"; else echo "ready"; fi
elif [ "$module" = nvidia ] && loaded nouveau; then
    echo "restart \`nouveau\` holds the GPUs"
elif said=$(modprobe "$module" 2>&1); then
    # Creates the device that CUDA needs.
    [ "$module" != nvidia ] || modprobe nvidia-uvm 2>/dev/null
    echo "ready"
elif ! modinfo -k "$running" "$module" >/dev/null 2>&1; then
    for kernel in /lib/modules/*; do
        if modinfo -k "${kernel##*/}" "$module" >/dev/null 2>&1; then
            echo "restart \`$module\` was built for the kernel ${kernel##*/}, but $running is running"
            exit 0
        fi
    done
    echo "refused there is no \`$module\` for the kernel $running"
else
    echo "refused $(printf '%s' "$said" | tr '\n' ' ')"
fi
exit 0
