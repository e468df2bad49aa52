//! What things are called at libvirt, and back from there to tickets.
//!
//! A ticket's id has 32 digits and a step has no dot, so names and tickets belong to each other one to one: nothing is
//! found by a beginning that another deployment's name shares.

use hostler_core::hash::sha256;
use hostler_core::ticket::{StepId, Ticket};
use sha2::{Digest, Sha256};

const PREFIX: &str = "hostler-";

/// The parts of a machine that are files in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Its disk, written over a base.
    Disk,
    /// The volume that its first boot reads.
    Seed,
    /// What it wrote to its console.
    Console,
}

/// The name of a ticket's domain or network.
pub(super) fn name_of(ticket: &Ticket) -> String {
    format!("{PREFIX}{}-{}", ticket.deployment, ticket.step)
}

/// The name of a part's volume.
pub(super) fn volume_of(ticket: &Ticket, part: Part) -> String {
    let suffix = match part {
        Part::Disk => "qcow2",
        Part::Seed => "seed",
        Part::Console => "console",
    };
    format!("{}.{suffix}", name_of(ticket))
}

/// The ticket that a volume's name carries. A log that libvirt has rotated (`….console.0`) carries it too.
pub(super) fn ticket_of_volume(name: &str) -> Option<Ticket> {
    let (stem, _) = name.split_once('.')?;
    let (id, step) = stem.strip_prefix(PREFIX)?.split_at_checked(32)?;
    Some(Ticket { deployment: id.parse().ok()?, step: StepId::new(step.strip_prefix('-')?).ok()? })
}

/// The name of a network's bridge: at most 15 characters, as the kernel wants it.
pub(super) fn bridge_of(ticket: &Ticket) -> String {
    format!("hl{}", &sha256(ticket.to_string())[..12])
}

/// The hardware address of a network's machine, by its place in the network.
pub(super) fn mac_of(network: &Ticket, place: u8) -> String {
    let hash = Sha256::digest(network.to_string());
    format!("52:54:00:{:02x}:{:02x}:{place:02x}", hash[6], hash[7])
}

/// A number that differs from ticket to ticket, nearly always.
pub(super) fn number_of(ticket: &Ticket) -> u64 {
    Sha256::digest(ticket.to_string()).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostler_core::name::DeploymentId;

    fn ticket(bits: u128, step: &str) -> Ticket {
        Ticket { deployment: DeploymentId::from_bits(bits), step: StepId::new(step).unwrap() }
    }

    #[test]
    fn a_volume_leads_back_to_its_ticket_and_to_no_other() {
        let (a, a2) = (ticket(7, "machine-a"), ticket(7, "machine-a-2"));
        for part in [Part::Disk, Part::Seed, Part::Console] {
            assert_eq!(ticket_of_volume(&volume_of(&a, part)), Some(a.clone()));
            assert_eq!(ticket_of_volume(&volume_of(&a2, part)), Some(a2.clone()));
        }
        assert_eq!(ticket_of_volume(&format!("{}.0", volume_of(&a, Part::Console))), Some(a));
    }

    #[test]
    fn what_somebody_else_made_has_no_ticket() {
        let short = format!("hostler-{}-x.qcow2", "0".repeat(31));
        for name in ["disk.qcow2", "hostler-base.qcow2", "hostler-", "base-00.kernel", &short, "hostler-é.x"] {
            assert_eq!(ticket_of_volume(name), None, "{name}");
        }
    }

    #[test]
    fn a_bridge_fits_the_kernel() {
        assert_eq!(bridge_of(&ticket(7, "network")).len(), 14);
        assert_ne!(bridge_of(&ticket(7, "network")), bridge_of(&ticket(8, "network")));
    }
}
