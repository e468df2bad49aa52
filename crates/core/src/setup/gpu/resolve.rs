//! From requested versions and a machine to an installation recipe.

use super::architecture::KernelModuleKind;
use super::conflict::{GpuConflict, cuda_of, find_conflict, fits, rows_of, version_list};
use super::hardware::GpuHardware;
use super::matrix::{CudnnPackages, MatrixRow, PackageGroup};
use super::recipe::{GpuComponent, Recipe};
use super::version::known_version;
use super::{DottedVersion, GpuRepository, GpuStack, Vendor};

/// An operating system and its architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct System<'a> {
    /// `ID` of `/etc/os-release`, such as `debian`.
    pub id: &'a str,
    /// `VERSION_ID` of `/etc/os-release`, such as `12`.
    pub version: &'a str,
    /// Architecture as `uname -m` prints it.
    pub arch: &'a str,
}

/// Working software on the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// The driver.
    pub driver: Option<DottedVersion>,
    /// The toolkit.
    pub toolkit: Option<DottedVersion>,
}

/// A valid combination of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuCombination {
    /// Row that contains the packages.
    pub row: &'static MatrixRow,
    /// The driver.
    pub driver: &'static PackageGroup,
    /// Kernel modules of the driver.
    pub modules: KernelModuleKind,
    /// The toolkit.
    pub toolkit: &'static PackageGroup,
    /// cuDNN, if any.
    pub cudnn: Option<&'static CudnnPackages>,
}

/// Minimum driver for a toolkit.
#[derive(Clone, Copy)]
enum MinimumDriver {
    /// The driver released with the toolkit: everything works.
    ReleasedWith,
    /// The oldest driver that runs the toolkit.
    Runs,
}

/// All valid combinations.
pub fn combinations() -> impl Iterator<Item = GpuCombination> {
    [Vendor::Nvidia, Vendor::Amd].into_iter().flat_map(rows_of).flat_map(|row| {
        let pairs = row.all_drivers().flat_map(|driver| row.toolkits.iter().map(move |toolkit| (driver, toolkit)));
        let pairs = pairs.filter(|((_, driver), toolkit)| {
            is_compatible(row.vendor, &GpuComponent::part(driver), &GpuComponent::part(toolkit), MinimumDriver::Runs)
        });
        pairs.flat_map(move |((modules, driver), toolkit)| {
            let made_for = |cudnn: &&CudnnPackages| cudnn.cuda == known_version(toolkit.version).major();
            let cudnns = row.cudnns.iter().filter(made_for).map(Some);
            std::iter::once(None).chain(cudnns).map(move |cudnn| GpuCombination {
                row,
                driver,
                modules,
                toolkit,
                cudnn,
            })
        })
    })
}

/// Resolves requested versions to an installation recipe.
///
/// Versions that are not requested are the newest that are compatible with the others and with the GPUs, on a driver
/// at least as new as the toolkit's own if there is one. Software on the machine is kept unless the request rules it
/// out. The distribution's packages take precedence over the vendor's.
///
/// # Errors
/// The request is impossible on this system or for these GPUs. The error lists the alternatives.
pub fn resolve(
    vendor: Vendor,
    stack: &GpuStack,
    system: System<'_>,
    hardware: &GpuHardware,
    have: &Installed,
) -> Result<Recipe, GpuConflict> {
    // If the machine's GPUs decide, the request may contain versions of both vendors.
    let only = (!stack.names_version_for(vendor)).then_some(vendor);
    if let Some(impossible) = find_conflict(only, stack) {
        return Err(impossible);
    }
    if let Some(impossible) = hardware.conflict(vendor, stack) {
        return Err(impossible);
    }
    let all: Vec<&MatrixRow> = rows_of(vendor).filter(|row| row.is_for(system)).collect();
    let requested = || all.iter().filter(|row| stack.from.is_none_or(|from| from == row.from));
    for have in [have, &Installed::default()] {
        for minimum in [MinimumDriver::ReleasedWith, MinimumDriver::Runs] {
            if let Some(recipe) = requested().find_map(|row| choose(row, stack, hardware, have, minimum)) {
                return Ok(recipe);
            }
        }
    }
    Err(unavailable(vendor, stack, system, hardware, &all))
}

impl MatrixRow {
    fn is_for(&self, system: System<'_>) -> bool {
        (self.id, self.version, self.arch) == (system.id, system.version, system.arch)
    }

    /// Drivers. Those with default modules come first, since they support more GPUs.
    pub(super) fn all_drivers(&self) -> impl Iterator<Item = (KernelModuleKind, &'static PackageGroup)> + use<> {
        let usual = self.drivers.iter().map(|part| (KernelModuleKind::Standard, part));
        usual.chain(self.open.iter().map(|part| (KernelModuleKind::Open, part)))
    }

