//! The description of a cloud.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::http::Url;

/// A cloud, with the credentials to log in.
#[derive(Debug, Clone)]
pub struct Cloud {
    /// Its name in `clouds.yaml`; `envvars` if it comes from variables.
    pub name: String,
    /// Keystone's address, including `/v3`.
    pub auth_url: Url,
    /// The user's credentials.
    pub identity: CloudIdentity,
    /// The scope of the token.
    pub scope: AuthScope,
    /// The region whose services are used. Needed if the cloud has several.
    pub region: Option<String>,
    /// The interface of the services' addresses.
    pub interface: Interface,
    /// Addresses of services that the user overrides, by service type, such as `compute`.
    pub endpoints: BTreeMap<String, Url>,
    /// File of the certificate authority that the cloud's certificate is verified with.
    pub authority: Option<std::path::PathBuf>,
}

/// Credentials of a user.
#[derive(Debug, Clone)]
pub enum CloudIdentity {
    /// A user with a password.
    Password {
        /// The user.
        user: UserName,
        /// The password.
        password: SecretString,
    },
    /// An application credential, which has a scope of its own.
    ApplicationCredential {
        /// The credential.
        credential: CredentialName,
        /// Its secret.
        secret: SecretString,
    },
    /// A token from elsewhere. It can't be renewed.
    Token(SecretString),
    /// A user of an OpenID provider that Keystone trusts, with a password there.
    OidcPassword {
        /// Keystone's names for the provider.
        federation: Federation,
        /// The provider.
        provider: Box<OidcProvider>,
        /// The user's name at the provider.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A token of an OpenID provider that Keystone trusts.
    OidcAccessToken {
        /// Keystone's names for the provider.
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
    /// By a name, which is unique to a user.
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

/// The scope of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthScope {
    /// The credential's own scope, or Keystone's default.
    Default,
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
    /// The rights that a trust delegates.
    Trust(String),
}

/// Keystone's names for an OpenID provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Federation {
    /// Keystone's name for the provider, such as `chameleon`.
    pub identity_provider: String,
    /// Keystone's name for the protocol, such as `openid`.
    pub protocol: String,
}

/// An OpenID provider, and the client that requests tokens from it.
#[derive(Debug, Clone)]
pub struct OidcProvider {
    /// The endpoint that issues tokens.
    pub endpoint: OidcEndpoint,
    /// The client's id at the provider.
    pub client_id: String,
    /// The client's secret, if it has one.
    pub client_secret: Option<SecretString>,
    /// The requested scope.
    pub scope: String,
}

/// The endpoint of an OpenID provider that issues tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OidcEndpoint {
    /// The address of the discovery document, which names it.
    Discovery(Url),
    /// Its address.
    Token(Url),
}

/// Interface of a service's address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interface {
    /// For all users.
    #[default]
    Public,
    /// For machines inside the cloud.
    Internal,
    /// For administrators.
    Admin,
}

impl Interface {
    /// Its name in catalogs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

impl Cloud {
    /// Text that distinguishes cloud, user and scope from others. Contains no secrets.
    pub(in crate::openstack) fn cache_key(&self) -> String {
        let identity = match &self.identity {
            CloudIdentity::Password { user, .. } => format!("password {user:?}"),
            CloudIdentity::ApplicationCredential { credential, .. } => format!("credential {credential:?}"),
            CloudIdentity::Token(_) => "token".to_owned(),
            CloudIdentity::OidcPassword { federation, username, .. } => format!("oidc {federation:?} {username}"),
            CloudIdentity::OidcAccessToken { federation, .. } => format!("oidc token {federation:?}"),
        };
        format!("{} {identity} {:?}", self.auth_url, self.scope)
    }
}
