//! What a machine was seen to have, and what it lacks of a wish.

use super::contradiction::fits;
use super::resolve::Have;
use super::{GpuStack, Maker, Version};

/// What a machine was seen to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Accelerators on the PCI bus: the makers' PCI ids.
    pub vendors: Vec<String>,
    /// What the maker's own program says of each accelerator that works: NVIDIA's driver version, AMD's name.
    pub working: Vec<String>,
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
    /// The toolkit.
    Toolkit,
    /// The toolkit is there, and login shells don't find it.
    Path,
    /// cuDNN.
    Cudnn,
    /// The user's groups.
    Access,
}

impl Maker {
    /// As PCI devices say it.
    pub fn pci_vendor(self) -> &'static str {
        match self {
            Self::Nvidia => "10de",
            Self::Amd => "1002",
        }
    }
}

impl Seen {
    /// How many accelerators of a maker the bus shows.
    pub fn count(&self, maker: Maker) -> usize {
        self.vendors.iter().filter(|vendor| *vendor == maker.pci_vendor()).count()
    }

    /// Whose accelerators the machine has. Where both makers', NVIDIA's: the others are likely the processor's own.
    pub fn maker(&self) -> Option<Maker> {
        [Maker::Nvidia, Maker::Amd].into_iter().find(|maker| self.count(*maker) > 0)
    }

    /// The version of the driver, where it drives all that the bus shows. Where the bus shows none, a driver that is only
    /// installed is as good as can be.
    fn driver(&self, maker: Maker) -> Option<Version> {
        let all = self.working.len() >= self.count(maker) && !self.working.is_empty();
        let said = self.working.first().and_then(|text| Version::read(text));
        match (maker, all) {
            _ if !all && self.count(maker) == 0 => self.module.clone(),
            (_, false) => None,
            (Maker::Nvidia, true) => said,
            (Maker::Amd, true) => self.module.clone().or_else(|| Version::read("0")),
        }
    }

    /// What is there and can stay.
    pub fn have(&self, maker: Maker, stack: &GpuStack) -> Have {
        let found = self.toolkit.clone().filter(|version| fits(&version.to_string(), stack.toolkit(maker)));
        let toolkit = found.or_else(|| self.place(maker, stack).map(|(version, _)| version.clone()));
        Have { driver: self.driver(maker), toolkit }
    }

    /// A toolkit as wished that a login shell need not find, and where it lies.
    pub fn place(&self, maker: Maker, stack: &GpuStack) -> Option<&(Version, String)> {
        let fitting = self.places.iter().filter(|(version, _)| fits(&version.to_string(), stack.toolkit(maker)));
        fitting.max_by_key(|(version, _)| version)
    }
}

/// What a machine lacks of a wish. A wish that leaves something open is content with any version of it.
pub fn lacks(maker: Maker, stack: &GpuStack, seen: &Seen) -> Vec<Lack> {
    let is = |version: &Option<Version>, wish: Option<&String>| {
        version.as_ref().is_some_and(|version| fits(&version.to_string(), wish))
    };
    let nvidia = maker == Maker::Nvidia;
    let driver = is(&seen.driver(maker), stack.driver.as_ref().filter(|_| nvidia));
    let cudnn = stack.cudnn.as_ref().filter(|_| nvidia).is_none_or(|wish| is(&seen.cudnn, Some(wish)));
    let found = is(&seen.toolkit, stack.toolkit(maker));
    let lies = seen.place(maker, stack).is_some();
    let lacks = [
        (Lack::Driver, driver),
        (Lack::Toolkit, found || lies),
        (Lack::Path, found || !lies),
        (Lack::Cudnn, cudnn),
        (Lack::Access, seen.access == Access::Given),
    ];
    lacks.into_iter().filter(|(_, has)| !has).map(|(lack, _)| lack).collect()
}
