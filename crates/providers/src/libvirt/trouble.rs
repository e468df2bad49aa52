//! libvirt's errors, and what to do about them.

use std::time::Duration;

use hostler_core::ports::Remedy;
use virt::error::{Error, ErrorNumber};

pub(super) use crate::trouble::Trouble;

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let remedy = match error.code().unwrap_or(ErrorNumber::InternalError) {
            // The connection broke, or somebody else is at the same thing: it passes.
            ErrorNumber::Rpc | ErrorNumber::OperationTimeout => Remedy::Retry(Duration::from_secs(2)),
            ErrorNumber::AuthFailed
            | ErrorNumber::AuthCancelled
            | ErrorNumber::AuthUnavailable
            | ErrorNumber::AccessDenied
            | ErrorNumber::OperationDenied => Remedy::Ask,
            _ => Remedy::Report,
        };
        let message = fragment(error.message());
        if message.contains("controller") && message.contains("group") {
            return Self::ask(message, CONTROL_GROUPS);
        }
        Self { message, remedy, hint: None }
    }
}

/// Without systemd, libvirt finds the control groups but not the part of them that it wants to use.
const CONTROL_GROUPS: &str =
    "let libvirt do without: write `cgroup_controllers = [ ]` into /etc/libvirt/qemu.conf and start libvirtd anew";

/// libvirt's messages, some of which begin like sentences.
fn fragment(message: &str) -> String {
    let mut letters = message.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => message.to_owned(),
    }
}

/// `None` where the thing that was looked up is not there.
pub(super) fn found<T>(answer: Result<T, Error>, missing: ErrorNumber) -> Result<Option<T>, Trouble> {
    match answer {
        Ok(resource) => Ok(Some(resource)),
        Err(error) if error.code().is_known() && error.code().unwrap_or(ErrorNumber::Ok) == missing => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_fragments() {
        assert_eq!(fragment("Domain not found"), "domain not found");
        assert_eq!(fragment("QEMU died"), "QEMU died");
        assert_eq!(fragment(""), "");
    }
}
