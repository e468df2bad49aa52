//! Parsing of a cloud from flat keys (`auth_url`, `username`, …), which `clouds.yaml` and openrc files share.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::error::BadCloud;
use super::types::{
    AuthScope, Cloud, CloudIdentity, CredentialName, DomainName, Federation, Interface, OidcEndpoint, OidcProvider,
    UserName,
};
use crate::http::Url;

/// Keys and their values; none is empty.
pub(super) type CloudKeys = BTreeMap<String, String>;

/// The variables of an openrc file, as keys of `clouds.yaml`.
pub(super) fn from_variables(variables: &BTreeMap<String, String>) -> CloudKeys {
    let key = |name: &str| Some(name.strip_prefix("OS_")?.to_ascii_lowercase());
    let pair = |(name, value): (&String, &String)| Some((key(name)?, value.clone()));
    variables.iter().filter_map(pair).filter(|(_, value)| !value.is_empty()).collect()
}

/// Parses a cloud.
pub(super) fn cloud(name: &str, keys: &CloudKeys) -> Result<Cloud, BadCloud> {
    let read = CloudReader { cloud: name, keys };
    if read.flag("verify") == Some(false) || read.flag("insecure") == Some(true) {
        let why = "it turns off the verification of certificates, which is always on: set `cacert` (`OS_CACERT`) to the \
                   file of the cloud's certificate authority";
        return Err(read.invalid(why));
    }
    Ok(Cloud {
        name: name.to_owned(),
        auth_url: read.auth_url()?,
        identity: read.identity()?,
        scope: read.scope(),
        region: read.text(&["region_name", "region"]).map(str::to_owned),
        interface: read.interface()?,
        endpoints: read.endpoints()?,
        authority: read.text(&["cacert"]).map(Into::into),
    })
}

struct CloudReader<'a> {
    cloud: &'a str,
    keys: &'a CloudKeys,
}

