//! The user's consent, without which nothing that costs money is created and nothing is deleted.

use async_trait::async_trait;
use hostler_core::journal::RemainingResource;
use hostler_core::name::Name;
use hostler_core::plan::{Plan, ResourceKind};

use crate::sweep::{Orphan, SweepFindings};

/// Asks the user for consent: a command line prompts, a server compares the id of the plan, a test agrees.
#[async_trait]
pub trait Ask: Send + Sync {
    /// The answer to a proposal. The future may be dropped when the user interrupts.
    async fn agree(&self, proposal: &Proposal<'_>) -> Answer;
}

/// An action that needs consent.
#[derive(Debug, Clone, Copy)]
pub enum Proposal<'a> {
    /// Apply exactly this plan.
    Plan(&'a Plan),
    /// Create a single resource.
    Create {
        /// The plan, with one step.
        plan: &'a Plan,
        /// The kind of resource.
        kind: ResourceKind,
    },
    /// Bring deployments down, which deletes their remaining resources.
    Down(&'a [Leftover]),
    /// Delete orphaned resources, and bring expired and abandoned deployments down.
    Sweep {
        /// The findings.
        found: &'a SweepFindings,
        /// The untracked resources that the user named.
        named: &'a [Orphan],
    },
    /// Delete files that exist on one side only.
    DeleteFiles(&'a [FileDeletions]),
}

/// The resources of a deployment that may exist at a site.
#[derive(Debug, Clone)]
pub struct Leftover {
    /// The deployment.
    pub deployment: Name,
    /// Its resources.
    pub left: Vec<RemainingResource>,
}

/// Files that a sync would delete on a machine, or in the local directory of a machine.
#[derive(Debug, Clone)]
pub struct FileDeletions {
    /// The machine.
    pub machine: String,
    /// The files, relative to the directory.
    pub names: Vec<String>,
}

/// The answer to a [`Proposal`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Consent.
    Yes,
    /// No consent.
    No,
    /// No user can be asked.
    Unavailable,
}

/// Consents to everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Yes;

#[async_trait]
impl Ask for Yes {
    async fn agree(&self, _: &Proposal<'_>) -> Answer {
        Answer::Yes
    }
}
