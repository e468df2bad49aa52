//! From the errors of the other crates to kinds and hints.

use hostler_core::demand::problem::Problem;
use hostler_core::inventory::BadFeed;
use hostler_core::journal::Forgets;
use hostler_core::name::BadName;
use hostler_core::plan::{MisfitKind, NoDrivers, NoPlan};
use hostler_core::ports::{Remedy, SiteError};
use hostler_core::time::BadTime;
use hostler_engine::account::AccountError;
use hostler_engine::audit::AuditError;
use hostler_engine::deploy::{DeployError, FilesError};
use hostler_engine::host::{HostError, HostErrorKind};
use hostler_engine::keep::KeepError;
use hostler_engine::repo::RepoError;
use hostler_engine::store::StoreError;
use hostler_providers::image::ImageError;

use super::{Details, Error, ErrorKind};

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let (kind, hint) = match &error {
            StoreError::Busy { name, .. } => {
                (ErrorKind::Busy, format!("wait until it has ended (`hostler status {name}` shows how far it is)"))
            }
            StoreError::Lost(name) => (ErrorKind::System, format!("look whether it is there: `hostler status {name}`")),
            StoreError::Taken(name) => {
                (ErrorKind::InvalidState, format!("look at it with `hostler status {name}`, or take another name"))
            }
            StoreError::Version { .. } => {
                (ErrorKind::System, "use the newest hostler that ever ran with this data directory".to_owned())
            }
            StoreError::Files { .. } | StoreError::Database { .. } => {
                (ErrorKind::System, "check the directory's owner and free space, or set HOSTLER_DATA_DIR".to_owned())
            }
            StoreError::Damaged { .. } => (
                ErrorKind::System,
                "keep a copy of the file; `hostler sweep` finds what is left at the sites".to_owned(),
            ),
        };
        Self::of(kind, &error).hinted(hint)
    }
}

impl From<BadFeed> for Error {
    fn from(error: BadFeed) -> Self {
        let hint = match &error {
            BadFeed::CutOff { .. } | BadFeed::Empty { .. } => "it was not written to its end: fetch it again",
            BadFeed::Unreadable { .. } => "it should be JSON as the site's API or `openstack … -f json` writes it",
            BadFeed::Nothing { .. } => "look whether it is the right file",
        };
        Self::of(ErrorKind::Inventory, &error).hinted(hint)
    }
}

impl From<SiteError> for Error {
    fn from(error: SiteError) -> Self {
        let hint = match (&error.hint, error.remedy) {
            (Some(hint), _) => hint.clone(),
            (None, Remedy::Ask) => format!("look at the site's configuration: `hostler check {}`", error.site),
            (None, _) => format!("see how the site is: `hostler check {}`", error.site),
        };
        Self::of(ErrorKind::Site, &error).hinted(hint)
    }
}

impl From<AccountError> for Error {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Unsaid(refused) => refused.into(),
            AccountError::Other { .. } => Self::of(ErrorKind::WrongAccount, &error)
                .hinted("use the credentials that it was made with: another `OS_CLOUD`, or another openrc file"),
        }
    }
}

impl From<KeepError> for Error {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Store(error) => error.into(),
            KeepError::Account(error) => error.into(),
            KeepError::Earlier { ref name, .. } => {
                let hint = format!("an end is moved to a later time only; give it back early: `hostler down {name}`");
                Self::of(ErrorKind::Usage, &error).hinted(hint)
            }
            KeepError::Held { ref lease, .. } => Self::of(ErrorKind::InvalidState, &error).hinted(format!(
                "move that first: `hostler lease extend` where a deployment of ours made it, else whoever did; then \
                 extend this. `hostler lease show {lease}` says whose it is"
            )),
            KeepError::HeldNoMore { ref name, .. } => Self::of(ErrorKind::InvalidState, &error)
                .hinted(format!("its machines went with the lease: `hostler down {name}` gives the rest back")),
            KeepError::Unsaid { ref refused, .. } => {
                let hint = refused.hint.clone();
                Self::of(ErrorKind::Site, &error).maybe_hinted(hint)
            }
            KeepError::Past { .. } => {
                Self::of(ErrorKind::Usage, &error).hinted("name a time to come, or a duration as `4h`")
            }
            KeepError::Endless { .. } => {
                Self::of(ErrorKind::Usage, &error).hinted("name a time to come (`--until`), or a duration as `4h`")
            }
            KeepError::Lease { ref refused, .. } => {
                let mut out = Self::of(ErrorKind::Site, &error);
                out.causes.push(refused.to_string());
                out.hints.extend(refused.hint.clone());
                out
            }
            KeepError::NoSite { .. } => Self::of(ErrorKind::Config, &error)
                .hinted("configure the site again: this deployment has machines there"),
            KeepError::Sites { ref failed, .. } => {
                let mut out = Self::of(ErrorKind::Site, &error);
                for refusal in failed {
                    out.causes.push(refusal.to_string());
                    out.hints.extend(refusal.hint.clone());
                }
                out
            }
        }
    }
}

impl From<AuditError> for Error {
    fn from(error: AuditError) -> Self {
        Self::of(ErrorKind::System, &error).hinted("check the owner of the data directory and its free space")
    }
}

impl From<BadName> for Error {
    fn from(error: BadName) -> Self {
        Self::of(ErrorKind::Usage, &error)
    }
}

impl From<BadTime> for Error {
    fn from(error: BadTime) -> Self {
        Self::of(ErrorKind::Usage, &error)
    }
}