impl<'a> CloudReader<'a> {
    fn text(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.keys.get(*name)).map(String::as_str)
    }

    fn flag(&self, name: &str) -> Option<bool> {
        match self.text(&[name])?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" | "on" => Some(true),
            "false" | "no" | "0" | "off" => Some(false),
            _ => None,
        }
    }

    fn need(&self, names: &[&str], what: &'static str, how: &'static str) -> Result<&'a str, BadCloud> {
        self.text(names).ok_or_else(|| BadCloud::Missing { cloud: self.cloud.to_owned(), what, how })
    }

    fn secret(&self, names: &[&str], what: &'static str, how: &'static str) -> Result<SecretString, BadCloud> {
        self.need(names, what, how).map(SecretString::from)
    }

    fn invalid(&self, why: impl Into<String>) -> BadCloud {
        BadCloud::Invalid { cloud: self.cloud.to_owned(), why: why.into() }
    }

    fn url(&self, text: &str) -> Result<Url, BadCloud> {
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => Err(self.invalid("one of its addresses is not an http or https address")),
        }
    }

    /// Keystone's address, which users write with and without a version. Version 3 is the only one still in use.
    fn auth_url(&self) -> Result<Url, BadCloud> {
        let text = self.need(&["auth_url"], "address of Keystone", "`auth_url` (`OS_AUTH_URL`)")?;
        let mut url = self.url(text.trim_end_matches('/'))?;
        url.set_query(None);
        let has_version = |url: &Url| url.path_segments()?.next_back().map(|last| last.starts_with('v'));
        if let Ok(mut path) = url.clone().path_segments_mut() {
            path.pop_if_empty();
        }
        let versioned = has_version(&url) == Some(true);
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            if versioned {
                path.pop();
            }
            path.push("v3");
        }
        Ok(url)
    }

    fn interface(&self) -> Result<Interface, BadCloud> {
        match self.text(&["interface", "endpoint_type"]).map(|text| text.trim_end_matches("URL")) {
            None | Some("public") => Ok(Interface::Public),
            Some("internal") => Ok(Interface::Internal),
            Some("admin") => Ok(Interface::Admin),
            Some(other) => Err(self.invalid(format!("`{other}` is not an interface: use public, internal or admin"))),
        }
    }

    /// Addresses of services that the user overrides, as in `compute_endpoint_override`.
    fn endpoints(&self) -> Result<BTreeMap<String, Url>, BadCloud> {
        let pair = |(key, value): (&String, &String)| {
            let service = key.strip_suffix("_endpoint_override")?.replace('_', "-");
            Some(self.url(value).map(|url| (service, url)))
        };
        self.keys.iter().filter_map(pair).collect()
    }

    fn identity(&self) -> Result<CloudIdentity, BadCloud> {
        match self.text(&["auth_type"]).unwrap_or_else(|| self.default_auth_type()) {
            "password" | "v3password" => self.password(),
            "v3applicationcredential" => self.application_credential(),
            "token" | "v3token" => {
                Ok(CloudIdentity::Token(self.secret(&["token", "auth_token"], "token", "`token` (`OS_TOKEN`)")?))
            }
            "v3oidcpassword" => self.oidc_password(),
            "v3oidcaccesstoken" => self.oidc_access_token(),
            other => Err(self.invalid(format!(
                "its `auth_type` is `{other}`; supported are password, v3applicationcredential, token, v3oidcpassword and \
                 v3oidcaccesstoken"
            ))),
        }
    }

    /// The `auth_type` that follows from the other keys, if the user sets none.
    fn default_auth_type(&self) -> &'static str {
        let has = |names: &[&str]| self.text(names).is_some();
        if has(&["application_credential_id", "application_credential_name"]) {
            "v3applicationcredential"
        } else if has(&["token", "auth_token"]) && !has(&["password"]) {
            "token"
        } else {
            "password"
        }
    }

    fn password(&self) -> Result<CloudIdentity, BadCloud> {
        Ok(CloudIdentity::Password { user: self.user()?, password: self.password_text()? })
    }

    fn password_text(&self) -> Result<SecretString, BadCloud> {
        self.secret(&["password"], "password", "`password` in `secure.yaml`, or `OS_PASSWORD`")
    }

    fn user(&self) -> Result<UserName, BadCloud> {
        if let Some(id) = self.text(&["user_id"]) {
            return Ok(UserName::Id(id.to_owned()));
        }
        let name = self.need(&["username", "user_name"], "user", "`username` (`OS_USERNAME`)")?;
        Ok(UserName::Named { name: name.to_owned(), domain: self.domain("user_domain") })
    }

    /// Domain of the user or project. Keystone's own default, if the user sets none.
    fn domain(&self, of: &str) -> DomainName {
        let find = |kind: &str| {
            let (own, shared) = (format!("{of}_{kind}"), format!("domain_{kind}"));
            let default = format!("default_domain_{kind}");
            self.text(&[&own, &shared, &default]).map(str::to_owned)
        };
        match (find("id").or_else(|| self.text(&["default_domain"]).map(str::to_owned)), find("name")) {
            (_, Some(name)) => DomainName::Named(name),
            (Some(id), None) => DomainName::Id(id),
            (None, None) => DomainName::Id("default".to_owned()),
        }
    }

    fn application_credential(&self) -> Result<CloudIdentity, BadCloud> {
        let how = "`application_credential_id` (`OS_APPLICATION_CREDENTIAL_ID`)";
        let credential = match self.text(&["application_credential_id"]) {
            Some(id) => CredentialName::Id(id.to_owned()),
            None => {
                let name = self.need(&["application_credential_name"], "application credential", how)?;
                CredentialName::Named { name: name.to_owned(), user: self.user()? }
            }
        };
        let how = "`application_credential_secret` (`OS_APPLICATION_CREDENTIAL_SECRET`)";
        let secret = self.secret(&["application_credential_secret"], "application credential's secret", how)?;
        Ok(CloudIdentity::ApplicationCredential { credential, secret })
    }

    fn oidc_password(&self) -> Result<CloudIdentity, BadCloud> {
        let username = self.need(&["username"], "user", "`username` (`OS_USERNAME`)")?.to_owned();
        let provider = Box::new(self.provider()?);
        Ok(CloudIdentity::OidcPassword {
            federation: self.federation()?,
            provider,
            username,
            password: self.password_text()?,
        })
    }

    fn oidc_access_token(&self) -> Result<CloudIdentity, BadCloud> {
        let how = "`access_token` (`OS_ACCESS_TOKEN`)";
        let access_token = self.secret(&["access_token"], "access token", how)?;
        Ok(CloudIdentity::OidcAccessToken { federation: self.federation()?, access_token })
    }

    fn federation(&self) -> Result<Federation, BadCloud> {
        let how = "`identity_provider` (`OS_IDENTITY_PROVIDER`)";
        let identity_provider = self.need(&["identity_provider"], "identity provider", how)?.to_owned();
        let protocol = self.need(&["protocol"], "protocol", "`protocol` (`OS_PROTOCOL`), as `openid`")?.to_owned();
        Ok(Federation { identity_provider, protocol })
    }

    fn provider(&self) -> Result<OidcProvider, BadCloud> {
        let how = "`discovery_endpoint` (`OS_DISCOVERY_ENDPOINT`)";
        let endpoint = match self.text(&["access_token_endpoint"]) {
            Some(url) => OidcEndpoint::Token(self.url(url)?),
            None => {
                let url = self.need(&["discovery_endpoint"], "address of the OpenID provider", how)?;
                OidcEndpoint::Discovery(self.url(url)?)
            }
        };
        let client_id = self.need(&["client_id"], "client id", "`client_id` (`OS_CLIENT_ID`)")?.to_owned();
        // Chameleon's openrc files set it to `none`, and its provider requires exactly that value.
        let client_secret = self.text(&["client_secret"]).map(SecretString::from);
        let scope = self.text(&["openid_scope"]).unwrap_or("openid profile").to_owned();
        Ok(OidcProvider { endpoint, client_id, client_secret, scope })
    }

    fn scope(&self) -> AuthScope {
        if let Some(id) = self.text(&["trust_id"]) {
            return AuthScope::Trust(id.to_owned());
        }
        if let Some(id) = self.text(&["project_id", "tenant_id"]) {
            return AuthScope::ProjectId(id.to_owned());
        }
        if let Some(name) = self.text(&["project_name", "tenant_name"]) {
            return AuthScope::Project { name: name.to_owned(), domain: self.domain("project_domain") };
        }
        match (self.text(&["domain_id"]), self.text(&["domain_name"])) {
            (Some(id), _) => AuthScope::Domain(DomainName::Id(id.to_owned())),
            (None, Some(name)) => AuthScope::Domain(DomainName::Named(name.to_owned())),
            (None, None) if self.text(&["system_scope"]).is_some() => AuthScope::System,
            (None, None) => AuthScope::Default,
        }
    }
}
