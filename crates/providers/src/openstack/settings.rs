//! How a site is used: what differs from cloud to cloud, and is no fact of it.

use std::path::PathBuf;
use std::time::Duration;

use hostler_core::name::{BadName, Name, ProviderKind, SiteId};
use hostler_core::offer::Unit;

use super::cloud::{Cloud, Identity};
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

/// Chameleon's sites with physical hosts: the region, and the host that its Keystone is at, as the node API's list of sites
/// says.
const CHAMELEON_SITES: [(&str, &str); 5] = [
    ("CHI@UC", "chi.uc.chameleoncloud.org"),
    ("CHI@TACC", "chi.tacc.chameleoncloud.org"),
    ("CHI@NCAR", "chi.hpc.ucar.edu"),
    ("CHI@NU", "sl-ciab.northwestern.edu"),
    ("CHI@NRP", "chi.nrp.ai"),
];

/// What the names of most of its hosts end in.
const CHAMELEON_DOMAIN: &str = "chameleoncloud.org";

/// The same user at a site of Chameleon; nothing where the cloud is none of its, or it has no such site.
///
/// Each site has a Keystone of its own. Users of the common OpenID provider are known to all; a password, or an
/// application credential, is known to the one that gave it, which then says whether it has such a region.
pub fn at_chameleon(cloud: &Cloud, place: &Name) -> Option<Cloud> {
    if !is_chameleon(cloud) {
        return None;
    }
    let (region, host) = CHAMELEON_SITES.iter().find(|(region, _)| place_of(region).as_ref() == Some(place))?;
    if cloud.region.as_deref() == Some(*region) {
        return Some(cloud.clone());
    }
    let auth_url = match is_known_to_all(&cloud.identity) {
        true => Url::parse(&format!("https://{host}:5000/v3")).ok()?,
        false => cloud.auth_url.clone(),
    };
    Some(Cloud { region: Some((*region).to_owned()), auth_url, endpoints: Default::default(), ..cloud.clone() })
}

/// The same user at Chameleon's other sites, where all of them know it.
pub fn elsewhere_at_chameleon(cloud: &Cloud) -> Vec<Cloud> {
    if !is_known_to_all(&cloud.identity) {
        return Vec::new();
    }
    let others = CHAMELEON_SITES.iter().filter(|(region, _)| cloud.region.as_deref() != Some(*region));
    others.filter_map(|(region, _)| at_chameleon(cloud, &place_of(region)?)).collect()
}

fn is_known_to_all(identity: &Identity) -> bool {
    match identity {
        Identity::OidcPassword { .. } | Identity::OidcAccessToken { .. } => true,
        Identity::Password { .. } | Identity::ApplicationCredential { .. } | Identity::Token(_) => false,
    }
}

fn is_chameleon(cloud: &Cloud) -> bool {
    let Some(host) = cloud.auth_url.host_str() else { return false };
    let in_domain = host.strip_suffix(CHAMELEON_DOMAIN).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    in_domain || CHAMELEON_SITES.iter().any(|(_, own)| *own == host)
}

/// `uc` for `CHI@UC`.
fn place_of(region: &str) -> Option<Name> {
    Name::new(region.strip_prefix("CHI@")?.to_ascii_lowercase()).ok()
}

/// Which of Chameleon's sites a cloud is: `uc` for `CHI@UC`. Its virtual machines are not leased as hosts are.
fn chameleon_place(cloud: &Cloud) -> Option<Name> {
    if !is_chameleon(cloud) {
        return None;
    }
    place_of(cloud.region.as_deref()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(auth_url: &str, region: &str, more: &[(&str, &str)]) -> Cloud {
        let variables =
            [("OS_AUTH_URL", auth_url), ("OS_REGION_NAME", region), ("OS_USERNAME", "ada"), ("OS_PASSWORD", "s")];
        let all = variables.iter().chain(more);
        let variables = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Cloud::from_variables(&variables).unwrap().unwrap()
    }

    fn site_of(auth_url: &str, region: &str) -> String {
        Settings::of(&cloud(auth_url, region, &[])).unwrap().site.to_string()
    }

    const OIDC: &[(&str, &str)] = &[
        ("OS_AUTH_TYPE", "v3oidcpassword"),
        ("OS_IDENTITY_PROVIDER", "chameleon"),
        ("OS_PROTOCOL", "openid"),
        ("OS_DISCOVERY_ENDPOINT", "https://auth.chameleoncloud.org/discovery"),
        ("OS_CLIENT_ID", "keystone"),
        ("OS_PROJECT_NAME", "CH-000001"),
    ];

    #[test]
    fn a_user_of_the_common_provider_is_at_all_sites_and_others_at_their_own() {
        let uc = "https://chi.uc.chameleoncloud.org:5000/v3";
        let others = |cloud: &Cloud| {
            let told = |cloud: Cloud| format!("{} {}", cloud.region.unwrap_or_default(), cloud.auth_url);
            elsewhere_at_chameleon(cloud).into_iter().map(told).collect::<Vec<_>>()
        };
        assert_eq!(
            others(&cloud(uc, "CHI@UC", OIDC)),
            [
                "CHI@TACC https://chi.tacc.chameleoncloud.org:5000/v3",
                "CHI@NCAR https://chi.hpc.ucar.edu:5000/v3",
                "CHI@NU https://sl-ciab.northwestern.edu:5000/v3",
                "CHI@NRP https://chi.nrp.ai:5000/v3"
            ]
        );
        assert!(others(&cloud(uc, "CHI@UC", &[])).is_empty(), "a password goes to the Keystone that knows it only");
        assert!(others(&cloud("https://elsewhere/v3", "CHI@UC", OIDC)).is_empty());
        let tacc = Name::new("tacc").unwrap();
        let at_tacc = at_chameleon(&cloud(uc, "CHI@UC", &[]), &tacc).unwrap();
        assert_eq!((at_tacc.region.as_deref(), at_tacc.auth_url.as_str()), (Some("CHI@TACC"), uc));
        assert!(at_chameleon(&cloud("https://elsewhere/v3", "CHI@UC", OIDC), &tacc).is_none());
    }

    #[test]
    fn chameleon_is_known_by_its_address() {
        assert_eq!(site_of("https://chi.uc.chameleoncloud.org:5000/v3", "CHI@UC"), "chameleon/uc");
        assert_eq!(site_of("https://chi.hpc.ucar.edu:5000/v3", "CHI@NCAR"), "chameleon/ncar");
        assert_eq!(site_of("https://kvm.tacc.chameleoncloud.org:5000/v3", "KVM@TACC"), "openstack/envvars");
        assert_eq!(site_of("https://notchameleoncloud.org/v3", "CHI@UC"), "openstack/envvars");
    }
}
