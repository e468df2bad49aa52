//! A cloud to log in to: where it is, as whom, and with what right. Read from the texts of `clouds.yaml` and its
//! companions, or from the `OS_…` variables of an openrc file; the caller reads the files and the environment.

mod keys;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::http::Url;

pub use yaml::{CloudTexts, names};

/// A cloud, and who the user is there.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// Its name in `clouds.yaml`; `envvars` where it came from variables.
    pub name: String,
    /// Keystone's address, up to and with `v3`.
    pub auth_url: Url,
    /// Who logs in, and with what.
    pub identity: Identity,
    /// What the token is for.
    pub scope: Scope,
    /// The region whose services are used; needed where there are several.
    pub region: Option<String>,
    /// Which of a service's addresses is used.
    pub interface: Interface,
    /// Addresses of services that the user has set, by service type, as `compute`.
    pub endpoints: BTreeMap<String, Url>,
    /// The file with the certificates that the cloud's certificate is checked against.
    pub authority: Option<std::path::PathBuf>,
}

/// Who logs in, and with what.
#[derive(Debug, Clone)]
pub enum Identity {
    /// A user with a password.
    Password {
        /// Who.
        user: UserName,
        /// With what.
        password: SecretString,
    },
    /// An application credential. It has its scope in itself.
    ApplicationCredential {
        /// Which.
        credential: CredentialName,
        /// With what.
        secret: SecretString,
    },
    /// A token that was had elsewhere. It can't be renewed.
    Token(SecretString),
    /// A user of an OpenID provider that Keystone trusts, with a password there.
    OidcPassword {
        /// What Keystone calls the provider.
        federation: Federation,
        /// Where the provider gives tokens.
        provider: Box<OidcProvider>,
        /// Who, at the provider.
        username: String,
        /// With what.
        password: SecretString,
    },
    /// A token of an OpenID provider that Keystone trusts.
    OidcAccessToken {
        /// What Keystone calls the provider.
        federation: Federation,
        /// The token.
        access_token: SecretString,
    },
}

/// A user, by id or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserName {
    /// By id.
    Id(String),
    /// By a name, which is unique within a domain.
    Named {
        /// The name.
        name: String,
        /// The domain.
        domain: DomainName,
    },
}

/// An application credential, by id or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialName {
    /// By id.
    Id(String),
    /// By a name, which is unique for a user.
    Named {
        /// The name.
        name: String,
        /// The user.
        user: UserName,
    },
}

/// A domain, by id or by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DomainName {
    /// By id.
    Id(String),
    /// By name.
    Named(String),
}

/// What a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// As the credential or Keystone says.
    Unsaid,
    /// A project, by id.
    ProjectId(String),
    /// A project, by its name within a domain.
    Project {
        /// The name.
        name: String,
        /// The domain.
        domain: DomainName,
    },
    /// A whole domain.
    Domain(DomainName),
    /// The whole system.
    System,
    /// What a trust allows.
    Trust(String),
}

/// What Keystone calls an OpenID provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federation {
    /// Keystone's name for the provider, as `chameleon`.
    pub identity_provider: String,
    /// Keystone's name for the way, as `openid`.
    pub protocol: String,
}

/// Where an OpenID provider gives tokens, and as which program we come.
#[derive(Debug, Clone)]
pub struct OidcProvider {
    /// Where.
    pub endpoint: OidcEndpoint,
    /// The program's id, as the provider knows it.
    pub client_id: String,
    /// The program's secret, where it has one.
    pub client_secret: Option<SecretString>,
    /// What the token is to be good for.
    pub scope: String,
}

/// Where an OpenID provider gives tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OidcEndpoint {
    /// Its discovery document says.
    Discovery(Url),
    /// Here.
    Token(Url),
}

/// Which of a service's addresses is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interface {
    /// The one for everybody.
    #[default]
    Public,
    /// The one for the cloud's own machines.
    Internal,
    /// The one for administrators.
    Admin,
}

impl Interface {
    /// As catalogs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// Why a configuration names no cloud that one can log in to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCloud {
    /// The file is no YAML, or not of the form that is known.
    #[error("`{file}` can't be read: {why}")]
    Yaml {
        /// Which of the files.
        file: &'static str,
        /// Why.
        why: String,
    },
    /// There is no such cloud.
    #[error("there is no cloud `{0}` in `clouds.yaml`")]
    Unknown(String),
    /// Something is missing.
    #[error("the cloud `{cloud}` names no {what}: set {how}")]
    Missing {
        /// Which cloud.
        cloud: String,
        /// What.
        what: &'static str,
        /// With what.
        how: &'static str,
    },
    /// A value can't be used.
    #[error("the cloud `{cloud}` can't be used: {why}")]
    Unusable {
        /// Which cloud.
        cloud: String,
        /// Why.
        why: String,
    },
}

impl Cloud {
    /// A cloud of `clouds.yaml`, completed from its companions.
    pub fn from_texts(texts: &CloudTexts, name: &str) -> Result<Self, BadCloud> {
        keys::cloud(name, &yaml::keys(texts, name)?)
    }

    /// What the `OS_…` variables of an openrc file say; nothing where they name no cloud.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Option<Self>, BadCloud> {
        if variables.get("OS_AUTH_URL").is_none_or(String::is_empty) {
            return Ok(None);
        }
        keys::cloud("envvars", &keys::of_variables(variables)).map(Some)
    }

    /// Who logs in, as far as it may be shown and tells one from another: no secret is in it.
    pub(super) fn who(&self) -> String {
        let identity = match &self.identity {
            Identity::Password { user, .. } => format!("password {user:?}"),
            Identity::ApplicationCredential { credential, .. } => format!("credential {credential:?}"),
            Identity::Token(_) => "token".to_owned(),
            Identity::OidcPassword { federation, username, .. } => format!("oidc {federation:?} {username}"),
            Identity::OidcAccessToken { federation, .. } => format!("oidc token {federation:?}"),
        };
        format!("{} {identity} {:?}", self.auth_url, self.scope)
    }
}
