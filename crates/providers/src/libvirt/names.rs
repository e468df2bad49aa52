//! Names of resources at libvirt, and the tickets that they carry.
//!
//! A deployment's id has 32 digits and a step's has no dot, so names and tickets correspond one to one: no ticket is found
//! by a prefix that another deployment's name shares.

use hostler_core::hash::sha256;
use hostler_core::ticket::{StepId, Ticket};
use sha2::{Digest, Sha256};

const PREFIX: &str = "hostler-";

/// Prefix of the names of test guests and their logs. The id of the process follows.
pub(super) const PROBE_PREFIX: &str = "hostler-probe-";

/// A volume of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MachineVolume {
    /// Its disk, copy-on-write over a base image.
    Disk,
    /// Its host name, key and script for the first boot.
    Seed,
    /// Its console output.
    Console,
}

/// Name of the domain or network with this ticket.
pub(super) fn resource_name(ticket: &Ticket) -> String {
    format!("{PREFIX}{}-{}", ticket.deployment, ticket.step)
}

/// Name of a volume of the machine with this ticket.
pub(super) fn volume_name(ticket: &Ticket, volume: MachineVolume) -> String {
    let suffix = match volume {
        MachineVolume::Disk => "qcow2",
        MachineVolume::Seed => "seed",
        MachineVolume::Console => "console",
    };
    format!("{}.{suffix}", resource_name(ticket))
}

/// Ticket in a volume's name. A log that libvirt has rotated (`….console.0`) carries it too.
pub(super) fn ticket_of_volume(name: &str) -> Option<Ticket> {
    let (stem, _) = name.split_once('.')?;
    let (id, step) = stem.strip_prefix(PREFIX)?.split_at_checked(32)?;
    Some(Ticket { deployment: id.parse().ok()?, step: StepId::new(step.strip_prefix('-')?).ok()? })
}

/// Name of a network's bridge. The kernel allows 15 characters.
pub(super) fn bridge_name(ticket: &Ticket) -> String {
    format!("hl{}", &sha256(ticket.to_string())[..12])
}

/// Hardware address of the machine at an index of a network.
pub(super) fn mac_address(network: &Ticket, index: u8) -> String {
    let hash = Sha256::digest(network.to_string());
    format!("52:54:00:{:02x}:{:02x}:{index:02x}", hash[6], hash[7])
}

/// Number derived from a ticket: where the search for a free subnet begins.
pub(super) fn ticket_seed(ticket: &Ticket) -> u64 {
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
    fn a_volume_name_carries_exactly_its_ticket() {
        let (a, a2) = (ticket(7, "machine-a"), ticket(7, "machine-a-2"));
        for volume in [MachineVolume::Disk, MachineVolume::Seed, MachineVolume::Console] {
            assert_eq!(ticket_of_volume(&volume_name(&a, volume)), Some(a.clone()));
            assert_eq!(ticket_of_volume(&volume_name(&a2, volume)), Some(a2.clone()));
        }
        assert_eq!(ticket_of_volume(&format!("{}.0", volume_name(&a, MachineVolume::Console))), Some(a));
    }

    #[test]
    fn other_names_carry_no_ticket() {
        let short = format!("hostler-{}-x.qcow2", "0".repeat(31));
        for name in ["disk.qcow2", "hostler-base.qcow2", "hostler-", "base-00.kernel", &short, "hostler-é.x"] {
            assert_eq!(ticket_of_volume(name), None, "{name}");
        }
    }

    #[test]
    fn bridge_names_are_short_and_differ() {
        assert_eq!(bridge_name(&ticket(7, "network")).len(), 14);
        assert_ne!(bridge_name(&ticket(7, "network")), bridge_name(&ticket(8, "network")));
    }
}
