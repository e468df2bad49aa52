//! Offers of sites, with facts, supply and price. The engine queries them; the planner compares them.

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
    /// The site.
    pub site: SiteId,
    /// The site's name for this shape of hardware.
    pub node_type: String,
    /// Hardware of one machine. Of a [`Supply::Divisible`] offer: the maximum for one machine.
    pub facts: Facts,
    /// Amount that the site has.
    pub supply: Supply,
    /// Availability in the requested window.
    pub availability: Availability,
    /// Price of one machine per hour. `None`: unknown, never treated as free of charge.
    pub price_per_hour: Option<Money>,
    /// Unit of the price.
    #[serde(default)]
    pub unit: PriceUnit,
    /// True if the site may reclaim the machine at any time.
    pub spot: bool,
    /// Images that boot on it.
    pub images: Vec<ImageFacts>,
    /// True if the user can add images to those that boot on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepts_images: bool,
    /// Resources that a machine requires at the site.
    #[serde(default)]
    pub terms: Terms,
}

impl Offer {
    /// Price of some machines per hour. `None`: unknown.
    pub fn price_of(&self, machines: u32) -> Option<Money> {
        self.price_per_hour.map(|price| price.times(i64::from(machines)))
    }
}

/// Resources that a machine requires at a site. They determine the steps of a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Terms {
    /// Claim on the host.
    pub claim: ClaimTerm,
    /// Installation of the user's public key.
    pub key: KeyTerm,
    /// Network of the machine.
    pub network: NetworkTerm,
    /// Address to reach the machine at.
    pub reach: ReachTerm,
}

/// Claim of a machine on its host.
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

/// Installation of a public key on a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyTerm {
    /// Passed when the machine is created.
    #[default]
    Inline,
    /// Registered at the site first.
    Keypair,
    /// An existing key at the site, by name. It is used and never changed.
    Registered(String),
    /// Installed already, and not the deployment's own key. Its private half is this file on this computer.
    IdentityFile(String),
}

/// Network of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkTerm {
    /// The deployment's own network, created first.
    #[default]
    Own,
    /// An existing network, by its name at the site.
    Shared(String),
    /// The site attaches the machine to a network.
    SiteManaged,
}

/// Address to reach a machine at from this computer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReachTerm {
    /// Its own address.
    #[default]
    Direct,
    /// A public address from this pool, created after the machine.
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

/// A site's id for one of its physical hosts, used to reserve it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HostId(pub String);

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One physical host of an offer, and its reservations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSupply {
    /// Its id.
    pub id: HostId,
    /// Its state of service.
    pub state: HostState,
    /// The windows in which it is reserved.
    pub busy: Timeline,
}

/// State of service of a host. Unknown never counts as free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// Reservable when not busy.
    InService,
    /// Out of service.
    Maintenance,
    /// Not reported by the site.
    Unknown,
}

/// Hardware of one machine. `None`: not reported by the site. It never disqualifies an offer; the phase `verify` checks it
/// after the first login.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// CPUs: hardware threads.
    pub cpus: Option<u32>,
    /// Memory.
    pub memory: Option<Bytes>,
    /// Disk.
    pub disk: Option<Bytes>,
    /// Architecture, as `uname -m` prints it.
    pub arch: Option<String>,
    /// GPUs, one entry each.
    pub gpus: Vec<GpuFacts>,
    /// Further properties that the site reports.
    pub labels: BTreeMap<String, String>,
    /// Reason that machines run in software emulation, which is some 20 times slower. `None` if they run on hardware, or if
    /// the site does not report it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emulated: Option<String>,
}

/// One GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuFacts {
    /// The site's own name for the model.
    pub model: String,
    /// Its memory, if the site reports it.
    pub memory: Option<Bytes>,
}

/// Amount of an offer that a site has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supply {
    /// A number of whole machines, each exactly as in the facts.
    Machines(u32),
    /// Machines of any size up to the facts, as long as the free memory and disk suffice.
    Divisible {
        /// Free memory. Machines share CPUs, so CPUs limit only the size of one machine.
        memory: Bytes,
        /// Free disk.
        disk: Bytes,
    },
    /// No limit that the site reports.
    Unlimited,
    /// These physical hosts, each exactly as in the facts, when they are free.
    Hosts(Vec<HostSupply>),
}

/// Availability of an offer in the requested window. Unknown never counts as free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Available.
    Free,
    /// In use or reserved; until this time, if known.
    Busy(Option<Timestamp>),
    /// Out of service.
    Maintenance,
    /// Not reported by the site.
    Unknown,
}

/// An image that a site can boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Its name at the site.
    pub name: String,
    /// Architecture, as `uname -m` prints it.
    pub arch: String,
    /// The user to log in as.
    pub user: String,
    /// Minimum disk size.
    pub disk: Bytes,
    /// Minimum memory to boot.
    pub memory: Bytes,
    /// Its operating system, if known.
    #[serde(default)]
    pub os: Option<OsRelease>,
    /// Its GPU software.
    #[serde(default)]
    pub gpu_software: GpuSoftware,
}

/// An operating system, as in its `/etc/os-release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsRelease {
    /// `ID`, such as `ubuntu`.
    pub id: String,
    /// `VERSION_ID`, such as `22.04`; `None` if the system has no versions, or it is unknown.
    pub version: Option<String>,
}

impl ImageFacts {
    /// True if it matches a requested image: by its name, or by its operating system, as `ubuntu-22.04` or `ubuntu`.
    pub fn is(&self, requested: &str) -> bool {
        let runs = |os: &OsRelease| OsRelease::from_request(requested).is_some_and(|requested| os.is(&requested));
        self.name == requested || self.os.as_ref().is_some_and(runs)
    }
}

impl OsRelease {
    /// The system that a request names: `ubuntu-22.04`, `Ubuntu 22.04`, `ubuntu22.04` or `ubuntu`.
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

    /// True if it matches a requested system. A request without a version matches every version, and `9` matches `9.4`.
    pub fn is(&self, requested: &Self) -> bool {
        let version = |requested: &String| {
            self.version.as_ref().is_some_and(|have| {
                have.strip_prefix(requested.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        };
        self.id == requested.id && requested.version.as_ref().is_none_or(version)
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

/// GPU software of an image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuSoftware {
    /// None, or unknown.
    #[default]
    None,
    /// NVIDIA's driver and CUDA.
    Cuda,
    /// AMD's driver and ROCm.
    Rocm,
}

/// The offers of all sites, gathered for one plan.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// Every offer of every site that answered.
    pub offers: Vec<Offer>,
    /// The sites that did not answer, with the error of each. They do not affect the offers of other sites.
    pub unreachable: BTreeMap<SiteId, String>,
}

impl Market {
    /// The sites with an offer.
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
    fn image_matches_a_request_by_name_or_operating_system() {
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
        for requested in ["CC-Ubuntu22.04-CUDA", "ubuntu-22.04", "Ubuntu 22.04", "ubuntu22.04", "ubuntu", "ubuntu-22"] {
            assert!(image.is(requested), "{requested}");
        }
        for requested in ["CC-Ubuntu22.04", "ubuntu-24.04", "ubuntu-22.0", "debian", "", "22.04", "ubuntu-22.04-arm"] {
            assert!(!image.is(requested), "{requested}");
        }
    }
}
