//! PCI devices as the kernel reports them, and which of them are GPUs.

use std::fmt;

use super::Vendor;

/// A PCI device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PciDevice {
    /// Bus address.
    pub address: PciAddress,
    /// Base class and subclass, such as `0302`.
    class: u16,
    /// PCI vendor id.
    vendor: u16,
    /// PCI device id.
    pub(super) id: u16,
}

/// Bus address such as `0000:3b:00.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PciAddress {
    /// `None` if the reporting program omits it.
    domain: Option<u32>,
    /// Bus, slot and function in 8, 5 and 3 bits.
    function: u16,
}

/// Connection between the GPUs of a machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum GpuLinks {
    /// Direct, or none.
    #[default]
    Direct,
    /// NVSwitches. CUDA does not start until a fabric manager has configured them (NVIDIA's Fabric Manager guide).
    Switched,
}

const NVIDIA: u16 = 0x10de;
const AMD: u16 = 0x1002;
const INTEL: u16 = 0x8086;

impl PciDevice {
    /// Parses `address class vendor device`, the last three as in sysfs: `0000:3b:00.0 0x030200 0x10de 0x1db5`.
    pub fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let address = PciAddress::read(words.next()?)?;
        let mut number = || u32::from_str_radix(words.next()?.trim_start_matches("0x"), 16).ok();
        // The third byte is the programming interface.
        let class = u16::try_from(number()? >> 8).ok()?;
        let mut id = || u16::try_from(number()?).ok();
        Some(Self { address, class, vendor: id()?, id: id()? })
    }

    /// True for a GPU of any vendor.
    ///
    /// Every NVIDIA display controller counts. AMD and Intel also make desktop graphics, so of theirs only controllers
    /// that are not VGA-compatible count; a baseboard's own controller (Matrox, ASPEED) never does. AMD's GPUs since
    /// the MI300 are of class 12 and no display controllers. Intel uses class 12 for devices found in every laptop.
    pub fn is_gpu(&self) -> bool {
        match self.vendor {
            NVIDIA => self.class >> 8 == 0x03,
            AMD => matches!(self.class, 0x0302 | 0x0380 | 0x1200),
            INTEL => matches!(self.class, 0x0302 | 0x0380),
            _ => false,
        }
    }

    /// True for a GPU of this vendor.
    pub fn is_of(&self, vendor: Vendor) -> bool {
        self.is_gpu() && self.vendor == vendor.pci_vendor()
    }

    /// True for an NVSwitch: an NVIDIA bridge of subclass "other".
    pub fn is_switch(&self) -> bool {
        (self.vendor, self.class) == (NVIDIA, 0x0680)
    }

    /// PCI id such as `10de:1db5`.
    pub fn pci_id(&self) -> String {
        format!("{:04x}:{:04x}", self.vendor, self.id)
    }
}

impl fmt::Display for PciDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.pci_id())
    }
}

impl Vendor {
    /// PCI vendor id.
    pub(super) fn pci_vendor(self) -> u16 {
        match self {
            Self::Nvidia => NVIDIA,
            Self::Amd => AMD,
        }
    }
}

impl PciAddress {
    /// Parses `0000:3b:00.0`. `nvidia-smi` writes eight digits for the domain and uses capitals.
    pub fn read(text: &str) -> Option<Self> {
        let (domain, rest) = text.split_once(':')?;
        let (bus, rest) = rest.split_once(':')?;
        let (slot, function) = rest.split_once('.')?;
        let hex = |digits: &str, most: u32| u32::from_str_radix(digits, 16).ok().filter(|number| *number <= most);
        let function = hex(bus, 0xff)? << 8 | hex(slot, 0x1f)? << 3 | hex(function, 7)?;
        Some(Self { domain: Some(hex(domain, u32::MAX)?), function: u16::try_from(function).ok()? })
    }

    /// Parses the number that `rocminfo` calls `BDFID`: bus, slot and function without the domain.
    pub fn within_domain(text: &str) -> Option<Self> {
        text.parse().ok().map(|function| Self { domain: None, function })
    }

    /// True if two addresses may be of one device. A missing domain matches every domain.
    pub(super) fn agrees(self, other: Self) -> bool {
        let one_domain = self.domain.zip(other.domain).is_none_or(|(one, other)| one == other);
        one_domain && self.function == other.function
    }
}

impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(domain) = self.domain {
            write!(f, "{domain:04x}:")?;
        }
        write!(f, "{:02x}:{:02x}.{}", self.function >> 8, self.function >> 3 & 0x1f, self.function & 7)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(text: &str) -> PciDevice {
        PciDevice::read(&format!("0000:3b:00.0 {text}")).unwrap()
    }

    #[test]
    fn gpus_are_distinguished_from_other_devices() {
        for gpu in [
            "0x030200 0x10de 0x1db5",
            "0x030000 0x10de 0x2684",
            "0x038000 0x1002 0x738c",
            "0x120000 0x1002 0x74a1",
            "0x038000 0x8086 0x0bd5",
        ] {
            assert!(device(gpu).is_gpu(), "{gpu}");
        }
        for other in [
            "0x030000 0x1002 0x164e",
            "0x030000 0x102b 0x0538",
            "0x120000 0x8086 0x7d1d",
            "0x040300 0x10de 0x22a3",
            "0x068000 0x10de 0x22a3",
            "0x020000 0x8086 0x1572",
        ] {
            assert!(!device(other).is_gpu(), "{other}");
        }
        assert!(device("0x120000 0x1002 0x74a1").is_of(Vendor::Amd));
        assert!(!device("0x120000 0x1002 0x74a1").is_of(Vendor::Nvidia));
    }

    #[test]
    fn switches_are_nvidias_bridges() {
        assert!(device("0x068000 0x10de 0x22a3").is_switch());
        assert!(!device("0x068000 0x8086 0x22a3").is_switch() && !device("0x030200 0x10de 0x2330").is_switch());
    }

    #[test]
    fn addresses_agree_however_they_are_written() {
        let address = |text| PciAddress::read(text).unwrap();
        assert!(address("0000:3b:00.1").agrees(address("00000000:3B:00.1")));
        assert!(!address("0000:3b:00.1").agrees(address("0001:3b:00.1")));
        assert!(!address("0000:3b:00.1").agrees(address("0000:3b:00.0")));
        assert!(address("0002:c9:00.0").agrees(PciAddress::within_domain("51456").unwrap()));
        assert_eq!(address("10000:E1:1F.7").to_string(), "10000:e1:1f.7");
        assert_eq!(PciAddress::within_domain("51456").unwrap().to_string(), "c9:00.0");
        for wrong in ["", "0000:3b:00", "0000:3b:20.0", "0000:3b:00.8", "0000:13b:00.0", "x:3b:00.0"] {
            assert_eq!(PciAddress::read(wrong), None, "{wrong}");
        }
        assert_eq!(PciDevice::read("0000:3b:00.0 0x030200 0x10de"), None);
    }
}
