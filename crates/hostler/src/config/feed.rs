//! Directories of saved inventory files, in the layouts of earlier tools. They are replaced all at once or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use hostler_core::inventory::{Document, Feed};
use jiff::Timestamp;

use super::settings::Settings;
use crate::error::{Error, ErrorKind};

/// Directory in which ENVBoot keeps the static inventory.
const SAMPLES: &str = "examples/api_samples";

/// The files of a directory, and their age.
#[derive(Debug)]
pub struct SavedFeed {
    /// Content of the files.
    pub feed: Feed,
    /// Modification time of the allocations.
    pub at: Timestamp,
}

impl Settings {
    /// Reads the files of a directory: `allocations.json`, `hosts.json` or `resource_map.json`, and nodes, clusters and
    /// sites. The latter may lie in `examples/api_samples` below it, or in the layout of a checkout of Chameleon's
    /// reference API.
    pub fn read_feed(&self, dir: &Path) -> Result<SavedFeed, Error> {
        let directory = Directory { path: self.directory.join(dir), shown: dir };
        let listed = fs::read_dir(&directory.path);
        listed.map_err(|error| {
            unreadable(directory.shown, &error).hinted("`--from` takes a directory that contains `allocations.json`")
        })?;
        let allocations =
            directory.document(Path::new("allocations.json"))?.ok_or_else(|| directory.lacks("allocations.json"))?;
        let written = fs::metadata(directory.path.join("allocations.json")).and_then(|metadata| metadata.modified());
        let feed = Feed {
            site: None,
            allocations: Some(allocations),
            hosts: directory.document(Path::new("hosts.json"))?,
            resource_map: directory.document(Path::new("resource_map.json"))?,
            nodes: directory.nodes()?,
            clusters: directory.named("clusters")?,
            sites: directory.named("sites")?.into_iter().next(),
        };
        if feed.nodes.is_empty() && feed.hosts.is_none() {
            return Err(directory.lacks("nodes.json"));
        }
        let at = written.ok().and_then(|time| Timestamp::try_from(time).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(SavedFeed { feed, at })
    }

    /// Replaces the files of a directory: writes all to temporary files, then renames them.
    pub fn replace_feed(&self, dir: &Path, feed: &Feed) -> Result<(), Error> {
        let path = self.directory.join(dir);
        let numbered = |what: &str, number: usize| match number {
            0 => format!("{what}.json"),
            _ => format!("{what}-{}.json", number + 1),
        };
        let single = [("allocations.json", &feed.allocations), ("hosts.json", &feed.hosts)];
        let single = single.into_iter().chain([("resource_map.json", &feed.resource_map), ("sites.json", &feed.sites)]);
        let mut files: Vec<(PathBuf, &Document)> =
            single.filter_map(|(name, document)| Some((path.join(name), document.as_ref()?))).collect();
        for (what, documents) in [("nodes", &feed.nodes), ("clusters", &feed.clusters)] {
            let named = |(number, document)| (path.join(numbered(what, number)), document);
            files.extend(documents.iter().enumerate().map(named));
        }
        let drafts: Result<Vec<Draft>, Error> =
            files.iter().map(|(path, document)| Draft::new(path, |file| file.write_all(&document.bytes))).collect();
        drafts?.into_iter().try_for_each(Draft::commit)
    }

    /// Writes a file atomically.
    pub fn write_file(&self, path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
        Draft::new(&self.directory.join(path), write)?.commit()
    }
}

/// A temporary file, deleted unless it is renamed.
struct Draft {
    draft: PathBuf,
    path: PathBuf,
    committed: bool,
}

impl Draft {
    fn new(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Self, Error> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.draft", std::process::id()));
        let draft = Self { draft: path.with_file_name(name), path: path.to_owned(), committed: false };
        let written = File::create_new(&draft.draft).and_then(|file| {
            let mut writer = BufWriter::new(file);
            write(&mut writer)?;
            writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        });
        written.map_err(|error| Error::unwritable(path, &error))?;
        Ok(draft)
    }

    fn commit(mut self) -> Result<(), Error> {
        fs::rename(&self.draft, &self.path).map_err(|error| Error::unwritable(&self.path, &error))?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.committed {
            // It may not exist.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

/// A directory, and the path the user typed.
struct Directory<'p> {
    path: PathBuf,
    shown: &'p Path,
}

impl Directory<'_> {
    fn document(&self, name: &Path) -> Result<Option<Document>, Error> {
        let shown = self.shown.join(name);
        match fs::read(self.path.join(name)) {
            Ok(bytes) => Ok(Some(Document::new(shown.display().to_string(), bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&shown, &error)),
        }
    }

    /// JSON files whose name contains `what`, such as `uc_clusters.json`: of the directory, else of the samples.
    fn named(&self, what: &str) -> Result<Vec<Document>, Error> {
        for place in ["", SAMPLES] {
            let names = self.list(Path::new(place))?.into_iter();
            let matches = |name: &PathBuf| {
                let stem = name.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
                name.extension().is_some_and(|extension| extension == "json") && stem.contains(what)
            };
            let found: Vec<PathBuf> = names.filter(matches).collect();
            if !found.is_empty() {
                return Ok(found
                    .iter()
                    .map(|name| self.document(name))
                    .collect::<Result<Vec<_>, _>>()?
                    .into_iter()
                    .flatten()
                    .collect());
            }
        }
        Ok(Vec::new())
    }

    /// Lists of nodes, or one file per node: `sites/uc/clusters/chameleon/nodes/….json`.
    fn nodes(&self) -> Result<Vec<Document>, Error> {
        let mut documents = self.named("nodes")?;
        if documents.is_empty() {
            for site in self.list(Path::new("sites"))? {
                for cluster in self.list(&site.join("clusters"))? {
                    for file in self.list(&cluster.join("nodes"))? {
                        documents.extend(self.document(&file)?);
                    }
                }
            }
        }
        Ok(documents)
    }

    /// Sorted entries of a subdirectory; empty if it does not exist.
    fn list(&self, place: &Path) -> Result<Vec<PathBuf>, Error> {
        let failed = |error: &io::Error| unreadable(&self.shown.join(place), error);
        let entries = match fs::read_dir(self.path.join(place)) {
            Ok(entries) => entries,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            Err(error) => return Err(failed(&error)),
        };
        let names: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(place.join(entry?.file_name()))).collect();
        let mut names = names.map_err(|error| failed(&error))?;
        names.sort_unstable();
        Ok(names)
    }

    fn lacks(&self, name: &str) -> Error {
        Error::new(ErrorKind::Inventory, format!("`{}` does not exist", self.shown.join(name).display()))
            .hinted("the directory needs `allocations.json`, `hosts.json` or `resource_map.json`, and `nodes.json`")
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::unreadable(ErrorKind::Inventory, path, error)
}
