//! The driver's kernel module: its build dependencies, and loading it.

use hostler_core::setup::gpu::{GpuComponent, Vendor};

use super::inspect::{GpuInventory, KernelModules};
use crate::host::Command;
use crate::setup::error::SetupError;
use crate::setup::job::PhaseRun;
use crate::setup::{packages, restart};

/// Packages for building the module: the headers of the running kernel, or a newer kernel with its headers.
pub(super) async fn kernel_packages(
    job: &PhaseRun<'_>,
    inventory: &GpuInventory,
    vendor: Vendor,
) -> Result<Vec<String>, SetupError> {
    let kernel = &inventory.kernel;
    if inventory.modules == KernelModules::Missing {
        let message = format!("no driver can be installed: the modules of the kernel {kernel} are not on this machine");
        let hint = "the machine is a container, or boots a kernel that is not on its disk: install the driver on the \
                    host, or remove `gpu`";
        return Err(job.unsatisfiable(message, hint));
    }
    let exact = format!("linux-headers-{kernel}");
    // Ubuntu packages AMD's module separately from the kernel.
    let extra = (vendor == Vendor::Amd && inventory.id == "ubuntu").then(|| format!("linux-modules-extra-{kernel}"));
    if packages::first_available(job, &[&exact]).await?.is_some() {
        return Ok(std::iter::once(exact).chain(extra).collect());
    }
    // Repositories drop the headers of old kernels: install the newest kernel of the same flavour with its headers, and boot it.
    let flavour = flavour(kernel);
    let newest = [format!("linux-image-{flavour}"), format!("linux-headers-{flavour}")];
    if !flavour.is_empty() && packages::first_available(job, &[&newest[1]]).await?.is_some() {
        return Ok(newest.to_vec());
    }
    let message = format!("no headers are available for the kernel {kernel}, which are needed to build the driver");
    Err(job
        .unsatisfiable(message, "install the distribution's own kernel, or the headers of this one in a `custom` step"))
}

/// The part of a kernel's name that is the same in all releases: `cloud-amd64` of `6.1.0-37-cloud-amd64`.
fn flavour(kernel: &str) -> String {
    let is_number = |part: &&str| part.starts_with(|c: char| c.is_ascii_digit());
    kernel.split('-').skip_while(is_number).collect::<Vec<_>>().join("-")
}

/// Loads the module. If it needs a restart, returns the error of [`restart::restart`]; never restarts twice for the same
/// reason.
pub(super) async fn load(job: &PhaseRun<'_>, vendor: Vendor, driver: &GpuComponent) -> Result<(), SetupError> {
    let module = match vendor {
        Vendor::Nvidia => "nvidia",
        Vendor::Amd => "amdgpu",
    };
    let load = Command::new(include_str!("../scripts/load-driver.sh")).args([module]).as_root();
    let answer = job.query(&load).await?.concat();
    let (state, why) = answer.split_once(' ').unwrap_or((&answer, ""));
    match state {
        "ready" => Ok(()),
        // The reason includes full versions: another build of the same driver is another reason.
        "restart" if !restart::has_restarted_for(job, &format!("{module} {}: {why}", driver.version())).await? => {
            job.progress(why);
            Err(restart::restart(job).await)
        }
        "restart" => {
            let message = format!("the driver does not work after a restart either: {why}");
            Err(job.unsatisfiable(message, "check `dmesg` and `dkms status` on the machine"))
        }
        _ => {
            let message = format!("the driver can't be loaded: {why}");
            let hint = "Secure Boot loads only signed modules: turn it off, or enrol the machine's key; \
                        otherwise check `dmesg` and `dkms status` on the machine";
            Err(job.unsatisfiable(message, hint))
        }
    }
}

/// Starts the fabric manager. The driver must be loaded.
pub(super) async fn start_fabric(job: &PhaseRun<'_>) -> Result<(), SetupError> {
    job.run_checked(&Command::new(include_str!("../scripts/start-fabric.sh")).as_root()).await
}

#[cfg(test)]
mod tests {
    use super::flavour;

    #[test]
    fn flavour_omits_version_numbers() {
        let flavours = ["6.1.0-37-cloud-amd64", "6.12.41+deb13-amd64", "5.15.0-130-generic", "6.8.0"].map(flavour);
        assert_eq!(flavours, ["cloud-amd64", "amd64", "generic", ""]);
    }
}
