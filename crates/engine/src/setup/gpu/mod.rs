//! The phase `gpu`: drivers and toolkits of accelerators, as the matrix in `core::setup::gpu` has them.

mod driver;
mod look;

use hostler_core::setup::gpu::{
    Chosen, Fabric, GpuRequest, GpuStack, Home, Impossible, Lack, Maker, Reach, Recipe, Repository, Source, System,
    lacks, resolve,
};

use super::error::SetupError;
use super::job::PhaseRun;
use super::repository::{self, RepositoryPriority};
use super::{ensure, packages};
use crate::host::Command;
use crate::run::Performed;
use look::GpuInventory;

/// Where the kernel shows its devices.
const DEVICES: &str = "/sys";

/// Installs what the machine lacks. One that has all that is wished is left alone, whoever installed it.
pub(super) async fn install(job: &PhaseRun<'_>, wish: &GpuRequest) -> Result<Performed, SetupError> {
    install_by(job, wish, DEVICES).await
}

/// The same, where the kernel shows its devices elsewhere.
pub(super) async fn install_by(job: &PhaseRun<'_>, wish: &GpuRequest, devices: &str) -> Result<Performed, SetupError> {
    let inventory = look::look(job, devices).await?;
    let Some((maker, stack)) = whose(job, wish, &inventory) else { return Ok(Performed::NotNeeded) };
    let lacking = lacks(maker, stack, &inventory.of(maker));
    if lacking.is_empty() {
        return Ok(Performed::Already);
    }
    let some = inventory.of(maker).undriven(maker).len() < inventory.of(maker).count(maker);
    let driven = if some && lacking.contains(&Lack::Driver) {
        format!("; {}", driven(&inventory, maker))
    } else {
        String::new()
    };
    job.progress(&format!("{} for {}: {}{driven}", maker.name(), count(&inventory, maker), names(maker, &lacking)));
    fill(job, maker, stack, &inventory, &lacking).await?;
    let inventory = look::look(job, devices).await?;
    let lacking = lacks(maker, stack, &inventory.of(maker));
    if lacking.is_empty() { Ok(Performed::Now) } else { Err(unproven(job, maker, &inventory, &lacking)) }
}

/// Sees to what is lacking.
async fn fill(
    job: &PhaseRun<'_>,
    maker: Maker,
    stack: &GpuStack,
    inventory: &GpuInventory,
    lacking: &[Lack],
) -> Result<(), SetupError> {
    let is_there = |lack: &Lack| match lack {
        Lack::Path => true,
        Lack::Fabric => inventory.of(maker).fabric != Fabric::Absent,
        Lack::Driver | Lack::Toolkit | Lack::Cudnn | Lack::Access => false,
    };
    let recipe = match lacking.iter().all(is_there) {
        true => None,
        false => Some(found(job, maker, stack, inventory)?),
    };
    if let Some(recipe) = &recipe {
        put(job, recipe, inventory, lacking).await?;
    }
    if lacking.contains(&Lack::Path) {
        ensure::retry(job, || reach(job, maker, stack, inventory)).await?;
    }
    if lacking.contains(&Lack::Fabric) || recipe.is_some_and(|recipe| recipe.fabric.is_some()) {
        driver::start_fabric(job).await?;
    }
    Ok(())
}

/// Installs by a recipe, and loads the driver where it is new: also one that was right by itself, where the toolkit doesn't
/// run on it, or the fabric manager has to be of its version.
async fn put(
    job: &PhaseRun<'_>,
    recipe: &Recipe,
    inventory: &GpuInventory,
    lacking: &[Lack],
) -> Result<(), SetupError> {
    let is_new = lacking.contains(&Lack::Driver) || !recipe.driver.packages().is_empty();
    let kernel = match is_new {
        true => driver::kernel_packages(job, inventory, recipe.maker).await?,
        false => Vec::new(),
    };
    ensure::retry(job, || act(job, recipe, inventory, &kernel)).await?;
    if is_new {
        driver::load(job, recipe.maker, &recipe.driver).await?;
    }
    Ok(())
}

/// Lets login shells find a toolkit that is there.
async fn reach(job: &PhaseRun<'_>, maker: Maker, stack: &GpuStack, inventory: &GpuInventory) -> Result<(), SetupError> {
    let seen = inventory.of(maker);
    let Some((_, directory)) = seen.place(maker, stack) else { return Ok(()) };
    write_profile(job, &Home { maker, directory: directory.clone(), reach: Reach::ByPath }).await
}

/// For whose accelerators, with what; none where nothing is to be done.
fn whose<'w>(job: &PhaseRun<'_>, wish: &'w GpuRequest, inventory: &GpuInventory) -> Option<(Maker, &'w GpuStack)> {
    match wish {
        GpuRequest::Off => None,
        GpuRequest::Forced(maker, stack) => Some((*maker, stack)),
        GpuRequest::Auto(stack) => {
            let maker = inventory.maker();
            if maker.is_none() {
                let why = match inventory.accelerators.as_slice() {
                    [] => "the PCI bus shows no accelerator",
                    _ => "the PCI bus shows accelerators of other makers only",
                };
                job.progress(&format!("{why}: nothing is installed"));
            }
            maker.map(|maker| (maker, stack))
        }
    }
}

