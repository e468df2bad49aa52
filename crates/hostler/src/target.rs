//! What `up`, `plan` and `analyze` are to look at: a demand file, a folder, a git URL, or a live deployment.

use std::path::Path;

use hostler_core::demand::file::FILE_NAMES;
use hostler_core::demand::problem::Problem;
use hostler_core::demand::source::{BadSource, parse_source};
use hostler_core::demand::{Author, Base, Demand, DemandFile, Inputs, Overrides, Secrets, Source, complete, parse};
use hostler_core::name::Name;
use hostler_core::scan::{Scan, scan};
use hostler_engine::repo::{Checkout, FetchLimits, read_source, resolve_inside};
use hostler_engine::store::Record;

use crate::app::{App, near};
use crate::args::DemandArgs;
use crate::error::{Error, ErrorKind};
use crate::resources::full_name;

/// What the command line names.
pub enum Target {
    /// A live deployment.
    Live(Box<Record>),
    /// Something to bring up.
    Wanted(Box<Wanted>),
}

/// Something to bring up.
pub struct Wanted {
    /// What is wanted, in full.
    pub demand: Demand,
    /// The secret values that the demand file spells out.
    pub secrets: Secrets,
    /// What was written and has no effect.
    pub warnings: Vec<Problem>,
    /// The source on this computer, for as long as this value lives.
    pub checkout: Option<Checkout>,
}

/// A repository that was looked at.
pub struct Looked {
    /// Where it is on this computer, for as long as this value lives.
    pub checkout: Checkout,
    /// What they say.
    pub scan: Scan,
}

/// Finds out what a target is, and what is wanted of it.
pub async fn resolve(app: &App, text: &str, flags: &DemandArgs) -> Result<Target, Error> {
    if is_demand_file(text) {
        return of_file(app, text, flags).await.map(|wanted| Target::Wanted(Box::new(wanted)));
    }
    if let Some(record) = live(app, text).await? {
        if *flags != DemandArgs::default() {
            let message = format!("`{text}` is a live deployment: flags don't change what it is asked to be");
            return Err(Error::new(ErrorKind::Usage, message).hinted("name its demand file or repository instead"));
        }
        return Ok(Target::Live(Box::new(record)));
    }
    let source = parse_source(text, &app.settings.directory).map_err(|error| bad_source(&error))?;
    let looked = match look_at(app, &source).await {
        Err(error) if source.is_local() && Name::new(text).is_ok() && !Path::new(&source.from).exists() => {
            return Err(neither(app, text, error).await);
        }
        looked => looked?,
    };
    of_source(app, source, looked, flags).map(|wanted| Target::Wanted(Box::new(wanted)))
}

impl App {
    /// What flags say, with sites by their full names.
    pub fn overrides(&self, flags: &DemandArgs, source: Option<Source>) -> Result<Overrides, Error> {
        let mut overrides = flags.overrides(source);
        if overrides.on.iter().any(|site| !site.contains('/')) {
            let sites = self.sites()?;
            overrides.on = overrides.on.iter().map(|site| full_name(&sites, site)).collect();
        }
        Ok(overrides)
    }

    /// What flags alone ask for.
    pub fn demand_of_flags(&self, flags: &DemandArgs, fallback_name: &str) -> Result<Demand, Error> {
        let overrides = self.overrides(flags, None)?;
        let base = Base { directory: &self.settings.directory, author: Author::User { home: None } };
        Ok(complete(&Inputs { overrides: &overrides, file: None, scan: None, base, fallback_name })?.demand)
    }
}

/// Brings a source to this computer, and scans it.
pub async fn look_at(app: &App, source: &Source) -> Result<Looked, Error> {
    let (checkout, tree) = read_source(source, &app.settings.scratch_dir, &FetchLimits::default()).await?;
    let scan = scan(&tree);
    Ok(Looked { checkout, scan })
}

/// A source as the command line names it.
pub fn source(app: &App, text: &str) -> Result<Source, Error> {
    parse_source(text, &app.settings.directory).map_err(|error| bad_source(&error))
}

fn is_demand_file(text: &str) -> bool {
    !text.contains("://") && (text.ends_with(".yaml") || text.ends_with(".yml"))
}

async fn live(app: &App, text: &str) -> Result<Option<Record>, Error> {
    let (Ok(name), Some(store)) = (Name::new(text), app.store_if_there().await?) else { return Ok(None) };
    Ok(store.find(&name).await?)
}

async fn of_file(app: &App, path: &str, flags: &DemandArgs) -> Result<Wanted, Error> {
    let text = app.settings.read_file(Path::new(path), ErrorKind::Demand).map_err(|error| no_file(app, path, error))?;
    let file = parse(path, &text)?;
    let home = app.settings.env.home();
    let base = Base { directory: &app.settings.directory, author: Author::User { home: home.as_deref() } };
    let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let overrides = app.overrides(flags, None)?;
    let inputs = Inputs { overrides: &overrides, file: Some(&file), scan: None, base, fallback_name: stem };
    let alone = complete(&inputs)?;
    let Some(source) = alone.demand.work.source.clone() else {
        return Ok(wanted(alone.demand, &file.secrets, alone.warnings, None));
    };
    let looked = look_at(app, &source).await?;
    let needs = looked.scan.needs();
    let whole = complete(&Inputs { scan: Some(&needs), ..inputs })?;
    Ok(wanted(whole.demand, &file.secrets, whole.warnings, Some(looked.checkout)))
}

