//! XML for libvirt, rendered by `Display`. Every value is escaped.

use std::fmt::Display;
use std::net::Ipv4Addr;

use hostler_core::size::Bytes;
use hostler_core::ticket::Ticket;
use quick_xml::escape::escape;

use super::capacity::TRANSLATION_CACHE_MIB;
use super::subnet::Subnet;
use super::virtualization::Virtualization;

/// Reservation of a network for a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DhcpHost {
    pub name: String,
    pub mac: String,
    pub address: Ipv4Addr,
}

/// A network with NAT, DHCP and DNS.
pub(super) struct NetworkXml<'a> {
    pub name: &'a str,
    pub ticket: &'a Ticket,
    pub bridge: &'a str,
    pub subnet: Subnet,
    pub hosts: &'a [DhcpHost],
}

/// Boot of a domain: from its disk, or directly from a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BootXml {
    Disk,
    Kernel { kernel: String, initrd: String, command_line: String },
}

/// The parts of a machine that a test guest lacks.
pub(super) struct MachineXml<'a> {
    pub ticket: &'a Ticket,
    pub title: &'a str,
    pub network: &'a str,
    pub host: &'a DhcpHost,
    pub disk: &'a str,
    pub seed: &'a str,
}

/// A domain.
pub(super) struct DomainXml<'a> {
    pub name: &'a str,
    pub virtualization: &'a Virtualization,
    pub cpus: u32,
    pub memory: Bytes,
    pub boot: &'a BootXml,
    pub console: &'a str,
    pub machine: Option<MachineXml<'a>>,
}

/// A volume of the pool.
pub(super) struct VolumeXml<'a> {
    pub name: &'a str,
    pub capacity: Bytes,
    /// Path of the disk that it is a copy-on-write copy of. If `None`, the volume is raw and empty.
    pub base: Option<&'a str>,
    pub readers: Readers,
}

/// Users who may read a volume's file. libvirt makes QEMU's user the owner of a running machine's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readers {
    /// The owner only: disks, seeds and console logs.
    Owner,
    /// All users: base images, which hold no secret and are read by every machine.
    Everyone,
}

impl Readers {
    fn mode(self) -> &'static str {
        match self {
            Self::Owner => "0600",
            Self::Everyone => "0644",
        }
    }
}

/// Metadata with the ticket and further attributes. libvirt requires a namespace.
fn metadata(ticket: &Ticket, attributes: &str) -> String {
    let ticket = text(ticket);
    format!("<metadata><hostler:resource xmlns:hostler='urn:hostler' ticket='{ticket}'{attributes}/></metadata>")
}

fn text(value: impl Display) -> String {
    escape(value.to_string()).into_owned()
}

impl Display for NetworkXml<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gateway = self.subnet.address(1);
        writeln!(f, "<network>\n  <name>{}</name>\n  {}", text(self.name), metadata(self.ticket, ""))?;
        writeln!(f, "  <forward mode='nat'/>\n  <bridge name='{}' stp='off' delay='0'/>", text(self.bridge))?;
        writeln!(f, "  <domain name='hostler.internal' localOnly='yes'/>")?;
        writeln!(f, "  <ip address='{gateway}' netmask='255.255.255.0'>\n    <dhcp>")?;
        let (first, last) = (self.subnet.address(FIRST_HOST), self.subnet.address(LAST_HOST));
        writeln!(f, "      <range start='{first}' end='{last}'/>")?;
        for DhcpHost { name, mac, address } in self.hosts {
            writeln!(f, "      <host mac='{}' name='{}' ip='{address}'/>", text(mac), text(name))?;
        }
        write!(f, "    </dhcp>\n  </ip>\n</network>")
    }
}

/// Number of the first machine in its subnet. 1 is the gateway; the others below are spare.
pub(super) const FIRST_HOST: u8 = 10;
/// Number that ends the machines' range. 255 is the broadcast address.
pub(super) const LAST_HOST: u8 = 250;

impl Display for DomainXml<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if *self.virtualization == Virtualization::Kvm { "kvm" } else { "qemu" };
        writeln!(f, "<domain type='{kind}'>\n  <name>{}</name>", text(self.name))?;
        if let Some(machine) = &self.machine {
            let address = format!(" address='{}'", machine.host.address);
            writeln!(f, "  <title>{}</title>\n  {}", text(machine.title), metadata(machine.ticket, &address))?;
        }
        writeln!(f, "  <memory unit='b'>{}</memory>\n  <vcpu>{}</vcpu>", self.memory.0, self.cpus)?;
        self.os(f)?;
        self.processor(f)?;
        writeln!(f, "  <clock offset='utc'/>\n  <on_poweroff>destroy</on_poweroff>\n  <on_crash>destroy</on_crash>")?;
        writeln!(f, "  <devices>")?;
        if let Some(machine) = &self.machine {
            machine.devices(f)?;
        }
        // Appended to, so that output from before a restart can still be read.
        writeln!(f, "    <serial type='file'>\n      <source path='{}' append='on'/>", text(self.console))?;
        writeln!(f, "      <target port='0'/>\n    </serial>")?;
        writeln!(f, "    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>")?;
        writeln!(f, "    <controller type='usb' model='none'/>\n    <memballoon model='none'/>")?;
        write!(f, "    <video><model type='none'/></video>\n  </devices>\n</domain>")
    }
}

