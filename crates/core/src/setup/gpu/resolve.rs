//! From a wish and a machine to what is installed there.

use super::architecture::Modules;
use super::contradiction::{Impossible, contradiction, cuda_of, fits, listed, supplies};
use super::hardware::Hardware;
use super::matrix::{Cudnn, Part, Supply};
use super::recipe::{Chosen, Recipe};
use super::version::of;
use super::{GpuFrom, GpuStack, Maker, Version};

/// A system, in the words of its `/etc/os-release`, and what it runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct System<'a> {
    /// `debian`.
    pub id: &'a str,
    /// `12`.
    pub version: &'a str,
    /// As `uname -m` says it.
    pub arch: &'a str,
}

/// What is on the machine already, and works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Have {
    /// The driver.
    pub driver: Option<Version>,
    /// The toolkit.
    pub toolkit: Option<Version>,
}

/// A combination of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Who has it, for what.
    pub supply: &'static Supply,
    /// The driver.
    pub driver: &'static Part,
    /// Its kernel modules.
    pub modules: Modules,
    /// The toolkit.
    pub toolkit: &'static Part,
    /// cuDNN, or none.
    pub cudnn: Option<&'static Cudnn>,
}

/// What a driver has to be for a toolkit.
#[derive(Clone, Copy)]
enum Bar {
    /// All of it works.
    MadeWith,
    /// It runs.
    RunsFrom,
}

/// Every combination that goes together.
pub fn rows() -> impl Iterator<Item = Row> {
    [Maker::Nvidia, Maker::Amd].into_iter().flat_map(supplies).flat_map(|supply| {
        let pairs =
            supply.all_drivers().flat_map(|driver| supply.toolkits.iter().map(move |toolkit| (driver, toolkit)));
        let pairs = pairs.filter(|((_, driver), toolkit)| {
            goes(supply.maker, &Chosen::part(driver), &Chosen::part(toolkit), Bar::RunsFrom)
        });
        pairs.flat_map(move |((modules, driver), toolkit)| {
            let made_for = |cudnn: &&Cudnn| cudnn.cuda == of(toolkit.version).major();
            let cudnns = supply.cudnns.iter().filter(made_for).map(Some);
            std::iter::once(None).chain(cudnns).map(move |cudnn| Row { supply, driver, modules, toolkit, cudnn })
        })
    })
}

/// What is installed on a machine, and from where.
///
/// What isn't wished is the newest that goes with the rest and with the accelerators, on a driver that has all that the
/// toolkit was made for where there is one; what is there already stays where it isn't against the wish. The distribution's
/// own packages go before the maker's.
///
/// # Errors
/// Where the wish can't be had on that system, or not for these accelerators, with what can.
pub fn resolve(
    maker: Maker,
    stack: &GpuStack,
    system: System<'_>,
    hardware: &Hardware,
    have: &Have,
) -> Result<Recipe, Impossible> {
    // Where the machine's accelerators decide, the wish may speak of both makers.
    let only = (!stack.speaks_of(maker)).then_some(maker);
    if let Some(impossible) = contradiction(only, stack) {
        return Err(impossible);
    }
    if let Some(impossible) = hardware.refusal(maker, stack) {
        return Err(impossible);
    }
    let all: Vec<&Supply> = supplies(maker).filter(|supply| supply.is_for(system)).collect();
    let wished = || all.iter().filter(|supply| stack.from.is_none_or(|from| from == supply.from));
    for have in [have, &Have::default()] {
        for bar in [Bar::MadeWith, Bar::RunsFrom] {
            if let Some(recipe) = wished().find_map(|supply| choose(supply, stack, hardware, have, bar)) {
                return Ok(recipe);
            }
        }
    }
    Err(missing(maker, stack, system, hardware, &all))
}

impl Supply {
    fn is_for(&self, system: System<'_>) -> bool {
        (self.id, self.version, self.arch) == (system.id, system.version, system.arch)
    }

    /// Its drivers, those first that also drive what is older.
    pub(super) fn all_drivers(&self) -> impl Iterator<Item = (Modules, &'static Part)> + use<> {
        let usual = self.drivers.iter().map(|part| (Modules::Usual, part));
        usual.chain(self.open.iter().map(|part| (Modules::Open, part)))
    }

    /// Who has it, for a sentence.
    fn owner(&self) -> String {
        match self.from {
            GpuFrom::Distribution => "the distribution".to_owned(),
            GpuFrom::Maker => format!("{}'s repository", self.maker.name()),
        }
    }
}

