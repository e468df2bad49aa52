//! Every key of the demand file in one table. The reader and its suggestions use it, and a test compares it with
//! `docs/reference/demand.md`.

/// A map in the demand file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DemandSection {
    /// Top level of the file.
    Task,
    /// `resources`.
    Resources,
    /// An entry of `groups`: the keys of `resources`, and `count`.
    Group,
    /// An entry of `any_of` or `ordered`: the keys of `resources` except nested alternatives.
    Alternative,
    /// `workdir` in its map form.
    Workdir,
    /// `lease`.
    Lease,
    /// `budget`.
    Budget,
    /// `python`.
    Python,
    /// `setup_phases`.
    SetupPhases,
    /// `setup_phases.conda`.
    Conda,
    /// `setup_phases.docker`.
    Docker,
    /// `setup_phases.gpu`.
    Gpu,
    /// `setup_phases.ray`.
    Ray,
    /// An entry of `setup_phases.custom`.
    Custom,
}

impl DemandSection {
    /// Name of the section in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Task => "the demand",
            Self::Resources => "resources",
            Self::Group => "a group",
            Self::Alternative => "an alternative",
            Self::Workdir => "workdir",
            Self::Lease => "lease",
            Self::Budget => "budget",
            Self::Python => "python",
            Self::SetupPhases => "setup_phases",
            Self::Conda => "conda",
            Self::Docker => "docker",
            Self::Gpu => "gpu",
            Self::Ray => "ray",
            Self::Custom => "custom",
        }
    }

    /// Keys that the section accepts.
    pub fn keys(self) -> impl Iterator<Item = &'static DemandKey> {
        KEYS.iter().filter(move |key| match self {
            Self::Group => matches!(key.section, Self::Group | Self::Resources),
            Self::Alternative => key.section == Self::Resources && !matches!(key.name, "any_of" | "ordered"),
            _ => key.section == self,
        })
    }
}

/// A key of the demand file.
#[derive(Debug, Clone, Copy)]
pub struct DemandKey {
    /// Map that contains the key.
    pub section: DemandSection,
    /// Name as written in the file.
    pub name: &'static str,
    /// Effect of the key.
    pub support: KeySupport,
}

