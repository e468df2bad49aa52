//! Constraints that a machine's GPUs impose on drivers and toolkits.

use super::architecture::{GpuArchitecture, KernelModuleKind, VersionRange};
use super::bus::{GpuLinks, PciDevice};
use super::conflict::{GpuConflict, fits, rows_of, version_list};
use super::matrix::MatrixRow;
use super::version::known_version;
use super::{DottedVersion, GpuStack, Vendor};

/// Constraints of a machine's GPUs. The default has none; it is also used for machines that were not probed yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GpuHardware {
    architectures: Vec<&'static GpuArchitecture>,
    links: GpuLinks,
}

impl GpuHardware {
    /// Constraints of a vendor's GPUs. Unknown architectures impose none.
    pub fn new(vendor: Vendor, devices: &[PciDevice], links: GpuLinks) -> Self {
        let ids = devices.iter().filter(|device| device.is_of(vendor)).map(|device| device.id);
        // NVSwitches connect NVIDIA's GPUs only.
        let links = if vendor == Vendor::Nvidia { links } else { GpuLinks::Direct };
        Self { architectures: architectures(vendor, ids), links }
    }

    /// Constraints of GPUs known by PCI id only, such as `10de:1db5`.
    pub fn by_pci_ids<'a>(vendor: Vendor, ids: impl Iterator<Item = &'a str>) -> Self {
        let of_maker = |id: &str| {
            let (vendor_id, device) = id.split_once(':')?;
            let is_of = u16::from_str_radix(vendor_id, 16).ok()? == vendor.pci_vendor();
            u16::from_str_radix(device, 16).ok().filter(|_| is_of)
        };
        Self { architectures: architectures(vendor, ids.filter_map(of_maker)), links: GpuLinks::Direct }
    }

    /// True if a fabric manager is needed.
    pub fn is_switched(&self) -> bool {
        self.links == GpuLinks::Switched
    }

    /// The same GPUs without NVSwitches.
    pub(super) fn unlinked(&self) -> Self {
        Self { links: GpuLinks::Direct, ..self.clone() }
    }

    /// True if a driver with these modules supports all GPUs.
    pub(super) fn is_driven_by(&self, driver: &str, modules: KernelModuleKind) -> bool {
        self.all(|one| one.driver.holds(&known_version(driver)) && one.modules.contains(&modules))
    }

    /// True if a toolkit supports all GPUs.
    pub(super) fn takes_toolkit(&self, version: &DottedVersion) -> bool {
        self.all(|one| one.toolkit.holds(version))
    }

    /// True if a cuDNN version supports all GPUs.
    pub(super) fn takes_cudnn(&self, version: &str) -> bool {
        self.all(|one| one.cudnn.holds(&known_version(version)))
    }

    fn all(&self, is: impl Fn(&GpuArchitecture) -> bool) -> bool {
        self.architectures.iter().all(|one| is(one))
    }

    /// Conflict between a requested version and the GPUs, regardless of the repository.
    pub(super) fn conflict(&self, vendor: Vendor, stack: &GpuStack) -> Option<GpuConflict> {
        self.architectures.iter().find_map(|one| conflict(one, vendor, stack))
    }

    /// Names of the architectures for messages.
    pub(super) fn names(&self) -> String {
        self.architectures.iter().map(|one| one.name).collect::<Vec<_>>().join(" and ")
    }

    /// Constraints for messages.
    pub(super) fn constraints(&self) -> String {
        let constraints: Vec<String> =
            self.architectures.iter().map(|one| constraints(one)).filter(|text| !text.is_empty()).collect();
        constraints.join("; ")
    }
}

fn architectures(vendor: Vendor, devices: impl Iterator<Item = u16>) -> Vec<&'static GpuArchitecture> {
    let mut found: Vec<&GpuArchitecture> = Vec::new();
    for one in devices.filter_map(|device| GpuArchitecture::of(vendor, device)) {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    found
}

fn conflict(one: &GpuArchitecture, vendor: Vendor, stack: &GpuStack) -> Option<GpuConflict> {
    let driver = stack.driver.as_ref().filter(|_| vendor == Vendor::Nvidia);
    let cudnn = stack.cudnn.as_ref().filter(|_| vendor == Vendor::Nvidia);
    let drivers: Vec<&str> = rows_of(vendor).flat_map(MatrixRow::all_drivers).map(|(_, part)| part.version).collect();
    let toolkits = rows_of(vendor).flat_map(|row| row.toolkits).map(|part| part.version).collect();
    let cudnns = rows_of(vendor).flat_map(|row| row.cudnns).map(|part| part.version).collect();
    let all = [
        ("driver", "driver", driver, one.driver, drivers),
        (vendor.toolkit_key(), vendor.toolkit(), stack.toolkit(vendor), one.toolkit, toolkits),
        ("cudnn", "cuDNN", cudnn, one.cudnn, cudnns),
    ];
    all.into_iter().find_map(|(key, what, request, span, known)| {
        let request = request?;
        let held: Vec<&str> = known.into_iter().filter(|version| span.holds(&known_version(version))).collect();
        if held.iter().any(|version| fits(version, Some(request))) {
            return None;
        }
        let message = format!("{what} {request} does not support {} GPUs", one.name);
        let known = if held.is_empty() { String::new() } else { format!(" (known versions: {})", version_list(held)) };
        let hint = format!("use {what} {span}{known}; or omit `{key}` to use a compatible version");
        Some(GpuConflict { key, message, hint })
    })
}

fn constraints(one: &GpuArchitecture) -> String {
    let constraint = |what: &str, span: VersionRange| {
        (span != VersionRange { from: None, to: None }).then(|| format!("{what} {span}"))
    };
    let open = (one.modules == [KernelModuleKind::Open]).then(|| "the driver's open kernel modules".to_owned());
    let all = [constraint(one.vendor.toolkit(), one.toolkit), constraint("driver", one.driver), open];
    let constraints: Vec<String> = all.into_iter().flatten().collect();
    if constraints.is_empty() { String::new() } else { format!("{} requires {}", one.name, constraints.join(", ")) }
}