impl From<NoPlan> for Error {
    fn from(no_plan: NoPlan) -> Self {
        let kind = kind_of(&no_plan);
        let message = match kind {
            ErrorKind::Site => "no site could be asked for offers".to_owned(),
            ErrorKind::NotNow => format!("what would serve the demand is taken: {} looked at", offers(no_plan.looked)),
            _ => format!("no offer serves the demand: {} looked at", offers(no_plan.looked)),
        };
        let later =
            no_plan.earliest.map(|at| format!("it can be had from {at} on: `--start {at}`, or allow it by `--within`"));
        let mut hints: Vec<String> = later.into_iter().chain(no_plan.advice.iter().cloned()).collect();
        hints.extend(image_hint(&no_plan));
        let error = Self::new(kind, message).detailed(Details::NoPlan(Box::new(no_plan)));
        Self { hints, ..error }
    }
}

/// Where only an image is missing at the site `local`, it can be made.
fn image_hint(no_plan: &NoPlan) -> Option<String> {
    let only_image = no_plan.refusals.iter().any(|refusal| {
        refusal.site.to_string() == "local"
            && matches!(refusal.misfits.as_slice(), [misfit] if misfit.kind == MisfitKind::Image)
    });
    only_image
        .then(|| "make a base image: `hostler image build debian-12`; `hostler image ls` lists those there are".into())
}

fn offers(count: usize) -> String {
    if count == 1 { "1 offer was".to_owned() } else { format!("{count} offers were") }
}

/// Whether it is the site's fault, a matter of time, or of the demand.
fn kind_of(no_plan: &NoPlan) -> ErrorKind {
    let passes = |kind| matches!(kind, MisfitKind::Busy | MisfitKind::Maintenance | MisfitKind::Unknown);
    let mut refusals = no_plan.refusals.iter().filter(|refusal| !refusal.misfits.is_empty());
    if no_plan.looked == 0 && !no_plan.silent.is_empty() {
        ErrorKind::Site
    } else if no_plan.earliest.is_some()
        || refusals.any(|refusal| refusal.misfits.iter().all(|misfit| passes(misfit.kind)))
    {
        ErrorKind::NotNow
    } else {
        ErrorKind::NoOffer
    }
}

impl From<NoDrivers> for Error {
    fn from(error: NoDrivers) -> Self {
        Self::of(ErrorKind::Demand, &error).hinted(error.hint())
    }
}

impl From<Vec<Problem>> for Error {
    fn from(problems: Vec<Problem>) -> Self {
        let message = match problems.as_slice() {
            [only] => only.to_string(),
            many => format!("the demand can't be used: {} problems", many.len()),
        };
        Self::new(ErrorKind::Demand, message).detailed(Details::Problems(problems))
    }
}

impl From<HostError> for Error {
    fn from(error: HostError) -> Self {
        let kind = match error.kind {
            HostErrorKind::TimedOut(_) => ErrorKind::TimedOut,
            HostErrorKind::LocalFile { .. } | HostErrorKind::InvalidCommand(_) => ErrorKind::System,
            _ => ErrorKind::Site,
        };
        let hint = error.hint();
        Self::of(kind, &error).maybe_hinted(hint)
    }
}

impl From<ImageError> for Error {
    fn from(error: ImageError) -> Self {
        let kind = match &error {
            ImageError::Missing(_) | ImageError::NoRecipe(_) => ErrorKind::NotFound,
            ImageError::BadName(_) => ErrorKind::Usage,
            ImageError::Exists(_) => ErrorKind::InvalidState,
            ImageError::Digest { .. } | ImageError::BadDisk { .. } => ErrorKind::Demand,
            ImageError::Http(_) => ErrorKind::Site,
            ImageError::NoProgram { .. } | ImageError::Program { .. } | ImageError::File { .. } => ErrorKind::System,
        };
        let hint = match &error {
            ImageError::Missing(_) => Some("`hostler image ls` lists those that there are".to_owned()),
            ImageError::Exists(name) => Some(format!("remove it first: `hostler image rm {name}`")),
            ImageError::Digest { .. } => Some("get the checksum from whoever publishes the image".to_owned()),
            _ => None,
        };
        Self::of(kind, &error).maybe_hinted(hint)
    }
}

impl From<RepoError> for Error {
    fn from(error: RepoError) -> Self {
        let kind = match &error {
            RepoError::GitNotStarted(_) | RepoError::Scratch { .. } => ErrorKind::System,
            RepoError::TimedOut { .. } => ErrorKind::TimedOut,
            _ => ErrorKind::Source,
        };
        let hint = error.hint();
        Self::of(kind, &error).maybe_hinted(hint)
    }
}

impl From<FilesError> for Error {
    fn from(error: FilesError) -> Self {
        match error {
            FilesError::Directory(error) => error.into(),
            error => {
                Self::of(ErrorKind::System, &error).hinted("check the owner and the free space of the data directory")
            }
        }
    }
}

impl From<DeployError> for Error {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::Store(error) => error.into(),
            DeployError::Files(error) => error.into(),
            DeployError::Account(error) => error.into(),
            DeployError::GoingBack(ref name) => {
                let hint = format!("finish it with `hostler down {name}`");
                Self::of(ErrorKind::InvalidState, &error).hinted(hint)
            }
            DeployError::Forgets(Forgets { ref name, .. }) => Self::of(ErrorKind::IncompatibleChange, &error)
                .hinted(format!("give it back first: `hostler down {name}`")),
        }
    }
}
