//! A cloud to log in to: address, credentials and scope, parsed from the text of `clouds.yaml` and its companion files,
//! or from the `OS_…` variables of an openrc file. The caller reads the files and the environment.

mod error;
mod keys;
#[cfg(test)]
mod tests;
mod types;
mod yaml;

use std::collections::BTreeMap;

pub use error::BadCloud;
pub use types::{
    AuthScope, Cloud, CloudIdentity, CredentialName, DomainName, Federation, Interface, OidcEndpoint, OidcProvider,
    UserName,
};
pub use yaml::{CloudTexts, cloud_names};

impl Cloud {
    /// A cloud of `clouds.yaml`, completed from the companion files.
    pub fn from_texts(texts: &CloudTexts, name: &str) -> Result<Self, BadCloud> {
        keys::cloud(name, &yaml::keys(texts, name)?)
    }

    /// The cloud of an openrc file's `OS_…` variables. `None` if `OS_AUTH_URL` is not set.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Result<Option<Self>, BadCloud> {
        if variables.get("OS_AUTH_URL").is_none_or(String::is_empty) {
            return Ok(None);
        }
        keys::cloud("envvars", &keys::from_variables(variables)).map(Some)
    }
}