impl DomainXml<'_> {
    fn os(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "  <os>\n    <type arch='x86_64' machine='q35'>hvm</type>")?;
        match self.boot {
            // The firmware prints on the serial console, which then shows that a disk is not bootable.
            BootXml::Disk => writeln!(f, "    <boot dev='hd'/>\n    <bios useserial='yes'/>")?,
            BootXml::Kernel { kernel, initrd, command_line } => {
                writeln!(f, "    <kernel>{}</kernel>\n    <initrd>{}</initrd>", text(kernel), text(initrd))?;
                writeln!(f, "    <cmdline>{}</cmdline>", text(command_line))?;
            }
        }
        writeln!(f, "  </os>")
    }

    /// Emulated: the oldest model with the instructions that compiled packages for x86-64 assume today (SSE 4.2, POPCNT).
    /// Measured: it boots as fast as the simplest model, and the model with most features is slower.
    fn processor(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.virtualization {
            Virtualization::Kvm => {
                writeln!(f, "  <features><acpi/><apic/></features>\n  <cpu mode='host-passthrough' check='none'/>")
            }
            Virtualization::Emulation { .. } => {
                let cache = format!("<tcg><tb-cache unit='MiB'>{TRANSLATION_CACHE_MIB}</tb-cache></tcg>");
                writeln!(f, "  <features><acpi/><apic/>{cache}</features>")?;
                writeln!(f, "  <cpu mode='custom' match='exact' check='none'><model>Nehalem</model></cpu>")
            }
        }
    }
}

impl MachineXml<'_> {
    fn devices(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "    <disk type='file' device='disk'>\n      <driver name='qemu' type='qcow2' discard='unmap'/>")?;
        writeln!(f, "      <source file='{}'/>\n      <target dev='vda' bus='virtio'/>\n    </disk>", text(self.disk))?;
        writeln!(f, "    <disk type='file' device='disk'>\n      <driver name='qemu' type='raw'/>")?;
        writeln!(f, "      <source file='{}'/>\n      <target dev='vdb' bus='virtio'/>", text(self.seed))?;
        writeln!(f, "      <readonly/>\n    </disk>")?;
        writeln!(f, "    <interface type='network'>\n      <mac address='{}'/>", text(&self.host.mac))?;
        writeln!(f, "      <source network='{}'/>\n      <model type='virtio'/>", text(self.network))?;
        writeln!(f, "      <rom enabled='no'/>\n    </interface>")
    }
}

impl Display for VolumeXml<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let format = if self.base.is_some() { "qcow2" } else { "raw" };
        writeln!(f, "<volume>\n  <name>{}</name>", text(self.name))?;
        writeln!(f, "  <capacity unit='b'>{}</capacity>\n  <allocation>0</allocation>", self.capacity.0)?;
        let mode = self.readers.mode();
        writeln!(f, "  <target>\n    <format type='{format}'/>\n    <permissions><mode>{mode}</mode></permissions>")?;
        if self.base.is_some() {
            writeln!(f, "    <compat>1.1</compat>")?;
        }
        writeln!(f, "  </target>")?;
        if let Some(base) = self.base {
            let base = text(base);
            writeln!(f, "  <backingStore>\n    <path>{base}</path>\n    <format type='qcow2'/>\n  </backingStore>")?;
        }
        write!(f, "</volume>")
    }
}

/// A storage pool in a directory.
pub(super) fn pool(name: &str, path: &str) -> String {
    let (name, path) = (text(name), text(path));
    format!("<pool type='dir'>\n  <name>{name}</name>\n  <target><path>{path}</path></target>\n</pool>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(step: &str) -> Ticket {
        format!("hostler:00000000000000000000000000000007:{step}").parse().unwrap()
    }

    fn host() -> DhcpHost {
        DhcpHost { name: "digits".into(), mac: "52:54:00:00:00:0a".into(), address: [10, 214, 7, 10].into() }
    }

    fn domain(virtualization: &Virtualization, boot: &BootXml) -> String {
        let machine = MachineXml {
            ticket: &ticket("machine-digits"),
            title: "digits <1>",
            network: "hostler-7-network",
            host: &host(),
            disk: "/pool/d.qcow2",
            seed: "/pool/d.seed",
        };
        let (memory, console) = (Bytes::mib(512), "/pool/d.console");
        let machine = Some(machine);
        DomainXml { name: "hostler-7-digits", virtualization, cpus: 2, memory, boot, console, machine }.to_string()
    }

    #[test]
    fn emulated_machine_that_boots_a_kernel() {
        let boot =
            BootXml::Kernel { kernel: "/pool/k".into(), initrd: "/pool/i".into(), command_line: "a=\"b\"".into() };
        insta::assert_snapshot!(domain(&Virtualization::Emulation { reason: "a test".into() }, &boot));
    }

    #[test]
    fn kvm_machine_that_boots_its_disk() {
        insta::assert_snapshot!(domain(&Virtualization::Kvm, &BootXml::Disk));
    }

    #[test]
    fn network_with_one_host() {
        let subnet = Subnet::new([10, 214, 7, 0].into(), 24);
        let ticket = ticket("network");
        let xml = NetworkXml { name: "n", ticket: &ticket, bridge: "hl0011", subnet, hosts: &[host()] };
        insta::assert_snapshot!(xml.to_string());
    }

    #[test]
    fn copy_and_raw_volume() {
        let base = Some("/pool/it's.qcow2");
        let overlay = VolumeXml { name: "o.qcow2", capacity: Bytes::gib(1), base, readers: Readers::Owner };
        let raw = VolumeXml { name: "base-0.kernel", capacity: Bytes::mib(1), base: None, readers: Readers::Everyone };
        insta::assert_snapshot!(format!("{overlay}\n\n{raw}"));
    }
}
