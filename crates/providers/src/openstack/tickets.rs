//! How a ticket stands on each kind of thing. What can't hold its text holds it in another spelling.

use hostler_core::name::DeploymentId;
use hostler_core::ticket::{StepId, Ticket};

use crate::trouble::Trouble;

/// The key of a server's metadata that holds its ticket.
pub(super) const METADATA: &str = "hostler_ticket";

/// Blazar's column for a lease's name. What is longer gets a bare `500`.
const LONGEST_LEASE_NAME: usize = 80;

/// A lease's name: what people call it, cut where there is no room, and the ticket.
pub(super) fn lease_name(name: &str, ticket: &Ticket) -> Result<String, Trouble> {
    let ticket = ticket.to_string();
    let Some(room) = LONGEST_LEASE_NAME.checked_sub(ticket.len()) else {
        return Err(Trouble::report(format!("the ticket `{ticket}` doesn't fit into the name of a lease")));
    };
    let cut: String = name.chars().take(room.saturating_sub(1)).collect();
    Ok(format!("{} {ticket}", cut.trim()).trim_start().to_owned())
}

/// The ticket in a lease's name.
pub(super) fn of_lease(name: &str) -> Option<Ticket> {
    name.rsplit(' ').next()?.parse().ok()
}

/// A keypair's name: Nova allows no colon in it.
pub(super) fn keypair_name(ticket: &Ticket) -> String {
    format!("hostler-{}-{}", ticket.deployment, ticket.step)
}

/// The ticket that a keypair's name spells.
pub(super) fn of_keypair(name: &str) -> Option<Ticket> {
    let rest = name.strip_prefix("hostler-")?;
    let (deployment, step) = rest.split_once('-')?;
    let deployment: DeploymentId = deployment.parse().ok()?;
    Some(Ticket { deployment, step: StepId::new(step).ok()? })
}

/// The ticket that is the whole description of a thing.
pub(super) fn of_description(description: &str) -> Option<Ticket> {
    description.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(step: &str) -> Ticket {
        Ticket { deployment: DeploymentId::from_bits(7), step: StepId::new(step).unwrap() }
    }

    #[test]
    fn tickets_read_back_from_every_kind_of_thing() {
        let ticket = ticket("lease-2");
        let name = lease_name("train", &ticket).unwrap();
        assert_eq!(name, "train hostler:00000000000000000000000000000007:lease-2");
        assert_eq!(of_lease(&name), Some(ticket.clone()));
        let name = keypair_name(&ticket);
        assert_eq!(name, "hostler-00000000000000000000000000000007-lease-2");
        assert_eq!(of_keypair(&name), Some(ticket.clone()));
        assert_eq!(of_description(&ticket.to_string()), Some(ticket));
        for other in ["hostler-7-key", "hostler", "my-key", "hostler:7:x", "a hostler:7:lease"] {
            assert_eq!((of_lease(other), of_keypair(other), of_description(other)), (None, None, None), "{other}");
        }
    }

    #[test]
    fn a_lease_s_name_is_never_too_long_and_never_loses_its_ticket() {
        for name in ["", "x", &"é".repeat(90)] {
            let long = ticket(&"s".repeat(39));
            let written = lease_name(name, &long).unwrap();
            assert!(written.chars().count() <= LONGEST_LEASE_NAME);
            assert_eq!(of_lease(&written), Some(long));
        }
        assert!(lease_name("x", &ticket(&"s".repeat(40))).is_err());
    }
}
