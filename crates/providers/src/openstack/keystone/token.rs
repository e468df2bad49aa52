//! A token: the right to call services, for a while.

use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::catalog::{self, Entry, Service};
use crate::http::Url;
use crate::openstack::cloud::Cloud;

/// A token, and what Keystone said with it.
#[derive(Debug, Clone)]
pub struct Token {
    pub(super) value: SecretString,
    /// When it is renewed, by this computer's clock.
    pub(super) renew_at: Timestamp,
    /// When it ends, as Keystone says.
    pub expires_at: Timestamp,
    /// Who it is for.
    pub account: Account,
    catalog: Vec<Entry>,
}

/// Who a token is for, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The user's id.
    pub user_id: String,
    /// The user's name.
    pub user: String,
    /// The project's id, where the token is for one.
    pub project_id: Option<String>,
    /// The project's name.
    pub project: Option<String>,
    /// Whether the token comes from an application credential that may not make trusts: Blazar can't lease with it.
    pub restricted: bool,
}

/// A token's `token` object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Body {
    expires_at: Timestamp,
    #[serde(default)]
    issued_at: Option<Timestamp>,
    user: Named,
    #[serde(default)]
    project: Option<Named>,
    #[serde(default)]
    catalog: Vec<Entry>,
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

impl Account {
    /// Whose the things are that are made with it. Keypairs belong to users, all else to projects.
    pub(crate) fn at_site(&self) -> Option<hostler_core::ports::Account> {
        let project = self.project_id.as_ref()?;
        let id = format!("{project}/{}", self.user_id);
        let called = self.project.as_ref().unwrap_or(project);
        Some(hostler_core::ports::Account { id, name: format!("`{}` in the project `{called}`", self.user) })
    }
}

impl Token {
    /// A token that was had at an instant of this computer's clock. Only its life is taken from Keystone: the clocks may
    /// differ by hours.
    pub(super) fn new(value: SecretString, body: Body, had_at: Timestamp) -> Self {
        let life = body.expires_at.duration_since(body.issued_at.unwrap_or(had_at));
        let life = Duration::try_from(life).unwrap_or(Duration::ZERO);
        let margin = (life / 4).min(Duration::from_secs(120));
        let (user, project) = (body.user, body.project);
        let account = Account {
            user_id: user.id,
            user: user.name,
            project_id: project.as_ref().map(|project| project.id.clone()),
            project: project.map(|project| project.name),
            restricted: body.application_credential.is_some_and(|credential| credential.restricted),
        };
        Self {
            value,
            renew_at: had_at.checked_add(life.saturating_sub(margin)).unwrap_or(had_at),
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

    /// Where a service is, for a cloud's region and interface.
    pub(super) fn address(&self, service: Service, cloud: &Cloud) -> Option<Url> {
        if let Some(set) = cloud.endpoints.get(service.key()) {
            return Some(catalog::with_version(set.clone(), service));
        }
        if service == Service::Identity {
            return Some(cloud.auth_url.clone());
        }
        catalog::address(&self.catalog, service, cloud.region.as_deref(), cloud.interface)
    }

    /// The token itself.
    pub fn secret(&self) -> &SecretString {
        &self.value
    }

    /// The regions that there are.
    pub fn regions(&self) -> Vec<String> {
        catalog::regions(&self.catalog)
    }
}