    /// Owner of the repository, for messages.
    fn owner(&self) -> String {
        match self.from {
            GpuRepository::Distribution => "the distribution".to_owned(),
            GpuRepository::Vendor => format!("{}'s repository", self.vendor.name()),
        }
    }
}

fn choose(
    row: &MatrixRow,
    stack: &GpuStack,
    hardware: &GpuHardware,
    have: &Installed,
    minimum: MinimumDriver,
) -> Option<Recipe> {
    let drivers = drivers(row, stack, hardware, have);
    let toolkits = toolkits(row, stack, hardware, have);
    for (driver, fabric) in &drivers {
        for toolkit in toolkits.iter().filter(|toolkit| is_compatible(row.vendor, driver, toolkit, minimum)) {
            let parts = (driver.clone(), fabric.clone());
            let Some(request) = stack.cudnn.as_ref().filter(|_| row.vendor == Vendor::Nvidia) else {
                return Some(Recipe::new(row, parts, toolkit.clone(), None));
            };
            let major = known_version(&toolkit.version()).major();
            let is_suitable = |cudnn: &&CudnnPackages| {
                cudnn.cuda == major && fits(cudnn.version, Some(request)) && hardware.takes_cudnn(cudnn.version)
            };
            if let Some(cudnn) = row.cudnns.iter().find(is_suitable) {
                return Some(Recipe::new(row, parts, toolkit.clone(), Some(cudnn)));
            }
        }
    }
    None
}

/// Candidates for driver and fabric manager, best first. A driver on the machine that supports the GPUs and the
/// request is the only candidate.
fn drivers(
    row: &MatrixRow,
    stack: &GpuStack,
    hardware: &GpuHardware,
    have: &Installed,
) -> Vec<(GpuComponent, Option<GpuComponent>)> {
    // AMD's drivers have no version to request: each belongs to a ROCm release.
    let request = stack.driver.as_ref().filter(|_| row.vendor == Vendor::Nvidia);
    if let Some(version) = have.driver.as_ref().filter(|version| fits(&version.to_string(), request)) {
        return vec![(GpuComponent::Existing(version.clone()), None)];
    }
    let fitting = row
        .all_drivers()
        .filter(|(modules, part)| fits(part.version, request) && hardware.is_driven_by(part.version, *modules));
    let with_fabric = |(_, driver): (KernelModuleKind, &PackageGroup)| {
        let fabric = row.fabrics.iter().find(|fabric| fabric.version == driver.version).map(GpuComponent::part);
        match hardware.is_switched() {
            true => fabric.map(|fabric| (GpuComponent::part(driver), Some(fabric))),
            false => Some((GpuComponent::part(driver), None)),
        }
    };
    fitting.filter_map(with_fabric).collect()
}

/// Candidates for the toolkit, best first. A toolkit on the machine that supports the GPUs and the request is the only
/// candidate.
fn toolkits(row: &MatrixRow, stack: &GpuStack, hardware: &GpuHardware, have: &Installed) -> Vec<GpuComponent> {
    let request = stack.toolkit(row.vendor);
    let is_suitable = |version: &DottedVersion| fits(&version.to_string(), request) && hardware.takes_toolkit(version);
    match have.toolkit.as_ref().filter(|version| is_suitable(version)) {
        Some(version) => vec![GpuComponent::Existing(version.clone())],
        None => row
            .toolkits
            .iter()
            .filter(|part| is_suitable(&known_version(part.version)))
            .map(GpuComponent::part)
            .collect(),
    }
}

/// True if a toolkit runs on a driver. AMD's are released together.
fn is_compatible(vendor: Vendor, driver: &GpuComponent, toolkit: &GpuComponent, minimum: MinimumDriver) -> bool {
    let cuda = cuda_of(&known_version(&toolkit.version())).filter(|_| vendor == Vendor::Nvidia);
    cuda.is_none_or(|cuda| {
        let least = match minimum {
            MinimumDriver::ReleasedWith => cuda.made_with,
            MinimumDriver::Runs => cuda.runs_from,
        };
        known_version(&driver.version()).is_at_least(&known_version(least))
    })
}

