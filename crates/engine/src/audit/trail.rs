//! The file of the trail: a JSON document a line, only ever added to.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hostler_core::name::SiteId;
use hostler_core::offer::HostId;
use hostler_core::ports::Grant;
use hostler_core::ticket::{Ref, Ticket};
use hostler_core::time::Window;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A line of the trail. The stored text never changes its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// When it was written.
    pub at: Timestamp,
    /// The site that was asked.
    pub site: SiteId,
    /// What it was asked.
    pub call: LeaseCall,
    /// The step that asked for it; an extension is asked for by nobody's step.
    pub ticket: Option<Ticket>,
    /// The site's id of the lease, once there is one.
    pub lease: Option<Ref>,
    /// Whether this was written before the call, or after it.
    pub stage: AuditStage,
}

/// What a site was asked to do with a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseCall {
    /// To make it.
    Create {
        /// What people call it.
        name: String,
        /// From when until when.
        window: Window,
        /// The hosts, each by its name.
        hosts: Vec<HostId>,
    },
    /// To move its end.
    Extend {
        /// The new end.
        until: Timestamp,
    },
    /// To end and remove it.
    Delete,
}

/// Whether a line was written before the call, or after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditStage {
    /// Before it. Without an outcome the process ended in between; the journal says how it went on.
    Intent,
    /// After it.
    Outcome {
        /// When it was asked: the time of the intent.
        asked: Timestamp,
        /// What came of it.
        outcome: CallOutcome,
    },
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// It was done.
    Done {
        /// What the lease holds, as read back from the site; absent where it is gone, or could not be read back.
        granted: Option<Grant>,
    },
    /// It was refused, or not answered: then it may have been done all the same.
    Failed {
        /// In the site's words.
        error: String,
    },
}

/// The trail can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the audit trail `{path}` can't be {doing}", path = path.display())]
pub struct AuditError {
    path: PathBuf,
    doing: &'static str,
    source: io::Error,
}

/// The trail of one user. The file is made with the first line.
#[derive(Debug)]
pub struct AuditTrail {
    path: PathBuf,
}

impl AuditTrail {
    /// The trail in a data directory.
    pub fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join("audit.jsonl") }
    }

    /// Adds a line. It is on disk when this returns.
    pub fn append(&self, line: &AuditEntry) -> Result<(), AuditError> {
        let written = serde_json::to_vec(line).map_err(io::Error::from).and_then(|text| self.add(text));
        written.map_err(|source| self.failed("written", source))
    }

    fn add(&self, mut text: Vec<u8>) -> io::Result<()> {
        if let Some(dir) = self.path.parent() {
            crate::store::make_private_dir(dir).map_err(io::Error::other)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&self.path)?;
        file.lock()?;
        // A line that a full disk or a crash has cut in half must not swallow this one.
        if !ends_a_line(&mut file)? {
            text.insert(0, b'\n');
        }
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()
    }

    /// All lines, the oldest first, and how many can't be read.
    pub fn read(&self) -> Result<(Vec<AuditEntry>, usize), AuditError> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            text => text.map_err(|source| self.failed("read", source))?,
        };
        let read = text.lines().filter(|line| !line.is_empty()).map(serde_json::from_str);
        let (lines, bad): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
        Ok((lines.into_iter().flatten().collect(), bad.len()))
    }

    fn failed(&self, doing: &'static str, source: io::Error) -> AuditError {
        AuditError { path: self.path.clone(), doing, source }
    }
}

fn ends_a_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}
