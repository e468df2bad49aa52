//! Secret values, kept apart from the demand.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// Secret values of a demand file, by variable name.
///
/// Not serialisable, and `Debug` prints names only. Memory is wiped on drop.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, SecretString>);

impl Secrets {
    /// Adds a value.
    pub fn insert(&mut self, name: String, value: String) {
        self.0.insert(name, SecretString::from(value));
    }

    /// Names in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A value in plain text. Only for sending it to a machine that needs it.
    pub fn reveal(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.expose_secret())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
