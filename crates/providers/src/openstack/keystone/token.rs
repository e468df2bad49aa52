//! A token: the right to call services, for a while.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::catalog::{self, CatalogEntry, Service};
use crate::http::Url;
use crate::openstack::cloud::Cloud;

/// A token, with the details of Keystone's response.
#[derive(Debug, Clone)]
pub struct Token {
    pub(super) value: SecretString,
    /// Time to renew it, by this computer's clock.
    pub(super) renew_at: Timestamp,
    /// Time of its end, by Keystone's clock.
    pub expires_at: Timestamp,
    /// Its user and project.
    pub account: TokenAccount,
    catalog: Vec<CatalogEntry>,
}

/// User and project of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAccount {
    /// The user's id.
    pub user_id: String,
    /// The user's name.
    pub user: String,
    /// The project's id, if the token has a project as its scope.
    pub project_id: Option<String>,
    /// The project's name.
    pub project: Option<String>,
    /// True for an application credential that may not create trusts. Blazar needs a trust to create a lease.
    pub restricted: bool,
}

/// The object `token` of Keystone's response.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TokenBody {
    expires_at: Timestamp,
    #[serde(default)]
    issued_at: Option<Timestamp>,
    user: Named,
    #[serde(default)]
    project: Option<Named>,
    #[serde(default)]
    catalog: Vec<CatalogEntry>,
    #[serde(default)]
    application_credential: Option<Credential>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Credential {
    #[serde(default)]
    restricted: bool,
}

impl TokenAccount {
    /// The account that owns what is created with the token: keypairs belong to the user, all else to the project.
    pub(crate) fn at_site(&self) -> Option<hostler_core::ports::Account> {
        let project = self.project_id.as_ref()?;
        let id = format!("{project}/{}", self.user_id);
        let name = self.project.as_ref().unwrap_or(project);
        Some(hostler_core::ports::Account { id, name: format!("`{}` in the project `{name}`", self.user) })
    }
}

impl Token {
    /// A token that this computer received at an instant of its own clock. Only the lifetime comes from Keystone: the two
    /// clocks may differ by hours.
    pub(super) fn new(value: SecretString, body: TokenBody, received_at: Timestamp) -> Self {
        let lifetime = body.expires_at.duration_since(body.issued_at.unwrap_or(received_at));
        let lifetime = Duration::try_from(lifetime).unwrap_or(Duration::ZERO);
        let margin = (lifetime / 4).min(Duration::from_secs(120));
        let (user, project) = (body.user, body.project);
        let account = TokenAccount {
            user_id: user.id,
            user: user.name,
            project_id: project.as_ref().map(|project| project.id.clone()),
            project: project.map(|project| project.name),
            restricted: body.application_credential.is_some_and(|credential| credential.restricted),
        };
        Self {
            value,
            renew_at: received_at.checked_add(lifetime.saturating_sub(margin)).unwrap_or(received_at),
            expires_at: body.expires_at,
            account,
            catalog: body.catalog,
        }
    }

    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now < self.renew_at
    }

    pub(super) fn text(&self) -> &str {
        self.value.expose_secret()
    }

    /// The address of a service, for a cloud's region and interface. The user's override takes precedence.
    pub(super) fn address(&self, service: Service, cloud: &Cloud) -> Option<Url> {
        if let Some(configured) = cloud.endpoints.get(service.key()) {
            return Some(catalog::with_version(configured.clone(), service));
        }
        if service == Service::Identity {
            return Some(cloud.auth_url.clone());
        }
        catalog::address(&self.catalog, service, cloud.region.as_deref(), cloud.interface)
    }

    /// The token's value.
    pub fn secret(&self) -> &SecretString {
        &self.value
    }

    /// The regions of the catalog.
    pub fn regions(&self) -> Vec<String> {
        catalog::regions(&self.catalog)
    }
}
