//! Resolves a target (a demand file, a directory, a git URL or a live deployment) to a demand.

use std::path::{Path, PathBuf};

use hostler_core::demand::diagnostic::Diagnostic;
use hostler_core::demand::file::FILE_NAMES;
use hostler_core::demand::source::parse_source;
use hostler_core::demand::{Demand, DemandInputs, FileAuthor, Overrides, PathBase, Secrets, Source, complete, parse};
use hostler_core::name::Name;
use hostler_core::name::closest;
use hostler_core::scan::{Scan, scan};

use super::disk::first_file;
use super::resources::full_name;
use super::{OperateError, Operator};
use crate::blocking::{blocking, exists};
use crate::event::Notice;
use crate::repo::{Checkout, FetchLimits, read_source, resolve_inside};
use crate::store::Record;

/// A target as the user names it, and the context of the front end.
#[derive(Debug, Clone)]
pub struct TargetRequest<'a> {
    /// The target.
    pub target: DemandTarget<'a>,
    /// Options that override the demand. A site may be named by its place alone.
    pub overrides: Overrides,
    /// The directory that relative paths start from.
    pub directory: &'a Path,
    /// The user's home, for paths that start with `~`.
    pub home: Option<PathBuf>,
}

/// Source of a demand.
#[derive(Debug, Clone, Copy)]
pub enum DemandTarget<'a> {
    /// A demand file. It is complete: nothing else of its directory adds a requirement.
    File {
        /// Its path, as the user wrote it.
        path: &'a str,
        /// Its text.
        text: &'a str,
    },
    /// A live deployment, a directory or a git URL.
    Named(&'a str),
    /// Only the overrides. The name is the fallback if they have none.
    Options(&'a str),
}

/// A demand, with its inputs from this computer.
pub struct Requested {
    /// The demand, in full.
    pub demand: Demand,
    /// Values of secrets that the demand file contains.
    pub secrets: Secrets,
    /// Keys of the demand file that have no effect.
    pub ignored: Vec<Diagnostic>,
    /// The source on this computer, for as long as this value lives.
    pub checkout: Option<Checkout>,
    /// The live deployment that is the target; `None` for any other target.
    pub live: Option<Box<Record>>,
}

impl Requested {
    /// The directory of the checkout; `None` if the demand has no source.
    pub fn checkout_dir(&self) -> Option<&Path> {
        self.checkout.as_ref().map(|checkout| checkout.path.as_path())
    }
}

/// A repository, scanned.
pub struct Analysis {
    /// The source.
    pub source: Source,
    /// The checkout, for as long as this value lives.
    pub checkout: Checkout,
    /// The findings.
    pub scan: Scan,
}

impl From<Demand> for Requested {
    fn from(demand: Demand) -> Self {
        Self { demand, secrets: Secrets::default(), ignored: Vec::new(), checkout: None, live: None }
    }
}

impl Operator {
    /// Resolves a target to a demand.
    ///
    /// # Errors
    /// If the target does not exist, cannot be fetched, or its demand cannot be used.
    pub async fn resolve(&self, request: &TargetRequest<'_>) -> Result<Requested, OperateError> {
        let requested = match request.target {
            DemandTarget::File { path, text } => self.of_file(request, path, text).await?,
            DemandTarget::Options(name) => self.of_options(request, name)?,
            DemandTarget::Named(text) => match self.live(text).await? {
                Some(record) if request.overrides == Overrides::default() => self.live_demand(record).await?,
                Some(record) => return Err(OperateError::LiveTarget(record.name)),
                None => self.of_source(request, text).await?,
            },
        };
        if !requested.ignored.is_empty() {
            self.notice(Notice::Ignored { problems: requested.ignored.clone() });
        }
        Ok(requested)
    }

    /// The demand of a live deployment, with its source fetched again.
    ///
    /// # Errors
    /// If the source cannot be fetched.
    pub async fn live_demand(&self, record: Record) -> Result<Requested, OperateError> {
        let demand = record.plan.demand.clone();
        let checkout = match &demand.workload.source {
            Some(source) => Some(self.fetch(source).await?),
            None => None,
        };
        Ok(Requested { checkout, live: Some(Box::new(record)), ..Requested::from(demand) })
    }

    /// Fetches and scans a repository.
    ///
    /// # Errors
    /// If the text names no source, or the source cannot be fetched.
    pub async fn analyze(&self, text: &str, directory: &Path) -> Result<Analysis, OperateError> {
        self.analyze_source(parse_source(text, directory)?).await
    }

    /// Fetches a source.
    pub(super) async fn fetch(&self, source: &Source) -> Result<Checkout, OperateError> {
        Ok(read_source(source, &self.scratch, &FetchLimits::default()).await?.0)
    }

    async fn analyze_source(&self, source: Source) -> Result<Analysis, OperateError> {
        let (checkout, tree) = read_source(&source, &self.scratch, &FetchLimits::default()).await?;
        let scan = scan(&tree);
        Ok(Analysis { source, checkout, scan })
    }

    async fn live(&self, text: &str) -> Result<Option<Record>, OperateError> {
        let (Ok(name), Some(store)) = (Name::new(text), self.store.existing().await?) else { return Ok(None) };
        Ok(store.find(&name).await?)
    }

    async fn of_file(&self, request: &TargetRequest<'_>, path: &str, text: &str) -> Result<Requested, OperateError> {
        let file = parse(path, text)?;
        let base =
            PathBase { directory: request.directory, author: FileAuthor::User { home: request.home.as_deref() } };
        let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let overrides = self.overrides(request);
        let inputs = DemandInputs { overrides: &overrides, file: Some(&file), scan: None, base, fallback_name: stem };
        let alone = complete(&inputs)?;
        let Some(source) = alone.demand.workload.source.clone() else {
            return Ok(requested(alone.demand, &file.secrets, alone.warnings, None));
        };
        let analysis = self.analyze_source(source).await?;
        let needs = analysis.scan.suggestions();
        let whole = complete(&DemandInputs { scan: Some(&needs), ..inputs })?;
        Ok(requested(whole.demand, &file.secrets, whole.warnings, Some(analysis.checkout)))
    }

    fn of_options(&self, request: &TargetRequest<'_>, name: &str) -> Result<Requested, OperateError> {
        let overrides = self.overrides(request);
        let base = PathBase { directory: request.directory, author: FileAuthor::User { home: None } };
        let inputs = DemandInputs { overrides: &overrides, file: None, scan: None, base, fallback_name: name };
        let completed = complete(&inputs)?;
        Ok(Requested { ignored: completed.warnings, ..Requested::from(completed.demand) })
    }

    async fn of_source(&self, request: &TargetRequest<'_>, text: &str) -> Result<Requested, OperateError> {
        let source = parse_source(text, request.directory)?;
        let analysis = match self.analyze_source(source.clone()).await {
            Ok(analysis) => analysis,
            Err(error) => return Err(self.not_a_source(text, &source, error).await),
        };
        let top = analysis.checkout.path.clone();
        let file = match blocking(move || first_file(&top, &FILE_NAMES)).await {
            Ok(Some((name, text))) => Some(parse(name, &text)?),
            Ok(None) => None,
            Err((path, source)) => return Err(OperateError::File { path, doing: "read", source }),
        };
        let needs = analysis.scan.suggestions();
        let name = source.base_name().to_owned();
        // Without a demand file, every path of the demand comes from the user.
        let author =
            if file.is_some() { FileAuthor::Repository } else { FileAuthor::User { home: request.home.as_deref() } };
        let overrides = Overrides { source: Some(source), ..self.overrides(request) };
        let completed = complete(&DemandInputs {
            overrides: &overrides,
            file: file.as_ref(),
            scan: Some(&needs),
            base: PathBase { directory: &analysis.checkout.path, author },
            fallback_name: &name,
        })?;
        if let FileAuthor::Repository = author {
            // Fail now, before machines wait for the files. They are checked again when they are copied.
            let top = analysis.checkout.path.clone();
            let files: Vec<String> = completed.demand.workload.files.values().cloned().collect();
            blocking(move || files.iter().try_for_each(|from| resolve_inside(&top, from).map(drop))).await?;
        }
        let secrets = file.map(|file| file.secrets).unwrap_or_default();
        Ok(requested(completed.demand, &secrets, completed.warnings, Some(analysis.checkout)))
    }

    /// The error for a text that names no readable source. If it could be a deployment's name and no file has it, the error
    /// names the most similar deployment.
    async fn not_a_source(&self, text: &str, source: &Source, error: OperateError) -> OperateError {
        let path = PathBuf::from(&source.location);
        if !source.is_local() || Name::new(text).is_err() || exists(path).await {
            return error;
        }
        let names = self.names().await;
        let nearest = closest(text, names.iter().map(String::as_str)).map(str::to_owned);
        OperateError::UnknownTarget { text: text.to_owned(), nearest, source: Box::new(error) }
    }

    /// The overrides, with sites by their full names.
    fn overrides(&self, request: &TargetRequest<'_>) -> Overrides {
        let mut overrides = request.overrides.clone();
        overrides.on = overrides.on.iter().map(|site| full_name(&self.sites, site)).collect();
        overrides
    }
}

/// A fetched source is pinned to its commit: the plan shows it, and a resumed run fetches the same.
fn requested(mut demand: Demand, secrets: &Secrets, ignored: Vec<Diagnostic>, checkout: Option<Checkout>) -> Requested {
    if let (Some(source), Some(checkout)) = (&mut demand.workload.source, &checkout)
        && let Some(commit) = &checkout.commit
    {
        source.revision = Some(commit.clone());
    }
    Requested { demand, secrets: secrets.clone(), ignored, checkout, live: None }
}
