//! What a scan found: facts, each with its evidence, and what it could not read.

use std::fmt;
use std::num::NonZeroU32;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::demand::GpuNeed;
use crate::size::Bytes;
use crate::time::show_duration;

/// One fact, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was found.
    pub fact: Fact,
    /// How sure it is.
    pub confidence: Confidence,
    /// The file, relative to the top of the tree, with `/` between its parts.
    pub file: String,
    /// The line, from 1; absent where the file's being there is the evidence.
    pub line: Option<u32>,
    /// The words of the file that say so, shortened, without credentials.
    pub evidence: String,
    /// How many other places say the same.
    pub also: u32,
}

impl Finding {
    /// Where it stands, as `requirements.txt:3`.
    pub fn place(&self) -> String {
        place(&self.file, self.line)
    }
}

/// How sure a finding is. Only what is stated or implied is asked for; a guess is shown and costs nobody money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// It may well be, and may as well not: `torch` runs on processors too.
    Guessed,
    /// It follows from what the file says: `torch==2.1.0+cu118` is of no use without a GPU.
    Implied,
    /// The file says so outright: `#SBATCH --gres=gpu:2`.
    Stated,
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Guessed => "guessed",
            Self::Implied => "implied",
            Self::Stated => "stated",
        })
    }
}

/// What a repository can say about the machines and the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "value", rename_all = "snake_case")]
pub enum Fact {
    /// Accelerators in each machine; a guess means that one would help.
    Gpu(GpuNeed),
    /// The CUDA version that pins and images are made for, as `11.8` or `12`.
    Cuda(String),
    /// At least so many processors in each machine.
    Cpus(u32),
    /// At least so much memory in each machine.
    Memory(Bytes),
    /// At least so much disk in each machine.
    Disk(Bytes),
    /// So many machines.
    Nodes(NonZeroU32),
    /// How long the work is allowed to take.
    Duration(SignedDuration),
    /// The container image that the work is built upon.
    BaseImage(String),
    /// The Python to install, as `3.11`.
    Python(String),
    /// Which versions of Python will do, as written: `>=3.9`. For the user's eyes: it chooses nothing by itself.
    PythonRange(String),
    /// A file of requirements to install.
    RequirementFile(String),
    /// An environment file of conda.
    CondaFile(String),
    /// A requirement that stands in no such file: `numpy>=1.26`.
    Requirement(String),
    /// The repository is itself a Python package.
    InstallProject,
    /// A Debian package.
    SystemPackage(String),
    /// A shell script that prepares a machine.
    Setup(String),
    /// A shell script that does the work.
    Run(String),
}

impl Fact {
    /// What kind of fact it is, as in a table's column and in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Gpu(_) => "gpu",
            Self::Cuda(_) => "cuda",
            Self::Cpus(_) => "cpus",
            Self::Memory(_) => "memory",
            Self::Disk(_) => "disk",
            Self::Nodes(_) => "nodes",
            Self::Duration(_) => "duration",
            Self::BaseImage(_) => "base_image",
            Self::Python(_) => "python",
            Self::PythonRange(_) => "python_range",
            Self::RequirementFile(_) => "requirement_file",
            Self::CondaFile(_) => "conda_file",
            Self::Requirement(_) => "requirement",
            Self::InstallProject => "install_project",
            Self::SystemPackage(_) => "system_package",
            Self::Setup(_) => "setup",
            Self::Run(_) => "run",
        }
    }

    /// Its value, as a user would write it.
    pub fn value(&self) -> String {
        match self {
            Self::Gpu(need) => need.to_string(),
            Self::Cpus(count) => count.to_string(),
            Self::Nodes(count) => count.to_string(),
            Self::Memory(bytes) | Self::Disk(bytes) => bytes.to_string(),
            Self::Duration(duration) => show_duration(*duration),
            Self::InstallProject => "yes".to_owned(),
            Self::Cuda(text)
            | Self::BaseImage(text)
            | Self::Python(text)
            | Self::PythonRange(text)
            | Self::RequirementFile(text)
            | Self::CondaFile(text)
            | Self::Requirement(text)
            | Self::SystemPackage(text)
            | Self::Setup(text)
            | Self::Run(text) => text.clone(),
        }
    }

    /// The order in which kinds of facts are shown: machines first, then what is done on them.
    pub(super) fn rank(&self) -> usize {
        const ORDER: [&str; 17] = [
            "gpu",
            "cuda",
            "cpus",
            "memory",
            "disk",
            "nodes",
            "duration",
            "base_image",
            "python",
            "python_range",
            "requirement_file",
            "conda_file",
            "requirement",
            "install_project",
            "system_package",
            "setup",
            "run",
        ];
        ORDER.iter().position(|name| *name == self.name()).unwrap_or(ORDER.len())
    }
}

/// Something that could not be read or understood, and therefore says nothing. A scan goes on without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The file or folder, relative to the top of the tree.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<u32>,
    /// What is wrong, and what follows from it: a lower-case fragment.
    pub text: String,
}

impl Problem {
    /// A problem with a whole file or folder.
    pub fn file(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", place(&self.file, self.line), self.text)
    }
}

fn place(file: &str, line: Option<u32>) -> String {
    match line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}
