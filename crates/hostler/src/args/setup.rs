//! `hostler setup`.

use std::collections::BTreeSet;

use clap::Args;
use hostler_core::plan::Selection;
use hostler_core::setup::PhaseKind;

use super::Patience;

/// Which deployment, and which phases.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// The deployment
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Only these phases, as `docker` or `gpu`; may be repeated
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub only: Vec<PhaseKind>,

    /// This phase and those behind it
    #[arg(long, value_name = "PHASE")]
    pub from: Option<PhaseKind>,

    /// Not these phases; may be repeated
    #[arg(long, value_name = "PHASE", value_delimiter = ',')]
    pub skip: Vec<PhaseKind>,

    /// Do what is your own (`custom`, `python`, `setup`) once more, though the same was done before
    #[arg(long)]
    pub again: bool,

    /// What the machines are to have beside what was wished before: `docker`, `ray=2.60.0`, `gpu=off`; may be repeated
    #[arg(long, value_name = "PHASE[=WORD]", value_delimiter = ',')]
    pub phase: Vec<String>,

    /// Show which phases would be done, and change nothing
    #[arg(long)]
    pub dry_run: bool,

    /// How long machines may take.
    #[command(flatten)]
    pub patience: Patience,
}

impl SetupArgs {
    /// The phases that are done.
    pub fn selection(&self) -> Selection {
        Selection { only: whole(&self.only), from: self.from, skip: whole(&self.skip), again: self.again }
    }
}

/// Who says `ray` means all that makes its cluster.
fn whole(kinds: &[PhaseKind]) -> BTreeSet<PhaseKind> {
    let with = |kind: &PhaseKind| match kind {
        PhaseKind::Ray => vec![PhaseKind::Ray, PhaseKind::RayStart, PhaseKind::RayStatus],
        PhaseKind::Companions => vec![PhaseKind::Companions, PhaseKind::Meeting],
        other => vec![*other],
    };
    kinds.iter().flat_map(with).collect()
}
