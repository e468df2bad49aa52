//! Values that nobody may see: beside the demand, never in it.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The secret values that a demand file spells out, by the names of their variables.
///
/// There is no `Serialize`, and `Debug` shows only the names. The memory is wiped when it is dropped.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<String, SecretString>);

impl Secrets {
    /// Keeps a value.
    pub fn insert(&mut self, name: String, value: String) {
        self.0.insert(name, SecretString::from(value));
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A value in the clear: only for handing it to the machine that needs it.
    pub fn reveal(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.expose_secret())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
