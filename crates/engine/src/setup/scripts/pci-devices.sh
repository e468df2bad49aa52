# Prints the devices on the PCI bus, from the sysfs root "$1": address, class, vendor and device id, one device per line.
pci_devices() {
    for device in "$1"/bus/pci/devices/*; do
        [ -r "$device/class" ] && echo "device ${device##*/} $(cat "$device/class" "$device/vendor" "$device/device" | tr '\n' ' ')"
    done
}
