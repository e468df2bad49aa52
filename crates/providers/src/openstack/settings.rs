//! Settings of a site: choices that differ from cloud to cloud and can't be read from its APIs.

use std::path::PathBuf;
use std::time::Duration;

use hostler_core::name::{BadName, Name, ProviderKind, SiteId};
use hostler_core::offer::PriceUnit;

use super::cloud::{Cloud, CloudIdentity};
use crate::http::Url;

/// Settings of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenStackSettings {
    /// The site's name.
    pub site: SiteId,
    /// The flavor that leased hosts are launched with.
    pub flavor: String,
    /// The network of machines. `None`: the network shared by all projects, if there is exactly one; else each deployment
    /// creates its own.
    pub network: Option<String>,
    /// The external network that floating IPs come from. `None`: `public`, or the first one.
    pub pool: Option<String>,
    /// The address that machines are reached at.
    pub address_policy: AddressPolicy,
    /// The user to log in as, if neither the image's properties nor its name tell.
    pub user: String,
    /// The unit of prices.
    pub unit: PriceUnit,
    /// The node API with the site's hardware, if it has one.
    pub nodes: Option<NodeApi>,
    /// Time limit for a machine to reach `ACTIVE`.
    pub launch_timeout: Duration,
}

/// The address that machines are reached at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressPolicy {
    /// At a floating IP each, if the cloud has an external network.
    #[default]
    FloatingIp,
    /// At their fixed IP: this computer is on their network, or has a route to it.
    FixedIp,
}

/// A reference API with the static list of a site's nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeApi {
    /// The API's address.
    pub url: Url,
    /// The API's id for the site.
    pub site: String,
    /// Directory where answers are cached.
    pub cache: Option<PathBuf>,
}

/// Chameleon's node API.
pub const CHAMELEON_NODES: &str = "https://api.chameleoncloud.org/";

/// Bare metal is reinstalled before it runs, and reboots several times.
const LAUNCH_TIMEOUT: Duration = Duration::from_secs(45 * 60);

impl OpenStackSettings {
    /// Settings of an OpenStack cloud in general.
    pub fn new(site: SiteId) -> Self {
        Self {
            site,
            flavor: "baremetal".to_owned(),
            network: None,
            pool: None,
            address_policy: AddressPolicy::FloatingIp,
            user: "ubuntu".to_owned(),
            unit: PriceUnit::Dollars,
            nodes: None,
            launch_timeout: LAUNCH_TIMEOUT,
        }
    }

    /// Settings of a Chameleon site.
    pub fn chameleon(site: SiteId) -> Self {
        let nodes = site.place.as_ref().and_then(|place| {
            Some(NodeApi { url: Url::parse(CHAMELEON_NODES).ok()?, site: place.to_string(), cache: None })
        });
        Self {
            network: Some("sharednet1".to_owned()),
            pool: Some("public".to_owned()),
            user: "cc".to_owned(),
            unit: PriceUnit::ServiceUnits,
            nodes,
            ..Self::new(site)
        }
    }

    /// Settings derived from the cloud: a region of Chameleon becomes a site such as `chameleon/uc`, any other cloud
    /// `openstack/NAME`.
    pub fn for_cloud(cloud: &Cloud) -> Result<Self, BadName> {
        if let Some(place) = chameleon_place(cloud) {
            return Ok(Self::chameleon(SiteId { provider: ProviderKind::new("chameleon")?, place: Some(place) }));
        }
        let place = Name::nearest(&cloud.name);
        Ok(Self::new(SiteId { provider: ProviderKind::new("openstack")?, place }))
    }
}

/// Chameleon's bare-metal sites: region and Keystone host, from the node API's list of sites.
const CHAMELEON_SITES: [(&str, &str); 5] = [
    ("CHI@UC", "chi.uc.chameleoncloud.org"),
    ("CHI@TACC", "chi.tacc.chameleoncloud.org"),
    ("CHI@NCAR", "chi.hpc.ucar.edu"),
    ("CHI@NU", "sl-ciab.northwestern.edu"),
    ("CHI@NRP", "chi.nrp.ai"),
];

/// Domain of most of Chameleon's hosts.
const CHAMELEON_DOMAIN: &str = "chameleoncloud.org";

