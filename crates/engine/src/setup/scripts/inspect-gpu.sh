# Prints the GPUs, drivers and toolkits of this machine, as found by a login shell, one fact per line. Missing parts are left out.
# "$1" is the root of sysfs.
PATH=$PATH:/usr/sbin:/sbin
[ -r /etc/os-release ] && (. /etc/os-release && echo "os ${ID:-} ${VERSION_ID:-}")
echo "arch $(uname -m)"
echo "kernel $(uname -r)"
[ -d "/lib/modules/$(uname -r)" ] && echo "modules"
pci_devices "$1"

# nvidia-smi prints errors on standard output, next to the working GPUs: keep only well-formed lines.
if command -v nvidia-smi >/dev/null; then
    nvidia-smi --query-gpu=pci.bus_id,driver_version --format=csv,noheader 2>/dev/null |
        sed -n 's/^\([0-9A-Fa-f:.]*\), *\([0-9][0-9.]*\) *$/nvidia \1 \2/p'
fi
# CUDA needs the fabric manager if NVSwitches link the GPUs.
if command -v systemctl >/dev/null; then
    if systemctl --quiet is-active nvidia-fabricmanager 2>/dev/null; then
        echo "fabric running"
    elif systemctl cat nvidia-fabricmanager >/dev/null 2>&1; then
        echo "fabric idle"
    fi
fi
# The devices may be accessible to a group only.
if command -v rocminfo >/dev/null; then
    agents=$(rocminfo 2>/dev/null) || agents=$(sudo -n rocminfo 2>/dev/null) || agents=
    printf '%s\n' "$agents" |
        awk '/^ *Name:/ { name = $2 } /^ *Device Type:/ { gpu = $3 == "GPU" } gpu && /^ *BDFID:/ { print "amd " $2 " " name }'
fi
for module in nvidia amdgpu; do
    version=$(modinfo -F version "$module" 2>/dev/null) && [ -n "$version" ] && echo "module $module $version"
done

of_cuda() { "$1" --version 2>/dev/null | sed -n 's/^.*release .*, V\([0-9][0-9.]*\).*/\1/p'; }
of_rocm() { "$1" --version 2>/dev/null | sed -n 's/^HIP version: *\([0-9][0-9.]*\).*/\1/p'; }
said() { [ -z "$2" ] || echo "$@"; }
command -v nvcc >/dev/null && said cuda "$(of_cuda nvcc)"
command -v hipcc >/dev/null && said rocm "$(of_rocm hipcc)"
# Default directories of the vendors, which need not be in the path of login shells.
for home in /usr/local/cuda-*; do
    [ -x "$home/bin/nvcc" ] && said cuda_at "$(of_cuda "$home/bin/nvcc")" "$home"
done
[ -x /opt/rocm/bin/hipcc ] && said rocm_at "$(of_rocm /opt/rocm/bin/hipcc)" /opt/rocm
for header in "${CUDA_HOME:-/usr/local/cuda}/include" /usr/include/*-linux-gnu /usr/include; do
    header=$header/cudnn_version.h
    [ -r "$header" ] || continue
    awk '$1 == "#define" && $2 ~ /^CUDNN_(MAJOR|MINOR|PATCHLEVEL)$/ { v = v (v == "" ? "" : ".") $3 } END { print "cudnn " v }' "$header"
    break
done
echo "user $(id -un) $(id -nG "$(id -un)")"
exit 0