fn of_source(app: &App, source: Source, looked: Looked, flags: &DemandArgs) -> Result<Wanted, Error> {
    let file = own_file(app, &looked.checkout)?;
    let needs = looked.scan.needs();
    let name = source.base_name().to_owned();
    let home = app.settings.env.home();
    // Without a file of its own there is nothing that the repository's author could have named.
    let author = if file.is_some() { Author::Repository } else { Author::User { home: home.as_deref() } };
    let overrides = app.overrides(flags, Some(source))?;
    let completed = complete(&Inputs {
        overrides: &overrides,
        file: file.as_ref(),
        scan: Some(&needs),
        base: Base { directory: &looked.checkout.path, author },
        fallback_name: &name,
    })?;
    if let Author::Repository = author {
        // Told now, and not only when machines wait for the files. It is looked at again when they are taken.
        completed
            .demand
            .work
            .files
            .values()
            .try_for_each(|from| resolve_inside(&looked.checkout.path, from).map(drop))?;
    }
    let secrets = file.map(|file| file.secrets).unwrap_or_default();
    Ok(wanted(completed.demand, &secrets, completed.warnings, Some(looked.checkout)))
}

/// The demand file that lies in the repository itself. A link is none: it may lead anywhere.
fn own_file(app: &App, checkout: &Checkout) -> Result<Option<DemandFile>, Error> {
    let is_file = |name: &&&str| checkout.path.join(name).symlink_metadata().is_ok_and(|metadata| metadata.is_file());
    let Some(name) = FILE_NAMES.iter().find(is_file) else { return Ok(None) };
    let text = app.settings.read_file(&checkout.path.join(name), ErrorKind::Demand)?;
    Ok(Some(parse(name, &text)?))
}

/// A fetched source is pinned to its commit: the plan says what will be brought, and a resume brings the same.
fn wanted(mut demand: Demand, secrets: &Secrets, warnings: Vec<Problem>, checkout: Option<Checkout>) -> Wanted {
    if let (Some(source), Some(checkout)) = (&mut demand.work.source, &checkout)
        && let Some(commit) = &checkout.commit
    {
        source.at = Some(commit.clone());
    }
    Wanted { demand, secrets: secrets.clone(), warnings, checkout }
}

fn bad_source(error: &BadSource) -> Error {
    Error::of(ErrorKind::Source, error)
}

/// A demand file that can't be read, with what is called nearly so in its folder.
fn no_file(app: &App, path: &str, error: Error) -> Error {
    let full = app.settings.directory.join(path);
    if full.exists() {
        return error;
    }
    let wanted = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = full.parent().and_then(|folder| folder.read_dir().ok()).into_iter().flatten().flatten();
    let names: Vec<String> = beside.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    match near(&wanted, names.iter().map(String::as_str).filter(|name| is_demand_file(name))) {
        Some(name) => error.hinted(format!("did you mean `{}`?", Path::new(path).with_file_name(name).display())),
        None => error.hinted("name a demand file that is there, a folder, or a git URL"),
    }
}

/// A word that is neither a folder nor a deployment.
async fn neither(app: &App, text: &str, error: Error) -> Error {
    let mut names: Vec<String> = Vec::new();
    if let Ok(Some(store)) = app.store_if_there().await {
        names.extend(store.list().await.unwrap_or_default().records.into_iter().map(|record| record.name.to_string()));
    }
    let message = format!("there is neither a folder nor a live deployment `{text}`");
    let hint = near(text, names.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
    Error { message, ..error }.maybe_hinted(hint)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::process::Command;
    use std::sync::Arc;

    use super::*;
    use crate::args::{Cli, Colour};
    use crate::config::{Env, Settings};
    use crate::printer::Printer;
    use clap::Parser as _;

    fn app(home: &Path) -> App {
        let env = Env::new(["HOME", "TMPDIR"].map(|name| (OsString::from(name), home.as_os_str().to_owned())));
        let printer = Arc::new(Printer::new(&env, Colour::Never));
        let cli = Cli::parse_from(["hostler", "ls"]);
        App::new(Settings::read(env).unwrap(), printer, &cli.global)
    }

    /// A folder with one commit of the files.
    fn repository(dir: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        for step in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "all"]] {
            let mut git = Command::new("git");
            git.current_dir(dir).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(step);
            git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
            assert!(git.status().unwrap().success(), "{step:?}");
        }
    }

    /// A plan outlives the folder that its repository was fetched to: by its name, or by a file, it is gone on with later.
    #[test]
    fn what_is_wanted_of_a_fetched_repository_names_no_folder_of_this_computer() {
        let dir = tempfile::tempdir().unwrap();
        let (home, project) = (dir.path().join("home"), dir.path().join("project"));
        fs::create_dir(&home).unwrap();
        repository(&project, &[("hostler.yaml", "file_mounts: {/srv/got: ./data}\n"), ("data/a.csv", "1")]);
        let (app, url) = (app(&home), format!("file://{}", project.display()));
        let target = app.block_on(resolve(&app, &url, &DemandArgs::default())).unwrap();
        let Target::Wanted(wanted) = target else { panic!("nothing is live") };
        assert_eq!(wanted.demand.work.files["/srv/got"], "data");
        let (source, checkout) = (wanted.demand.work.source.clone().unwrap(), wanted.checkout.unwrap());
        assert_eq!((&source.from, &source.at), (&url, &checkout.commit));
        let text = serde_json::to_string(&wanted.demand).unwrap();
        assert!(!text.contains(home.to_str().unwrap()), "{text}");
        drop(checkout);
        // As a later process does.
        let again = app.block_on(look_at(&app, &source)).unwrap();
        assert_eq!(fs::read_to_string(again.checkout.path.join("data/a.csv")).unwrap(), "1");
    }
}