/// The same user at a site of Chameleon. `None` if the cloud is not part of Chameleon, or Chameleon has no such site.
///
/// Each site has a Keystone of its own. All of them know the users of the common OpenID provider. A password or an
/// application credential is known only to the Keystone that issued it; that address is kept, and its catalog tells
/// whether it has the region.
pub fn for_chameleon_site(cloud: &Cloud, place: &Name) -> Option<Cloud> {
    if !is_chameleon(cloud) {
        return None;
    }
    let (region, host) = CHAMELEON_SITES.iter().find(|(region, _)| place_name(region).as_ref() == Some(place))?;
    if cloud.region.as_deref() == Some(*region) {
        return Some(cloud.clone());
    }
    let auth_url = match works_at_all_sites(&cloud.identity) {
        true => Url::parse(&format!("https://{host}:5000/v3")).ok()?,
        false => cloud.auth_url.clone(),
    };
    Some(Cloud { region: Some((*region).to_owned()), auth_url, endpoints: Default::default(), ..cloud.clone() })
}

/// The same user at Chameleon's other sites. Empty if this login works at its own site only.
pub fn other_chameleon_sites(cloud: &Cloud) -> Vec<Cloud> {
    if !works_at_all_sites(&cloud.identity) {
        return Vec::new();
    }
    let others = CHAMELEON_SITES.iter().filter(|(region, _)| cloud.region.as_deref() != Some(*region));
    others.filter_map(|(region, _)| for_chameleon_site(cloud, &place_name(region)?)).collect()
}

fn works_at_all_sites(identity: &CloudIdentity) -> bool {
    match identity {
        CloudIdentity::OidcPassword { .. } | CloudIdentity::OidcAccessToken { .. } => true,
        CloudIdentity::Password { .. } | CloudIdentity::ApplicationCredential { .. } | CloudIdentity::Token(_) => false,
    }
}

fn is_chameleon(cloud: &Cloud) -> bool {
    let Some(host) = cloud.auth_url.host_str() else { return false };
    let in_domain = host.strip_suffix(CHAMELEON_DOMAIN).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    in_domain || CHAMELEON_SITES.iter().any(|(_, own)| *own == host)
}

/// `uc` for `CHI@UC`.
fn place_name(region: &str) -> Option<Name> {
    Name::new(region.strip_prefix("CHI@")?.to_ascii_lowercase()).ok()
}

/// The Chameleon site that a cloud is, such as `uc`. `None` for `KVM@TACC`: its virtual machines are not leased as hosts.
fn chameleon_place(cloud: &Cloud) -> Option<Name> {
    if !is_chameleon(cloud) {
        return None;
    }
    place_name(cloud.region.as_deref()?)
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
        OpenStackSettings::for_cloud(&cloud(auth_url, region, &[])).unwrap().site.to_string()
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
    fn openid_login_works_at_all_chameleon_sites_and_a_password_at_one() {
        let uc = "https://chi.uc.chameleoncloud.org:5000/v3";
        let others = |cloud: &Cloud| {
            let line = |cloud: Cloud| format!("{} {}", cloud.region.unwrap_or_default(), cloud.auth_url);
            other_chameleon_sites(cloud).into_iter().map(line).collect::<Vec<_>>()
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
        assert!(others(&cloud(uc, "CHI@UC", &[])).is_empty(), "a password is sent to its own Keystone only");
        assert!(others(&cloud("https://elsewhere/v3", "CHI@UC", OIDC)).is_empty());
        let tacc = Name::new("tacc").unwrap();
        let at_tacc = for_chameleon_site(&cloud(uc, "CHI@UC", &[]), &tacc).unwrap();
        assert_eq!((at_tacc.region.as_deref(), at_tacc.auth_url.as_str()), (Some("CHI@TACC"), uc));
        assert!(for_chameleon_site(&cloud("https://elsewhere/v3", "CHI@UC", OIDC), &tacc).is_none());
    }

    #[test]
    fn chameleon_is_recognized_by_its_keystone_host() {
        assert_eq!(site_of("https://chi.uc.chameleoncloud.org:5000/v3", "CHI@UC"), "chameleon/uc");
        assert_eq!(site_of("https://chi.hpc.ucar.edu:5000/v3", "CHI@NCAR"), "chameleon/ncar");
        assert_eq!(site_of("https://kvm.tacc.chameleoncloud.org:5000/v3", "KVM@TACC"), "openstack/envvars");
        assert_eq!(site_of("https://notchameleoncloud.org/v3", "CHI@UC"), "openstack/envvars");
    }
}
