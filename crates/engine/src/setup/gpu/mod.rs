//! The phase `gpu`: GPU drivers and toolkits, chosen by the matrix in `core::setup::gpu`.

mod driver;
mod inspect;

use hostler_core::setup::gpu::{
    AptRepository, FabricManager, GpuComponent, GpuConflict, GpuRequest, GpuStack, MissingPart, PackageSource,
    PathSetup, Recipe, System, ToolkitHome, Vendor, missing_parts, resolve,
};

use super::error::SetupError;
use super::job::PhaseRun;
use super::repository::{self, RepositoryPriority};
use super::{ensure, packages};
use crate::host::Command;
use crate::run::Performed;
use inspect::GpuInventory;

/// Root of sysfs, where the kernel lists its devices.
const SYSFS: &str = "/sys";

/// Installs the missing parts of the requested stack. Leaves a machine unchanged that has all of them, even if hostler did not install them.
pub(super) async fn install(job: &PhaseRun<'_>, request: &GpuRequest) -> Result<Performed, SetupError> {
    install_with_sysfs(job, request, SYSFS).await
}

/// Like [`install`], with another sysfs root, for tests.
pub(super) async fn install_with_sysfs(
    job: &PhaseRun<'_>,
    request: &GpuRequest,
    devices: &str,
) -> Result<Performed, SetupError> {
    let inventory = inspect::inspect(job, devices).await?;
    let Some((vendor, stack)) = requested_stack(job, request, &inventory) else { return Ok(Performed::NotNeeded) };
    let lacking = missing_parts(vendor, stack, &inventory.of(vendor));
    if lacking.is_empty() {
        return Ok(Performed::Already);
    }
    let some = inventory.of(vendor).undriven(vendor).len() < inventory.of(vendor).count(vendor);
    let driven = if some && lacking.contains(&MissingPart::Driver) {
        format!("; {}", driven(&inventory, vendor))
    } else {
        String::new()
    };
    job.progress(&format!(
        "{} for {}: {}{driven}",
        vendor.name(),
        count(&inventory, vendor),
        describe(vendor, &lacking)
    ));
    supply(job, vendor, stack, &inventory, &lacking).await?;
    let inventory = inspect::inspect(job, devices).await?;
    let lacking = missing_parts(vendor, stack, &inventory.of(vendor));
    if lacking.is_empty() { Ok(Performed::Now) } else { Err(check_failed(job, vendor, &inventory, &lacking)) }
}

/// Installs, loads and starts the missing parts.
async fn supply(
    job: &PhaseRun<'_>,
    vendor: Vendor,
    stack: &GpuStack,
    inventory: &GpuInventory,
    lacking: &[MissingPart],
) -> Result<(), SetupError> {
    let is_installed = |lack: &MissingPart| match lack {
        MissingPart::Path => true,
        MissingPart::FabricManager => inventory.of(vendor).fabric != FabricManager::NotInstalled,
        MissingPart::Driver | MissingPart::Toolkit | MissingPart::Cudnn | MissingPart::DeviceAccess => false,
    };
    let recipe = match lacking.iter().all(is_installed) {
        true => None,
        false => Some(find_recipe(job, vendor, stack, inventory)?),
    };
    if let Some(recipe) = &recipe {
        install_recipe(job, recipe, inventory, lacking).await?;
    }
    if lacking.contains(&MissingPart::Path) {
        ensure::retry(job, || add_to_path(job, vendor, stack, inventory)).await?;
    }
    if lacking.contains(&MissingPart::FabricManager) || recipe.is_some_and(|recipe| recipe.fabric.is_some()) {
        driver::start_fabric(job).await?;
    }
    Ok(())
}

