//! What a machine was seen to have, and what it lacks of a wish.

use super::bus::{Address, Device, Links};
use super::contradiction::fits;
use super::hardware::Hardware;
use super::resolve::Have;
use super::{GpuStack, Maker, Version};

/// What a machine was seen to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Accelerators on the PCI bus, of all makers.
    pub accelerators: Vec<Device>,
    /// How they reach each other.
    pub links: Links,
    /// The accelerators that the maker's own program shows. One of NVIDIA's that is shared out in parts (MIG) is one; AMD
    /// shows each part.
    pub working: Vec<Working>,
    /// Whether the links are set up.
    pub fabric: Fabric,
    /// The version of the kernel module that would be loaded.
    pub module: Option<Version>,
    /// The toolkit that a login shell finds.
    pub toolkit: Option<Version>,
    /// The toolkits that lie where their maker puts them, and where that is: a login shell need not find them.
    pub places: Vec<(Version, String)>,
    /// cuDNN's headers.
    pub cudnn: Option<Version>,
    /// Whether the user may use the devices.
    pub access: Access,
}

/// An accelerator that works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Working {
    /// Where it is.
    pub at: Address,
    /// What is said of it: NVIDIA's driver version, AMD's name.
    pub what: String,
}

/// The fabric manager, a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fabric {
    /// It is not installed.
    #[default]
    Absent,
    /// It is installed, and doesn't run.
    Idle,
    /// It runs.
    Running,
}

/// Whether the user may use the devices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// Anybody may, or the user is in the groups that may.
    #[default]
    Given,
    /// The user is not in these groups.
    Missing,
}

/// Something that is to be done on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The driver: it is not there, or not the one wished, or doesn't drive all.
    Driver,
    /// The fabric manager: it doesn't run.
    Fabric,
    /// The toolkit: it is not there, or not the one wished, or not for these accelerators.
    Toolkit,
    /// The toolkit is there, and login shells don't find it.
    Path,
    /// cuDNN.
    Cudnn,
    /// The user's groups.
    Access,
}

impl Seen {
    /// How many accelerators of a maker the bus shows.
    pub fn count(&self, maker: Maker) -> usize {
        self.accelerators.iter().filter(|device| device.is_of(maker)).count()
    }

    /// Whose accelerators the machine has. Where both makers', NVIDIA's: the others are likely the processor's own.
    pub fn maker(&self) -> Option<Maker> {
        [Maker::Nvidia, Maker::Amd].into_iter().find(|maker| self.count(*maker) > 0)
    }

    /// What the accelerators of a maker ask.
    pub fn hardware(&self, maker: Maker) -> Hardware {
        Hardware::new(maker, &self.accelerators, self.links)
    }

    /// The accelerators of a maker that the bus shows and the maker's own program doesn't.
    pub fn undriven(&self, maker: Maker) -> Vec<&Device> {
        let mut left: Vec<&Working> = self.working.iter().collect();
        let mut is_driven = |device: &Device| {
            let found = left.iter().position(|working| working.at.agrees(device.address));
            found.map(|index| left.swap_remove(index)).is_some()
        };
        self.accelerators.iter().filter(|device| device.is_of(maker) && !is_driven(device)).collect()
    }

    /// The version of the driver, where it drives all that the bus shows. Where the bus shows none, a driver that is only
    /// installed is as good as can be.
    fn driver(&self, maker: Maker) -> Option<Version> {
        let all = self.undriven(maker).is_empty() && !self.working.is_empty();
        let said = self.working.first().and_then(|working| Version::read(&working.what));
        match (maker, all) {
            _ if !all && self.count(maker) == 0 => self.module.clone(),
            (_, false) => None,
            (Maker::Nvidia, true) => said,
            (Maker::Amd, true) => self.module.clone().or_else(|| Version::read("0")),
        }
    }

    /// What is there and can stay. A driver without the fabric manager that it needs can't: that has to be of its very
    /// version, which repositories of distributions don't keep.
    pub fn have(&self, maker: Maker, stack: &GpuStack) -> Have {
        let hardware = self.hardware(maker);
        let serves =
            |version: &Version| fits(&version.to_string(), stack.toolkit(maker)) && hardware.takes_toolkit(version);
        let found = self.toolkit.clone().filter(serves);
        let toolkit = found.or_else(|| self.place(maker, stack).map(|(version, _)| version.clone()));
        let is_whole = !hardware.is_switched() || self.fabric != Fabric::Absent;
        Have { driver: self.driver(maker).filter(|_| is_whole), toolkit }
    }

    /// A toolkit as wished, for these accelerators, that a login shell need not find, and where it lies.
    pub fn place(&self, maker: Maker, stack: &GpuStack) -> Option<&(Version, String)> {
        let hardware = self.hardware(maker);
        let serves = |(version, _): &&(Version, String)| {
            fits(&version.to_string(), stack.toolkit(maker)) && hardware.takes_toolkit(version)
        };
        self.places.iter().filter(serves).max_by_key(|(version, _)| version)
    }
}

/// What a machine lacks of a wish. A wish that leaves something open is content with any version of it that is for the
/// accelerators.
pub fn lacks(maker: Maker, stack: &GpuStack, seen: &Seen) -> Vec<Lack> {
    let is = |version: &Option<Version>, wish: Option<&String>| {
        version.as_ref().is_some_and(|version| fits(&version.to_string(), wish))
    };
    let nvidia = maker == Maker::Nvidia;
    let hardware = seen.hardware(maker);
    let driver = is(&seen.driver(maker), stack.driver.as_ref().filter(|_| nvidia));
    let cudnn = stack.cudnn.as_ref().filter(|_| nvidia).is_none_or(|wish| is(&seen.cudnn, Some(wish)));
    let takes = seen.toolkit.as_ref().is_some_and(|version| hardware.takes_toolkit(version));
    let found = takes && is(&seen.toolkit, stack.toolkit(maker));
    let lies = seen.place(maker, stack).is_some();
    let lacks = [
        (Lack::Driver, driver),
        (Lack::Fabric, !hardware.is_switched() || seen.fabric == Fabric::Running),
        (Lack::Toolkit, found || lies),
        (Lack::Path, found || !lies),
        (Lack::Cudnn, cudnn),
        (Lack::Access, seen.access == Access::Given),
    ];
    lacks.into_iter().filter(|(_, has)| !has).map(|(lack, _)| lack).collect()
}
