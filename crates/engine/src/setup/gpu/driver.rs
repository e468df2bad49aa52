//! The driver's kernel module: what it is built with, and how it comes to work.

use hostler_core::setup::gpu::{Chosen, Maker};

use super::look::{GpuInventory, KernelModules};
use crate::host::Command;
use crate::setup::error::SetupError;
use crate::setup::job::PhaseRun;
use crate::setup::{packages, restart};

/// What the module is built with: the headers of the running kernel, or a newer kernel with its own.
pub(super) async fn kernel_packages(
    job: &PhaseRun<'_>,
    inventory: &GpuInventory,
    maker: Maker,
) -> Result<Vec<String>, SetupError> {
    let kernel = &inventory.kernel;
    if inventory.modules == KernelModules::Missing {
        let message = format!("a driver can't be had here: the modules of the kernel {kernel} are not on this machine");
        let hint = "this is a container, or boots a kernel from elsewhere: install the driver on the computer that \
                    it runs on, or leave out `gpu`";
        return Err(job.unsatisfiable(message, hint));
    }
    let exact = format!("linux-headers-{kernel}");
    // Ubuntu keeps AMD's module apart from the kernel.
    let extra = (maker == Maker::Amd && inventory.id == "ubuntu").then(|| format!("linux-modules-extra-{kernel}"));
    if packages::first_known(job, &[&exact]).await?.is_some() {
        return Ok(std::iter::once(exact).chain(extra).collect());
    }
    // Old kernels leave the repository. The newest one of the same flavour is installed with its headers, and booted.
    let flavour = flavour(kernel);
    let newest = [format!("linux-image-{flavour}"), format!("linux-headers-{flavour}")];
    if !flavour.is_empty() && packages::first_known(job, &[&newest[1]]).await?.is_some() {
        return Ok(newest.to_vec());
    }
    let message = format!("there are no headers for the kernel {kernel}, which a driver is built with");
    Err(job
        .unsatisfiable(message, "install the distribution's own kernel, or the headers of this one in a `custom` step"))
}

/// The part of a kernel's name that stays the same from release to release: `cloud-amd64` of `6.1.0-37-cloud-amd64`.
fn flavour(kernel: &str) -> String {
    let is_number = |part: &&str| part.starts_with(|c: char| c.is_ascii_digit());
    kernel.split('-').skip_while(is_number).collect::<Vec<_>>().join("-")
}

/// Loads the module. Where only a restart helps, that is the error with which this attempt ends; where one didn't help
/// before, there is no second.
pub(super) async fn load(job: &PhaseRun<'_>, maker: Maker, driver: &Chosen) -> Result<(), SetupError> {
    let module = match maker {
        Maker::Nvidia => "nvidia",
        Maker::Amd => "amdgpu",
    };
    let load = Command::new(include_str!("../scripts/load-driver.sh")).args([module]).as_root();
    let answer = job.query(&load).await?.concat();
    let (state, why) = answer.split_once(' ').unwrap_or((&answer, ""));
    match state {
        "ready" => Ok(()),
        // The reason says versions in full: another build of the same driver is another reason.
        "restart" if !restart::before(job, &format!("{module} {}: {why}", driver.version())).await? => {
            job.progress(why);
            Err(restart::restart(job).await)
        }
        "restart" => {
            let message = format!("the driver doesn't work after a restart either: {why}");
            Err(job.unsatisfiable(message, "look at `dmesg` and `dkms status` on the machine"))
        }
        _ => {
            let message = format!("the driver can't be loaded: {why}");
            let hint = "with Secure Boot, only signed modules are loaded: turn it off, or enrol the machine's key; \
                        else look at `dmesg` and `dkms status` there";
            Err(job.unsatisfiable(message, hint))
        }
    }
}

/// Lets the fabric manager run, which can start once the driver is loaded.
pub(super) async fn start_fabric(job: &PhaseRun<'_>) -> Result<(), SetupError> {
    job.run_checked(&Command::new(include_str!("../scripts/start-fabric.sh")).as_root()).await
}

#[cfg(test)]
mod tests {
    use super::flavour;

    #[test]
    fn the_flavour_of_a_kernel_is_what_is_no_number() {
        let flavours = ["6.1.0-37-cloud-amd64", "6.12.41+deb13-amd64", "5.15.0-130-generic", "6.8.0"].map(flavour);
        assert_eq!(flavours, ["cloud-amd64", "amd64", "generic", ""]);
    }
}