/// Installs a recipe, and loads the driver if it is new. A working driver is replaced, too, if the toolkit does not support it
/// or the fabric manager needs another version.
async fn install_recipe(
    job: &PhaseRun<'_>,
    recipe: &Recipe,
    inventory: &GpuInventory,
    lacking: &[MissingPart],
) -> Result<(), SetupError> {
    let is_new = lacking.contains(&MissingPart::Driver) || !recipe.driver.packages().is_empty();
    let kernel = match is_new {
        true => driver::kernel_packages(job, inventory, recipe.vendor).await?,
        false => Vec::new(),
    };
    ensure::retry(job, || install_packages(job, recipe, inventory, &kernel)).await?;
    if is_new {
        driver::load(job, recipe.vendor, &recipe.driver).await?;
    }
    Ok(())
}

/// Adds an installed toolkit to the path of login shells.
async fn add_to_path(
    job: &PhaseRun<'_>,
    vendor: Vendor,
    stack: &GpuStack,
    inventory: &GpuInventory,
) -> Result<(), SetupError> {
    let seen = inventory.of(vendor);
    let Some((_, directory)) = seen.place(vendor, stack) else { return Ok(()) };
    write_profile(job, &ToolkitHome { vendor, directory: directory.clone(), path_setup: PathSetup::Required }).await
}

/// Vendor and stack to install; `None` if there is nothing to do.
fn requested_stack<'w>(
    job: &PhaseRun<'_>,
    request: &'w GpuRequest,
    inventory: &GpuInventory,
) -> Option<(Vendor, &'w GpuStack)> {
    match request {
        GpuRequest::Off => None,
        GpuRequest::Forced(vendor, stack) => Some((*vendor, stack)),
        GpuRequest::Auto(stack) => {
            let vendor = inventory.vendor();
            if vendor.is_none() {
                let why = match inventory.accelerators.as_slice() {
                    [] => "no GPU on the PCI bus",
                    _ => "only GPUs of unsupported vendors on the PCI bus",
                };
                job.progress(&format!("{why}: installing nothing"));
            }
            vendor.map(|vendor| (vendor, stack))
        }
    }
}

/// Recipe for the requested stack on this machine.
fn find_recipe(
    job: &PhaseRun<'_>,
    vendor: Vendor,
    stack: &GpuStack,
    inventory: &GpuInventory,
) -> Result<Recipe, SetupError> {
    let seen = inventory.of(vendor);
    let system = System { id: &inventory.id, version: &inventory.version, arch: &inventory.arch };
    let recipe = resolve(vendor, stack, system, &seen.hardware(vendor), &seen.installed(vendor, stack));
    recipe.map_err(|GpuConflict { message, hint, .. }| job.unsatisfiable(message, &hint))
}

async fn install_packages(
    job: &PhaseRun<'_>,
    recipe: &Recipe,
    inventory: &GpuInventory,
    kernel: &[String],
) -> Result<(), SetupError> {
    let names: Vec<String> = recipe.packages().into_iter().map(str::to_owned).collect();
    if !names.is_empty() {
        job.progress(&summary(recipe));
        add_source(job, &recipe.source, &inventory.id).await?;
        for answer in &recipe.accept {
            let tell = "printf '%s\\n' \"$1\" | debconf-set-selections";
            job.run_checked(&Command::new(tell).args([*answer]).as_root()).await?;
        }
        // DKMS builds the module during its installation, so the headers must be installed first.
        packages::install(job, kernel).await?;
        match recipe.fabric {
            Some(_) => packages::install_together(job, &names).await?,
            None => packages::install(job, &names).await?,
        };
    }
    if let Some(home) = recipe.toolkit_home() {
        write_profile(job, &home).await?;
    }
    if recipe.vendor == Vendor::Amd {
        let open = Command::new(include_str!("../scripts/open-devices.sh")).args([&inventory.user]);
        job.run_checked(&open.as_root()).await?;
    }
    Ok(())
}

async fn add_source(job: &PhaseRun<'_>, source: &PackageSource, id: &str) -> Result<(), SetupError> {
    match source {
        PackageSource::Components(components) => repository::add_components(job, id, components).await,
        PackageSource::Repositories(repositories) => {
            for AptRepository { name, key, fingerprint, source_line: place } in repositories {
                let (name, key, place) = ((*name).to_owned(), key.clone(), place.clone());
                let fingerprint = (*fingerprint).to_owned();
                let added = repository::PackageRepository {
                    name,
                    key,
                    fingerprint,
                    location: place,
                    priority: RepositoryPriority::Preferred,
                };
                repository::add(job, &added).await?;
            }
            Ok(())
        }
    }
}

