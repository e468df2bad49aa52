//! Workload: source, files, environment, secrets, packages, Python, scripts.

use std::collections::BTreeMap;
use std::path::Path;

use super::keys::DemandSection;
use super::reader::{FieldReader, Fields};
use super::tree::{YamlEntry, YamlNode, YamlValue};
use super::values;
use crate::demand::PythonRequest;
use crate::demand::secrets::Secrets;
use crate::demand::source::parse_source;

/// Source of the code as written in a demand file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceText {
    /// `workdir`: a local directory.
    Directory(String),
    /// `workdir` with `url` and `ref`: a git repository.
    Git {
        /// URL of the repository.
        url: String,
        /// Branch, tag or commit.
        at: Option<String>,
    },
    /// `source`: a local directory or a git repository.
    Repository(String),
}

/// Reads `source` or `workdir`.
pub fn source(reader: &mut FieldReader<'_>, task: &Fields<'_>) -> Option<SourceText> {
    if let (Some(_), Some(workdir)) = (task.get("source"), task.get("workdir")) {
        reader.error(workdir.at, "`source` and `workdir` can't be combined: use one of them");
    }
    if task.contains_key("source") {
        // The directory that a relative path starts from is unknown here, and not needed to validate the text.
        let parse = |text: &str| parse_source(text, Path::new("/")).map(|_| SourceText::Repository(text.to_owned()));
        return reader.field(task, "source", parse);
    }
    let workdir = task.get("workdir")?;
    if !matches!(workdir.value, YamlValue::Map(_)) {
        return reader.value("workdir", workdir, values::non_empty).map(SourceText::Directory);
    }
    let fields = reader.fields(DemandSection::Workdir, "workdir.", workdir);
    let at = reader.field(&fields, "ref", values::non_empty);
    match reader.field(&fields, "url", values::non_empty) {
        Some(url) => Some(SourceText::Git { url, at }),
        None => {
            reader.error(workdir.at, "workdir: a map requires `url`");
            None
        }
    }
}

/// Reads `file_mounts`. Only local paths are supported.
pub fn files(reader: &mut FieldReader<'_>, node: &YamlNode) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in reader.entries("file_mounts", node) {
        if matches!(entry.node.value, YamlValue::Map(_)) {
            let hint = "copy the files in `setup`, with the store's own tool";
            reader.error_with_hint(
                entry.key_at,
                format!("`{}`: buckets and volumes can't be mounted", entry.key),
                hint,
            );
            continue;
        }
        let Some(local) = reader.value("file_mounts", &entry.node, values::non_empty) else { continue };
        match local.split_once("://") {
            Some((scheme, _)) => {
                let hint = "download the files in `setup`, with the store's own tool";
                reader.error_with_hint(entry.node.at, format!("files can't be copied from `{scheme}://`"), hint);
            }
            None => {
                files.insert(entry.key.clone(), local);
            }
        }
    }
    files
}

/// Reads `envs`. `None` marks a variable that needs an override.
pub fn envs(reader: &mut FieldReader<'_>, node: &YamlNode) -> BTreeMap<String, Option<String>> {
    let mut envs = BTreeMap::new();
    for entry in reader.entries("envs", node) {
        let Some(name) = variable(reader, "envs", entry) else { continue };
        let value = match &entry.node.value {
            YamlValue::Null => None,
            _ => match reader.text("envs", &entry.node) {
                Some(value) => Some(value.to_owned()),
                None => continue,
            },
        };
        envs.insert(name, value);
    }
    envs
}

/// Reads `secrets`: a list of names, or a map of names to optional values. Values are stored in `values` and never
/// quoted in messages.
pub fn secrets(reader: &mut FieldReader<'_>, node: &YamlNode, values: &mut Secrets) -> Vec<String> {
    let mut names = Vec::new();
    if let YamlValue::List(items) = &node.value {
        for item in items {
            let name = reader.text("secrets", item).map(values::variable);
            match name {
                Some(Ok(name)) => names.push(name),
                Some(Err(error)) => reader.error(item.at, format!("secrets: {error}")),
                None => {}
            }
        }
        return names;
    }
    for entry in reader.entries("secrets", node) {
        let Some(name) = variable(reader, "secrets", entry) else { continue };
        if !matches!(entry.node.value, YamlValue::Null) {
            let Some(value) = reader.text("secrets", &entry.node) else { continue };
            values.insert(name.clone(), value.to_owned());
        }
        names.push(name);
    }
    names
}

fn variable(reader: &mut FieldReader<'_>, what: &str, entry: &YamlEntry) -> Option<String> {
    match values::variable(&entry.key) {
        Ok(name) => Some(name),
        Err(error) => {
            reader.error(entry.key_at, format!("{what}: `{}` is {error}", entry.key));
            None
        }
    }
}

/// Reads `python`: a version, or a map.
pub fn python(reader: &mut FieldReader<'_>, node: &YamlNode) -> PythonRequest {
    if matches!(node.value, YamlValue::Text(_)) {
        let version = reader.value("python", node, values::python_version);
        return PythonRequest { version, ..PythonRequest::default() };
    }
    let fields = reader.fields(DemandSection::Python, "python.", node);
    PythonRequest {
        version: reader.field(&fields, "version", values::python_version),
        requirement_files: reader.list(&fields, "requirement_files", values::repository_file),
        requirements: reader.list(&fields, "requirements", values::requirement),
        install_project: reader.field(&fields, "install_project", values::boolean).unwrap_or_default(),
    }
}
