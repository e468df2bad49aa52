//! The audit trail of leases, or a part of it.

use std::collections::BTreeSet;

use hostler_core::name::DeploymentId;
use hostler_core::ticket::Ref;
use jiff::Timestamp;

use super::{OperateError, Operator};
use crate::audit::{AuditEntry, AuditTrail, LeaseCall};
use crate::blocking::blocking;
use crate::event::Notice;

/// The selected part of the audit trail. The default selects all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only entries about a deployment of this name, or about a lease of this name or id.
    pub about: Option<String>,
    /// Only entries from this time on.
    pub since: Option<Timestamp>,
}

impl Operator {
    /// The selected entries of the audit trail, oldest first. The number of lines that cannot be read is reported as a
    /// notice.
    ///
    /// # Errors
    /// If the trail cannot be read; [`OperateError::NotAudited`] if it has no entry about the name.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, OperateError> {
        let trail = AuditTrail::in_dir(self.store.dir());
        let (mut entries, unreadable) = blocking(move || trail.read()).await?;
        if unreadable > 0 {
            self.notice(Notice::UnreadableAudit { lines: unreadable });
        }
        if let Some(name) = &filter.about {
            entries = about(entries, name, &self.ids_of(name).await?);
            if entries.is_empty() {
                return Err(OperateError::NotAudited { name: name.clone() });
            }
        }
        if let Some(since) = filter.since {
            entries.retain(|entry| entry.at >= since);
        }
        Ok(entries)
    }
}

/// The entries about a deployment of this name, or a lease of this name or id. An extension has no ticket, so it is matched
/// by the lease.
fn about(entries: Vec<AuditEntry>, name: &str, ids: &BTreeSet<DeploymentId>) -> Vec<AuditEntry> {
    let is_meant = |entry: &AuditEntry| {
        entry.ticket.as_ref().is_some_and(|ticket| ids.contains(&ticket.deployment))
            || entry.lease.as_ref().is_some_and(|lease| lease.0 == name)
            || matches!(&entry.call, LeaseCall::Create { name: called, .. } if called == name)
    };
    let meant = entries.iter().filter(|entry| is_meant(entry));
    let leases: BTreeSet<Ref> = meant.filter_map(|entry| entry.lease.clone()).collect();
    let is_about =
        |entry: &AuditEntry| is_meant(entry) || entry.lease.as_ref().is_some_and(|lease| leases.contains(lease));
    entries.into_iter().filter(|entry| is_about(entry)).collect()
}
