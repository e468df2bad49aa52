//! The key pair that logs in: one that is made, or the user's own.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use hostler_core::plan::{Plan, ResourceKind};
use hostler_core::ports::ResourceDetails;
use hostler_engine::deploy::{Files, KeySource};
use hostler_engine::host::{Identity, write_private};
use hostler_engine::run::Sites;
use hostler_engine::store::{Record, Store};

use crate::app::App;
use crate::args::KeyArgs;
use crate::drive::still_there;
use crate::error::{Error, ErrorKind};

/// Where the key pair comes from, and where a copy of its private half goes.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// Where it comes from.
    pub source: KeySource,
    /// A new file for the private half of one that is made.
    pub copy: Option<PathBuf>,
}

impl Keys {
    /// As the flags say.
    ///
    /// # Errors
    /// Where the key can't be read, has a passphrase, or its new file is there already.
    pub fn of(app: &App, args: &KeyArgs) -> Result<Self, Error> {
        let path = args.key_path.as_ref().map(|path| app.settings.directory.join(path));
        match path {
            None => Ok(Self::default()),
            Some(path) if args.create_key => Self::made_to(path),
            Some(path) => {
                // Users of earlier tools name the public half.
                let private =
                    if path.extension().is_some_and(|it| it == "pub") { path.with_extension("") } else { path };
                Ok(Self { source: pair(private)?, copy: None })
            }
        }
    }

    /// A key pair that is made, with its private half in a new file, too.
    pub fn made_to(path: PathBuf) -> Result<Self, Error> {
        if path.exists() {
            let error =
                Error::new(ErrorKind::Usage, format!("`{}` is there already: no key is written over", path.display()));
            return Err(error.hinted("name a new file, or use the key that is there: leave `--create-key` out"));
        }
        Ok(Self { source: KeySource::Created, copy: Some(path) })
    }

    /// A registered key must be the one that is at hand: else nobody could log in to what costs money already.
    ///
    /// # Errors
    /// Where it is another key, or not registered.
    pub async fn check(&self, sites: &Sites, plan: &Plan) -> Result<(), Error> {
        let KeySource::Pair { public, private } = &self.source else { return Ok(()) };
        for (_, spec) in plan.machines() {
            let (Some(name), Some(site)) = (&spec.uses.keypair, sites.get(&spec.site)) else { continue };
            let there = site.resources(ResourceKind::Keypair).await?;
            let registered =
                there.iter().find(|resource| resource.reference == *name).map(|resource| resource.details.as_ref());
            match registered {
                Some(Some(ResourceDetails::Keypair { public_key })) if is_same(public_key, public) => {}
                Some(_) => {
                    let message = format!("the key `{name}` at `{}` is not that in `{}`", spec.site, private.display());
                    return Err(Error::new(ErrorKind::Config, message)
                        .hinted("name the file of its private half: `--key-path`"));
                }
                None => {
                    let error = Error::new(ErrorKind::NotFound, format!("there is no key `{name}` at `{}`", spec.site));
                    return Err(error.hinted("`hostler key ls --all` lists those that there are"));
                }
            }
        }
        Ok(())
    }

    /// Makes the folder of the copy where there is none, for its owner only, before anything is made at a site.
    ///
    /// # Errors
    /// Where it can't be made, or isn't a folder.
    pub fn make_room(&self) -> Result<(), Error> {
        let Some(folder) = self.copy.as_deref().and_then(Path::parent) else { return Ok(()) };
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| {
            let message = format!("the folder `{}` for the key can't be made", folder.display());
            Error::new(ErrorKind::System, message)
                .caused_by(&error)
                .hinted("name another file for the key: `--key-path`")
        })
    }

    /// Writes the copy, readable by its owner only. A file that is there is never written over.
    ///
    /// # Errors
    /// Where it can't be written: what the key is for is there, and told.
    pub fn write_copy(&self, store: &Store, record: &Record) -> Result<(), Error> {
        let Some(copy) = &self.copy else { return Ok(()) };
        let key = Files::at(store.files_of(record.id)).private_key();
        let written = std::fs::read_to_string(&key).and_then(|text| write_private(copy, &text.into()));
        written.map_err(|error| {
            let message = format!("`{}` is up, and its key can't be written to `{}`", record.name, copy.display());
            let error = Error::new(ErrorKind::System, message).caused_by(&error);
            still_there(record, error.hinted(format!("the key itself is `{}`: copy that", key.display())))
        })
    }
}

fn pair(private: PathBuf) -> Result<KeySource, Error> {
    let unusable = |error: &dyn std::error::Error| {
        Error::new(ErrorKind::Config, format!("the key `{}` can't be used", private.display())).caused_by(error)
    };
    let public = Identity::read(&private).and_then(|identity| identity.public()).map_err(|error| unusable(&error))?;
    Ok(KeySource::Pair { private, public })
}

/// A public key of a file, for registering.
pub fn public_key(app: &App, path: &Path) -> Result<String, Error> {
    let text = app.settings.read_file(path, ErrorKind::Usage)?;
    let is_key = |line: &&str| {
        line.split_whitespace()
            .next()
            .is_some_and(|word| word.starts_with("ssh-") || word.starts_with("ecdsa-") || word.starts_with("sk-"))
    };
    match text.lines().map(str::trim).find(is_key) {
        Some(line) if !text.contains("PRIVATE KEY") => Ok(line.to_owned()),
        _ => {
            let error = Error::new(ErrorKind::Usage, format!("`{}` is no public key", path.display()));
            Err(error.hinted("name the file that ends in `.pub`"))
        }
    }
}

/// The type and the key count; the comment does not.
fn is_same(one: &str, other: &str) -> bool {
    one.split_whitespace().take(2).eq(other.split_whitespace().take(2))
}
