//! Choice of a subnet that overlaps no network that this computer has a route to.

use std::fmt;
use std::net::Ipv4Addr;

/// An IPv4 subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subnet {
    base: u32,
    bits: u32,
}

impl Subnet {
    /// Subnet of an address, with this prefix length.
    pub fn new(address: Ipv4Addr, bits: u32) -> Self {
        Self { base: u32::from(address) & mask(bits), bits: bits.min(32) }
    }

    /// Address at this number of the subnet.
    pub fn address(&self, number: u8) -> Ipv4Addr {
        Ipv4Addr::from(self.base + u32::from(number))
    }

    fn overlaps(&self, other: &Self) -> bool {
        let bits = mask(self.bits.min(other.bits));
        self.base & bits == other.base & bits
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", Ipv4Addr::from(self.base), self.bits)
    }
}

fn mask(bits: u32) -> u32 {
    u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0)
}

/// Private ranges (start, number of /24 subnets), in order of preference. There are several because company VPNs often
/// route all of 10.0.0.0/8.
const RANGES: [([u8; 4], u32); 3] = [([10, 214, 0, 0], 256), ([172, 29, 0, 0], 256), ([192, 168, 128, 0], 96)];

/// A /24 subnet that overlaps none of those in use. The search begins at `seed`, so that two networks rarely compete.
pub(super) fn choose(in_use: &[Subnet], seed: u64) -> Option<Subnet> {
    RANGES.iter().find_map(|(start, count)| {
        let start = u32::from(Ipv4Addr::from(*start));
        let first = (seed % u64::from(*count)) as u32;
        (0..*count)
            .map(|step| Subnet { base: start + ((first + step) % count) * 256, bits: 24 })
            .find(|subnet| !in_use.iter().any(|other| other.overlaps(subnet)))
    })
}

/// Shortest prefix of a route that leads to one network. Shorter ones are for all other traffic: the default route, or the
/// two halves of the address space (`0.0.0.0/1`, `128.0.0.0/1`) by which a VPN replaces it.
const NETWORK_BITS: u32 = 8;

/// Subnets that this computer has routes to, from `/proc/net/route`.
pub(super) fn routes(proc_net_route: &str) -> Vec<Subnet> {
    proc_net_route.lines().skip(1).filter_map(route).filter(|subnet| subnet.bits >= NETWORK_BITS).collect()
}

fn route(line: &str) -> Option<Subnet> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    // The file prints the bytes in memory order, which is reversed on little-endian computers.
    let address = |text: &&str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes);
    let (base, mask) = (address(fields.get(1)?)?, address(fields.get(7)?)?);
    Some(Subnet::new(Ipv4Addr::from(base), mask.leading_ones()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        let (address, bits) = text.split_once('/').unwrap();
        Subnet::new(address.parse().unwrap(), bits.parse().unwrap())
    }

    #[test]
    fn the_chosen_subnet_is_free() {
        assert_eq!(choose(&[], 5), Some(subnet("10.214.5.0/24")));
        assert_eq!(choose(&[subnet("10.214.5.128/25")], 5), Some(subnet("10.214.6.0/24")));
        assert_eq!(choose(&[subnet("10.0.0.0/8")], 5), Some(subnet("172.29.5.0/24")));
        assert_eq!(choose(&[subnet("10.214.255.0/24")], 255), Some(subnet("10.214.0.0/24")));
        assert_eq!(choose(&[subnet("10.0.0.0/8"), subnet("172.16.0.0/12"), subnet("192.168.0.0/16")], 5), None);
    }

    #[test]
    fn routes_are_little_endian() {
        let text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                    eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(routes(text), [subnet("192.0.2.0/24")]);
    }

    #[test]
    fn a_vpn_for_all_traffic_occupies_no_subnet() {
        let text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                    tun0\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n\
                    tun0\t00000080\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n\
                    tun0\t0000000A\t0100080A\t0003\t0\t0\t0\t000000FF\t0\t0\t0\n";
        assert_eq!(routes(text), [subnet("10.0.0.0/8")]);
        assert_eq!(choose(&routes(text), 5), Some(subnet("172.29.5.0/24")));
    }
}
