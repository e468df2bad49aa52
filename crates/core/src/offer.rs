//! What the sites have: offers, with facts, supply and price. Gathered at the edge, compared here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Timeline;
use crate::money::Money;
use crate::name::SiteId;
use crate::size::Bytes;
use crate::ticket::Ref;

/// A node type at a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// Where.
    pub site: SiteId,
    /// The site's name for this shape of hardware.
    pub node_type: String,
    /// What one machine of it has. Of a [`Supply::Divisible`] offer: the most that one machine can have.
    pub facts: Facts,
    /// How much of it there is.
    pub supply: Supply,
    /// Whether it can be had in the window asked for.
    pub availability: Availability,
    /// What one machine costs an hour; unknown where absent. Unknown is never taken for free of charge.
    pub price_per_hour: Option<Money>,
    /// Whether the site may take it away at any time.
    pub spot: bool,
    /// The images that boot on it.
    pub images: Vec<ImageFacts>,
    /// True if the user can add images to those that boot on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepts_images: bool,
    /// What the site asks for beside the machine itself.
    #[serde(default)]
    pub terms: Terms,
}

/// What a site asks for beside a machine: the steps of a plan follow from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// How the machine is held.
    pub claim: ClaimTerm,
    /// How the user's public key gets onto it.
    pub key: KeyTerm,
    /// The network that it stands on.
    pub network: NetworkTerm,
    /// How it is reached.
    pub reach: ReachTerm,
    /// What its price is counted in.
    pub unit: PriceUnit,
}

/// How a host is claimed for a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimTerm {
    /// No reservation needed: launching claims the host.
    #[default]
    OnLaunch,
    /// A lease on the host for a window, created first.
    Lease,
    /// A lease that exists already, of any owner. It is used and never changed.
    Existing(Ref),
}

/// How a public key gets onto a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyTerm {
    /// With the machine.
    #[default]
    Inline,
    /// It is registered at the site first.
    Keypair,
    /// It is registered there already, by this name, and stays.
    Registered(String),
    /// It is there already, and another than the deployment's: the private one lies in this file on this computer.
    IdentityFile(String),
}

/// The network that a machine stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkTerm {
    /// One of the deployment's own, made first.
    #[default]
    Own,
    /// One that is there, by its name at the site.
    Shared(String),
    /// The site sees to it.
    SiteManaged,
}

/// How a machine is reached from here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReachTerm {
    /// At its own address.
    #[default]
    Direct,
    /// At a public address out of a pool, made after it.
    PublicAddress(String),
}

/// Unit of a price.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PriceUnit {
    /// US dollars.
    #[default]
    #[serde(rename = "USD")]
    Dollars,
    /// A testbed's service units.
    #[serde(rename = "SU")]
    ServiceUnits,
}

impl fmt::Display for PriceUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dollars => "USD",
            Self::ServiceUnits => "SU",
        })
    }
}

/// A site's id for one of its physical hosts, by which it can be reserved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostId(pub String);

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One physical host of an offer, and when others have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSupply {
    /// Which.
    pub id: HostId,
    /// Whether it is in service at all.
    pub state: HostState,
    /// When it is taken.
    pub busy: Timeline,
}

/// Whether a host is in service. Unknown is never counted as free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// It can be reserved where it isn't busy.
    InService,
    /// Taken out of service.
    Maintenance,
    /// The site doesn't say.
    Unknown,
}

/// What one machine has. What the site doesn't say is absent: it keeps no demand away, and is looked at once the machine can
/// be logged in to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Processors.
    pub cpus: Option<u32>,
    /// Memory.
    pub memory: Option<Bytes>,
    /// Disk.
    pub disk: Option<Bytes>,
    /// Architecture, as `uname -m` says it.
    pub arch: Option<String>,
    /// Accelerators, each one listed.
    pub gpus: Vec<GpuFacts>,
    /// What else the site says of it.
    pub labels: BTreeMap<String, String>,
    /// Reason that machines run in software emulation, which is some 20 times slower. `None` if they run on hardware, or if
    /// the site does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulated: Option<String>,
}

/// One accelerator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuFacts {
    /// The site's own name for the model.
    pub model: String,
    /// Its memory, where the site says.
    pub memory: Option<Bytes>,
}

/// How much of an offer there is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supply {
    /// So many whole machines, each just as the facts say.
    Machines(u32),
    /// Machines are cut to measure out of what is left, each at most as the facts say.
    Divisible {
        /// Processors may be shared between machines, so they limit only one machine's size.
        memory: Bytes,
        /// What is left of the disk.
        disk: Bytes,
    },
    /// As many as one asks for, as far as the site tells.
    Unlimited,
    /// These physical hosts, each just as the facts say, where and when they are free.
    Hosts(Vec<HostSupply>),
}

