//! Workload of the machines: source, files, environment, secrets, packages, Python, scripts.

use std::collections::BTreeMap;

use super::Merge;
use crate::demand::base::{FileAuthor, substitute};
use crate::demand::diagnostic::Hint;
use crate::demand::file::SourceText;
use crate::demand::file::phases::PhaseChange;
use crate::demand::origins::ValueOrigin;
use crate::demand::override_key::OverrideKey;
use crate::demand::overrides::ParsedOverrides;
use crate::demand::source::parse_source;
use crate::demand::{PythonRequest, Source, Workload};

impl Merge<'_> {
    pub(super) fn workload(&mut self, overrides: ParsedOverrides) -> Workload {
        let mut work = self.inputs.file.map(|file| file.workload.clone()).unwrap_or_default();
        work.envs = self.envs(&overrides);
        work.source = self.source(&work.envs);
        work.files = self.files(&work.files, &work.envs);
        self.secrets(&mut work, &overrides);
        self.packages(&mut work, &overrides);
        work.python = self.python(work.python.take(), overrides.python);
        self.phases(&mut work, overrides.phases);
        let scan = self.inputs.scan;
        work.setup = self.first(
            "setup",
            (OverrideKey::Setup, overrides.setup),
            work.setup,
            scan.and_then(|scan| scan.setup.as_ref()),
        );
        work.run =
            self.first("run", (OverrideKey::Run, overrides.run), work.run, scan.and_then(|scan| scan.run.as_ref()));
        self.note_file("checks", "checks");
        work
    }

    fn envs(&mut self, overrides: &ParsedOverrides) -> BTreeMap<String, String> {
        let mut envs = BTreeMap::new();
        for (name, value) in self.inputs.file.iter().flat_map(|file| &file.envs) {
            match (value, overrides.envs.contains_key(name)) {
                (_, true) => {}
                (Some(value), _) => {
                    envs.insert(name.clone(), value.clone());
                    self.note_file("envs", "envs");
                }
                (None, _) => {
                    let value = Some(format!("{name}=…"));
                    let or = Some("list it under `secrets`".to_owned());
                    let hint = Hint::Override { key: OverrideKey::Env, value, or };
                    self.file_problem("envs", format!("variable `{name}` has no value"), Some(hint));
                }
            }
        }
        for (name, value) in &overrides.envs {
            envs.insert(name.clone(), value.clone());
            self.origins.add("envs", ValueOrigin::Override(OverrideKey::Env));
        }
        envs
    }

    fn source(&mut self, envs: &BTreeMap<String, String>) -> Option<Source> {
        if let Some(source) = &self.inputs.overrides.source {
            self.origins.add("source", ValueOrigin::Override(OverrideKey::Source));
            return Some(source.clone());
        }
        let (path, read) = match self.inputs.file?.source.as_ref()? {
            SourceText::Repository(text) => ("source", self.any_source(text)),
            SourceText::Directory(text) => ("workdir", self.folder(&substitute(text, envs))),
            SourceText::Git { url, at } => {
                let source = self.any_source(&substitute(url, envs));
                ("workdir", source.map(|source| Source { revision: at.clone().or(source.revision.clone()), ..source }))
            }
        };
        self.note_file("source", path);
        read.map_err(|error| self.file_problem(path, error, None)).ok()
    }

    /// A directory or git repository. Local sources, including `file://` URLs, are checked against the author's
    /// permissions.
    fn any_source(&self, text: &str) -> Result<Source, String> {
        let source = parse_source(text, self.inputs.base.directory).map_err(|error| error.to_string())?;
        if source.is_local() {
            return self.folder(text);
        }
        if let Some(path) = source.location.strip_prefix("file://") {
            self.inputs.base.resolve(path)?;
        }
        Ok(source)
    }

    fn folder(&self, text: &str) -> Result<Source, String> {
        let path = self.inputs.base.resolve(text)?;
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
            match self.inputs.base.stored_path(&substitute(here, envs)) {
                Ok(path) => {
                    files.insert(substitute(there, envs), path.to_string_lossy().into_owned());
                }
                Err(error) => self.file_problem("file_mounts", error, None),
            }
        }
        files
    }

    /// A repository's own file may not read variables from the user's environment unless the user names them as well,
    /// since the repository's code would see their values.
    fn secrets(&mut self, work: &mut Workload, overrides: &ParsedOverrides) {
        self.note_file("secrets", "secrets");
        if let (FileAuthor::Repository, Some(file)) = (self.inputs.base.author, self.inputs.file) {
            for name in &work.secrets {
                if file.secrets.reveal(name).is_none() && !overrides.secrets.contains(name) {
                    let message = format!("the repository requests `{name}` from your environment");
                    let hint = Hint::Override { key: OverrideKey::Secret, value: Some(name.clone()), or: None };
                    self.file_problem("secrets", message, Some(hint));
                }
            }
        }
        for name in &overrides.secrets {
            work.secrets.insert(name.clone());
            self.origins.add("secrets", ValueOrigin::Override(OverrideKey::Secret));
        }
    }

    fn packages(&mut self, work: &mut Workload, overrides: &ParsedOverrides) {
        self.note_file("packages", "packages");
        for package in &overrides.packages {
            work.packages.insert(package.clone());
            self.origins.add("packages", ValueOrigin::Override(OverrideKey::Package));
        }
        if self.inputs.file.is_some_and(|file| file.position("packages").is_some()) {
            return;
        }
        for found in self.inputs.scan.iter().flat_map(|scan| &scan.packages) {
            work.packages.insert(found.value.clone());
            self.origins.add("packages", ValueOrigin::Scan(found.evidence.clone()));
        }
    }

    fn phases(&mut self, work: &mut Workload, overrides: Vec<PhaseChange>) {
        self.note_file("setup_phases", "setup_phases");
        for flag in overrides {
            flag.apply(&mut work.phases);
            self.origins.add("setup_phases", ValueOrigin::Override(OverrideKey::Phase));
        }
        self.conda_file(work);
        self.conda_installer(work);
        if work.source.is_none() {
            let phases = &work.phases;
            let file = phases.conda.as_ref().and_then(|conda| conda.file.as_ref()).map(|_| "conda.file");
            let build = phases.docker.as_ref().and_then(|docker| docker.build.as_ref()).map(|_| "docker.build");
            for key in [file, build].into_iter().flatten() {
                let message = format!("`{key}` is a path in the source, but the demand has no source");
                self.file_problem("setup_phases", message, Some(Hint::Text("set `source` or `workdir`".to_owned())));
            }
        }
    }

    /// A conda request without packages, Python version or file uses the repository's environment file.
    fn conda_file(&mut self, work: &mut Workload) {
        let Some(conda) = &mut work.phases.conda else { return };
        let silent = conda.file.is_none() && conda.packages.is_empty() && conda.python.is_none();
        if let Some(found) = self.inputs.scan.and_then(|scan| scan.conda_file.as_ref()).filter(|_| silent) {
            conda.file = Some(found.value.clone());
            self.origins.add("setup_phases", ValueOrigin::Scan(found.evidence.clone()));
        }
    }

    /// A local conda installer is subject to the same path rules as other local files.
    fn conda_installer(&mut self, work: &mut Workload) {
        let Some(installer) = work.phases.conda.as_mut().and_then(|conda| conda.installer.as_mut()) else { return };
        if installer.is_remote() {
            return;
        }
        match self.inputs.base.stored_path(&installer.from) {
            Ok(path) => installer.from = path.to_string_lossy().into_owned(),
            Err(error) => self.file_problem("setup_phases.conda", error, None),
        }
    }

    /// Completes the Python environment from the scan: the version, and the requirements to install.
    fn python(&mut self, file: Option<PythonRequest>, version: Option<String>) -> Option<PythonRequest> {
        let scanned = self.inputs.scan.and_then(|scan| scan.python.as_ref());
        if file.is_none() && version.is_none() && scanned.is_none() {
            return None;
        }
        self.note_file("python", "python");
        let said = file.unwrap_or_default();
        if version.is_some() {
            self.origins.add("python", ValueOrigin::Override(OverrideKey::Python));
        }
        let version = version.or(said.version.clone());
        let installs = !said.requirement_files.is_empty() || !said.requirements.is_empty() || said.install_project;
        let Some(found) = scanned.filter(|_| version.is_none() || !installs) else {
            return Some(PythonRequest { version, ..said });
        };
        self.origins.add("python", ValueOrigin::Scan(found.evidence.clone()));
        let version = version.or(found.value.version.clone());
        let rest = if installs { said } else { found.value.clone() };
        Some(PythonRequest { version, ..rest })
    }
}
