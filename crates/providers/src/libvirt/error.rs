//! Errors of libvirt, and the remedy for each.

use std::time::Duration;

use hostler_core::ports::Remedy;

use super::rpc::{ErrorCode, RpcError};
pub(super) use crate::failure::CallFailure;

impl From<RpcError> for CallFailure {
    fn from(error: RpcError) -> Self {
        let remedy = match &error {
            // The daemon restarts, or another client holds the resource: a repetition may succeed.
            RpcError::Io(_) | RpcError::Closed => Remedy::Retry(RETRY),
            RpcError::Libvirt(error) if [ErrorCode::RPC, ErrorCode::OPERATION_TIMEOUT].contains(&error.code) => {
                Remedy::Retry(RETRY)
            }
            RpcError::Libvirt(error) if error.code.is_permission() => Remedy::Ask,
            _ => Remedy::Report,
        };
        let message = fragment(&with_causes(&error));
        if message.contains("controller") && message.contains("group") {
            return Self::needs_user(message, CONTROL_GROUPS);
        }
        Self { message, remedy, hint: None }
    }
}

/// Time that a restart of the daemon takes.
const RETRY: Duration = Duration::from_secs(2);

/// Without systemd, libvirt finds the control groups but not the subtree that it wants to use.
const CONTROL_GROUPS: &str = "have libvirt run without control groups: write `cgroup_controllers = [ ]` into /etc/libvirt/qemu.conf and restart \
     libvirtd";

/// An error's text and those of its causes.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A message without the upper-case letter that some of libvirt's begin with.
fn fragment(message: &str) -> String {
    let mut letters = message.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => message.to_owned(),
    }
}

/// `None` if the daemon answers that the resource does not exist, by this code.
pub(super) fn found<T>(result: Result<T, RpcError>, missing: ErrorCode) -> Result<Option<T>, CallFailure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code() == Some(missing) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libvirt::rpc::LibvirtError;

    fn libvirt(code: i32, message: &str) -> RpcError {
        RpcError::Libvirt(LibvirtError { code: ErrorCode(code), domain: 10, message: message.to_owned() })
    }

    #[test]
    fn messages_become_fragments() {
        assert_eq!(fragment("Domain not found"), "domain not found");
        assert_eq!(fragment("QEMU died"), "QEMU died");
        assert_eq!(fragment(""), "");
    }

    #[test]
    fn causes_are_part_of_the_message() {
        let error = RpcError::Io(std::io::ErrorKind::TimedOut.into());
        assert_eq!(CallFailure::from(error).message, "the connection to libvirt broke: timed out");
    }

    #[test]
    fn remedy_follows_from_the_code() {
        let remedy = |error| CallFailure::from(error).remedy;
        assert_eq!(remedy(RpcError::Closed), Remedy::Retry(RETRY));
        assert_eq!(remedy(libvirt(39, "cannot write data")), Remedy::Retry(RETRY));
        assert_eq!(remedy(libvirt(88, "access denied")), Remedy::Ask);
        assert_eq!(remedy(libvirt(1, "internal error")), Remedy::Report);
        let failure = CallFailure::from(libvirt(1, "Unable to find 'memory' cgroups controller mount, group"));
        assert_eq!((failure.remedy, failure.hint.as_deref()), (Remedy::Ask, Some(CONTROL_GROUPS)));
    }

    #[test]
    fn only_the_code_for_missing_means_missing() {
        assert_eq!(found(Ok(7), ErrorCode::NO_DOMAIN).unwrap(), Some(7));
        assert_eq!(found::<()>(Err(libvirt(42, "no domain")), ErrorCode::NO_DOMAIN).unwrap(), None);
        assert!(found::<()>(Err(libvirt(43, "no network")), ErrorCode::NO_DOMAIN).is_err());
        assert!(found::<()>(Err(RpcError::Closed), ErrorCode::NO_DOMAIN).is_err());
    }
}
