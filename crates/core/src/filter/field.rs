//! The fields of a filter.

/// A fact of a node that a filter can test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The site's id.
    Site,
    /// The node's id.
    Uid,
    /// The node's name.
    Name,
    /// The node type.
    NodeType,
    /// The CPU architecture.
    Arch,
    /// Hardware threads.
    Threads,
    /// CPU sockets.
    Sockets,
    /// The CPU model.
    CpuModel,
    /// The CPU vendor.
    CpuVendor,
    /// The CPU clock.
    ClockSpeed,
    /// Memory.
    Memory,
    /// True if there are GPUs.
    Gpu,
    /// Number of GPUs.
    GpuCount,
    /// The GPU model.
    GpuModel,
    /// The GPU vendor.
    GpuVendor,
    /// True if there is InfiniBand.
    Infiniband,
    /// Capacity of all disks together.
    Disk,
    /// Number of disks.
    Disks,
    /// Rate of the fastest network adapter.
    Network,
    /// The rack.
    Rack,
    /// The FPGA board.
    Fpga,
    /// Service units per hour.
    SuFactor,
}

/// The type of a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// True or false.
    Flag,
    /// A number.
    Number,
    /// A number of bytes, as `256GiB`.
    Size,
    /// Bits per second, as `25Gbps`.
    Rate,
    /// Text, compared without regard to case.
    Text,
}

/// All fields: names (the one that is printed first), type, description.
pub const FIELDS: &[(Field, &[&str], FieldType, &str)] = &[
    (Field::Site, &["site"], FieldType::Text, "site id, as `uc`"),
    (Field::Uid, &["uid", "node_uuid", "hypervisor_hostname"], FieldType::Text, "node id"),
    (Field::Name, &["name", "node_name", "hostname"], FieldType::Text, "node name"),
    (Field::NodeType, &["node_type", "type"], FieldType::Text, "node type"),
    (
        Field::Arch,
        &["arch", "architecture.platform_type", "cpu_arch"],
        FieldType::Text,
        "CPU architecture, as `x86_64`",
    ),
    (
        Field::Threads,
        &["threads", "smt", "architecture.smt_size", "smt_size", "cpus", "vcpus", "cores"],
        FieldType::Number,
        "hardware threads, as `nproc` counts them",
    ),
    (Field::Sockets, &["sockets", "architecture.smp_size", "smp_size"], FieldType::Number, "CPU sockets"),
    (Field::CpuModel, &["cpu_model", "processor.model", "processor"], FieldType::Text, "CPU model"),
    (Field::CpuVendor, &["cpu_vendor", "processor.vendor"], FieldType::Text, "CPU vendor"),
    (Field::ClockSpeed, &["clock_speed", "processor.clock_speed"], FieldType::Number, "CPU clock, in hertz"),
    (
        Field::Memory,
        &["ram", "memory", "main_memory.ram_size", "ram_size"],
        FieldType::Size,
        "memory, in bytes: a node labelled `256 GiB` may have less",
    ),
    (Field::Gpu, &["gpu", "gpu.gpu"], FieldType::Flag, "true if there are GPUs, whatever the name of the node type"),
    (Field::GpuCount, &["gpu_count", "gpu.gpu_count", "gpus"], FieldType::Number, "number of GPUs"),
    (Field::GpuModel, &["model", "gpu_model", "gpu.gpu_model"], FieldType::Text, "GPU model"),
    (Field::GpuVendor, &["gpu_vendor", "gpu.gpu_vendor", "vendor"], FieldType::Text, "GPU vendor"),
    (Field::Infiniband, &["infiniband", "ib"], FieldType::Flag, "true if there is InfiniBand"),
    (Field::Disk, &["disk", "storage"], FieldType::Size, "capacity of all disks together"),
    (Field::Disks, &["disks", "storage_devices"], FieldType::Number, "number of disks"),
    (Field::Network, &["network", "rate"], FieldType::Rate, "rate of the fastest network adapter, as `25Gbps`"),
    (Field::Rack, &["rack", "placement.rack"], FieldType::Text, "rack"),
    (Field::Fpga, &["fpga", "fpga.board_model"], FieldType::Text, "FPGA board"),
    (Field::SuFactor, &["su_factor"], FieldType::Number, "service units per hour"),
];

impl Field {
    pub(super) fn named(name: &str) -> Option<Self> {
        let is_named = |names: &&[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        FIELDS.iter().find(|(_, names, _, _)| is_named(names)).map(|(field, ..)| *field)
    }

    fn row(self) -> (&'static [&'static str], FieldType) {
        let row = FIELDS.iter().find(|(field, ..)| *field == self);
        row.map_or((&["?"], FieldType::Text), |(_, names, kind, _)| (*names, *kind))
    }

    /// The name that is printed.
    pub fn name(self) -> &'static str {
        self.row().0[0]
    }

    /// The type of its value.
    pub fn kind(self) -> FieldType {
        self.row().1
    }
}
