//! What is done on the machines: source, files, environment, secrets, packages, Python, scripts.

use std::collections::BTreeMap;

use super::Merge;
use crate::demand::base::{Author, substitute};
use crate::demand::file::SourceText;
use crate::demand::file::phases::PhaseFlag;
use crate::demand::origins::Origin;
use crate::demand::overrides::Flags;
use crate::demand::source::parse_source;
use crate::demand::{PythonNeed, Source, Work};

impl Merge<'_> {
    pub(super) fn work(&mut self, flags: Flags) -> Work {
        let mut work = self.inputs.file.map(|file| file.work.clone()).unwrap_or_default();
        work.envs = self.envs(&flags);
        work.source = self.source(&work.envs);
        work.files = self.files(&work.files, &work.envs);
        self.secrets(&mut work, &flags);
        self.packages(&mut work, &flags);
        work.python = self.python(work.python.take(), flags.python);
        self.phases(&mut work, flags.phases);
        let scan = self.inputs.scan;
        work.setup =
            self.first("setup", ("--setup", flags.setup), work.setup, scan.and_then(|scan| scan.setup.as_ref()));
        work.run = self.first("run", ("--run", flags.run), work.run, scan.and_then(|scan| scan.run.as_ref()));
        self.note_file("checks", "checks");
        work
    }

    fn envs(&mut self, flags: &Flags) -> BTreeMap<String, String> {
        let mut envs = BTreeMap::new();
        for (name, value) in self.inputs.file.iter().flat_map(|file| &file.envs) {
            match (value, flags.envs.contains_key(name)) {
                (_, true) => {}
                (Some(value), _) => {
                    envs.insert(name.clone(), value.clone());
                    self.note_file("envs", "envs");
                }
                (None, _) => {
                    let hint = format!("give it one by `--env {name}=…`, or name it under `secrets`");
                    self.file_problem("envs", format!("the variable `{name}` has no value"), Some(hint));
                }
            }
        }
        for (name, value) in &flags.envs {
            envs.insert(name.clone(), value.clone());
            self.origins.add("envs", Origin::Flag("--env"));
        }
        envs
    }

    fn source(&mut self, envs: &BTreeMap<String, String>) -> Option<Source> {
        if let Some(source) = &self.inputs.overrides.source {
            self.origins.add("source", Origin::Flag("SOURCE"));
            return Some(source.clone());
        }
        let (path, read) = match self.inputs.file?.source.as_ref()? {
            SourceText::Repository(text) => ("source", self.any_source(text)),
            SourceText::Directory(text) => ("workdir", self.folder(&substitute(text, envs))),
            SourceText::Git { url, at } => {
                let source = self.any_source(&substitute(url, envs));
                ("workdir", source.map(|source| Source { at: at.clone().or(source.at.clone()), ..source }))
            }
        };
        self.note_file("source", path);
        read.map_err(|error| self.file_problem(path, error, None)).ok()
    }

    /// A folder or git repository. A local one is held to the bounds of the file's author, however it is written.
    fn any_source(&self, text: &str) -> Result<Source, String> {
        let source = parse_source(text, self.inputs.base.directory).map_err(|error| error.to_string())?;
        if source.is_local() {
            return self.folder(text);
        }
        if let Some(path) = source.from.strip_prefix("file://") {
            self.inputs.base.path(path)?;
        }
        Ok(source)
    }

    fn folder(&self, text: &str) -> Result<Source, String> {
        let path = self.inputs.base.path(text)?;
        let path = path.to_str().ok_or("the path is not UTF-8")?;
        parse_source(path, self.inputs.base.directory).map_err(|error| error.to_string())
    }

    fn files(
        &mut self,
        written: &BTreeMap<String, String>,
        envs: &BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        self.note_file("file_mounts", "file_mounts");
        let mut files = BTreeMap::new();
        for (there, here) in written {
            match self.inputs.base.kept(&substitute(here, envs)) {
                Ok(path) => {
                    files.insert(substitute(there, envs), path.to_string_lossy().into_owned());
                }
                Err(error) => self.file_problem("file_mounts", error, None),
            }
        }
        files
    }

    /// A repository's own file may not take variables out of the user's environment unless the user names them too:
    /// its code would get to see them.
    fn secrets(&mut self, work: &mut Work, flags: &Flags) {
        self.note_file("secrets", "secrets");
        if let (Author::Repository, Some(file)) = (self.inputs.base.author, self.inputs.file) {
            for name in &work.secrets {
                if file.secrets.reveal(name).is_none() && !flags.secrets.contains(name) {
                    let message = format!("the repository asks for `{name}` of your environment");
                    self.file_problem("secrets", message, Some(format!("allow it by `--secret {name}`")));
                }
            }
        }
        for name in &flags.secrets {
            work.secrets.insert(name.clone());
            self.origins.add("secrets", Origin::Flag("--secret"));
        }
    }

    fn packages(&mut self, work: &mut Work, flags: &Flags) {
        self.note_file("packages", "packages");
        for package in &flags.packages {
            work.packages.insert(package.clone());
            self.origins.add("packages", Origin::Flag("--package"));
        }
        if self.inputs.file.is_some_and(|file| file.at("packages").is_some()) {
            return;
        }
        for found in self.inputs.scan.iter().flat_map(|scan| &scan.packages) {
            work.packages.insert(found.value.clone());
            self.origins.add("packages", Origin::Scan(found.evidence.clone()));
        }
    }

    fn phases(&mut self, work: &mut Work, flags: Vec<PhaseFlag>) {
        self.note_file("setup_phases", "setup_phases");
        for flag in flags {
            flag.apply(&mut work.phases);
            self.origins.add("setup_phases", Origin::Flag("--phase"));
        }
        self.conda_file(work);
        self.conda_installer(work);
        if work.source.is_none() {
            let phases = &work.phases;
            let file = phases.conda.as_ref().and_then(|conda| conda.file.as_ref()).map(|_| "conda.file");
            let build = phases.docker.as_ref().and_then(|docker| docker.build.as_ref()).map(|_| "docker.build");
            for key in [file, build].into_iter().flatten() {
                let message = format!("`{key}` is a part of the source, and there is none");
                self.file_problem("setup_phases", message, Some("name a `source` or a `workdir`".to_owned()));
            }
        }
    }

    /// Who wishes for conda, and not for what is to be in it, means what the repository says.
    fn conda_file(&mut self, work: &mut Work) {
        let Some(conda) = &mut work.phases.conda else { return };
        let silent = conda.file.is_none() && conda.packages.is_empty() && conda.python.is_none();
        if let Some(found) = self.inputs.scan.and_then(|scan| scan.conda_file.as_ref()).filter(|_| silent) {
            conda.file = Some(found.value.clone());
            self.origins.add("setup_phases", Origin::Scan(found.evidence.clone()));
        }
    }

    /// An installer of this computer is a file as any other that is brought: a repository names its own only.
    fn conda_installer(&mut self, work: &mut Work) {
        let Some(installer) = work.phases.conda.as_mut().and_then(|conda| conda.installer.as_mut()) else { return };
        if installer.is_remote() {
            return;
        }
        match self.inputs.base.kept(&installer.from) {
            Ok(path) => installer.from = path.to_string_lossy().into_owned(),
            Err(error) => self.file_problem("setup_phases.conda", error, None),
        }
    }

    /// What flags and file leave open of the Python environment, the scan fills in: the version, and what to install.
    fn python(&mut self, file: Option<PythonNeed>, version: Option<String>) -> Option<PythonNeed> {
        let scanned = self.inputs.scan.and_then(|scan| scan.python.as_ref());
        if file.is_none() && version.is_none() && scanned.is_none() {
            return None;
        }
        self.note_file("python", "python");
        let said = file.unwrap_or_default();
        if version.is_some() {
            self.origins.add("python", Origin::Flag("--python"));
        }
        let version = version.or(said.version.clone());
        let installs = !said.requirement_files.is_empty() || !said.requirements.is_empty() || said.install_project;
        let Some(found) = scanned.filter(|_| version.is_none() || !installs) else {
            return Some(PythonNeed { version, ..said });
        };
        self.origins.add("python", Origin::Scan(found.evidence.clone()));
        let version = version.or(found.value.version.clone());
        let rest = if installs { said } else { found.value.clone() };
        Some(PythonNeed { version, ..rest })
    }
}
