//! The architecture of a machine, as `uname -m` prints it.

use crate::demand::Requirements;
use crate::offer::Offer;

/// Used if the demand names no architecture.
const DEFAULT_ARCH: &str = "x86_64";

/// The requested architecture, or the default.
pub(super) fn requested_arch(needs: &Requirements) -> &str {
    needs.arch.as_deref().unwrap_or(DEFAULT_ARCH)
}

/// The architecture of an offer's machines. If the site does not report it, the requested one is assumed: `verify` checks
/// it on the machine.
pub(super) fn arch_of<'a>(needs: &'a Requirements, offer: &'a Offer) -> &'a str {
    offer.facts.arch.as_deref().unwrap_or(requested_arch(needs))
}
