//! GPU architectures: the drivers and toolkits that each supports.

use std::fmt;

use super::version::known_version;
use super::{DottedVersion, Vendor};

/// A GPU architecture.
#[derive(Debug, PartialEq, Eq)]
pub struct GpuArchitecture {
    /// Vendor of the GPUs.
    pub vendor: Vendor,
    /// The vendor's name for the architecture.
    pub name: &'static str,
    /// PCI device ids as ranges, both ends included.
    pub devices: &'static [(u16, u16)],
    /// Supported driver versions.
    pub driver: VersionRange,
    /// Supported kinds of kernel modules.
    pub modules: &'static [KernelModuleKind],
    /// Supported toolkit versions: CUDA or ROCm.
    pub toolkit: VersionRange,
    /// Supported cuDNN versions.
    pub cudnn: VersionRange,
}

/// A range of versions, both ends included. `None` is unbounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRange {
    /// Oldest version.
    pub from: Option<&'static str>,
    /// Newest version. A bound covers all versions that start with it: `470` includes `470.256`.
    pub to: Option<&'static str>,
}

/// Kind of a driver's kernel modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelModuleKind {
    /// The default modules; for NVIDIA, the proprietary ones.
    Standard,
    /// NVIDIA's open modules.
    Open,
}

const ANY: VersionRange = VersionRange { from: None, to: None };
const USUAL: &[KernelModuleKind] = &[KernelModuleKind::Standard];
const EITHER: &[KernelModuleKind] = &[KernelModuleKind::Standard, KernelModuleKind::Open];
const OPEN: &[KernelModuleKind] = &[KernelModuleKind::Open];

const fn from(version: &'static str) -> VersionRange {
    VersionRange { from: Some(version), to: None }
}

const fn to(version: &'static str) -> VersionRange {
    VersionRange { from: None, to: Some(version) }
}

const fn nvidia(
    name: &'static str,
    devices: &'static [(u16, u16)],
    driver: VersionRange,
    modules: &'static [KernelModuleKind],
    toolkit: VersionRange,
    cudnn: VersionRange,
) -> GpuArchitecture {
    GpuArchitecture { vendor: Vendor::Nvidia, name, devices, driver, modules, toolkit, cudnn }
}

const fn amd(name: &'static str, devices: &'static [(u16, u16)], toolkit: VersionRange) -> GpuArchitecture {
    GpuArchitecture { vendor: Vendor::Amd, name, devices, driver: ANY, modules: USUAL, toolkit, cudnn: ANY }
}

/// Known architectures. Devices of other architectures have no constraints.
///
/// Device ids: the PCI ID repository, 2025-06. Drivers and modules: NVIDIA's lists of unsupported and of open-module
/// products in its drivers' READMEs, 580. Toolkits: the targets that CUDA's release notes add and remove (11.8: 8.9 and
/// 9.0; 12.0: no 3.x; 12.8: 10.0 and 12.0; 12.9: 10.3; 13.0: none before 7.5), ROCm's of 6.0 and 7.0. cuDNN: 9.10 is
/// the last before Turing, 8.6 the first for Ada and Hopper.
pub const ARCHITECTURES: &[GpuArchitecture] = &[
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
    // Listed before Hopper, whose range of ids includes these.
    nvidia("Grace Hopper", &[(0x2340, 0x234f)], from("535"), OPEN, from("11.8"), from("8.6")),
    nvidia("Hopper", &[(0x2300, 0x23ff)], from("525"), EITHER, from("11.8"), from("8.6")),
    nvidia("Ada Lovelace", &[(0x2600, 0x28ff)], from("525"), EITHER, from("11.8"), from("8.6")),
    nvidia("Blackwell", &[(0x2900, 0x2fff)], from("570"), OPEN, from("12.8"), from("9.7")),
    nvidia("Blackwell Ultra", &[(0x3180, 0x31ff)], from("580"), OPEN, from("12.9"), from("9.7")),
    amd("CDNA 3", &[(0x74a0, 0x74bf)], from("6.0")),
    amd("CDNA 4", &[(0x75a0, 0x75bf)], from("7.0")),
];

impl GpuArchitecture {
    /// Architecture of a vendor's device; `None` if unknown.
    pub(super) fn of(vendor: Vendor, device: u16) -> Option<&'static Self> {
        let has = |(first, last): &(u16, u16)| (*first..=*last).contains(&device);
        ARCHITECTURES.iter().find(|one| one.vendor == vendor && one.devices.iter().any(has))
    }
}

impl VersionRange {
    /// True if the range contains a version. A version that leaves digits open counts as the newest it can be, as in
    /// `DottedVersion::reaches`.
    pub fn holds(&self, version: &DottedVersion) -> bool {
        let old_enough = |to: &DottedVersion| version <= to || version.satisfies(to);
        self.from.is_none_or(|from| version.is_at_least(&known_version(from)))
            && self.to.is_none_or(|to| old_enough(&known_version(to)))
    }
}

impl fmt::Display for VersionRange {
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
            assert_eq!(GpuArchitecture::of(Vendor::Nvidia, device).map(|one| one.name), Some(name), "{device:04x}");
        }
        assert_eq!(GpuArchitecture::of(Vendor::Amd, 0x74a1).map(|one| one.name), Some("CDNA 3"));
        assert_eq!(GpuArchitecture::of(Vendor::Nvidia, 0x74a1), None, "another maker's");
        assert_eq!(GpuArchitecture::of(Vendor::Nvidia, 0xffff), None);
    }

    #[test]
    fn ranges_are_apart_and_spans_in_order() {
        let known = |vendor, device| GpuArchitecture::of(vendor, device).map(|one| one.name);
        for one in ARCHITECTURES {
            assert!(!one.modules.is_empty(), "{one:?}");
            for (first, last) in one.devices {
                assert!(first <= last && known(one.vendor, *first) == Some(one.name), "{one:?}");
                assert!(known(one.vendor, *last) == Some(one.name), "{one:?}");
            }
            for span in [one.driver, one.toolkit, one.cudnn] {
                let bounds: Vec<DottedVersion> =
                    [span.from, span.to].into_iter().flatten().map(known_version).collect();
                assert!(bounds.is_sorted() && bounds.iter().all(|bound| bound.major() > 0), "{one:?}");
            }
        }
    }

    #[test]
    fn a_span_holds_its_ends() {
        let holds = |span: VersionRange, version| span.holds(&known_version(version));
        assert!(holds(to("12.9"), "12.9") && holds(to("12.9"), "12.9.86") && !holds(to("12.9"), "13.0"));
        assert!(holds(to("470"), "470.256.02") && !holds(to("470"), "535"));
        assert!(holds(from("11.8"), "11.8.89") && holds(from("11.8"), "12.0") && !holds(from("11.8"), "11.5"));
        assert!(holds(ANY, "1") && holds(from("570"), "570"));
    }
}
