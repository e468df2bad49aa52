//! What the machines are given besides what the plan says: it lies on this computer only, and is never stored.

use hostler_core::demand::{Secrets, Work};
use hostler_engine::deploy::Material;
use hostler_engine::repo::Checkout;
use secrecy::SecretString;

use crate::app::App;
use crate::error::{Error, ErrorKind};

/// Gathers it. A secret is what the demand file spells out, else the variable of that name.
///
/// # Errors
/// Where a secret is in neither.
pub fn material(app: &App, work: &Work, spelled: &Secrets, checkout: Option<&Checkout>) -> Result<Material, Error> {
    let value = |name: &String| {
        let value = spelled.reveal(name).or_else(|| app.settings.env.secret(name)).ok_or_else(|| {
            let error = Error::new(ErrorKind::Demand, format!("the secret `{name}` has no value"));
            error.hinted(format!("set it in your environment first: `read -rs {name} && export {name}`"))
        });
        Ok((name.clone(), SecretString::from(value?)))
    };
    Ok(Material {
        source: checkout.map(|checkout| checkout.path.clone()),
        secrets: work.secrets.iter().map(value).collect::<Result<_, Error>>()?,
        // What machines need of this computer is a matter of their site.
        first_boot: String::new(),
        key: Default::default(),
    })
}
