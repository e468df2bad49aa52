//! Findings of a scan, each with its evidence, and files that could not be understood.

use std::fmt;
use std::num::NonZeroU32;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::demand::GpuRequirement;
use crate::size::Bytes;
use crate::time::format_duration;

/// Findings of a scan, and the files that it could not understand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Facts by kind, the most certain first. Each fact occurs once.
    pub findings: Vec<Finding>,
    /// Files and lines that were skipped or not understood, by file.
    pub problems: Vec<ScanProblem>,
}

/// A fact with the place in the repository that states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The fact.
    pub fact: ScanFact,
    /// Certainty of the fact.
    pub confidence: Confidence,
    /// File relative to the top of the tree, with `/` as separator.
    pub file: String,
    /// Line, from 1. `None` if the existence of the file is the evidence.
    pub line: Option<u32>,
    /// Excerpt of the file, shortened and without credentials.
    pub evidence: String,
    /// Number of further places that state the same fact.
    pub also: u32,
}

impl Finding {
    /// File and line, such as `requirements.txt:3`.
    pub fn location(&self) -> String {
        location(&self.file, self.line)
    }
}

/// Certainty of a finding. Only stated and implied findings become requirements; guesses are shown to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Possible: `torch` also runs on CPUs.
    Guessed,
    /// Follows from the file: `torch==2.1.0+cu118` needs a GPU.
    Implied,
    /// Written in the file: `#SBATCH --gres=gpu:2`.
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

/// A fact about the machines or the workload of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", content = "value", rename_all = "snake_case")]
pub enum ScanFact {
    /// GPUs of each machine. As a guess: a GPU would help.
    Gpu(GpuRequirement),
    /// CUDA version of pins and images, such as `11.8` or `12`.
    Cuda(String),
    /// Minimum number of CPUs of each machine.
    Cpus(u32),
    /// Minimum memory of each machine.
    Memory(Bytes),
    /// Minimum disk size of each machine.
    Disk(Bytes),
    /// Number of machines.
    Nodes(NonZeroU32),
    /// Time limit of the job.
    #[serde(rename = "duration_seconds")]
    Duration(#[serde(with = "crate::seconds")] SignedDuration),
    /// Container image that the workload is built on.
    BaseImage(String),
    /// Python version to install, such as `3.11`.
    Python(String),
    /// Acceptable Python versions as written: `>=3.9`. Shown to the user only.
    PythonRange(String),
    /// Requirement file to install.
    RequirementFile(String),
    /// conda environment file.
    CondaFile(String),
    /// Requirement from a file that pip can't read: `numpy>=1.26`.
    Requirement(String),
    /// The repository itself is an installable Python package.
    InstallProject,
    /// Debian package.
    SystemPackage(String),
    /// Shell script that prepares a machine.
    Setup(String),
    /// Shell script that does the work.
    Run(String),
}

impl ScanFact {
    /// Name of the fact in tables. JSON has the same names, except `duration_seconds`.
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

    /// Value in the syntax of the demand file.
    pub fn value(&self) -> String {
        match self {
            Self::Gpu(need) => need.to_string(),
            Self::Cpus(count) => count.to_string(),
            Self::Nodes(count) => count.to_string(),
            Self::Memory(bytes) | Self::Disk(bytes) => bytes.to_string(),
            Self::Duration(duration) => format_duration(*duration),
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

    /// Display order: machines first, then the workload.
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

/// A file or line that was not understood. The scan continues without it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ScanProblem {
    /// File or directory relative to the top of the tree.
    pub file: String,
    /// Line, from 1, if known.
    pub line: Option<u32>,
    /// Problem and its consequence: a lower-case fragment.
    pub text: String,
}

impl ScanProblem {
    /// Creates a problem with a whole file or directory.
    pub fn file(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: file.into(), line: None, text: text.into() }
    }
}

impl fmt::Display for ScanProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", location(&self.file, self.line), self.text)
    }
}

fn location(file: &str, line: Option<u32>) -> String {
    match line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_owned(),
    }
}
