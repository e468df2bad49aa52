//! What each family of accelerators can be used with: the matrix's third dimension.

use std::fmt;

use super::version::of;
use super::{Maker, Version};

/// A family of accelerators, by its maker's name.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Who makes it.
    pub maker: Maker,
    /// As its maker calls it.
    pub name: &'static str,
    /// Its PCI device ids: the first and the last of each range.
    pub devices: &'static [(u16, u16)],
    /// The drivers that drive it.
    pub driver: Span,
    /// The kernel modules that drive it.
    pub modules: &'static [Modules],
    /// The toolkits that make programs for it: CUDA, or ROCm.
    pub toolkit: Span,
    /// The cuDNN that computes on it.
    pub cudnn: Span,
}

/// Versions from one to another, both among them; open where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The oldest.
    pub from: Option<&'static str>,
    /// The newest, with all that it leaves open: `470.256` is among those to `470`.
    pub to: Option<&'static str>,
}

/// The kernel modules of a driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modules {
    /// Those that the driver is known by: of NVIDIA's, the proprietary ones.
    Usual,
    /// NVIDIA's open ones.
    Open,
}

const ANY: Span = Span { from: None, to: None };
const USUAL: &[Modules] = &[Modules::Usual];
const EITHER: &[Modules] = &[Modules::Usual, Modules::Open];
const OPEN: &[Modules] = &[Modules::Open];

const fn from(version: &'static str) -> Span {
    Span { from: Some(version), to: None }
}

const fn to(version: &'static str) -> Span {
    Span { from: None, to: Some(version) }
}

const fn nvidia(
    name: &'static str,
    devices: &'static [(u16, u16)],
    driver: Span,
    modules: &'static [Modules],
    toolkit: Span,
    cudnn: Span,
) -> Architecture {
    Architecture { maker: Maker::Nvidia, name, devices, driver, modules, toolkit, cudnn }
}

const fn amd(name: &'static str, devices: &'static [(u16, u16)], toolkit: Span) -> Architecture {
    Architecture { maker: Maker::Amd, name, devices, driver: ANY, modules: USUAL, toolkit, cudnn: ANY }
}

/// The architectures that are known. A device of none is bound to nothing.
///
/// Device ids: the PCI ID repository, 2025-06. Drivers and modules: NVIDIA's lists of unsupported and of open-module products
/// in its drivers' READMEs, 580. Toolkits: the targets that CUDA's release notes add and remove (11.8: 8.9 and 9.0; 12.0: no
/// 3.x; 12.8: 10.0 and 12.0; 12.9: 10.3; 13.0: none before 7.5), ROCm's of 6.0 and 7.0. cuDNN: 9.10 is the last before
/// Turing, 8.6 the first for Ada and Hopper.
pub const ARCHITECTURES: &[Architecture] = &[
    nvidia(
        "Kepler",
        &[(0x0fc0, 0x0fff), (0x1001, 0x103f), (0x1180, 0x11ff), (0x1280, 0x12bf)],
        to("470"),
        USUAL,
        to("11.8"),
        ANY,
    ),
    nvidia(
        "Maxwell",
        &[(0x1340, 0x143f), (0x1600, 0x167f), (0x1740, 0x17ff)],
        to("580"),
        USUAL,
        to("12.9"),
        to("9.10"),
    ),
    nvidia("Pascal", &[(0x15c0, 0x15ff), (0x1720, 0x173f), (0x1b00, 0x1d7f)], to("580"), USUAL, to("12.9"), to("9.10")),
    nvidia("Volta", &[(0x1d80, 0x1dff)], to("580"), USUAL, to("12.9"), to("9.10")),
    nvidia("Turing", &[(0x1e00, 0x1fff), (0x2180, 0x21ff)], ANY, EITHER, ANY, ANY),
    nvidia("Ampere", &[(0x2080, 0x20ff), (0x2200, 0x22ff), (0x2400, 0x25ff)], ANY, EITHER, ANY, ANY),
    // It stands before Hopper, whose ids are around it.
    nvidia("Grace Hopper", &[(0x2340, 0x234f)], from("535"), OPEN, from("11.8"), from("8.6")),
    nvidia("Hopper", &[(0x2300, 0x23ff)], from("525"), EITHER, from("11.8"), from("8.6")),
    nvidia("Ada Lovelace", &[(0x2600, 0x28ff)], from("525"), EITHER, from("11.8"), from("8.6")),
    nvidia("Blackwell", &[(0x2900, 0x2fff)], from("570"), OPEN, from("12.8"), from("9.7")),
    nvidia("Blackwell Ultra", &[(0x3180, 0x31ff)], from("580"), OPEN, from("12.9"), from("9.7")),
    amd("CDNA 3", &[(0x74a0, 0x74bf)], from("6.0")),
    amd("CDNA 4", &[(0x75a0, 0x75bf)], from("7.0")),
];

