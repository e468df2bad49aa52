//! Which files say something, by their names: one table for what is read and by whom.

use super::tree::{Place, split};
use crate::demand::file::FILE_NAMES;

/// A kind of file that a scan understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
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
    /// CUDA source: its being there is enough.
    CudaSource,
    /// A program that by its name may be the one to run.
    Program,
}

/// Whether a file of this path, relative to the top with `/` between its parts, is to be read: for the scan, or because it
/// is the repository's own demand file.
pub fn wants(path: &str) -> bool {
    FILE_NAMES.contains(&path) || Kind::of(path).is_some_and(|kind| !matches!(kind, Kind::CudaSource | Kind::Program))
}

impl Kind {
    /// The kind of a file, unless it says nothing or lies where nothing speaks for the repository.
    pub fn of(path: &str) -> Option<Self> {
        if Place::of(path) == Place::Vendored {
            return None;
        }
        let (folders, name) = split(path);
        // The repository's own demand file is read as such, and wins over all of this.
        if FILE_NAMES.contains(&name) {
            return None;
        }
        Self::by_name(name).or_else(|| Self::by_pattern(name, &folders))
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

    fn by_pattern(name: &str, folders: &[&str]) -> Option<Self> {
        let (stem, ending) = name.rsplit_once('.')?;
        let begins = |words: &[&str]| words.iter().any(|word| stem.starts_with(word));
        match ending {
            "txt" | "in" if begins(&["requirements"]) || folders.last() == Some(&"requirements") => {
                Some(Self::Requirements)
            }
            "dockerfile" | "Dockerfile" => Some(Self::Dockerfile),
            _ if stem == "Dockerfile" && ending != "dockerignore" => Some(Self::Dockerfile),
            "yml" | "yaml" if begins(&["environment", "conda"]) => Some(Self::Conda),
            "yml" | "yaml" if begins(&["compose", "docker-compose"]) => Some(Self::Compose),
            // Deeper ones are as a rule data: tens of thousands of them would use up what may be read.
            "yml" | "yaml" if folders.len() <= 2 => Some(Self::Yaml),
            "sbatch" | "slurm" | "sl" | "job" => Some(Self::Shell),
            "sh" | "bash" if folders.len() <= 3 => Some(Self::Shell),
            "cu" => Some(Self::CudaSource),
            "py" if folders.is_empty() && matches!(stem, "main" | "train") => Some(Self::Program),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read() {
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