/// Writes the profile of login shells, with the toolkit before others.
async fn write_profile(job: &PhaseRun<'_>, home: &ToolkitHome) -> Result<(), SetupError> {
    let mut text = format!("# By hostler.\nexport {}={}", home.variable(), home.directory);
    for (name, place) in [("PATH", home.programs()), ("LD_LIBRARY_PATH", home.libraries())] {
        let Some(place) = place else { continue };
        text.push_str(&format!(
            "\ncase \":${{{name}:-}}:\" in *:{place}:*) ;; *) export {name}=\"{place}${{{name}:+:${name}}}\" ;; esac"
        ));
    }
    let command = Command::new(include_str!("../scripts/write-profile.sh")).args(["gpu", &text]);
    job.run_checked(&command.as_root()).await
}

/// Progress text: the parts being installed.
fn summary(recipe: &Recipe) -> String {
    let toolkit = recipe.vendor.toolkit();
    let fabric = ("the fabric manager", recipe.fabric.as_ref());
    let parts =
        [("driver", Some(&recipe.driver)), fabric, (toolkit, Some(&recipe.toolkit)), ("cuDNN", recipe.cudnn.as_ref())];
    let new = |(name, part): (&str, Option<&GpuComponent>)| {
        let part = part.filter(|part| !part.packages().is_empty())?;
        Some(format!("{name} {}", part.version()))
    };
    let new: Vec<String> = parts.into_iter().filter_map(new).collect();
    format!("installing {}", new.join(", "))
}

fn count(inventory: &GpuInventory, vendor: Vendor) -> String {
    match inventory.of(vendor).count(vendor) {
        0 => "no GPU on the PCI bus".to_owned(),
        1 => "1 GPU".to_owned(),
        more => format!("{more} GPUs"),
    }
}

/// Progress text: the missing parts.
fn describe(vendor: Vendor, lacking: &[MissingPart]) -> String {
    let name = |lack: &MissingPart| match lack {
        MissingPart::Driver => "the driver is missing, of another version, or does not drive all GPUs",
        MissingPart::FabricManager => "the fabric manager, which configures the NVSwitches, does not run",
        MissingPart::Toolkit if vendor == Vendor::Amd => {
            "ROCm is missing, of another version, or does not support these GPUs"
        }
        MissingPart::Toolkit => "CUDA is missing, of another version, or does not support these GPUs",
        MissingPart::Path if vendor == Vendor::Amd => "ROCm is not in the path of login shells",
        MissingPart::Path => "CUDA is not in the path of login shells",
        MissingPart::Cudnn => "cuDNN is missing or of another version",
        MissingPart::DeviceAccess => "the user is not in the groups `render` and `video`",
    };
    lacking.iter().map(name).collect::<Vec<_>>().join("; ")
}

/// Error for parts that are still missing after the installation.
fn check_failed(job: &PhaseRun<'_>, vendor: Vendor, inventory: &GpuInventory, lacking: &[MissingPart]) -> SetupError {
    let mut said = vec![describe(vendor, lacking)];
    if lacking.contains(&MissingPart::Driver) {
        said.push(driven(inventory, vendor));
    }
    job.check_failed(said)
}

/// Number of GPUs with a working driver, and the ids of the others.
fn driven(inventory: &GpuInventory, vendor: Vendor) -> String {
    let seen = inventory.of(vendor);
    let undriven = seen.undriven(vendor);
    let which: Vec<String> = undriven.iter().map(ToString::to_string).collect();
    let not = if which.is_empty() { String::new() } else { format!(", not {}", which.join(", ")) };
    format!("the driver works on {} of {}{not}", seen.count(vendor) - undriven.len(), count(inventory, vendor))
}
