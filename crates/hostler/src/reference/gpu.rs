//! `docs/reference/gpu.md`: the matrix of drivers and toolkits, made from the data by which machines are set up.

use hostler_core::setup::gpu::matrix::{AMD, CUDA, NVIDIA, Part, Place, ROCM, SUPPLIES, Supply};
use hostler_core::setup::gpu::{GpuFrom, Maker, rows};

/// What stands above the tables.
const ABOVE: &str = "# Drivers and toolkits of accelerators

The tables are made from the data that the program decides by, and a test holds the page to it. What is written in a demand:
[`setup_phases.gpu`](demand.md#gpu).

* **What is looked at.** The PCI bus: every display controller of NVIDIA's, and AMD's that are no VGA controller. With `auto` a
  machine without one is left alone, and the phase says so. With `nvidia` or `amd` it is installed whatever the bus shows.
* **What is left alone.** A machine whose driver drives every accelerator on the bus, and whose login shells find the toolkit, in
  the versions that are wished, whoever installed them. What isn't wished may have any version. Where only login shells don't
  find a toolkit that is there, they are taught to.
* **What is chosen.** What isn't wished is the newest that goes with the rest, on the newest driver; the toolkit is then no newer
  than what the driver was made for. A working driver stays unless another is wished or the toolkit can't run on it. The
  distribution's packages go before the maker's; `from: maker` turns that around. cuDNN is installed only where it is wished: its
  packages ask whether NVIDIA's licence is accepted, and wishing for it says yes.
* **What is refused.** Versions that can't go together, when the demand is read; what the chosen image's system hasn't got, when
  it is planned; what the machine's system hasn't got, before anything is installed. Each says what can be had instead.
* **What is done.** The components or the repository are added (a repository only once its key has the fingerprint below; its
  packages then go before others'), the headers of the running kernel are installed, then the packages. The toolkit's directories
  go to `/etc/profile.d/hostler-gpu.sh`, in `PATH` and `LD_LIBRARY_PATH`. The module is loaded; where that needs a restart
  (`nouveau` has the accelerators, another version is loaded, or only a newer kernel has headers), the machine restarts, once.
* **What proves it.** `nvidia-smi` shows as many accelerators as the bus, in the branch that is wished; `nvcc` and cuDNN's header
  have their versions. Of AMD's, `rocminfo` shows each, and `hipcc` has the version.
* **What can't be helped.** A container has no kernel of its own: there, the driver is refused, and a toolkit is installed beside
  one that works already. Secure Boot loads signed modules only. Packages here are those that also drive what is older than
  Turing; Blackwell needs NVIDIA's open modules, from an image or a `custom` step. Red Hat's and SUSE's systems, and other
  processors than `x86_64`, are not in the matrix yet: use an image that has the drivers.
";

/// The whole page, in Markdown.
pub fn gpu() -> String {
    let mut out = ABOVE.to_owned();
    out.push_str(&format!(
        "\n## Who has what\n\n{} combinations. The newest stands first.\n\n{}",
        rows().count(),
        "| accelerators | system | from | driver | toolkit | cuDNN |\n|---|---|---|---|---|---|\n"
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
    format!(
        "| {maker} | {} | {} | {drivers} | {toolkit} {toolkits} | {} |\n",
        system(supply),
        from(supply),
        cudnns.join(", ")
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
