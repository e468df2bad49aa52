//! `docs/reference/gpu.md`: the matrix of drivers and toolkits, made from the data by which machines are set up.

use hostler_core::setup::gpu::architecture::{ARCHITECTURES, Architecture, Modules, Span};
use hostler_core::setup::gpu::matrix::{AMD, CUDA, NVIDIA, Part, Place, ROCM, SUPPLIES, Supply};
use hostler_core::setup::gpu::{GpuFrom, Maker, rows};

/// What stands above the tables.
const ABOVE: &str = "# Drivers and toolkits of accelerators

The tables are made from the data that the program decides by, and a test holds the page to it. What is written in a demand:
[`setup_phases.gpu`](demand.md#gpu).

* **What is looked at.** The PCI bus: every display controller of NVIDIA's, AMD's that are no VGA controller, and AMD's
  processing accelerators (the MI300 and later). With `auto` a machine without one is left alone, and the phase says so. With
  `nvidia` or `amd` it is installed whatever the bus shows. The device ids say of which architecture an accelerator is, and that
  bounds driver and toolkit, below; one that isn't known is bound to nothing.
* **What is left alone.** A machine whose driver drives every accelerator on the bus, and whose login shells find a toolkit that
  is for these accelerators, in the versions that are wished, whoever installed them. What isn't wished may have any version.
  Where only login shells don't find a toolkit that is there, they are taught to.
* **What is chosen.** What isn't wished is the newest that goes with the rest and with the accelerators, on the newest driver; the
  toolkit is then no newer than what the driver was made for. A working driver stays unless another is wished or the toolkit
  can't run on it. The distribution's packages go before the maker's; `from: maker` turns that around. The usual kernel modules
  go before NVIDIA's open ones, which are taken for what takes no others (Blackwell). cuDNN is installed only where it is wished:
  its packages ask whether NVIDIA's licence is accepted, and wishing for it says yes.
* **What is refused.** Versions that can't go together, when the demand is read; what the chosen image's system hasn't got, or the
  chosen accelerators can't use, when it is planned; what the machine's system hasn't got, or its accelerators can't use, before
  anything is installed. Each says what can be had instead.
* **What is done.** The components or the repository are added (a repository only once its key has the fingerprint below; its
  packages then go before others'), the headers of the running kernel are installed, then the packages. The toolkit's directories
  go to `/etc/profile.d/hostler-gpu.sh`, in `PATH` and `LD_LIBRARY_PATH`. The module is loaded; where that needs a restart
  (`nouveau` has the accelerators, another version is loaded, or only a newer kernel has headers), the machine restarts, once.
  Where the bus shows NVSwitches (HGX and DGX with V100, A100 or H100, and what clouds rent of these), NVIDIA's fabric manager of
  the driver's version is installed with it, enabled and started: without it CUDA fails with error 802. Debian has none of its
  own, so there it comes from NVIDIA.
* **What proves it.** `nvidia-smi` shows every accelerator of the bus at its address, in the branch that is wished; `nvcc` and
  cuDNN's header have their versions; `nvidia-fabricmanager` is active where there are NVSwitches. Of AMD's, `rocminfo` shows each
  at its address, and `hipcc` has the version. Of eight accelerators seven are not enough, and the address of the eighth is told.
  One that is shared out in parts (MIG) counts as one: making its parts is left to whoever uses it.
* **What can't be helped.** A container has no kernel of its own: there, the driver is refused, and a toolkit is installed beside
  one that works already. Secure Boot loads signed modules only. HGX B200 and B300 have their NVSwitches not on the PCI bus: their
  fabric manager, and `nvlsm` with it, have to be in the image. Red Hat's and SUSE's systems, and other processors than `x86_64`
  (Grace), are not in the matrix yet: use an image that has the drivers, or install them in a `custom` step and turn this phase
  off by `gpu: false`.
* **What was looked at.** Debian's packages are tried as transactions of apt by a test; Ubuntu's names and transactions were
  looked at in its archive on 2026-11-27; those of NVIDIA's and AMD's repositories are by their guides only.
";

/// The whole page, in Markdown.
pub fn gpu() -> String {
    let mut out = ABOVE.to_owned();
    out.push_str(&format!(
        "\n## Who has what\n\n{} combinations, each kind of kernel modules counted by itself. The newest stands first.\n\n{}",
        rows().count(),
        "| accelerators | system | from | driver | open modules | fabric manager | toolkit | cuDNN |\n|---|---|---|---|---|---|---|---|\n"
    ));
    SUPPLIES.iter().for_each(|supply| out.push_str(&row(supply)));
    out.push_str("\nOf the distribution these components are needed, of the makers these repositories:\n\n");
    out.push_str("| system | from | where |\n|---|---|---|\n");
    SUPPLIES.iter().for_each(|supply| out.push_str(&place(supply)));
    out.push_str("\n| maker | repositories | key |\n|---|---|---|\n");
    for (maker, (base, fingerprint)) in [("NVIDIA", NVIDIA), ("AMD", AMD)] {
        out.push_str(&format!("| {maker} | `{base}` | `{fingerprint}` |\n"));
    }
    out.push_str(
        "\n## What accelerators can be used with\n\nThe PCI device id says which an accelerator is. Empty is unbounded.\n\n",
    );
    out.push_str(
        "| accelerators | PCI device ids | toolkit | driver | kernel modules | cuDNN |\n|---|---|---|---|---|---|\n",
    );
    ARCHITECTURES.iter().for_each(|one| out.push_str(&architecture(one)));
    out.push_str(
        "\n## CUDA and drivers\n\nBelow the first driver it doesn't run. Below the second it runs without what came ",
    );
    out.push_str(
        "later, and compiles no PTX: so it is installed only where both are wished, or the driver is there.\n\n",
    );
    out.push_str("| CUDA | runs from driver | made with driver |\n|---|---|---|\n");
    for cuda in CUDA {
        out.push_str(&format!("| {} | {} | {} |\n", cuda.version, cuda.runs_from, cuda.made_with));
    }
    out.push_str("\n## ROCm and drivers\n\nIn AMD's repositories each ROCm has a driver of its own.\n\n");
    out.push_str("| ROCm | driver |\n|---|---|\n");
    ROCM.iter().for_each(|(rocm, driver)| out.push_str(&format!("| {rocm} | {driver} |\n")));
    out
}

fn row(supply: &Supply) -> String {
    let versions = |parts: &[Part]| parts.iter().map(|part| part.version).collect::<Vec<_>>().join(", ");
    let cudnn = |part: &hostler_core::setup::gpu::matrix::Cudnn| format!("{} (CUDA {})", part.version, part.cuda);
    let cudnns: Vec<String> = supply.cudnns.iter().map(cudnn).collect();
    let (maker, toolkit) = (supply.maker.name(), supply.maker.toolkit());
    let (drivers, toolkits) = (versions(supply.drivers), versions(supply.toolkits));
    let (open, fabrics) = (versions(supply.open), versions(supply.fabrics));
    format!(
        "| {maker} | {} | {} | {drivers} | {open} | {fabrics} | {toolkit} {toolkits} | {} |\n",
        system(supply),
        from(supply),
        cudnns.join(", ")
    )
}

fn architecture(one: &Architecture) -> String {
    let ids: Vec<String> = one.devices.iter().map(|(first, last)| format!("`{first:04x}`-`{last:04x}`")).collect();
    let said = |span: Span| {
        if span.from.is_none() && span.to.is_none() { String::new() } else { span.to_string() }
    };
    let modules = match (one.maker, one.modules) {
        (Maker::Amd, _) => "",
        (Maker::Nvidia, [Modules::Usual]) => "the proprietary",
        (Maker::Nvidia, [Modules::Open]) => "the open",
        (Maker::Nvidia, _) => "either",
    };
    let toolkit = Some(said(one.toolkit)).filter(|span| !span.is_empty());
    let toolkit = toolkit.map(|span| format!("{} {span}", one.maker.toolkit())).unwrap_or_default();
    format!(
        "| {} {} | {} | {toolkit} | {} | {modules} | {} |\n",
        one.maker.name(),
        one.name,
        ids.join(", "),
        said(one.driver),
        said(one.cudnn)
    )
}

fn place(supply: &Supply) -> String {
    let place = match supply.source {
        Place::Components(components) => components.join(", "),
        Place::Nvidia(directory) => format!("`{directory}`"),
        Place::Amd(suite) => format!("`rocm/apt/RELEASE {suite}`, `amdgpu/DRIVER/ubuntu {suite}`"),
    };
    format!("| {} | {} | {place} |\n", system(supply), from(supply))
}

fn system(supply: &Supply) -> String {
    format!("`{} {}`, `{}`", supply.id, supply.version, supply.arch)
}

fn from(supply: &Supply) -> &'static str {
    match (supply.from, supply.maker) {
        (GpuFrom::Distribution, _) => "the distribution",
        (GpuFrom::Maker, Maker::Nvidia) => "NVIDIA",
        (GpuFrom::Maker, Maker::Amd) => "AMD",
    }
}
