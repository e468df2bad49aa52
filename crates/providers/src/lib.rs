//! Providers of sites, each behind the port `Provider`, and the image store that local machines boot from.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "a test may block its thread"))]

mod blocking;
mod failure;
pub mod http;
pub mod image;
pub mod libvirt;
pub mod listed;
pub mod openstack;

/// Quotes text as one word for a POSIX shell.
pub(crate) fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
