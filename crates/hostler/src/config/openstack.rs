//! OpenStack sites, from the files and variables of the `openstack` client: `clouds.yaml` and `OS_…`.
//!
//! A section of the configuration changes how a cloud is used. No cloud needs one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hostler_core::name::{Name, ProviderKind, SiteId};
use hostler_providers::http::Url;
use hostler_providers::openstack::cloud::{BadCloud, Cloud, CloudTexts, cloud_names};
use hostler_providers::openstack::{
    AddressPolicy, NodeApi, OpenStackSettings, for_chameleon_site, other_chameleon_sites,
};

use super::file::{Section, unusable};
use super::settings::Settings;
use crate::error::{Error, ErrorKind};

/// A cloud that is used as a site.
#[derive(Debug, Clone)]
pub struct CloudSite {
    /// Endpoint and credentials.
    pub cloud: Cloud,
    /// Settings of the provider.
    pub used: OpenStackSettings,
    /// PEM certificates of its own authority, if any.
    pub authority: Option<String>,
}

/// A site, or the error in its configuration.
pub type Configured = (SiteId, Result<CloudSite, BadCloud>);

/// Name of the cloud that the variables describe, as in openstacksdk.
const VARIABLES_CLOUD: &str = "envvars";

/// Contents of `clouds.yaml` and its related files, and the cloud of the variables.
struct Clouds {
    texts: CloudTexts,
    by_variables: Option<Cloud>,
}

impl Settings {
    /// All OpenStack sites: clouds with a section, and those that the `openstack` client would use. A misconfigured cloud
    /// stays in the list with its error.
    pub fn openstack(&self) -> Result<Vec<Configured>, Error> {
        let clouds = self.clouds()?;
        let mut sites = Vec::new();
        let (mut named, mut others) = (BTreeSet::new(), Vec::new());
        for (provider, sections) in [("openstack", &self.config.openstack), ("chameleon", &self.config.chameleon)] {
            for (place, section) in sections {
                let id = SiteId { provider: provider_kind(provider)?, place: Some(place.clone()) };
                let name = section.cloud.clone().unwrap_or_else(|| place.to_string());
                let cloud = clouds.cloud(&name).map(|cloud| match provider {
                    "chameleon" => for_chameleon_site(&cloud, place).unwrap_or(cloud),
                    _ => cloud,
                });
                let site = cloud.map(|cloud| (cloud, section.used(&id)));
                named.insert(name);
                sites.push((id, self.site(site)));
            }
        }
        for name in self.automatic(&clouds)?.into_iter().filter(|name| !named.contains(name)) {
            let cloud = clouds.cloud(&name);
            let id = automatic_id(&name, cloud.as_ref().ok(), &sites)?;
            others.extend(cloud.as_ref().map(other_chameleon_sites).unwrap_or_default());
            let site = cloud.map(|cloud| used(cloud, &id));
            sites.push((id, self.site(site)));
        }
        // Sites that the user configured win over those derived from a Chameleon login.
        for cloud in others {
            let Ok(id) = OpenStackSettings::for_cloud(&cloud).map(|used| used.site) else { continue };
            if sites.iter().all(|(taken, _)| *taken != id) {
                let site = self.site(Ok(used(cloud, &id)));
                sites.push((id, site));
            }
        }
        Ok(sites)
    }

    fn site(
        &self,
        found: Result<(Cloud, Result<OpenStackSettings, BadCloud>), BadCloud>,
    ) -> Result<CloudSite, BadCloud> {
        let (cloud, used) = found?;
        let mut used = used?;
        if let Some(nodes) = &mut used.nodes {
            nodes.cache = Some(self.openstack_dir().join("nodes"));
        }
        let unreadable = |error: std::io::Error, file: &Path| BadCloud::Invalid {
            cloud: cloud.name.clone(),
            why: format!("the certificates in `{}` can't be read: {error}", file.display()),
        };
        let read = |file: &PathBuf| std::fs::read_to_string(file).map_err(|error| unreadable(error, file));
        let authority = cloud.authority.as_ref().map(read).transpose()?;
        Ok(CloudSite { cloud, used, authority })
    }

    /// Directory for tokens and caches of clouds.
    pub fn openstack_dir(&self) -> PathBuf {
        self.data_dir.join("openstack")
    }

    /// Names of the clouds that are sites without a section.
    fn automatic(&self, clouds: &Clouds) -> Result<Vec<String>, Error> {
        if let Some(name) = self.env.text("OS_CLOUD") {
            return Ok(vec![name.to_owned()]);
        }
        let mut all = cloud_names(&clouds.texts).map_err(|error| Error::of(ErrorKind::Config, &error))?;
        all.extend(clouds.by_variables.as_ref().map(|cloud| cloud.name.clone()));
        Ok(all)
    }

