//! Memory and disk of this computer that further machines can be given: what is free, minus what is committed already.

use std::path::Path;
use std::process::Command;

use hostler_core::size::Bytes;

use super::virtualization::Virtualization;

/// Memory of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GuestMemory {
    /// Size that it may grow to.
    pub max: Bytes,
    /// Memory that it occupies now. 0 while it is off.
    pub resident: Bytes,
}

/// Memory of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostMemory {
    /// All that is installed.
    pub total: Bytes,
    /// The kernel's estimate of what can be allocated without swapping.
    pub available: Bytes,
    /// hostler's guests, running or not, as each may be started at any time, and other guests that run.
    pub guests: Vec<GuestMemory>,
    /// Memory that QEMU needs for itself, per guest.
    pub overhead: Bytes,
}

impl HostMemory {
    /// Memory for further guests, including their overhead.
    pub fn uncommitted(&self) -> Bytes {
        let still_to_grow = self
            .guests
            .iter()
            .map(|guest| guest.max.plus(self.overhead).less(guest.resident))
            .fold(Bytes(0), Bytes::plus);
        self.available.less(still_to_grow).less(self.reserve())
    }

    /// The most that one further guest can have.
    pub fn largest_guest(&self) -> Bytes {
        self.uncommitted().less(self.overhead)
    }

    /// The most that further guests can have in sum. Their number is unknown and each adds its overhead, so this is an
    /// estimate for guests of 2 GiB. Creating a machine checks exactly.
    pub fn sum_of_guests(&self) -> Bytes {
        let typical = Bytes::gib(2).as_mib();
        let share = self.uncommitted().as_mib() * typical / (typical + self.overhead.as_mib());
        Bytes::mib(share).min(self.largest_guest())
    }

    /// Memory reserved for the host itself: 5 %, and 512 MiB at least.
    fn reserve(&self) -> Bytes {
        Bytes::mib(512).max(Bytes(self.total.0 / 20))
    }
}

/// Memory that QEMU needs besides a guest's: device models, page tables, and under emulation the translated code.
pub(super) fn overhead(virtualization: &Virtualization) -> Bytes {
    match virtualization {
        Virtualization::Kvm => Bytes::mib(128),
        Virtualization::Emulation { .. } => Bytes::mib(128).plus(Bytes::mib(TRANSLATION_CACHE_MIB)),
    }
}

/// Size of QEMU's cache of translated code for a guest under emulation. QEMU's default is up to 1 GiB.
pub(super) const TRANSLATION_CACHE_MIB: u64 = 256;

/// Disk for further volumes: the free space, minus the growth that the volumes (capacity, allocation) still permit, minus
/// 1 GiB for the host.
pub(super) fn uncommitted_disk(free: Bytes, volumes: &[(Bytes, Bytes)]) -> Bytes {
    let still_to_grow =
        volumes.iter().map(|(capacity, allocation)| capacity.less(*allocation)).fold(Bytes(0), Bytes::plus);
    free.less(still_to_grow).less(Bytes::gib(1))
}

/// Disk for further volumes in a directory that does not exist yet. 0 if unknown.
pub(super) fn free_disk(directory: &Path) -> Bytes {
    let Some(existing) = directory.ancestors().find(|path| path.exists()) else { return Bytes(0) };
    let output = Command::new("df").args(["--output=avail", "--block-size=1"]).arg(existing).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let free = text.lines().nth(1).and_then(|line| line.trim().parse().ok()).unwrap_or(0);
    uncommitted_disk(Bytes(free), &[])
}

/// `MemTotal` and `MemAvailable` of `/proc/meminfo`.
pub(super) fn meminfo(text: &str) -> Option<(Bytes, Bytes)> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| Bytes(kib << 10))
    };
    Some((field("MemTotal")?, field("MemAvailable")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(available: u64, guests: &[(u64, u64)]) -> HostMemory {
        let guest =
            |(max, resident): &(u64, u64)| GuestMemory { max: Bytes::mib(*max), resident: Bytes::mib(*resident) };
        HostMemory {
            total: Bytes::gib(8),
            available: Bytes::mib(available),
            guests: guests.iter().map(guest).collect(),
            overhead: Bytes::mib(100),
        }
    }

    #[test]
    fn resident_memory_of_a_guest_is_not_counted_twice() {
        assert_eq!(memory(4096, &[]).uncommitted(), Bytes::mib(4096 - 512));
        assert_eq!(memory(4096, &[(1024, 0)]).uncommitted(), Bytes::mib(4096 - 512 - 1124));
        assert_eq!(memory(3496, &[(1024, 600)]).uncommitted(), Bytes::mib(3496 - 512 - 524));
        assert_eq!(memory(2972, &[(1024, 1200)]).uncommitted(), Bytes::mib(2972 - 512));
        assert_eq!(memory(600, &[(1024, 0)]).uncommitted(), Bytes(0));
    }

    #[test]
    fn overhead_is_subtracted() {
        assert_eq!(memory(1024, &[]).largest_guest(), Bytes::mib(412));
        assert_eq!(memory(1024, &[]).sum_of_guests(), Bytes::mib(412));
        assert_eq!(memory(6144 + 512 + 2148, &[]).sum_of_guests(), Bytes::mib(8292 * 2048 / 2148));
    }

    #[test]
    fn disk_that_volumes_may_grow_into_is_not_free() {
        let volumes = [(Bytes::gib(20), Bytes::gib(1)), (Bytes::gib(10), Bytes::gib(11))];
        assert_eq!(uncommitted_disk(Bytes::gib(50), &volumes), Bytes::gib(30));
        assert_eq!(uncommitted_disk(Bytes::gib(5), &volumes), Bytes(0));
    }

    #[test]
    fn meminfo_is_read() {
        let text = "MemTotal:       24560000 kB\nMemFree:  1 kB\nMemAvailable:   24000000 kB\n";
        assert_eq!(meminfo(text), Some((Bytes(24_560_000 << 10), Bytes(24_000_000 << 10))));
        assert_eq!(meminfo("MemTotal: lots"), None);
    }
}
