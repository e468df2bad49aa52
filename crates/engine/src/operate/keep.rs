//! Changes to a live deployment: its end, its hold, the power of its machines.

use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use hostler_core::ports::Power;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Locked, OperateError, Operator, Summary};
use crate::event::Notice;
use crate::keep;
use crate::run::{Interrupts, unless_interrupted};
use crate::store::Record;

/// A new end of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewEnd {
    /// At this time.
    At(Timestamp),
    /// Later by this duration than the current end, or than the current time if the end has passed.
    Later(SignedDuration),
    /// No end: until it is brought down.
    Never,
}

/// Result of starting or stopping machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PowerChange {
    /// Number of machines whose power state changed.
    pub changed: usize,
    /// Number of machines.
    pub machines: usize,
}

impl PowerChange {
    /// Number of machines that were in the requested state already.
    pub fn unchanged(&self) -> usize {
        self.machines - self.changed.min(self.machines)
    }
}

impl Operator {
    /// Moves the end of a deployment and of its leases.
    ///
    /// # Errors
    /// If the new end has passed or is before the present one, or a site rejects it.
    pub async fn extend(&self, name: &str, end: NewEnd) -> Result<Summary, OperateError> {
        let Locked { store, mut record, lock: _lock } = self.locked(name).await?;
        let now = (self.now)();
        let until = until(end, &record, now)?;
        keep::extend(&store, &self.sites, &mut record, until, now).await?;
        Ok(self.summary(&store, &record))
    }

    /// Holds a deployment although it failed or expired, or stops holding it.
    ///
    /// # Errors
    /// If there is no such deployment, or its journal cannot be written.
    pub async fn hold(&self, name: &str, held: bool) -> Result<Summary, OperateError> {
        let Locked { store, mut record, lock: _lock } = self.locked(name).await?;
        keep::hold(&store, &mut record, held, (self.now)()).await?;
        Ok(self.summary(&store, &record))
    }

    /// Shuts all machines of a deployment down. Their disks are kept.
    ///
    /// # Errors
    /// If a site rejects the request. Machines of other sites are stopped all the same.
    pub async fn stop(&self, name: &str) -> Result<PowerChange, OperateError> {
        Ok(self.switch(name, Power::Off).await?.1)
    }

    /// Starts all machines of a deployment, and waits until they can be logged in to.
    ///
    /// # Errors
    /// If a site rejects the request, or a machine cannot be reached within `ssh_timeout`.
    pub async fn start(
        &self,
        name: &str,
        ssh_timeout: Duration,
        interrupts: &Interrupts,
    ) -> Result<PowerChange, OperateError> {
        let (locked, change) = self.switch(name, Power::On).await?;
        let reached = async {
            let targets = self.targets(&locked.store, &locked.record, &[]).await?;
            let observer = Arc::clone(&self.observer);
            let note = move |text: &str| observer.notice(&Notice::Progress { text: text.to_owned() });
            let reach = targets.iter().map(|target| self.hosts.wait_for_ssh(target, ssh_timeout, &note));
            try_join_all(reach).await?;
            Ok::<_, OperateError>(())
        };
        unless_interrupted(interrupts, reached).await?;
        Ok(change)
    }

    async fn switch(&self, name: &str, power: Power) -> Result<(Locked, PowerChange), OperateError> {
        let mut locked = self.locked(name).await?;
        let record = &mut locked.record;
        let changed = keep::set_power(&locked.store, &self.sites, record, power, (self.now)()).await?;
        let machines = record.plan.machines().count();
        Ok((locked, PowerChange { changed, machines }))
    }
}

fn until(end: NewEnd, record: &Record, now: Timestamp) -> Result<Option<Timestamp>, OperateError> {
    match end {
        NewEnd::Never => Ok(None),
        NewEnd::At(until) => Ok(Some(until)),
        NewEnd::Later(longer) => {
            let until = record.journal().until(&record.plan);
            let until = until.ok_or_else(|| OperateError::NoEnd { deployment: record.name.clone() })?;
            Ok(Some(until.max(now).saturating_add(longer).unwrap_or(Timestamp::MAX)))
        }
    }
}
