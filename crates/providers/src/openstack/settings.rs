//! How a site is used: what differs from cloud to cloud, and is no fact of it.

use std::path::PathBuf;
use std::time::Duration;

use hostler_core::name::{BadName, Name, ProviderKind, SiteId};
use hostler_core::offer::Unit;

use super::cloud::Cloud;
use crate::http::Url;

/// How a site is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The site's name.
    pub site: SiteId,
    /// The flavor that leased hosts are launched with.
    pub flavor: String,
    /// The network that machines stand on. Without a name: the one that is shared by all projects, where there is just
    /// one; else each deployment has its own.
    pub network: Option<String>,
    /// The external network that public addresses come from. Without a name: the one there is.
    pub pool: Option<String>,
    /// How machines are reached.
    pub reach: Reach,
    /// The user to log in as, where an image doesn't say.
    pub user: String,
    /// What prices are counted in, where hosts have any.
    pub unit: Unit,
    /// Where the static list of nodes is.
    pub nodes: Option<NodeApi>,
    /// How long a machine may take until it runs.
    pub patience: Duration,
}

/// How machines are reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// At a public address each, where the cloud has such.
    #[default]
    Public,
    /// At their own address: this computer is on their network, or comes there by other means.
    Own,
}

/// Where the static list of a site's nodes is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeApi {
    /// The API.
    pub url: Url,
    /// The site's id there.
    pub site: String,
    /// The folder where answers are kept.
    pub cache: Option<PathBuf>,
}

/// Chameleon's node API.
pub const CHAMELEON_NODES: &str = "https://api.chameleoncloud.org/";

/// Bare metal may be installed anew, and reboots several times.
const PATIENCE: Duration = Duration::from_secs(45 * 60);

impl Settings {
    /// Any OpenStack.
    pub fn new(site: SiteId) -> Self {
        Self {
            site,
            flavor: "baremetal".to_owned(),
            network: None,
            pool: None,
            reach: Reach::Public,
            user: "ubuntu".to_owned(),
            unit: Unit::Dollars,
            nodes: None,
            patience: PATIENCE,
        }
    }

    /// A site of Chameleon.
    pub fn chameleon(site: SiteId) -> Self {
        let nodes = site.place.as_ref().and_then(|place| {
            Some(NodeApi { url: Url::parse(CHAMELEON_NODES).ok()?, site: place.to_string(), cache: None })
        });
        Self {
            network: Some("sharednet1".to_owned()),
            pool: Some("public".to_owned()),
            user: "cc".to_owned(),
            unit: Unit::ServiceUnits,
            nodes,
            ..Self::new(site)
        }
    }

    /// As the cloud itself suggests: what is Chameleon's is a site `chameleon/uc`, all else is `openstack/NAME`.
    pub fn of(cloud: &Cloud) -> Result<Self, BadName> {
        if let Some(place) = chameleon_place(cloud) {
            return Ok(Self::chameleon(SiteId { provider: ProviderKind::new("chameleon")?, place: Some(place) }));
        }
        let place = Name::nearest(&cloud.name);
        Ok(Self::new(SiteId { provider: ProviderKind::new("openstack")?, place }))
    }
}

/// The hosts that Chameleon's Keystones have.
const CHAMELEON_HOSTS: [&str; 2] = ["chameleoncloud.org", "chi.hpc.ucar.edu"];

/// Which of Chameleon's sites a cloud is: `uc` for `CHI@UC`. Its virtual machines are not leased as hosts are.
fn chameleon_place(cloud: &Cloud) -> Option<Name> {
    let host = cloud.auth_url.host_str()?;
    let is_theirs = |own: &&str| host.strip_suffix(*own).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    CHAMELEON_HOSTS.iter().find(|own| is_theirs(own))?;
    let site = cloud.region.as_deref()?.strip_prefix("CHI@")?;
    Name::new(site.to_ascii_lowercase()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site_of(auth_url: &str, region: &str) -> String {
        let variables =
            [("OS_AUTH_URL", auth_url), ("OS_REGION_NAME", region), ("OS_USERNAME", "ada"), ("OS_PASSWORD", "s")];
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::of(&Cloud::from_variables(&variables).unwrap().unwrap()).unwrap().site.to_string()
    }

    #[test]
    fn chameleon_is_known_by_its_address() {
        assert_eq!(site_of("https://chi.uc.chameleoncloud.org:5000/v3", "CHI@UC"), "chameleon/uc");
        assert_eq!(site_of("https://chi.hpc.ucar.edu:5000/v3", "CHI@NCAR"), "chameleon/ncar");
        assert_eq!(site_of("https://kvm.tacc.chameleoncloud.org:5000/v3", "KVM@TACC"), "openstack/envvars");
        assert_eq!(site_of("https://notchameleoncloud.org/v3", "CHI@UC"), "openstack/envvars");
    }
}