fn choose(supply: &Supply, stack: &GpuStack, hardware: &Hardware, have: &Have, bar: Bar) -> Option<Recipe> {
    let drivers = drivers(supply, stack, hardware, have);
    let toolkits = toolkits(supply, stack, hardware, have);
    for (driver, fabric) in &drivers {
        for toolkit in toolkits.iter().filter(|toolkit| goes(supply.maker, driver, toolkit, bar)) {
            let parts = (driver.clone(), fabric.clone());
            let Some(wish) = stack.cudnn.as_ref().filter(|_| supply.maker == Maker::Nvidia) else {
                return Some(Recipe::new(supply, parts, toolkit.clone(), None));
            };
            let major = of(&toolkit.version()).major();
            let serves = |cudnn: &&Cudnn| {
                cudnn.cuda == major && fits(cudnn.version, Some(wish)) && hardware.takes_cudnn(cudnn.version)
            };
            if let Some(cudnn) = supply.cudnns.iter().find(serves) {
                return Some(Recipe::new(supply, parts, toolkit.clone(), Some(cudnn)));
            }
        }
    }
    None
}

/// What the driver can be, and the fabric manager with it, the best first. One that is there, drives the accelerators and
/// isn't against the wish is the only candidate.
fn drivers(supply: &Supply, stack: &GpuStack, hardware: &Hardware, have: &Have) -> Vec<(Chosen, Option<Chosen>)> {
    // AMD's drivers have no versions that could be wished: each belongs to its ROCm.
    let wish = stack.driver.as_ref().filter(|_| supply.maker == Maker::Nvidia);
    if let Some(version) = have.driver.as_ref().filter(|version| fits(&version.to_string(), wish)) {
        return vec![(Chosen::Kept(version.clone()), None)];
    }
    let fitting = supply
        .all_drivers()
        .filter(|(modules, part)| fits(part.version, wish) && hardware.is_driven_by(part.version, *modules));
    let with_fabric = |(_, driver): (Modules, &Part)| {
        let fabric = supply.fabrics.iter().find(|fabric| fabric.version == driver.version).map(Chosen::part);
        match hardware.is_switched() {
            true => fabric.map(|fabric| (Chosen::part(driver), Some(fabric))),
            false => Some((Chosen::part(driver), None)),
        }
    };
    fitting.filter_map(with_fabric).collect()
}

/// What the toolkit can be, the best first. One that is there, serves the accelerators and isn't against the wish is the
/// only candidate.
fn toolkits(supply: &Supply, stack: &GpuStack, hardware: &Hardware, have: &Have) -> Vec<Chosen> {
    let wish = stack.toolkit(supply.maker);
    let serves = |version: &Version| fits(&version.to_string(), wish) && hardware.takes_toolkit(version);
    match have.toolkit.as_ref().filter(|version| serves(version)) {
        Some(version) => vec![Chosen::Kept(version.clone())],
        None => supply.toolkits.iter().filter(|part| serves(&of(part.version))).map(Chosen::part).collect(),
    }
}

/// Whether a toolkit runs on a driver. AMD's come together.
fn goes(maker: Maker, driver: &Chosen, toolkit: &Chosen, bar: Bar) -> bool {
    let cuda = cuda_of(&of(&toolkit.version())).filter(|_| maker == Maker::Nvidia);
    cuda.is_none_or(|cuda| {
        let least = match bar {
            Bar::MadeWith => cuda.made_with,
            Bar::RunsFrom => cuda.runs_from,
        };
        of(&driver.version()).reaches(&of(least))
    })
}

