//! `hostler setup`.

use std::collections::BTreeSet;

use clap::Args;
use hostler_core::plan::PhaseSelection;
use hostler_core::setup::PhaseKind;

use super::shared::SshTimeout;

/// A deployment, and the phases to run.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Run only these phases, such as `docker` or `gpu`; repeatable
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub only: Vec<PhaseKind>,

    /// Run this phase and all later ones
    #[arg(long, value_name = "PHASE")]
    pub from: Option<PhaseKind>,

    /// Skip these phases; repeatable
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip: Vec<PhaseKind>,

    /// Run `custom`, `python` and `setup` even if unchanged
    #[arg(long)]
    pub again: bool,

    /// Add or change a phase: `docker`, `ray=2.60.0`, `gpu=off`; repeatable
    #[arg(long, value_name = "PHASE[=VALUE]", value_delimiter = ',')]
    pub phase: Vec<String>,

    /// Show which phases would run; change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// SSH timeout.
    #[command(flatten)]
    pub timeout: SshTimeout,
}

impl SetupArgs {
    /// The phases to run.
    pub fn selection(&self) -> PhaseSelection {
        PhaseSelection { only: whole(&self.only), from: self.from, skip: whole(&self.skip), again: self.again }
    }
}

/// The kinds with those that belong to them: `ray` stands for all phases of the Ray cluster.
fn whole(kinds: &[PhaseKind]) -> BTreeSet<PhaseKind> {
    let with = |kind: &PhaseKind| match kind {
        PhaseKind::Ray => vec![PhaseKind::Ray, PhaseKind::RayStart, PhaseKind::RayStatus],
        PhaseKind::PeerNames => vec![PhaseKind::PeerNames, PhaseKind::PeerSsh],
        other => vec![*other],
    };
    kinds.iter().flat_map(with).collect()
}