/// Reason why a request that may be possible elsewhere is impossible on this system.
fn unavailable(
    vendor: Vendor,
    stack: &GpuStack,
    system: System<'_>,
    hardware: &GpuHardware,
    all: &[&'static MatrixRow],
) -> GpuConflict {
    let System { id, version, arch } = system;
    if all.is_empty() {
        let message = format!("no {} drivers are known for `{id} {version}` on `{arch}`", vendor.name());
        let hint = format!("known systems: {}; {WITHOUT_MATRIX}", systems(vendor));
        return GpuConflict { key: "vendor", message, hint };
    }
    let requests = [
        ("driver", "driver", stack.driver.as_ref().filter(|_| vendor == Vendor::Nvidia)),
        (vendor.toolkit_key(), vendor.toolkit(), stack.toolkit(vendor)),
        ("cudnn", "cuDNN", stack.cudnn.as_ref().filter(|_| vendor == Vendor::Nvidia)),
    ];
    let rows_of: Vec<&'static MatrixRow> =
        all.iter().copied().filter(|row| stack.from.is_none_or(|from| from == row.from)).collect();
    let lacking = requests.iter().find_map(|(key, what, request)| {
        let request = request.filter(|_| !rows_of.iter().any(|row| has(row, key, *request)))?;
        Some((*key, format!("{what} {request}")))
    });
    let (key, what, why) = match lacking {
        Some((key, what)) => (key, what, String::new()),
        None => blocked(stack, hardware, &rows_of),
    };
    let who = match stack.from {
        Some(GpuRepository::Distribution) => " from the distribution".to_owned(),
        Some(GpuRepository::Vendor) => format!(" from {}", vendor.name()),
        None => String::new(),
    };
    let message = format!("`{id} {version}` does not offer {what}{who}{why}");
    let there: Vec<String> = all.iter().map(|row| contents(row)).collect();
    let hint = format!(
        "{}{}{}; {WITHOUT_MATRIX}",
        other_repository(stack, hardware, all),
        there.join("; "),
        systems_with_all(vendor, stack, hardware)
    );
    GpuConflict { key, message, hint }
}

/// Advice to use the other repository if it has everything.
fn other_repository(stack: &GpuStack, hardware: &GpuHardware, all: &[&MatrixRow]) -> String {
    let has_all =
        |row: &&&MatrixRow| choose(row, stack, hardware, &Installed::default(), MinimumDriver::Runs).is_some();
    let from = |row: &&MatrixRow| match row.from {
        GpuRepository::Distribution => "use `from: distribution`; ".to_owned(),
        GpuRepository::Vendor => "use `from: vendor`; ".to_owned(),
    };
    all.iter().find(has_all).map(from).unwrap_or_default()
}

/// Advice if the matrix has no solution.
const WITHOUT_MATRIX: &str = "or use an image that contains the drivers; or install them in a `custom` step and turn this phase off with `gpu: false`";

/// Part that no single repository provides: its key, its name, and the reason why it is needed.
fn blocked(stack: &GpuStack, hardware: &GpuHardware, rows_of: &[&MatrixRow]) -> (&'static str, String, String) {
    let could = |hardware: &GpuHardware| {
        rows_of.iter().any(|row| choose(row, stack, hardware, &Installed::default(), MinimumDriver::Runs).is_some())
    };
    let (what, why) = if !could(&GpuHardware::default()) {
        ("this combination of versions".to_owned(), String::new())
    } else if could(&hardware.unlinked()) {
        let why = ", which CUDA requires on machines with NVSwitches";
        ("a fabric manager".to_owned(), why.to_owned())
    } else {
        (format!("drivers and toolkits for {} GPUs", hardware.names()), format!(": {}", hardware.constraints()))
    };
    ("from", what, why)
}

fn has(row: &MatrixRow, key: &str, request: Option<&String>) -> bool {
    match key {
        "driver" => row.all_drivers().any(|(_, part)| fits(part.version, request)),
        "cudnn" => row.cudnns.iter().any(|part| fits(part.version, request)),
        _ => row.toolkits.iter().any(|part| fits(part.version, request)),
    }
}

/// Versions in a repository, for messages.
fn contents(row: &MatrixRow) -> String {
    let versions = |parts: &'static [PackageGroup]| version_list(parts.iter().map(|part| part.version).collect());
    let toolkits = format!("{} {}", row.vendor.toolkit(), versions(row.toolkits));
    if row.vendor == Vendor::Amd {
        return format!("{} has {toolkits}", row.owner());
    }
    let cudnns = version_list(row.cudnns.iter().map(|part| part.version).collect());
    format!("{} has driver {}, {toolkits}, cuDNN {cudnns}", row.owner(), versions(row.drivers))
}

/// Systems that have all requested versions.
fn systems_with_all(vendor: Vendor, stack: &GpuStack, hardware: &GpuHardware) -> String {
    let mut names: Vec<String> = rows_of(vendor)
        .filter(|row| stack.from.is_none_or(|from| from == row.from))
        .filter(|row| choose(row, stack, hardware, &Installed::default(), MinimumDriver::Runs).is_some())
        .map(|row| format!("`{} {}`", row.id, row.version))
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() { String::new() } else { format!("; available on {}", names.join(", ")) }
}

fn systems(vendor: Vendor) -> String {
    let mut names: Vec<String> =
        rows_of(vendor).map(|row| format!("`{} {}` on `{}`", row.id, row.version, row.arch)).collect();
    names.sort();
    names.dedup();
    names.join(", ")
}