/// The recipe for what is wished there.
fn found(job: &PhaseRun<'_>, maker: Maker, stack: &GpuStack, inventory: &GpuInventory) -> Result<Recipe, SetupError> {
    let seen = inventory.of(maker);
    let system = System { id: &inventory.id, version: &inventory.version, arch: &inventory.arch };
    let recipe = resolve(maker, stack, system, &seen.hardware(maker), &seen.have(maker, stack));
    recipe.map_err(|Impossible { message, hint, .. }| job.unsatisfiable(message, &hint))
}

async fn act(
    job: &PhaseRun<'_>,
    recipe: &Recipe,
    inventory: &GpuInventory,
    kernel: &[String],
) -> Result<(), SetupError> {
    let names: Vec<String> = recipe.packages().into_iter().map(str::to_owned).collect();
    if !names.is_empty() {
        job.progress(&told(recipe));
        add_source(job, &recipe.source, &inventory.id).await?;
        for answer in &recipe.accept {
            let tell = "printf '%s\\n' \"$1\" | debconf-set-selections";
            job.run_checked(&Command::new(tell).args([*answer]).as_root()).await?;
        }
        // A module that is built as it is installed needs the headers before.
        packages::install(job, kernel).await?;
        match recipe.fabric {
            Some(_) => packages::install_together(job, &names).await?,
            None => packages::install(job, &names).await?,
        };
    }
    if let Some(home) = recipe.home() {
        write_profile(job, &home).await?;
    }
    if recipe.maker == Maker::Amd {
        let open = Command::new(include_str!("../scripts/open-devices.sh")).args([&inventory.user]);
        job.run_checked(&open.as_root()).await?;
    }
    Ok(())
}

async fn add_source(job: &PhaseRun<'_>, source: &Source, id: &str) -> Result<(), SetupError> {
    match source {
        Source::Components(components) => repository::add_components(job, id, components).await,
        Source::Repositories(repositories) => {
            for Repository { name, key, fingerprint, place } in repositories {
                let (name, key, place) = ((*name).to_owned(), key.clone(), place.clone());
                let fingerprint = (*fingerprint).to_owned();
                let added = repository::PackageRepository {
                    name,
                    key,
                    fingerprint,
                    place,
                    priority: RepositoryPriority::Preferred,
                };
                repository::add(job, &added).await?;
            }
            Ok(())
        }
    }
}

/// What login shells are to find: the toolkit in front of others.
async fn write_profile(job: &PhaseRun<'_>, home: &Home) -> Result<(), SetupError> {
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

/// What is installed, for the user.
fn told(recipe: &Recipe) -> String {
    let toolkit = recipe.maker.toolkit();
    let fabric = ("the fabric manager", recipe.fabric.as_ref());
    let parts =
        [("driver", Some(&recipe.driver)), fabric, (toolkit, Some(&recipe.toolkit)), ("cuDNN", recipe.cudnn.as_ref())];
    let new = |(name, part): (&str, Option<&Chosen>)| {
        let part = part.filter(|part| !part.packages().is_empty())?;
        Some(format!("{name} {}", part.version()))
    };
    let new: Vec<String> = parts.into_iter().filter_map(new).collect();
    format!("installing {}", new.join(", "))
}

fn count(inventory: &GpuInventory, maker: Maker) -> String {
    match inventory.of(maker).count(maker) {
        0 => "no accelerator that the PCI bus shows".to_owned(),
        1 => "1 accelerator".to_owned(),
        more => format!("{more} accelerators"),
    }
}

/// What is lacking, for the user.
fn names(maker: Maker, lacking: &[Lack]) -> String {
    let name = |lack: &Lack| match lack {
        Lack::Driver => "the driver is missing, or another, or doesn't drive all",
        Lack::Fabric => "the fabric manager, which sets up the NVSwitches, doesn't run",
        Lack::Toolkit if maker == Maker::Amd => "ROCm is missing, or another, or not for these accelerators",
        Lack::Toolkit => "CUDA is missing, or another, or not for these accelerators",
        Lack::Path if maker == Maker::Amd => "login shells don't find ROCm",
        Lack::Path => "login shells don't find CUDA",
        Lack::Cudnn => "cuDNN is missing, or another",
        Lack::Access => "the user is not in the groups `render` and `video`",
    };
    lacking.iter().map(name).collect::<Vec<_>>().join("; ")
}

/// What was installed has not come about.
fn unproven(job: &PhaseRun<'_>, maker: Maker, inventory: &GpuInventory, lacking: &[Lack]) -> SetupError {
    let mut said = vec![names(maker, lacking)];
    if lacking.contains(&Lack::Driver) {
        said.push(driven(inventory, maker));
    }
    job.check_failed(said)
}

/// How many accelerators are driven, and which are not.
fn driven(inventory: &GpuInventory, maker: Maker) -> String {
    let seen = inventory.of(maker);
    let undriven = seen.undriven(maker);
    let which: Vec<String> = undriven.iter().map(ToString::to_string).collect();
    let not = if which.is_empty() { String::new() } else { format!(", not {}", which.join(", ")) };
    format!("{} of {} are driven{not}", seen.count(maker) - undriven.len(), count(inventory, maker))
}
