//! `docs/reference/gpu.md`: the matrix of drivers and toolkits, generated from `core::setup::gpu`.

use hostler_core::setup::gpu::architecture::{ARCHITECTURES, GpuArchitecture, KernelModuleKind, VersionRange};
use hostler_core::setup::gpu::matrix::{AMD, CUDA, MATRIX, MatrixRow, NVIDIA, PackageGroup, ROCM, RepositoryLocation};
use hostler_core::setup::gpu::{GpuRepository, Vendor, combinations};

/// Text above the tables.
const ABOVE: &str = "# GPU drivers and toolkits

The phase `gpu` installs drivers, CUDA, cuDNN or ROCm. The keys of a demand file: [`setup_phases.gpu`](demand.md#gpu). The tables
below are generated from the data that the phase uses.

## Behaviour

* **Detection.** The phase reads the PCI bus: all display controllers of NVIDIA, AMD's display controllers that are not VGA
  controllers, and AMD's devices of PCI class 12h (MI300 and later). With `auto`, a machine without a GPU is left unchanged and
  the phase reports so. With `nvidia` or `amd`, drivers are installed whatever the bus shows. The PCI device id gives the GPU's
  architecture, which limits driver and toolkit versions (see below). An unknown id sets no limit.
* **No change.** A machine is left unchanged if its driver runs every GPU on the bus, and its login shells find a toolkit in the
  requested version that supports these GPUs, regardless of who installed them. Versions that are not requested may be any. If only
  the login shells' paths are missing, the phase adds them.
* **Choice.** A version that is not requested is the newest that is compatible with the requested ones and the GPUs, with the
  newest driver; the toolkit is then no newer than the one the driver was released with. A working driver is kept, unless another
  is requested or the toolkit can't run on it. The distribution's packages are preferred over the vendor's; `from: vendor`
  reverses this. Proprietary kernel modules are preferred over NVIDIA's open ones, which are used where the GPU requires them
  (Blackwell). cuDNN is installed only if requested: requesting it accepts NVIDIA's licence.
* **Rejection.** Incompatible versions are rejected when the demand is parsed; versions that the chosen image's system lacks or
  the chosen GPUs don't support, when it is planned; and versions that the actual system or GPUs don't support, before anything
  is installed. Each error lists available versions.
* **Installation.** The phase adds the distribution's component or the vendor's repository (after checking the key fingerprint
  listed below; its packages get priority), then installs the headers of the running kernel, then the packages. The toolkit's
  directories are added to `PATH` and `LD_LIBRARY_PATH` in `/etc/profile.d/hostler-gpu.sh`. The kernel module is loaded. If that
  needs a restart (`nouveau` holds the GPUs, another version is loaded, or only a newer kernel has headers), the machine restarts
  once. On machines with NVSwitches (HGX and DGX with V100, A100 or H100, and cloud instances of these), NVIDIA's fabric manager
  of the driver's version is installed, enabled and started: without it, CUDA fails with error 802. Debian has no package of
  it, so it comes from NVIDIA.
* **Verification.** `nvidia-smi` must show every GPU of the bus at its address, with a driver of the requested branch; `nvcc` and
  cuDNN's header must have the right versions; `nvidia-fabricmanager` must be active on machines with NVSwitches. For AMD,
  `rocminfo` must show every GPU at its address, and `hipcc` must have the right version. Seven of eight GPUs are not enough: the
  error names the address of the eighth. A GPU partitioned with MIG counts as one; hostler does not create partitions.

## Limits

* A container shares the host's kernel: a driver is rejected there, and a toolkit is installed only next to a working driver.
* Secure Boot loads signed modules only.
* On HGX B200 and B300 the NVSwitches are not on the PCI bus: the image must contain the fabric manager and `nvlsm`.
* Red Hat and SUSE systems, and architectures other than `x86_64` (Grace), are not in the matrix yet. Use an image with drivers,
  or install them in a `custom` step, and set `gpu: false`.
* Tested: Debian's packages, as apt transactions in a test. Ubuntu's package names and transactions were checked in its archive
  on 2026-11-27. Versions in NVIDIA's and AMD's repositories come from their documentation only.
";

/// `docs/reference/gpu.md`.
pub fn gpu() -> String {
    let mut out = ABOVE.to_owned();
    out.push_str(&format!(
        "\n## Packages\n\n{} combinations, counting proprietary and open kernel modules separately. Newest first.\n\n{}",
        combinations().count(),
        "| GPUs | system | source | driver | open modules | fabric manager | toolkit | cuDNN |\n|---|---|---|---|---|---|---|---|\n"
    ));
    MATRIX.iter().for_each(|supply| out.push_str(&row(supply)));
    out.push_str("\nRequired distribution components and vendor repositories:\n\n");
    out.push_str("| system | source | components or repository |\n|---|---|---|\n");
    MATRIX.iter().for_each(|supply| out.push_str(&place(supply)));
    out.push_str("\n| vendor | repositories | key fingerprint |\n|---|---|---|\n");
    for (vendor, (base, fingerprint)) in [("NVIDIA", NVIDIA), ("AMD", AMD)] {
        out.push_str(&format!("| {vendor} | `{base}` | `{fingerprint}` |\n"));
    }
    out.push_str(
        "\n## Architectures\n\nThe PCI device id identifies the architecture. An empty cell sets no limit.\n\n",
    );
    out.push_str(
        "| architecture | PCI device ids | toolkit | driver | kernel modules | cuDNN |\n|---|---|---|---|---|---|\n",
    );
    ARCHITECTURES.iter().for_each(|one| out.push_str(&architecture(one)));
    out.push_str(
        "\n## CUDA and drivers\n\nCUDA does not run on a driver older than the minimum. On a driver older than the one it was released ",
    );
    out.push_str("with, it lacks newer features and can't compile PTX; that pair is installed only on request.\n\n");
    out.push_str("| CUDA | minimum driver | released with driver |\n|---|---|---|\n");
    for cuda in CUDA {
        out.push_str(&format!("| {} | {} | {} |\n", cuda.version, cuda.runs_from, cuda.made_with));
    }
    out.push_str("\n## ROCm and drivers\n\nAMD's repositories contain one driver per ROCm release.\n\n");
    out.push_str("| ROCm | driver |\n|---|---|\n");
    ROCM.iter().for_each(|(rocm, driver)| out.push_str(&format!("| {rocm} | {driver} |\n")));
    out
}

fn row(supply: &MatrixRow) -> String {
    let versions = |parts: &[PackageGroup]| parts.iter().map(|part| part.version).collect::<Vec<_>>().join(", ");
    let cudnn =
        |part: &hostler_core::setup::gpu::matrix::CudnnPackages| format!("{} (CUDA {})", part.version, part.cuda);
    let cudnns: Vec<String> = supply.cudnns.iter().map(cudnn).collect();
    let (vendor, toolkit) = (supply.vendor.name(), supply.vendor.toolkit());
    let (drivers, toolkits) = (versions(supply.drivers), versions(supply.toolkits));
    let (open, fabrics) = (versions(supply.open), versions(supply.fabrics));
    format!(
        "| {vendor} | {} | {} | {drivers} | {open} | {fabrics} | {toolkit} {toolkits} | {} |\n",
        system(supply),
        from(supply),
        cudnns.join(", ")
    )
}

fn architecture(one: &GpuArchitecture) -> String {
    let ids: Vec<String> = one.devices.iter().map(|(first, last)| format!("`{first:04x}`-`{last:04x}`")).collect();
    let range_text = |span: VersionRange| {
        if span.from.is_none() && span.to.is_none() { String::new() } else { span.to_string() }
    };
    let modules = match (one.vendor, one.modules) {
        (Vendor::Amd, _) => "",
        (Vendor::Nvidia, [KernelModuleKind::Standard]) => "proprietary",
        (Vendor::Nvidia, [KernelModuleKind::Open]) => "open",
        (Vendor::Nvidia, _) => "either",
    };
    let toolkit = Some(range_text(one.toolkit)).filter(|span| !span.is_empty());
    let toolkit = toolkit.map(|span| format!("{} {span}", one.vendor.toolkit())).unwrap_or_default();
    format!(
        "| {} {} | {} | {toolkit} | {} | {modules} | {} |\n",
        one.vendor.name(),
        one.name,
        ids.join(", "),
        range_text(one.driver),
        range_text(one.cudnn)
    )
}

fn place(supply: &MatrixRow) -> String {
    let place = match supply.location {
        RepositoryLocation::Distribution(components) => components.join(", "),
        RepositoryLocation::Nvidia(directory) => format!("`{directory}`"),
        RepositoryLocation::Amd(suite) => format!("`rocm/apt/RELEASE {suite}`, `amdgpu/DRIVER/ubuntu {suite}`"),
    };
    format!("| {} | {} | {place} |\n", system(supply), from(supply))
}

fn system(supply: &MatrixRow) -> String {
    format!("`{} {}`, `{}`", supply.id, supply.version, supply.arch)
}

fn from(supply: &MatrixRow) -> &'static str {
    match (supply.from, supply.vendor) {
        (GpuRepository::Distribution, _) => "distribution",
        (GpuRepository::Vendor, Vendor::Nvidia) => "NVIDIA",
        (GpuRepository::Vendor, Vendor::Amd) => "AMD",
    }
}
