//! Tickets on resources: where each kind of resource carries its ticket, and in which spelling.

use hostler_core::name::DeploymentId;
use hostler_core::ticket::{StepId, Ticket};

use crate::failure::CallFailure;

/// Key of a server's metadata for its ticket.
pub(super) const METADATA: &str = "hostler_ticket";

/// Length of Blazar's database column for a lease's name. Blazar answers a longer one with `500` and no reason.
const MAX_LEASE_NAME: usize = 80;

/// A lease's name: the display name, truncated to fit, and the ticket.
pub(super) fn lease_name(name: &str, ticket: &Ticket) -> Result<String, CallFailure> {
    let ticket = ticket.to_string();
    let Some(room) = MAX_LEASE_NAME.checked_sub(ticket.len()) else {
        return Err(CallFailure::unexpected(format!("the ticket `{ticket}` is too long for the name of a lease")));
    };
    let cut: String = name.chars().take(room.saturating_sub(1)).collect();
    Ok(format!("{} {ticket}", cut.trim()).trim_start().to_owned())
}

/// Reads the ticket from a lease's name.
pub(super) fn from_lease_name(name: &str) -> Option<Ticket> {
    name.rsplit(' ').next()?.parse().ok()
}

/// A name that spells the ticket without colons, which Nova forbids in the name of a keypair.
pub(super) fn resource_name(ticket: &Ticket) -> String {
    format!("hostler-{}-{}", ticket.deployment, ticket.step)
}

/// Reads the ticket from such a name.
pub(super) fn from_resource_name(name: &str) -> Option<Ticket> {
    let rest = name.strip_prefix("hostler-")?;
    let (deployment, step) = rest.split_once('-')?;
    let deployment: DeploymentId = deployment.parse().ok()?;
    Some(Ticket { deployment, step: StepId::new(step).ok()? })
}

/// Reads the ticket from a description, which holds nothing else.
pub(super) fn from_description(description: &str) -> Option<Ticket> {
    description.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(step: &str) -> Ticket {
        Ticket { deployment: DeploymentId::from_bits(7), step: StepId::new(step).unwrap() }
    }

    #[test]
    fn tickets_are_read_back_from_every_kind_of_resource() {
        let ticket = ticket("lease-2");
        let name = lease_name("train", &ticket).unwrap();
        assert_eq!(name, "train hostler:00000000000000000000000000000007:lease-2");
        assert_eq!(from_lease_name(&name), Some(ticket.clone()));
        let name = resource_name(&ticket);
        assert_eq!(name, "hostler-00000000000000000000000000000007-lease-2");
        assert_eq!(from_resource_name(&name), Some(ticket.clone()));
        assert_eq!(from_description(&ticket.to_string()), Some(ticket));
        for other in ["hostler-7-key", "hostler", "my-key", "hostler:7:x", "a hostler:7:lease"] {
            assert_eq!(
                (from_lease_name(other), from_resource_name(other), from_description(other)),
                (None, None, None),
                "{other}"
            );
        }
    }

    #[test]
    fn lease_name_fits_and_keeps_the_whole_ticket() {
        for name in ["", "x", &"é".repeat(90)] {
            let long = ticket(&"s".repeat(39));
            let written = lease_name(name, &long).unwrap();
            assert!(written.chars().count() <= MAX_LEASE_NAME);
            assert_eq!(from_lease_name(&written), Some(long));
        }
        assert!(lease_name("x", &ticket(&"s".repeat(40))).is_err());
    }
}