/// Support of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeySupport {
    /// The key is read.
    Supported,
    /// Alias of the given key.
    Alias(&'static str),
    /// A key of SkyPilot that has no effect. Reported as a warning with the given explanation.
    Ignored(&'static str),
    /// A key that requests something unsupported. Reported as an error with the given alternative.
    Rejected(&'static str),
}

const fn read(section: DemandSection, name: &'static str) -> DemandKey {
    DemandKey { section, name, support: KeySupport::Supported }
}

const fn alias(section: DemandSection, name: &'static str, other: &'static str) -> DemandKey {
    DemandKey { section, name, support: KeySupport::Alias(other) }
}

const fn ignored(section: DemandSection, name: &'static str, why: &'static str) -> DemandKey {
    DemandKey { section, name, support: KeySupport::Ignored(why) }
}

const fn rejected(section: DemandSection, name: &'static str, instead: &'static str) -> DemandKey {
    DemandKey { section, name, support: KeySupport::Rejected(instead) }
}

use DemandSection::{
    Budget, Conda, Custom, Docker, Gpu, Group, Lease, Python, Ray, Resources, SetupPhases, Task, Workdir,
};

const NO_VOLUMES: &str = "copy files with `file_mounts`, or mount the volume in `setup`";
const NO_SERVICE: &str = "start the server in `run`";

/// All keys of the demand file.
pub const KEYS: &[DemandKey] = &[
    read(Task, "name"),
    read(Task, "source"),
    read(Task, "workdir"),
    read(Task, "num_nodes"),
    read(Task, "resources"),
    read(Task, "groups"),
    read(Task, "on"),
    read(Task, "lease"),
    read(Task, "budget"),
    read(Task, "file_mounts"),
    read(Task, "envs"),
    read(Task, "secrets"),
    read(Task, "packages"),
    read(Task, "python"),
    read(Task, "setup_phases"),
    read(Task, "setup"),
    read(Task, "run"),
    read(Task, "checks"),
    ignored(Task, "config", "it configures SkyPilot itself"),
    ignored(Task, "experimental", "it configures SkyPilot itself"),
    ignored(Task, "inputs", "SkyPilot uses it only to estimate transfer costs"),
    ignored(Task, "outputs", "SkyPilot uses it only to estimate transfer costs"),
    rejected(Task, "service", NO_SERVICE),
    rejected(Task, "pool", NO_SERVICE),
    rejected(Task, "volumes", NO_VOLUMES),
    rejected(Task, "volume_mounts", NO_VOLUMES),
    rejected(Task, "managed_secrets", "list the names of the variables under `secrets`"),
    rejected(Task, "event_callback", "follow the deployment's stream of events"),
    rejected(Task, "api_server_access", "hostler has no API server"),
    read(Resources, "cpus"),
    read(Resources, "memory"),
    read(Resources, "disk_size"),
    read(Resources, "accelerators"),
    alias(Resources, "gpus", "accelerators"),
    read(Resources, "arch"),
    read(Resources, "image_id"),
    alias(Resources, "image", "image_id"),
    read(Resources, "instance_type"),
    alias(Resources, "node_type", "instance_type"),
    read(Resources, "infra"),
    read(Resources, "cloud"),
    read(Resources, "region"),
    read(Resources, "zone"),
    read(Resources, "use_spot"),
    read(Resources, "ports"),
    read(Resources, "node_labels"),
    read(Resources, "any_of"),
    read(Resources, "ordered"),
    ignored(
        Resources,
        "labels",
        "machines are tagged with hostler's ticket only; to select nodes by their labels, use `node_labels`",
    ),
    ignored(Resources, "disk_tier", "the site chooses the disks"),
    ignored(Resources, "network_tier", "the site chooses the network"),
    ignored(Resources, "local_disk", "the site chooses the disks"),
    ignored(Resources, "priority", "there is no job queue"),
    ignored(Resources, "priority_class", "there is no job queue"),
    ignored(Resources, "autostop", "idle machines keep running and cost money: set `lease.duration`"),
    rejected(Resources, "job_recovery", "bring the deployment up again after a failed `run`"),
    rejected(Resources, "accelerator_args", "TPUs are not supported"),
    rejected(Resources, "volumes", NO_VOLUMES),
    rejected(Resources, "ephemeral_storage", "use `disk_size`"),
    rejected(Resources, "max_hourly_cost", "use `budget.per_hour`, which is the sum over all machines"),
    read(Group, "count"),
    read(Workdir, "url"),
    read(Workdir, "ref"),
    read(Lease, "duration"),
    read(Lease, "start"),
    read(Lease, "within"),
    read(Budget, "per_hour"),
    read(Budget, "total"),
    read(Python, "version"),
    read(Python, "requirement_files"),
    read(Python, "requirements"),
    read(Python, "install_project"),
    read(SetupPhases, "system"),
    read(SetupPhases, "python"),
    alias(SetupPhases, "interpreter", "python"),
    read(SetupPhases, "conda"),
    read(SetupPhases, "docker"),
    read(SetupPhases, "gpu"),
    read(SetupPhases, "peers"),
    read(SetupPhases, "ray"),
    read(SetupPhases, "custom"),
    read(SetupPhases, "timeouts"),
    read(Conda, "name"),
    read(Conda, "python"),
    read(Conda, "packages"),
    read(Conda, "channels"),
    read(Conda, "file"),
    read(Conda, "installer"),
    read(Conda, "sha256"),
    read(Docker, "from"),
    read(Docker, "build"),
    read(Gpu, "vendor"),
    read(Gpu, "driver"),
    read(Gpu, "cuda"),
    read(Gpu, "cudnn"),
    read(Gpu, "rocm"),
    read(Gpu, "from"),
    read(Ray, "version"),
    read(Ray, "python"),
    read(Ray, "port"),
    read(Ray, "dashboard_port"),
    read(Custom, "name"),
    read(Custom, "run"),
    read(Custom, "check"),
    read(Custom, "user"),
    read(Custom, "timeout"),
    read(Custom, "tries"),
];