/// Why a wish that may be had elsewhere can't be had there.
fn missing(
    maker: Maker,
    stack: &GpuStack,
    system: System<'_>,
    hardware: &Hardware,
    all: &[&'static Supply],
) -> Impossible {
    let System { id, version, arch } = system;
    if all.is_empty() {
        let message = format!("the matrix has nothing of {} for `{id} {version}` on `{arch}`", maker.name());
        let hint = format!("it has {}; {OTHERWISE}", systems(maker));
        return Impossible { key: "maker", message, hint };
    }
    let wishes = [
        ("driver", "driver", stack.driver.as_ref().filter(|_| maker == Maker::Nvidia)),
        (maker.toolkit_key(), maker.toolkit(), stack.toolkit(maker)),
        ("cudnn", "cuDNN", stack.cudnn.as_ref().filter(|_| maker == Maker::Nvidia)),
    ];
    let supplies: Vec<&'static Supply> =
        all.iter().copied().filter(|supply| stack.from.is_none_or(|from| from == supply.from)).collect();
    let lacking = wishes.iter().find_map(|(key, what, wish)| {
        let wish = wish.filter(|_| !supplies.iter().any(|supply| has(supply, key, *wish)))?;
        Some((*key, format!("{what} {wish}")))
    });
    let (key, what, why) = match lacking {
        Some((key, what)) => (key, what, String::new()),
        None => blocked(stack, hardware, &supplies),
    };
    let who = match stack.from {
        Some(GpuFrom::Distribution) => " from the distribution".to_owned(),
        Some(GpuFrom::Maker) => format!(" from {}", maker.name()),
        None => String::new(),
    };
    let message = format!("`{id} {version}` has not got {what}{who}{why}");
    let there: Vec<String> = all.iter().map(|supply| offered(supply)).collect();
    let hint = format!(
        "{}there, {}{}; {OTHERWISE}",
        other_side(stack, hardware, all),
        there.join("; "),
        elsewhere(maker, stack, hardware)
    );
    Impossible { key, message, hint }
}

/// The other side on the same system, where it has all that is wished.
fn other_side(stack: &GpuStack, hardware: &Hardware, all: &[&Supply]) -> String {
    let has_all = |supply: &&&Supply| choose(supply, stack, hardware, &Have::default(), Bar::RunsFrom).is_some();
    let from = |supply: &&Supply| match supply.from {
        GpuFrom::Distribution => "use `from: distribution`; ".to_owned(),
        GpuFrom::Maker => "use `from: maker`; ".to_owned(),
    };
    all.iter().find(has_all).map(from).unwrap_or_default()
}

/// What to do where the matrix doesn't help.
const OTHERWISE: &str =
    "or use an image that has the drivers, or install them in a `custom` step and turn this phase off by `gpu: false`";

/// What it is that each side has by itself and none together: the key that it is about, what, and why it is needed.
fn blocked(stack: &GpuStack, hardware: &Hardware, supplies: &[&Supply]) -> (&'static str, String, String) {
    let could = |hardware: &Hardware| {
        supplies.iter().any(|supply| choose(supply, stack, hardware, &Have::default(), Bar::RunsFrom).is_some())
    };
    let (what, why) = if !could(&Hardware::default()) {
        ("these versions together".to_owned(), String::new())
    } else if could(&hardware.unlinked()) {
        let why = ", without which CUDA doesn't start where NVSwitches link the accelerators";
        ("a fabric manager".to_owned(), why.to_owned())
    } else {
        (format!("what accelerators of {} need", hardware.names()), format!(": {}", hardware.asks()))
    };
    ("from", what, why)
}

fn has(supply: &Supply, key: &str, wish: Option<&String>) -> bool {
    match key {
        "driver" => supply.all_drivers().any(|(_, part)| fits(part.version, wish)),
        "cudnn" => supply.cudnns.iter().any(|part| fits(part.version, wish)),
        _ => supply.toolkits.iter().any(|part| fits(part.version, wish)),
    }
}

/// What a side has, for a sentence.
fn offered(supply: &Supply) -> String {
    let versions = |parts: &'static [Part]| listed(parts.iter().map(|part| part.version).collect());
    let toolkits = format!("{} {}", supply.maker.toolkit(), versions(supply.toolkits));
    if supply.maker == Maker::Amd {
        return format!("{} has {toolkits}", supply.owner());
    }
    let cudnns = listed(supply.cudnns.iter().map(|part| part.version).collect());
    format!("{} has driver {}, {toolkits}, cuDNN {cudnns}", supply.owner(), versions(supply.drivers))
}

/// The systems that have all that is wished.
fn elsewhere(maker: Maker, stack: &GpuStack, hardware: &Hardware) -> String {
    let mut names: Vec<String> = supplies(maker)
        .filter(|supply| stack.from.is_none_or(|from| from == supply.from))
        .filter(|supply| choose(supply, stack, hardware, &Have::default(), Bar::RunsFrom).is_some())
        .map(|supply| format!("`{} {}`", supply.id, supply.version))
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() { String::new() } else { format!("; what is wished can be had on {}", names.join(", ")) }
}

fn systems(maker: Maker) -> String {
    let mut names: Vec<String> =
        supplies(maker).map(|supply| format!("`{} {}` on `{}`", supply.id, supply.version, supply.arch)).collect();
    names.sort();
    names.dedup();
    names.join(", ")
}
