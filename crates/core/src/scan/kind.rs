//! Kinds of files that a scan understands, by name.

use super::tree::{FileRole, split};
use crate::demand::file::FILE_NAMES;

/// A kind of file that a scan understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    Requirements,
    Pyproject,
    SetupPy,
    SetupCfg,
    Conda,
    Pipfile,
    PythonVersion,
    LockToml,
    LockPipfile,
    Dockerfile,
    Compose,
    Shell,
    Yaml,
    Devcontainer,
    Cmake,
    Procfile,
    /// CUDA source file. Its existence is the evidence.
    CudaSource,
    /// Program that may be the entry point, judging by its name.
    Program,
}

/// True if the contents of a file are needed: by the scan, or because it is the repository's own demand file. `path`
/// is relative to the top, with `/` as separator.
pub fn wants(path: &str) -> bool {
    FILE_NAMES.contains(&path)
        || FileKind::of(path).is_some_and(|kind| !matches!(kind, FileKind::CudaSource | FileKind::Program))
}

impl FileKind {
    /// Kind of a file. `None` if it says nothing, or is in a directory that says nothing about the repository.
    pub fn of(path: &str) -> Option<Self> {
        if FileRole::of(path) == FileRole::Vendored {
            return None;
        }
        let (directories, name) = split(path);
        // The repository's own demand file is parsed separately and takes precedence over the scan.
        if FILE_NAMES.contains(&name) {
            return None;
        }
        Self::by_name(name).or_else(|| Self::by_pattern(name, &directories))
    }

    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "pyproject.toml" => Self::Pyproject,
            "setup.py" => Self::SetupPy,
            "setup.cfg" => Self::SetupCfg,
            "Pipfile" => Self::Pipfile,
            "Pipfile.lock" => Self::LockPipfile,
            "poetry.lock" | "uv.lock" | "pdm.lock" => Self::LockToml,
            ".python-version" => Self::PythonVersion,
            "Dockerfile" | "Containerfile" => Self::Dockerfile,
            "devcontainer.json" | ".devcontainer.json" => Self::Devcontainer,
            "CMakeLists.txt" => Self::Cmake,
            "Procfile" => Self::Procfile,
            _ => return None,
        })
    }

    fn by_pattern(name: &str, directories: &[&str]) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        let begins = |words: &[&str]| words.iter().any(|word| stem.starts_with(word));
        match ending {
            "txt" | "in" if begins(&["requirements"]) || directories.last() == Some(&"requirements") => {
                Some(Self::Requirements)
            }
            "dockerfile" | "Dockerfile" => Some(Self::Dockerfile),
            _ if stem == "Dockerfile" && ending != "dockerignore" => Some(Self::Dockerfile),
            "yml" | "yaml" if begins(&["environment", "conda"]) => Some(Self::Conda),
            "yml" | "yaml" if begins(&["compose", "docker-compose"]) => Some(Self::Compose),
            // Deeper YAML files are usually data. Tens of thousands of them would use up the scan's limits.
            "yml" | "yaml" if directories.len() <= 2 => Some(Self::Yaml),
            "sbatch" | "slurm" | "sl" | "job" => Some(Self::Shell),
            "sh" | "bash" if directories.len() <= 3 => Some(Self::Shell),
            "cu" => Some(Self::CudaSource),
            "py" if directories.is_empty() && matches!(stem, "main" | "train") => Some(Self::Program),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_files() {
        for path in [
            "requirements.txt",
            "requirements/base.txt",
            "requirements-dev.in",
            "a/b/pyproject.toml",
            "Dockerfile.gpu",
            "docker/train.Dockerfile",
            "docker-compose.override.yml",
            "environment.gpu.yaml",
            ".devcontainer/gpu/devcontainer.json",
            "jobs/run.sbatch",
            "hostler.yaml",
        ] {
            assert!(wants(path), "{path}");
        }
        for path in [
            "README.md",
            "part/hostler.yaml",
            "src/kernel.cu",
            "main.py",
            "notes.txt",
            "Dockerfile.dockerignore",
            "a/b/c/data.yaml",
            ".github/workflows/ci.yml",
            "third_party/x/requirements.txt",
            "",
        ] {
            assert!(!wants(path), "{path}");
        }
    }
}
