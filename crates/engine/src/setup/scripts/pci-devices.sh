# Says what is on the PCI bus, by the kernel's files under "$1": address, class, vendor and device of each, a line each.
pci_devices() {
    for device in "$1"/bus/pci/devices/*; do
        [ -r "$device/class" ] && echo "device ${device##*/} $(cat "$device/class" "$device/vendor" "$device/device" | tr '\n' ' ')"
    done
}
