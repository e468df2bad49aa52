//! What a machine's accelerators ask of drivers and toolkits.

use super::architecture::{Architecture, Modules, Span};
use super::bus::{Device, Links};
use super::contradiction::{Impossible, fits, listed, supplies};
use super::matrix::Supply;
use super::version::of;
use super::{GpuStack, Maker, Version};

/// What a machine's accelerators ask. The default asks nothing: of machines that nobody has looked at yet, too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hardware {
    architectures: Vec<&'static Architecture>,
    links: Links,
}

impl Hardware {
    /// What the accelerators of a maker ask. Those of architectures that aren't known ask nothing.
    pub fn new(maker: Maker, accelerators: &[Device], links: Links) -> Self {
        let devices = accelerators.iter().filter(|device| device.is_of(maker)).map(|device| device.id);
        // NVIDIA's switches are nothing to others.
        let links = if maker == Maker::Nvidia { links } else { Links::Direct };
        Self { architectures: architectures(maker, devices), links }
    }

    /// The same of accelerators of which only the PCI ids are known, as `10de:1db5`.
    pub fn by_pci_ids<'a>(maker: Maker, ids: impl Iterator<Item = &'a str>) -> Self {
        let of_maker = |id: &str| {
            let (vendor, device) = id.split_once(':')?;
            let is_of = u16::from_str_radix(vendor, 16).ok()? == maker.pci_vendor();
            u16::from_str_radix(device, 16).ok().filter(|_| is_of)
        };
        Self { architectures: architectures(maker, ids.filter_map(of_maker)), links: Links::Direct }
    }

    /// Whether they need a fabric manager.
    pub fn is_switched(&self) -> bool {
        self.links == Links::Switched
    }

    /// The same, if nothing had to be set up between them.
    pub(super) fn unlinked(&self) -> Self {
        Self { links: Links::Direct, ..self.clone() }
    }

    /// Whether a driver with these modules drives all of them.
    pub(super) fn is_driven_by(&self, driver: &str, modules: Modules) -> bool {
        self.all(|one| one.driver.holds(&of(driver)) && one.modules.contains(&modules))
    }

    /// Whether a toolkit makes programs for all of them.
    pub(super) fn takes_toolkit(&self, version: &Version) -> bool {
        self.all(|one| one.toolkit.holds(version))
    }

    /// Whether a cuDNN computes on all of them.
    pub(super) fn takes_cudnn(&self, version: &str) -> bool {
        self.all(|one| one.cudnn.holds(&of(version)))
    }

    fn all(&self, is: impl Fn(&Architecture) -> bool) -> bool {
        self.architectures.iter().all(|one| is(one))
    }

    /// What is wished by its version and can't be used with them, whoever has it.
    pub(super) fn refusal(&self, maker: Maker, stack: &GpuStack) -> Option<Impossible> {
        self.architectures.iter().find_map(|one| refusal(one, maker, stack))
    }

    /// Their architectures, for a sentence.
    pub(super) fn names(&self) -> String {
        self.architectures.iter().map(|one| one.name).collect::<Vec<_>>().join(" and ")
    }

    /// What they ask, for a sentence.
    pub(super) fn asks(&self) -> String {
        let asks: Vec<String> =
            self.architectures.iter().map(|one| asks(one)).filter(|text| !text.is_empty()).collect();
        asks.join("; ")
    }
}

fn architectures(maker: Maker, devices: impl Iterator<Item = u16>) -> Vec<&'static Architecture> {
    let mut found: Vec<&Architecture> = Vec::new();
    for one in devices.filter_map(|device| Architecture::of(maker, device)) {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn refusal(one: &Architecture, maker: Maker, stack: &GpuStack) -> Option<Impossible> {
    let driver = stack.driver.as_ref().filter(|_| maker == Maker::Nvidia);
    let cudnn = stack.cudnn.as_ref().filter(|_| maker == Maker::Nvidia);
    let drivers: Vec<&str> = supplies(maker).flat_map(Supply::all_drivers).map(|(_, part)| part.version).collect();
    let toolkits = supplies(maker).flat_map(|supply| supply.toolkits).map(|part| part.version).collect();
    let cudnns = supplies(maker).flat_map(|supply| supply.cudnns).map(|part| part.version).collect();
    let all = [
        ("driver", "driver", driver, one.driver, drivers),
        (maker.toolkit_key(), maker.toolkit(), stack.toolkit(maker), one.toolkit, toolkits),
        ("cudnn", "cuDNN", cudnn, one.cudnn, cudnns),
    ];
    all.into_iter().find_map(|(key, what, wish, span, known)| {
        let wish = wish?;
        let held: Vec<&str> = known.into_iter().filter(|version| span.holds(&of(version))).collect();
        if held.iter().any(|version| fits(version, Some(wish))) {
            return None;
        }
        let message = format!("{what} {wish} is not for accelerators of {}", one.name);
        let known = if held.is_empty() { String::new() } else { format!(" (the matrix has {})", listed(held)) };
        let hint = format!("use {what} {span}{known}; or leave out `{key}`, and what fits is taken");
        Some(Impossible { key, message, hint })
    })
}

fn asks(one: &Architecture) -> String {
    let said = |what: &str, span: Span| (span != Span { from: None, to: None }).then(|| format!("{what} {span}"));
    let open = (one.modules == [Modules::Open]).then(|| "the driver's open kernel modules".to_owned());
    let all = [said(one.maker.toolkit(), one.toolkit), said("driver", one.driver), open];
    let asks: Vec<String> = all.into_iter().flatten().collect();
    if asks.is_empty() { String::new() } else { format!("{} takes {}", one.name, asks.join(", ")) }
}
