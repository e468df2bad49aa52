//! The configured sites, each behind the port `Provider`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hostler_core::inventory::InventorySource;
use hostler_core::name::{ProviderKind, SiteId};
use hostler_core::ports::Provider;
use hostler_engine::audit::{AuditTrail, audited};
use hostler_engine::sites::{Calendars, Sites};
use hostler_providers::http::{HttpClient, RetryPolicy};
use hostler_providers::image::ImageStore;
use hostler_providers::libvirt::{self, LibvirtSettings, trust};
use hostler_providers::listed::SshSite;
use hostler_providers::openstack::cloud::BadCloud;
use hostler_providers::openstack::keystone::KeystoneSession;
use hostler_providers::openstack::{MisconfiguredSite, OpenStack};

use crate::app::App;
use crate::config::CloudSite;
use crate::error::{Error, ErrorKind};

impl App {
    /// The configured sites. No request is sent yet.
    pub fn sites(&self) -> Result<Sites, Error> {
        let mut sites = Sites::new();
        if self.settings.config.local.enabled {
            let local = self.local()?;
            sites.insert(local_id()?, Arc::new(local));
        }
        for (id, site) in self.openstack()? {
            let site: Arc<dyn Provider> = match site {
                Ok(site) => site,
                Err(why) => Arc::new(MisconfiguredSite::new(id.clone(), why)),
            };
            sites.insert(id, site);
        }
        if let Some(file) = self.settings.hosts_file() {
            let listed = self.listed(&file)?;
            sites.insert(id_of("ssh")?, Arc::new(listed));
        }
        Ok(audited(sites, &Arc::new(self.trail()), self.now))
    }

    /// The audit trail of all leases. The file is created with its first entry.
    pub fn trail(&self) -> AuditTrail {
        AuditTrail::in_dir(&self.settings.data_dir)
    }

    /// The configured sites that publish a reservation calendar.
    pub fn calendars(&self) -> Result<Calendars, Error> {
        let source =
            |(id, site): (SiteId, Result<Arc<OpenStack>, String>)| Some((id, site.ok()? as Arc<dyn InventorySource>));
        Ok(self.openstack()?.into_iter().filter_map(source).collect())
    }

    /// The OpenStack sites. A misconfigured one has its error instead.
    pub fn openstack(&self) -> Result<BTreeMap<SiteId, Result<Arc<OpenStack>, String>>, Error> {
        let tokens = self.settings.openstack_dir().join("tokens");
        let open = |site: Result<CloudSite, BadCloud>| {
            let CloudSite { cloud, used, authority } = site.map_err(|error| error.to_string())?;
            let authorities: Vec<String> = authority.into_iter().collect();
            let caller = HttpClient::new(RetryPolicy::default(), &authorities).map_err(|error| error.to_string())?;
            Ok(Arc::new(OpenStack::new(used, KeystoneSession::new(cloud, caller, Some(&tokens)))))
        };
        Ok(self.settings.openstack()?.into_iter().map(|(id, site)| (id, open(site))).collect())
    }

    /// The user's own hosts. An unreadable list makes no offers, but does not prevent `down`.
    fn listed(&self, file: &Path) -> Result<SshSite, Error> {
        let hosts = self.listed_hosts(file).map_err(|error| error.message);
        Ok(SshSite::new(id_of("ssh")?, hosts, self.settings.data_dir.join("hosts/claims")))
    }

    /// The site `local`: virtual machines on this computer, which inherit its proxies and certificates.
    pub fn local(&self) -> Result<libvirt::Local, Error> {
        let mut settings = LibvirtSettings::new(local_id()?, &self.settings.data_dir);
        if let Some(uri) = self.settings.libvirt_uri() {
            settings.uri = uri.to_owned();
        }
        settings.runtime_dir = self.settings.runtime_dir();
        if let Some(pool) = &self.settings.config.local.pool {
            settings.pool = self.settings.resolve_config_path(pool);
        }
        settings.trust = self.trust().script;
        Ok(libvirt::Local::new(settings, self.images()))
    }

    /// Proxies, certificates and package sources of this computer.
    pub fn trust(&self) -> trust::Trust {
        trust::read(&self.settings.env.trusted(), Path::new("/"))
    }

    /// The store of images, for reading: creates nothing.
    pub fn images(&self) -> ImageStore {
        ImageStore::new(&self.settings.data_dir)
    }

    /// The store of images, for writing: creates the data directory.
    pub fn images_to_fill(&self) -> Result<ImageStore, Error> {
        self.settings.make_data_dir()?;
        Ok(self.images())
    }
}

fn local_id() -> Result<SiteId, Error> {
    id_of("local")
}

fn id_of(provider: &str) -> Result<SiteId, Error> {
    Ok(SiteId {
        provider: ProviderKind::new(provider).map_err(|error| Error::of(ErrorKind::Config, &error))?,
        place: None,
    })
}
