//! The trail's file: one JSON document per line, append-only.

#![expect(clippy::disallowed_methods, reason = "called on blocking threads")]

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

/// One line of the trail. The stored text never changes its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Time of writing.
    pub at: Timestamp,
    /// Site that was called.
    pub site: SiteId,
    /// The call.
    pub call: LeaseCall,
    /// Ticket of the step that made the call. `None` for extensions, which belong to no step.
    pub ticket: Option<Ticket>,
    /// The site's id of the lease, once known.
    pub lease: Option<Ref>,
    /// Before or after the call.
    pub stage: AuditStage,
}

/// A call about a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaseCall {
    /// Create a lease.
    Create {
        /// Its name at the site.
        name: String,
        /// Requested window.
        window: Window,
        /// Requested hosts.
        hosts: Vec<HostId>,
    },
    /// Move its end to a later time.
    Extend {
        /// Requested end.
        #[serde(rename = "ends_at")]
        until: Timestamp,
    },
    /// Delete it.
    Delete,
}

/// Position of an entry relative to its call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditStage {
    /// Written before the call. An intent without an outcome: the process died in between; the journal has what followed.
    Intent,
    /// Written after the call.
    Outcome {
        /// Time of the intent.
        requested_at: Timestamp,
        /// Result of the call.
        outcome: CallOutcome,
    },
}

/// Result of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// The site confirmed the call.
    Done {
        /// Hosts and window as read back from the site. `None` if the lease is gone or could not be read back.
        granted: Option<Grant>,
    },
    /// The site refused the call or did not answer. Without an answer the call may still have taken effect.
    Failed {
        /// The site's message.
        error: String,
    },
}

/// The trail can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the audit trail `{path}` can't be {doing}", path = path.display())]
pub struct AuditError {
    path: PathBuf,
    doing: &'static str,
    source: io::Error,
}

/// The trail of one user. The file is created with the first entry.
#[derive(Debug)]
pub struct AuditTrail {
    path: PathBuf,
}

impl AuditTrail {
    /// The trail in a data directory.
    pub fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join("audit.jsonl") }
    }

    /// Appends an entry and syncs it to disk. Blocks on a file lock and the disk: call it from a blocking thread.
    pub fn append(&self, entry: &AuditEntry) -> Result<(), AuditError> {
        let written = serde_json::to_vec(entry).map_err(io::Error::from).and_then(|text| self.write(text));
        written.map_err(|source| self.error("written", source))
    }

    fn write(&self, mut text: Vec<u8>) -> io::Result<()> {
        if let Some(dir) = self.path.parent() {
            crate::store::make_private_dir(dir).map_err(io::Error::other)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&self.path)?;
        file.lock()?;
        // A line cut short by a full disk or a crash must not swallow this one.
        if !ends_with_newline(&mut file)? {
            text.insert(0, b'\n');
        }
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_all()
    }

    /// All entries, oldest first, and the number of lines that can't be parsed. Blocks on the disk.
    pub fn read(&self) -> Result<(Vec<AuditEntry>, usize), AuditError> {
        let text = match std::fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            text => text.map_err(|source| self.error("read", source))?,
        };
        let read = text.lines().filter(|line| !line.is_empty()).map(serde_json::from_str);
        let (lines, bad): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
        Ok((lines.into_iter().flatten().collect(), bad.len()))
    }

    fn error(&self, doing: &'static str, source: io::Error) -> AuditError {
        AuditError { path: self.path.clone(), doing, source }
    }
}

fn ends_with_newline(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == [b'\n'])
}
