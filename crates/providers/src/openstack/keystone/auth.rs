//! Bodies of token requests to Keystone.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::openstack::cloud::{AuthScope, Cloud, CloudIdentity, CredentialName, DomainName, UserName};

/// The body of `POST /v3/auth/tokens`. `None` for identities that log in at an OpenID provider first.
pub(super) fn body(cloud: &Cloud) -> Option<Value> {
    let identity = match &cloud.identity {
        CloudIdentity::Password { user, password } => {
            let mut user = user_named(user);
            user["password"] = password.expose_secret().into();
            json!({"methods": ["password"], "password": {"user": user}})
        }
        CloudIdentity::ApplicationCredential { credential, secret } => {
            let mut named = match credential {
                CredentialName::Id(id) => json!({"id": id}),
                CredentialName::Named { name, user } => json!({"name": name, "user": user_named(user)}),
            };
            named["secret"] = secret.expose_secret().into();
            // It has a scope of its own: Keystone rejects a request that names one, even the same.
            let identity = json!({"methods": ["application_credential"], "application_credential": named});
            return Some(json!({"auth": {"identity": identity}}));
        }
        CloudIdentity::Token(token) => return Some(by_token(token.expose_secret(), &cloud.scope)),
        CloudIdentity::OidcPassword { .. } | CloudIdentity::OidcAccessToken { .. } => return None,
    };
    Some(with_scope(identity, &cloud.scope))
}

/// Exchanges a token for one of another scope.
pub(super) fn by_token(token: &str, scope: &AuthScope) -> Value {
    with_scope(json!({"methods": ["token"], "token": {"id": token}}), scope)
}

fn with_scope(identity: Value, scope: &AuthScope) -> Value {
    let scope = match scope {
        AuthScope::Default => return json!({"auth": {"identity": identity}}),
        AuthScope::ProjectId(id) => json!({"project": {"id": id}}),
        AuthScope::Project { name, domain } => json!({"project": {"name": name, "domain": domain_named(domain)}}),
        AuthScope::Domain(domain) => json!({"domain": domain_named(domain)}),
        AuthScope::System => json!({"system": {"all": true}}),
        AuthScope::Trust(id) => json!({"OS-TRUST:trust": {"id": id}}),
    };
    json!({"auth": {"identity": identity, "scope": scope}})
}

fn user_named(user: &UserName) -> Value {
    match user {
        UserName::Id(id) => json!({"id": id}),
        UserName::Named { name, domain } => json!({"name": name, "domain": domain_named(domain)}),
    }
}

fn domain_named(domain: &DomainName) -> Value {
    match domain {
        DomainName::Id(id) => json!({"id": id}),
        DomainName::Named(name) => json!({"name": name}),
    }
}
