//! The output of a deployment's steps, and the consoles of its machines.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hostler_core::name::SiteId;
use hostler_core::name::closest;
use hostler_core::plan::{Action, PlannedResource, Step};
use hostler_core::ticket::StepId;

use super::disk::{last_lines, read_end, read_from};
use super::{OperateError, Operator};
use crate::blocking::blocking;
use crate::deploy::Files;
use crate::run::Interrupts;
use crate::store::{Record, Store};

/// The interval at which a followed log is read.
const PAUSE: Duration = Duration::from_millis(250);

/// The logs to read.
#[derive(Debug, Clone)]
pub struct LogRequest {
    /// The deployment, live or closed.
    pub name: String,
    /// Only this step; for a machine's own step, its console. All steps if `None`.
    pub step: Option<String>,
    /// Only the last lines of each.
    pub lines: Option<usize>,
}

/// The output of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLog {
    /// The step.
    pub step: StepId,
    /// The file with its output; `None` for a console.
    pub file: Option<PathBuf>,
    /// The output.
    pub text: Vec<u8>,
    /// The length of the file when it was read, in bytes.
    pub end: u64,
}

impl Operator {
    /// The logs of a deployment's steps, in their order. If none wrote one, the consoles of its machines.
    ///
    /// # Errors
    /// If there is no such deployment or step, or a log cannot be read.
    pub async fn logs(&self, request: &LogRequest) -> Result<Vec<StepLog>, OperateError> {
        let (store, record) = self.last_deployment(&request.name).await?;
        match &request.step {
            Some(step) => Ok(vec![self.log_path(&store, &record, step, request.lines).await?]),
            None => self.all_logs(&store, &record, request.lines).await,
        }
    }

    /// Passes new text of these logs to `output`, until no process works on the deployment or the user interrupts. Follows all
    /// steps of the deployment, unless one was requested.
    ///
    /// # Errors
    /// If there is no such deployment.
    pub async fn follow(
        &self,
        request: &LogRequest,
        logs: &[StepLog],
        output: &(dyn Fn(&[u8]) + Send + Sync),
        interrupts: &Interrupts,
    ) -> Result<(), OperateError> {
        let (store, record) = self.last_deployment(&request.name).await?;
        let mut interrupts = interrupts.clone();
        let selected = |step: &&Step| request.step.is_none() || logs.iter().any(|log| log.step == step.id);
        let mut files: BTreeMap<PathBuf, u64> = steps(&record)
            .iter()
            .filter(selected)
            .filter_map(|step| Some((log_file(&store, &record, step)?, 0)))
            .collect();
        for log in logs {
            if let Some(seen) = log.file.as_ref().and_then(|file| files.get_mut(file)) {
                *seen = log.end;
            }
        }
        while *interrupts.borrow_and_update() == 0 {
            // Query before the last read, so that no output is missed.
            let busy = store.is_busy(&record.name).await?;
            for (file, from) in &mut files {
                let (path, start) = (file.clone(), *from);
                let more = blocking(move || read_from(&path, start)).await;
                *from += more.len() as u64;
                if !more.is_empty() {
                    output(&more);
                }
            }
            if !busy {
                return Ok(());
            }
            // Ends with the pause or an interrupt. A closed channel only means that no interrupt can come any more.
            let _ = tokio::time::timeout(PAUSE, interrupts.changed()).await;
        }
        Ok(())
    }

    async fn log_path(
        &self,
        store: &Store,
        record: &Record,
        step: &str,
        lines: Option<usize>,
    ) -> Result<StepLog, OperateError> {
        let steps = steps(record);
        let Some(found) = steps.iter().find(|known| known.id.as_str() == step) else {
            let nearest = closest(step, steps.iter().map(|step| step.id.as_str())).map(str::to_owned);
            let (deployment, step) = (record.name.clone(), step.to_owned());
            return Err(OperateError::UnknownStep { deployment, step, nearest });
        };
        if let Action::Create(PlannedResource::Machine(spec)) = &found.action {
            return self.console_of(record, &found.id, &spec.site, lines).await;
        }
        let file = log_file(store, record, found);
        let read = match &file {
            Some(file) => read(file, lines).await?,
            None => None,
        };
        let (text, end) = read.unwrap_or_default();
        Ok(StepLog { step: found.id.clone(), file, text, end })
    }

    async fn all_logs(
        &self,
        store: &Store,
        record: &Record,
        lines: Option<usize>,
    ) -> Result<Vec<StepLog>, OperateError> {
        let mut logs = Vec::new();
        for step in steps(record) {
            let Some(file) = log_file(store, record, &step) else { continue };
            if let Some((text, end)) = read(&file, lines).await? {
                logs.push(StepLog { step: step.id, file: Some(file), text, end });
            }
        }
        // Several checks of a machine write to one file.
        logs.dedup_by(|a, b| a.file == b.file);
        if logs.is_empty() {
            for (step, spec) in record.plan.machines() {
                logs.extend(self.console_of(record, &step.id, &spec.site, lines).await);
            }
        }
        Ok(logs)
    }

    async fn console_of(
        &self,
        record: &Record,
        step: &StepId,
        site: &SiteId,
        lines: Option<usize>,
    ) -> Result<StepLog, OperateError> {
        let journal = record.journal();
        let Some(created) = journal.created(step) else {
            return Err(OperateError::NoMachine { step: step.clone() });
        };
        let provider = self
            .sites
            .get(site)
            .ok_or_else(|| OperateError::UnknownSite { site: site.to_string(), configured: self.configured() })?;
        let text = provider.console(&created.reference).await?.into_bytes();
        let text = lines.map(|lines| last_lines(&text, lines).to_vec()).unwrap_or(text);
        Ok(StepLog { step: step.clone(), file: None, text, end: 0 })
    }
}

/// All steps of the deployment. A step that the last round left out may have run in an earlier round, and has its log.
fn steps(record: &Record) -> Vec<Step> {
    let plan = &record.plan;
    let all = plan.rework(&plan.demand, plan.at).map(|whole| whole.steps).unwrap_or_default();
    let ids: BTreeSet<&StepId> = all.iter().map(|step| &step.id).collect();
    let own: Vec<Step> = plan.steps.iter().filter(|step| !ids.contains(&step.id)).cloned().collect();
    own.into_iter().chain(all).collect()
}

/// The file with the output of a set-up step. Other steps have none.
fn log_file(store: &Store, record: &Record, step: &Step) -> Option<PathBuf> {
    let Action::SetUp { machine, phase } = &step.action else { return None };
    let (_, spec) = record.plan.machines().find(|(created, _)| created.id == *machine)?;
    Some(Files::at(store.files_of(record.id)).log(&spec.name, phase))
}

/// The content of a file, or its last lines, and its length; `None` if it does not exist (yet).
async fn read(file: &Path, lines: Option<usize>) -> Result<Option<(Vec<u8>, u64)>, OperateError> {
    let path = file.to_owned();
    match blocking(move || read_end(&path, lines)).await {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(OperateError::File { path: file.to_owned(), doing: "read", source }),
    }
}