impl Architecture {
    /// The one that a maker's device is of; none where it isn't known.
    pub(super) fn of(maker: Maker, device: u16) -> Option<&'static Self> {
        let has = |(first, last): &(u16, u16)| (*first..=*last).contains(&device);
        ARCHITECTURES.iter().find(|one| one.maker == maker && one.devices.iter().any(has))
    }
}

impl Span {
    /// Whether a version is among them. What it leaves open is taken as the newest, as `Version::reaches` does.
    pub fn holds(&self, version: &Version) -> bool {
        let old_enough = |to: &Version| version <= to || version.is(to);
        self.from.is_none_or(|from| version.reaches(&of(from))) && self.to.is_none_or(|to| old_enough(&of(to)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (None, None) => f.pad("any"),
            (Some(from), None) => write!(f, "{from} or newer"),
            (None, Some(to)) => write!(f, "{to} or older"),
            (Some(from), Some(to)) => write!(f, "{from} to {to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_of_the_architecture_that_the_pci_id_repository_says() {
        for (device, name) in [
            (0x102d, "Kepler"),
            (0x0ff2, "Kepler"),
            (0x118f, "Kepler"),
            (0x11bf, "Kepler"),
            (0x13f2, "Maxwell"),
            (0x17fd, "Maxwell"),
            (0x15f8, "Pascal"),
            (0x1b38, "Pascal"),
            (0x1db6, "Volta"),
            (0x1eb8, "Turing"),
            (0x2182, "Turing"),
            (0x20b2, "Ampere"),
            (0x2235, "Ampere"),
            (0x25b6, "Ampere"),
            (0x2330, "Hopper"),
            (0x233b, "Hopper"),
            (0x2342, "Grace Hopper"),
            (0x26b9, "Ada Lovelace"),
            (0x27b8, "Ada Lovelace"),
            (0x2901, "Blackwell"),
            (0x2bb5, "Blackwell"),
            (0x3182, "Blackwell Ultra"),
        ] {
            assert_eq!(Architecture::of(Maker::Nvidia, device).map(|one| one.name), Some(name), "{device:04x}");
        }
        assert_eq!(Architecture::of(Maker::Amd, 0x74a1).map(|one| one.name), Some("CDNA 3"));
        assert_eq!(Architecture::of(Maker::Nvidia, 0x74a1), None, "another maker's");
        assert_eq!(Architecture::of(Maker::Nvidia, 0xffff), None);
    }

    #[test]
    fn ranges_are_apart_and_spans_in_order() {
        let known = |maker, device| Architecture::of(maker, device).map(|one| one.name);
        for one in ARCHITECTURES {
            assert!(!one.modules.is_empty(), "{one:?}");
            for (first, last) in one.devices {
                assert!(first <= last && known(one.maker, *first) == Some(one.name), "{one:?}");
                assert!(known(one.maker, *last) == Some(one.name), "{one:?}");
            }
            for span in [one.driver, one.toolkit, one.cudnn] {
                let bounds: Vec<Version> = [span.from, span.to].into_iter().flatten().map(of).collect();
                assert!(bounds.is_sorted() && bounds.iter().all(|bound| bound.major() > 0), "{one:?}");
            }
        }
    }

    #[test]
    fn a_span_holds_its_ends() {
        let holds = |span: Span, version| span.holds(&of(version));
        assert!(holds(to("12.9"), "12.9") && holds(to("12.9"), "12.9.86") && !holds(to("12.9"), "13.0"));
        assert!(holds(to("470"), "470.256.02") && !holds(to("470"), "535"));
        assert!(holds(from("11.8"), "11.8.89") && holds(from("11.8"), "12.0") && !holds(from("11.8"), "11.5"));
        assert!(holds(ANY, "1") && holds(from("570"), "570"));
    }
}
