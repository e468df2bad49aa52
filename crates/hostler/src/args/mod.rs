//! Command-line arguments. `docs/reference/cli.md`, the manual pages and the completions are generated from them.
//!
//! The first paragraph of a doc comment is the text of `-h`; `--help` shows all of it. Options that few users need are
//! hidden from `-h`.

mod availability;
mod cli;
mod demand;
mod deployment;
pub mod examples;
mod fleet;
mod global;
mod image;
mod lease;
mod record;
mod resources;
mod setup;
mod shared;
mod tools;
mod up;

pub use availability::AvailabilityArgs;
pub use cli::{Cli, Verb};
pub use demand::{DemandArgs, KeyArgs, as_flag};
pub use deployment::{DeploymentArgs, DownArgs, ExtendArgs, HoldArgs, LogsArgs, LsArgs, StartArgs, SweepArgs};
pub use fleet::{ExecArgs, FleetArgs, Remote, SshArgs, SyncArgs, SyncFilterArgs, SyncVerb};
pub use global::{Colour, Events, Global};
pub use image::{ImageAddArgs, ImageArgs, ImageBuildArgs, ImageLsArgs, ImageRmArgs, ImageVerb};
pub use lease::{LeaseArgs, LeaseCreateArgs, LeaseVerb, LeaseWaitArgs};
pub use record::{AuditArgs, CostReportArgs};
pub use resources::{
    DeleteArgs, IpArgs, IpCreateArgs, IpVerb, KeyCreateArgs, KeyImportArgs, KeyVerb, KeypairArgs, ListArgs,
    NetworkArgs, NetworkVerb, ServerArgs, ServerCreateArgs, ServerVerb, ShowArgs,
};
pub use setup::SetupArgs;
pub use shared::{CommandsArgs, Consent, ShiftArgs, SshTimeout};
pub use tools::{CheckArgs, CompletionsArgs, ManArgs};
pub use up::{AnalyzeArgs, ApplyArgs, PlanArgs, UpArgs};