    fn clouds(&self) -> Result<Clouds, Error> {
        let text = |file: Option<PathBuf>| match file.map(|file| (std::fs::read_to_string(&file), file)) {
            Some((Ok(text), _)) => Ok(text),
            None => Ok(String::new()),
            Some((Err(error), _)) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Some((Err(error), file)) => Err(unusable(&file, &error)),
        };
        let clouds = self.clouds_file()?;
        // Read secure.yaml only from next to clouds.yaml: secrets of another directory would be sent to the address that
        // this clouds.yaml names.
        let next_to_clouds = |variable: &str, name: &str| {
            let set = self.env.set(variable).map(PathBuf::from);
            set.or_else(|| Some(clouds.as_ref()?.parent()?.join(name)))
        };
        let texts = CloudTexts {
            secure: text(next_to_clouds("OS_CLIENT_SECURE_FILE", "secure.yaml"))?,
            public: text(next_to_clouds("OS_CLIENT_VENDOR_FILE", "clouds-public.yaml"))?,
            clouds: text(clouds.clone())?,
        };
        let by_variables = Cloud::from_variables(&self.env.openstack());
        let by_variables = by_variables.map_err(|error| Error::of(ErrorKind::Config, &error))?;
        Ok(Clouds { texts, by_variables })
    }

    /// Path of `clouds.yaml`. The working directory is not searched, unlike in openstacksdk: it may be an untrusted
    /// repository.
    fn clouds_file(&self) -> Result<Option<PathBuf>, Error> {
        if let Some(file) = self.env.set("OS_CLIENT_CONFIG_FILE") {
            let file = PathBuf::from(file);
            return match std::fs::metadata(&file) {
                Ok(_) => Ok(Some(file)),
                Err(error) => Err(unusable(&file, &error)),
            };
        }
        let own = self.env.base("XDG_CONFIG_HOME", ".config").map(|base| base.join("openstack/clouds.yaml"));
        Ok(own.into_iter().chain([PathBuf::from("/etc/openstack/clouds.yaml")]).find(|file| file.exists()))
    }
}

impl Clouds {
    fn cloud(&self, name: &str) -> Result<Cloud, BadCloud> {
        match &self.by_variables {
            Some(cloud) if name == VARIABLES_CLOUD => Ok(cloud.clone()),
            _ => Cloud::from_texts(&self.texts, name),
        }
    }
}

impl Section {
    fn used(&self, site: &SiteId) -> Result<OpenStackSettings, BadCloud> {
        let mut used = match site.provider.as_str() {
            "chameleon" => OpenStackSettings::chameleon(site.clone()),
            _ => OpenStackSettings::new(site.clone()),
        };
        used.network = self.network.clone().or(used.network);
        used.pool = self.pool.clone().or(used.pool);
        used.flavor = self.flavor.clone().unwrap_or(used.flavor);
        used.user = self.user.clone().unwrap_or(used.user);
        if self.floating_ips == Some(false) {
            used.address_policy = AddressPolicy::FixedIp;
        }
        if let Some(text) = &self.nodes {
            let bad = || BadCloud::Invalid { cloud: site.to_string(), why: format!("`{text}` is not a URL") };
            let place = site.place.as_ref().map(ToString::to_string).unwrap_or_default();
            used.nodes = Some(NodeApi { url: Url::parse(text).map_err(|_| bad())?, site: place, cache: None });
        }
        Ok(used)
    }
}

/// A cloud with its default settings.
fn used(cloud: Cloud, id: &SiteId) -> (Cloud, Result<OpenStackSettings, BadCloud>) {
    let used = OpenStackSettings {
        site: id.clone(),
        ..OpenStackSettings::for_cloud(&cloud).unwrap_or_else(|_| OpenStackSettings::new(id.clone()))
    };
    (cloud, Ok(used))
}

/// The site id that the cloud suggests; if taken, as by two projects at one site, the cloud's name in `clouds.yaml`.
fn automatic_id(name: &str, cloud: Option<&Cloud>, taken: &[Configured]) -> Result<SiteId, Error> {
    let suggested = cloud.and_then(|cloud| OpenStackSettings::for_cloud(cloud).ok()).map(|used| used.site);
    let region = cloud.filter(|cloud| cloud.name == VARIABLES_CLOUD).and_then(|cloud| cloud.region.as_deref());
    let by_name = SiteId { provider: provider_kind("openstack")?, place: Name::nearest(region.unwrap_or(name)) };
    let is_free = |id: &SiteId| taken.iter().all(|(other, _)| other != id);
    let suggested = suggested.filter(|id| id.provider.as_str() == "chameleon" && is_free(id));
    Ok(suggested.unwrap_or(by_name))
}

