//! What is left of this computer: memory and disk, minus what is in use, minus what is promised.

use hostler_core::size::Bytes;

use super::probe::Accelerator;

/// A guest, as far as memory goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Guest {
    /// What it may grow to.
    pub promised: Bytes,
    /// What it has now; none where it is off.
    pub resident: Bytes,
}

/// What is known of the computer's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Memory {
    /// All that there is.
    pub total: Bytes,
    /// What the kernel says can be had without swapping.
    pub available: Bytes,
    /// Our guests, running or not (one that is off may be started at any time), and others' that are running.
    pub guests: Vec<Guest>,
    /// What QEMU itself needs beside each guest's memory.
    pub overhead: Bytes,
}

impl Memory {
    /// What can be promised to further guests, their overhead included.
    pub fn left(&self) -> Bytes {
        let still_to_come = self
            .guests
            .iter()
            .map(|guest| guest.promised.plus(self.overhead).less(guest.resident))
            .fold(Bytes(0), Bytes::plus);
        self.available.less(still_to_come).less(self.reserve())
    }

    /// The most that one further guest can have.
    pub fn largest(&self) -> Bytes {
        self.left().less(self.overhead)
    }

    /// What guests can have together. How many they will be isn't known, and each brings its overhead: counted as if
    /// they had 2 GiB each. What is made is checked exactly.
    pub fn together(&self) -> Bytes {
        let typical = Bytes::gib(2).as_mib();
        Bytes::mib(self.left().as_mib() * typical / (typical + self.overhead.as_mib())).min(self.largest())
    }

    /// Left to the computer itself, whose needs grow too.
    fn reserve(&self) -> Bytes {
        Bytes::mib(512).max(Bytes(self.total.0 / 20))
    }
}

/// What QEMU needs beside a guest's memory: device models, page tables, and under emulation the translated code.
pub(super) fn overhead(accelerator: &Accelerator) -> Bytes {
    match accelerator {
        Accelerator::Kvm => Bytes::mib(128),
        Accelerator::Emulation { .. } => Bytes::mib(128).plus(Bytes::mib(TRANSLATION_CACHE_MIB)),
    }
}

/// How much translated code QEMU keeps for a guest under emulation. Its own default is up to 1 GiB.
pub(super) const TRANSLATION_CACHE_MIB: u64 = 256;

/// What can be promised of a disk: what is free, minus what volumes that are written on demand have yet to claim.
pub(super) fn disk_left(free: Bytes, volumes: &[(Bytes, Bytes)]) -> Bytes {
    let unwritten = volumes.iter().map(|(capacity, written)| capacity.less(*written)).fold(Bytes(0), Bytes::plus);
    free.less(unwritten).less(Bytes::gib(1))
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

    fn memory(available: u64, guests: &[(u64, u64)]) -> Memory {
        let guest = |(promised, resident): &(u64, u64)| Guest {
            promised: Bytes::mib(*promised),
            resident: Bytes::mib(*resident),
        };
        Memory {
            total: Bytes::gib(8),
            available: Bytes::mib(available),
            guests: guests.iter().map(guest).collect(),
            overhead: Bytes::mib(100),
        }
    }

    #[test]
    fn what_a_guest_has_already_is_not_counted_twice() {
        assert_eq!(memory(4096, &[]).left(), Bytes::mib(4096 - 512));
        assert_eq!(memory(4096, &[(1024, 0)]).left(), Bytes::mib(4096 - 512 - 1124));
        assert_eq!(memory(3496, &[(1024, 600)]).left(), Bytes::mib(3496 - 512 - 524));
        assert_eq!(memory(2972, &[(1024, 1200)]).left(), Bytes::mib(2972 - 512));
        assert_eq!(memory(600, &[(1024, 0)]).left(), Bytes(0));
    }

    #[test]
    fn the_overhead_comes_off() {
        assert_eq!(memory(1024, &[]).largest(), Bytes::mib(412));
        assert_eq!(memory(1024, &[]).together(), Bytes::mib(412));
        assert_eq!(memory(6144 + 512 + 2148, &[]).together(), Bytes::mib(8292 * 2048 / 2148));
    }

    #[test]
    fn promised_disk_is_not_free() {
        let volumes = [(Bytes::gib(20), Bytes::gib(1)), (Bytes::gib(10), Bytes::gib(11))];
        assert_eq!(disk_left(Bytes::gib(50), &volumes), Bytes::gib(30));
        assert_eq!(disk_left(Bytes::gib(5), &volumes), Bytes(0));
    }

    #[test]
    fn meminfo_is_read() {
        let text = "MemTotal:       24560000 kB\nMemFree:  1 kB\nMemAvailable:   24000000 kB\n";
        assert_eq!(meminfo(text), Some((Bytes(24_560_000 << 10), Bytes(24_000_000 << 10))));
        assert_eq!(meminfo("MemTotal: lots"), None);
    }
}
