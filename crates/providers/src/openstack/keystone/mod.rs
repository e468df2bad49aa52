//! Keystone: login, tokens, and the catalog of services.

mod auth;
mod cache;
mod catalog;
mod oidc;
mod session;
#[cfg(test)]
mod tests;
mod token;

pub use catalog::Service;
pub use session::KeystoneSession;
pub use token::{Token, TokenAccount};
