//! What is done on the machines: source, files, environment, secrets, packages, Python, scripts.

use std::collections::BTreeMap;
use std::path::Path;

use super::SourceText;
use super::keys::Section;
use super::reader::{Fields, Reader};
use super::tree::{Entry, Node, Value};
use super::values;
use crate::demand::PythonNeed;
use crate::demand::secrets::Secrets;
use crate::demand::source::parse_source;

/// Reads `source` or `workdir`.
pub fn source(reader: &mut Reader<'_>, task: &Fields<'_>) -> Option<SourceText> {
    if let (Some(_), Some(workdir)) = (task.get("source"), task.get("workdir")) {
        reader.refuse(workdir.at, "`source` and `workdir` both say what to bring: use one of them");
    }
    if task.contains_key("source") {
        // The folder that a path is relative to isn't known yet, and doesn't matter to whether it is a source.
        let parse = |text: &str| parse_source(text, Path::new("/")).map(|_| SourceText::Repository(text.to_owned()));
        return reader.field(task, "source", parse);
    }
    let workdir = task.get("workdir")?;
    if !matches!(workdir.value, Value::Map(_)) {
        return reader.value("workdir", workdir, values::words).map(SourceText::Directory);
    }
    let fields = reader.fields(Section::Workdir, "workdir.", workdir);
    let at = reader.field(&fields, "ref", values::words);
    match reader.field(&fields, "url", values::words) {
        Some(url) => Some(SourceText::Git { url, at }),
        None => {
            reader.refuse(workdir.at, "workdir: a map needs a `url`");
            None
        }
    }
}

/// Reads `file_mounts`: local paths only.
pub fn files(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in reader.entries("file_mounts", node) {
        if matches!(entry.node.value, Value::Map(_)) {
            let hint = "copy it in `setup`, by the store's own tool";
            reader.refuse_with(entry.key_at, format!("buckets and volumes are not mounted: `{}`", entry.key), hint);
            continue;
        }
        let Some(local) = reader.value("file_mounts", &entry.node, values::words) else { continue };
        match local.split_once("://") {
            Some((scheme, _)) => {
                let hint = "fetch it in `setup`, by the store's own tool";
                reader.refuse_with(entry.node.at, format!("files are not fetched from `{scheme}://`"), hint);
            }
            None => {
                files.insert(entry.key.clone(), local);
            }
        }
    }
    files
}

/// Reads `envs`: values, and with `None` the names that a flag must give a value to.
pub fn envs(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, Option<String>> {
    let mut envs = BTreeMap::new();
    for entry in reader.entries("envs", node) {
        let Some(name) = variable(reader, "envs", entry) else { continue };
        let value = match &entry.node.value {
            Value::Null => None,
            _ => match reader.text("envs", &entry.node) {
                Some(value) => Some(value.to_owned()),
                None => continue,
            },
        };
        envs.insert(name, value);
    }
    envs
}

/// Reads `secrets`: a list of names, or a map whose values, where it spells any out, are kept apart. No message here
/// quotes a value.
pub fn secrets(reader: &mut Reader<'_>, node: &Node, values: &mut Secrets) -> Vec<String> {
    let mut names = Vec::new();
    if let Value::List(items) = &node.value {
        for item in items {
            let name = reader.text("secrets", item).map(values::variable);
            match name {
                Some(Ok(name)) => names.push(name),
                Some(Err(error)) => reader.refuse(item.at, format!("secrets: {error}")),
                None => {}
            }
        }
        return names;
    }
    for entry in reader.entries("secrets", node) {
        let Some(name) = variable(reader, "secrets", entry) else { continue };
        if !matches!(entry.node.value, Value::Null) {
            let Some(value) = reader.text("secrets", &entry.node) else { continue };
            values.insert(name.clone(), value.to_owned());
        }
        names.push(name);
    }
    names
}

fn variable(reader: &mut Reader<'_>, what: &str, entry: &Entry) -> Option<String> {
    match values::variable(&entry.key) {
        Ok(name) => Some(name),
        Err(error) => {
            reader.refuse(entry.key_at, format!("{what}: `{}` is {error}", entry.key));
            None
        }
    }
}

/// Reads `python`: a version, or what is wished in full.
pub fn python(reader: &mut Reader<'_>, node: &Node) -> PythonNeed {
    if matches!(node.value, Value::Text(_)) {
        let version = reader.value("python", node, values::python_version);
        return PythonNeed { version, ..PythonNeed::default() };
    }
    let fields = reader.fields(Section::Python, "python.", node);
    PythonNeed {
        version: reader.field(&fields, "version", values::python_version),
        requirement_files: reader.list(&fields, "requirement_files", values::repository_file),
        requirements: reader.list(&fields, "requirements", values::requirement),
        install_project: reader.field(&fields, "install_project", values::yes).unwrap_or_default(),
    }
}