/// Whether an offer can be had in the window asked for. Unknown is never counted as free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It can be had.
    Free,
    /// Somebody has it, until then where that is known.
    Busy(Option<Timestamp>),
    /// The site has taken it out of service.
    Maintenance,
    /// The site doesn't say.
    Unknown,
}

/// An image that a site can boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Its name at the site.
    pub name: String,
    /// Architecture, as `uname -m` says it.
    pub arch: String,
    /// The user to log in as.
    pub user: String,
    /// The least disk that it fits on.
    pub disk: Bytes,
    /// The least memory that it boots with.
    pub memory: Bytes,
    /// What runs on it, where that is known.
    #[serde(default)]
    pub os: Option<OsRelease>,
    /// What is on it for accelerators.
    #[serde(default)]
    pub gpu_software: GpuSoftware,
}

/// An operating system, in the words of its `/etc/os-release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`, as `ubuntu`.
    pub id: String,
    /// `VERSION_ID`, as `22.04`; absent where there are no versions, or it is not known.
    pub version: Option<String>,
}

impl ImageFacts {
    /// Whether it is the wished image: by its name, or as `ubuntu-22.04` (or `ubuntu`) by what runs on it.
    pub fn is(&self, wish: &str) -> bool {
        let runs = |os: &OsRelease| OsRelease::from_request(wish).is_some_and(|wish| os.is(&wish));
        self.name == wish || self.os.as_ref().is_some_and(runs)
    }
}

impl OsRelease {
    /// The system that a wish names: `ubuntu-22.04`, `Ubuntu 22.04`, `ubuntu22.04` or `ubuntu`.
    pub fn from_request(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let digits = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
        let (id, version) = text.split_at(digits);
        let id = id.trim_end_matches([' ', '-', '_', ':']);
        let good = !id.is_empty()
            && id.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            && version.chars().all(|c| c.is_ascii_digit() || c == '.');
        good.then(|| Self { id: id.to_owned(), version: (!version.is_empty()).then(|| version.to_owned()) })
    }

    /// Whether it is the wished one, where a wish without a version takes any, and `9` takes `9.4`.
    pub fn is(&self, wish: &Self) -> bool {
        let version = |wished: &String| {
            self.version.as_ref().is_some_and(|have| {
                have.strip_prefix(wished.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        self.id == wish.id && wish.version.as_ref().is_none_or(version)
    }
}

impl fmt::Display for OsRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => f.pad(&format!("{} {version}", self.id)),
            None => f.pad(&self.id),
        }
    }
}

/// What an image brings for accelerators.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuSoftware {
    /// Nothing, or nothing that is known of.
    #[default]
    None,
    /// NVIDIA's driver and CUDA.
    Cuda,
    /// AMD's driver and ROCm.
    Rocm,
}

/// All that was gathered: the offers, and what each site that could not be asked said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// Every offer of every site that answered.
    pub offers: Vec<Offer>,
    /// The sites that did not, and why: a dead site never blinds the others.
    pub unreachable: BTreeMap<SiteId, String>,
}

impl Market {
    /// The sites that made an offer.
    pub fn sites(&self) -> BTreeSet<&SiteId> {
        self.offers.iter().map(|offer| &offer.site).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ubuntu(version: &str) -> OsRelease {
        OsRelease { id: "ubuntu".into(), version: Some(version.into()) }
    }

    #[test]
    fn an_image_is_wished_by_its_name_or_by_what_runs_on_it() {
        let size = Bytes::gib(1);
        let image = ImageFacts {
            name: "CC-Ubuntu22.04-CUDA".into(),
            arch: "x86_64".into(),
            user: "cc".into(),
            disk: size,
            memory: size,
            os: Some(ubuntu("22.04")),
            gpu_software: GpuSoftware::Cuda,
        };
        for wish in ["CC-Ubuntu22.04-CUDA", "ubuntu-22.04", "Ubuntu 22.04", "ubuntu22.04", "ubuntu", "ubuntu-22"] {
            assert!(image.is(wish), "{wish}");
        }
        for wish in ["CC-Ubuntu22.04", "ubuntu-24.04", "ubuntu-22.0", "debian", "", "22.04", "ubuntu-22.04-arm"] {
            assert!(!image.is(wish), "{wish}");
        }
    }
}