fn provider_kind(text: &str) -> Result<ProviderKind, Error> {
    ProviderKind::new(text).map_err(|error| Error::of(ErrorKind::Config, &error))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::config::env::Env;
    use crate::config::file::Config;

    fn settings(dir: &Path, config: &str, variables: &[(&str, &str)]) -> Settings {
        let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let home = [(OsString::from("HOME"), dir.as_os_str().to_owned())];
        let config: Config = toml::from_str(config).unwrap();
        let (data_dir, directory) = (dir.join("data"), dir.to_owned());
        let env = Env::new(variables.chain(home));
        Settings { data_dir, scratch_dir: dir.to_owned(), config_dir: directory.clone(), directory, config, env }
    }

    fn sites(settings: &Settings) -> Vec<String> {
        let sites = settings.openstack().unwrap();
        sites
            .iter()
            .map(|(id, site)| match site {
                Ok(site) => format!("{id} = {} of {:?}", site.cloud.name, site.used.network),
                Err(why) => format!("{id}: {why}"),
            })
            .collect()
    }

    const CLOUDS: &str = "
clouds:
  one: {auth: {auth_url: 'https://one/v3', username: a, project_name: p}, region_name: R}
  Two@x: {auth: {auth_url: 'https://chi.uc.chameleoncloud.org:5000/v3', username: a, password: s}, region_name: CHI@UC}
  uc-too: {auth: {auth_url: 'https://chi.uc.chameleoncloud.org:5000/v3', username: a, password: s}, region_name: CHI@UC}
";

    fn with_clouds() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join(".config/openstack")).unwrap();
        std::fs::write(dir.path().join(".config/openstack/clouds.yaml"), CLOUDS).unwrap();
        let secure = "clouds: {one: {auth: {password: s}}}";
        std::fs::write(dir.path().join(".config/openstack/secure.yaml"), secure).unwrap();
        dir
    }

    #[test]
    fn every_cloud_is_a_site_without_configuration() {
        let dir = with_clouds();
        let all = sites(&settings(dir.path(), "", &[]));
        assert_eq!(
            all,
            [
                "chameleon/uc = Two@x of Some(\"sharednet1\")",
                "openstack/one = one of None",
                "openstack/uc-too = uc-too of Some(\"sharednet1\")"
            ]
        );
        let one = sites(&settings(dir.path(), "", &[("OS_CLOUD", "one")]));
        assert_eq!(one, ["openstack/one = one of None"]);
        let none = sites(&settings(dir.path(), "", &[("OS_CLOUD", "gone")]));
        assert_eq!(none, ["openstack/gone: there is no cloud `gone` in `clouds.yaml`"]);
    }

    /// One openrc file from a Chameleon site is enough for all its sites.
    #[test]
    fn one_chameleon_login_configures_all_its_sites() {
        let dir = with_clouds();
        let variables = [
            ("OS_AUTH_URL", "https://chi.tacc.chameleoncloud.org:5000/v3"),
            ("OS_AUTH_TYPE", "v3oidcpassword"),
            ("OS_IDENTITY_PROVIDER", "chameleon"),
            ("OS_PROTOCOL", "openid"),
            ("OS_DISCOVERY_ENDPOINT", "https://auth.chameleoncloud.org/discovery"),
            ("OS_CLIENT_ID", "keystone"),
            ("OS_USERNAME", "a"),
            ("OS_PASSWORD", "s"),
            ("OS_PROJECT_NAME", "p"),
            ("OS_REGION_NAME", "CHI@TACC"),
        ];
        let all = sites(&settings(dir.path(), "[chameleon.nu]\ncloud = 'envvars'", &variables));
        assert_eq!(all[0], "chameleon/nu = envvars of Some(\"sharednet1\")");
        let all = sites(&settings(dir.path(), "", &variables));
        let chameleon: Vec<&str> = all.iter().filter_map(|site| site.strip_prefix("chameleon/")).collect();
        assert_eq!(
            chameleon,
            ["uc = Two@x", "tacc = envvars", "ncar = envvars", "nu = envvars", "nrp = envvars"]
                .map(|site| format!("{site} of Some(\"sharednet1\")")),
            "the user has another cloud for `uc`"
        );
    }

    #[test]
    fn variables_define_a_site_named_after_the_region() {
        let dir = tempfile::tempdir().unwrap();
        let variables = [
            ("OS_AUTH_URL", "https://one"),
            ("OS_USERNAME", "a"),
            ("OS_PASSWORD", "s"),
            ("OS_REGION_NAME", "Region One"),
        ];
        let all = sites(&settings(dir.path(), "", &variables));
        assert_eq!(all, ["openstack/region-one = envvars of None"]);
        assert_eq!(sites(&settings(dir.path(), "", &[])), [""; 0]);
    }

    #[test]
    fn a_section_sets_name_and_settings_of_a_cloud() {
        let dir = with_clouds();
        let config = "[chameleon.uc]\ncloud = 'one'\nnetwork = 'n'\nnodes = 'http://nodes/'\nfloating_ips = false";
        let settings = settings(dir.path(), config, &[("OS_CLOUD", "one")]);
        assert_eq!(sites(&settings), ["chameleon/uc = one of Some(\"n\")"]);
        let (_, site) = settings.openstack().unwrap().remove(0);
        let used = site.unwrap().used;
        let nodes = used.nodes.unwrap();
        assert_eq!(
            (nodes.url.as_str(), nodes.site.as_str(), used.address_policy),
            ("http://nodes/", "uc", AddressPolicy::FixedIp)
        );
    }
}
