//! Every key that a demand file may hold, and what becomes of it: one table, for the reader, the suggestions and the
//! reference in `docs/reference/demand.md`, which a test holds against it.

/// A kind of map in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The top of the file.
    Task,
    /// `resources`.
    Resources,
    /// An entry of `groups`: what `resources` may hold, and its own.
    Group,
    /// An entry of `any_of` or `ordered`: what `resources` may hold, but no further alternatives.
    Alternative,
    /// `workdir`, written as a map.
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

impl Section {
    /// What it is called in the file.
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

    /// The keys that it may hold.
    pub fn keys(self) -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(move |key| match self {
            Self::Group => matches!(key.section, Self::Group | Self::Resources),
            Self::Alternative => key.section == Self::Resources && !matches!(key.name, "any_of" | "ordered"),
            _ => key.section == self,
        })
    }
}

/// A key of the file.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Where it stands.
    pub section: Section,
    /// How it is written.
    pub name: &'static str,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is read.
    Read,
    /// It is another word for this key.
    Same(&'static str),
    /// It is SkyPilot's, and has no effect here. A warning says so, and why that does no harm.
    Ignored(&'static str),
    /// It asks for what is not served: an error says so, and what to write instead.
    Refused(&'static str),
}

const fn read(section: Section, name: &'static str) -> Key {
    Key { section, name, fate: Fate::Read }
}

const fn same(section: Section, name: &'static str, other: &'static str) -> Key {
    Key { section, name, fate: Fate::Same(other) }
}

const fn ignored(section: Section, name: &'static str, why: &'static str) -> Key {
    Key { section, name, fate: Fate::Ignored(why) }
}

const fn refused(section: Section, name: &'static str, instead: &'static str) -> Key {
    Key { section, name, fate: Fate::Refused(instead) }
}

use Section::{Budget, Conda, Custom, Docker, Gpu, Group, Lease, Python, Ray, Resources, SetupPhases, Task, Workdir};

const NO_VOLUMES: &str = "bring files by `file_mounts`, or mount it in `setup`";
const NO_SERVICE: &str = "start the server in `run` and open its port by `resources.ports`";

/// The table.
pub const KEYS: &[Key] = &[
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
    ignored(Task, "config", "it tunes SkyPilot itself"),
    ignored(Task, "experimental", "it tunes SkyPilot itself"),
    ignored(Task, "inputs", "they only guide SkyPilot's estimate of transfer costs"),
    ignored(Task, "outputs", "they only guide SkyPilot's estimate of transfer costs"),
    refused(Task, "service", NO_SERVICE),
    refused(Task, "pool", NO_SERVICE),
    refused(Task, "volumes", NO_VOLUMES),
    refused(Task, "volume_mounts", NO_VOLUMES),
    refused(Task, "managed_secrets", "list the names of the variables under `secrets`"),
    refused(Task, "event_callback", "follow a deployment by `hostler logs` or its JSON events"),
    refused(Task, "api_server_access", "there is no such server here"),
    read(Resources, "cpus"),
    read(Resources, "memory"),
    read(Resources, "disk_size"),
    read(Resources, "accelerators"),
    same(Resources, "gpus", "accelerators"),
    read(Resources, "arch"),
    read(Resources, "image_id"),
    same(Resources, "image", "image_id"),
    read(Resources, "instance_type"),
    same(Resources, "node_type", "instance_type"),
    read(Resources, "infra"),
    read(Resources, "cloud"),
    read(Resources, "region"),
    read(Resources, "zone"),
    read(Resources, "use_spot"),
    read(Resources, "ports"),
    read(Resources, "node_labels"),
    read(Resources, "any_of"),
    read(Resources, "ordered"),
    ignored(Resources, "labels", "machines bear our ticket only; to choose nodes by what they bear, use `node_labels`"),
    ignored(Resources, "disk_tier", "disks are as the site gives them"),
    ignored(Resources, "network_tier", "networks are as the site gives them"),
    ignored(Resources, "local_disk", "disks are as the site gives them"),
    ignored(Resources, "priority", "there is no queue of jobs here"),
    ignored(Resources, "priority_class", "there is no queue of jobs here"),
    ignored(Resources, "autostop", "idle machines are kept, and cost money: set `lease.duration`, or `hostler down`"),
    refused(Resources, "job_recovery", "a failed job is started again by `hostler up`"),
    refused(Resources, "accelerator_args", "TPUs are not served"),
    refused(Resources, "volumes", NO_VOLUMES),
    refused(Resources, "ephemeral_storage", "use `disk_size`"),
    refused(Resources, "max_hourly_cost", "use `budget.per_hour`, which counts all machines together"),
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
    same(SetupPhases, "interpreter", "python"),
    read(SetupPhases, "conda"),
    read(SetupPhases, "docker"),
    read(SetupPhases, "gpu"),
    read(SetupPhases, "companions"),
    read(SetupPhases, "ray"),
    read(SetupPhases, "custom"),
    read(SetupPhases, "limits"),
    read(Conda, "name"),
    read(Conda, "python"),
    read(Conda, "packages"),
    read(Conda, "channels"),
    read(Conda, "file"),
    read(Conda, "installer"),
    read(Conda, "sha256"),
    read(Docker, "from"),
    read(Docker, "build"),
    read(Gpu, "maker"),
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
