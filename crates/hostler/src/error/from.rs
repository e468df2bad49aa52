//! Conversion of other crates' errors: kind, causes and hints.

use hostler_core::availability::AvailabilityError;
use hostler_core::demand::diagnostic::Diagnostic;
use hostler_core::filter::BadFilter;
use hostler_core::inventory::BadFeed;
use hostler_core::journal::{RemainingResource, UnaccountedResources};
use hostler_core::name::{BadName, Name, closest};
use hostler_core::plan::{MisfitKind, NoPlan, ResourceKind, UnsupportedDrivers};
use hostler_core::ports::{Remedy, SiteError};
use hostler_core::time::BadTime;
use hostler_engine::account::AccountError;
use hostler_engine::audit::AuditError;
use hostler_engine::deploy::{DeployError, FilesError, NotReached};
use hostler_engine::host::{HostError, HostErrorKind};
use hostler_engine::keep::KeepError;
use hostler_engine::operate::{Ended, OperateError};
use hostler_engine::repo::RepoError;
use hostler_engine::run::{Interrupted, RunOutcome};
use hostler_engine::store::StoreError;
use hostler_providers::image::ImageError;

use super::{Details, Error, ErrorKind};
use crate::view::advice;

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let (kind, hint) = match &error {
            StoreError::Busy { name, .. } => {
                (ErrorKind::Busy, format!("wait until it ends; `hostler status {name}` shows its progress"))
            }
            StoreError::Vanished(name) => (ErrorKind::System, format!("check its state: `hostler status {name}`")),
            StoreError::NameTaken(name) => {
                (ErrorKind::InvalidState, format!("see `hostler status {name}`, or choose another name"))
            }
            StoreError::Version { .. } => {
                (ErrorKind::System, "use the newest version of hostler that has used this data directory".to_owned())
            }
            StoreError::Files { .. } | StoreError::Database { .. } => {
                (ErrorKind::System, "check the directory's owner and free space, or set HOSTLER_DATA_DIR".to_owned())
            }
            StoreError::IllegalEntry { name, .. } => (
                ErrorKind::System,
                format!(
                    "this is a bug in hostler: please report it with the output of `hostler status {name} -o json`"
                ),
            ),
            StoreError::Damaged { .. } => (
                ErrorKind::System,
                "keep a copy of the file; `hostler sweep` lists the remaining resources at the sites, and `hostler sweep --ticket \
                 TICKET` deletes them"
                    .to_owned(),
            ),
        };
        Self::of(kind, &error).hinted(hint)
    }
}

impl From<BadFeed> for Error {
    fn from(error: BadFeed) -> Self {
        let hint = match &error {
            BadFeed::CutOff { .. } | BadFeed::Empty { .. } => "the file is incomplete: fetch it again",
            BadFeed::Unreadable { .. } => "the file must be JSON from the site's API or from `openstack … -f json`",
            BadFeed::Nothing { .. } => "check that it is the right file",
        };
        Self::of(ErrorKind::Inventory, &error).hinted(hint)
    }
}

impl From<BadFilter> for Error {
    fn from(error: BadFilter) -> Self {
        let hint = error.hint.clone();
        Self::of(ErrorKind::Usage, &error).maybe_hinted(hint)
    }
}

impl From<AvailabilityError> for Error {
    fn from(error: AvailabilityError) -> Self {
        let AvailabilityError::UnknownSite { site, known } = &error;
        let hint = match closest(site, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known sites: {}", listed(known.iter().map(|site| format!("`{site}`")))),
        };
        Self::of(ErrorKind::Usage, &error).hinted(hint)
    }
}

impl From<SiteError> for Error {
    fn from(error: SiteError) -> Self {
        let hint = match (&error.hint, error.remedy) {
            (Some(hint), _) => hint.clone(),
            (None, Remedy::Ask) => format!("check the site's configuration: `hostler check {}`", error.site),
            (None, _) => format!("check the site: `hostler check {}`", error.site),
        };
        Self::of(ErrorKind::Site, &error).hinted(hint)
    }
}

impl From<AccountError> for Error {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Site(source) => source.into(),
            AccountError::DifferentAccount { .. } => Self::of(ErrorKind::WrongAccount, &error)
                .hinted("use the credentials that created it: set `OS_CLOUD`, or source the other openrc file"),
        }
    }
}

impl From<KeepError> for Error {
    fn from(error: KeepError) -> Self {
        match error {
            KeepError::Store(error) => error.into(),
            KeepError::Account(error) => error.into(),
            KeepError::EarlierEnd { ref name, .. } => {
                let hint = format!("an end can only be moved later; to end it now: `hostler down {name}`");
                Self::of(ErrorKind::Usage, &error).hinted(hint)
            }
            KeepError::LeaseTooShort { ref lease, .. } => Self::of(ErrorKind::InvalidState, &error).hinted(format!(
                "extend the lease first: with `hostler lease extend` if a deployment created it, else ask its owner, whom \
                 `hostler lease show {lease}` names"
            )),
            KeepError::LeaseMissing { ref name, .. } => Self::of(ErrorKind::InvalidState, &error)
                .hinted(format!("its machines were deleted with the lease; `hostler down {name}` deletes the rest")),
            KeepError::LeaseEndUnknown { ref source, .. } => {
                let hint = source.hint.clone();
                Self::of(ErrorKind::Site, &error).maybe_hinted(hint)
            }
            KeepError::EndInPast { .. } => {
                Self::of(ErrorKind::Usage, &error).hinted("name a later time, or a duration such as `4h`")
            }
            KeepError::LeaseNeedsEnd { .. } => {
                Self::of(ErrorKind::Usage, &error).hinted("name a later time (`--until`), or a duration such as `4h`")
            }
            KeepError::LeaseNotExtended { ref source, .. } => {
                let mut out = Self::of(ErrorKind::Site, &error);
                out.causes.push(source.to_string());
                out.hints.extend(source.hint.clone());
                out
            }
            KeepError::SiteNotConfigured { .. } => Self::of(ErrorKind::Config, &error)
                .hinted("configure the site again: the deployment has machines there"),
            KeepError::PowerFailed { ref failed, .. } => {
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
            ErrorKind::Site => "no site could be reached for offers".to_owned(),
            ErrorKind::NotNow => {
                format!("matching offers exist, but none is free ({} checked)", no_plan.offers_checked)
            }
            _ => format!("no matching offer ({} checked)", no_plan.offers_checked),
        };
        let later = no_plan.earliest.map(|at| format!("available from {at}: pass `--start {at}`, or `--within`"));
        let mut hints: Vec<String> = later.into_iter().chain(no_plan.advice.iter().map(advice)).collect();
        hints.extend(image_hint(&no_plan));
        let error = Self::new(kind, message).detailed(Details::NoPlan(Box::new(no_plan)));
        Self { hints, ..error }
    }
}

/// Advice if only the image is missing at a site that accepts the user's own images.
fn image_hint(no_plan: &NoPlan) -> Option<String> {
    (!no_plan.image_missing_at.is_empty())
        .then(|| "build a base image: `hostler image build debian-12`; `hostler image ls` lists existing ones".into())
}

/// `Site` if no site was reachable, `NotNow` if time alone can help, else `NoOffer`.
fn kind_of(no_plan: &NoPlan) -> ErrorKind {
    let passes = |kind| matches!(kind, MisfitKind::Busy | MisfitKind::Maintenance | MisfitKind::Unknown);
    let mut rejections = no_plan.rejections.iter().filter(|refusal| !refusal.misfits.is_empty());
    if no_plan.offers_checked == 0 && !no_plan.unreachable.is_empty() {
        ErrorKind::Site
    } else if no_plan.earliest.is_some()
        || rejections.any(|refusal| refusal.misfits.iter().all(|misfit| passes(misfit.kind)))
    {
        ErrorKind::NotNow
    } else {
        ErrorKind::NoOffer
    }
}

impl From<UnsupportedDrivers> for Error {
    fn from(error: UnsupportedDrivers) -> Self {
        Self::of(ErrorKind::Demand, &error).hinted(error.hint())
    }
}

impl From<Vec<Diagnostic>> for Error {
    fn from(problems: Vec<Diagnostic>) -> Self {
        let message = match problems.as_slice() {
            [only] => only.to_string(),
            many => format!("the demand has {} problems", many.len()),
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
            ImageError::Missing(_) => Some("`hostler image ls` lists existing images".to_owned()),
            ImageError::Exists(name) => Some(format!("delete it first: `hostler image rm {name}`")),
            ImageError::Digest { .. } => Some("compare with the checksum that the image's publisher lists".to_owned()),
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
            DeployError::BeingDeleted(ref name) => {
                let hint = format!("finish it with `hostler down {name}`");
                Self::of(ErrorKind::InvalidState, &error).hinted(hint)
            }
            DeployError::UnaccountedResources(UnaccountedResources { ref name, .. }) => {
                Self::of(ErrorKind::IncompatibleChange, &error)
                    .hinted(format!("bring it down first: `hostler down {name}`"))
            }
        }
    }
}

impl From<Interrupted> for Error {
    fn from(error: Interrupted) -> Self {
        Self::of(ErrorKind::Interrupted, &error)
    }
}

impl From<OperateError> for Error {
    fn from(error: OperateError) -> Self {
        use OperateError as E;
        match error {
            E::Store(error) => error.into(),
            E::Site(error) => error.into(),
            E::Account(error) => error.into(),
            E::Keep(error) => error.into(),
            E::Deploy(error) => error.into(),
            E::Files(error) => error.into(),
            E::NoPlan(error) => error.into(),
            E::UnsupportedDrivers(error) => error.into(),
            E::Name(error) => error.into(),
            E::Time(error) => error.into(),
            E::Repo(error) => error.into(),
            E::Host(error) => error.into(),
            E::Feed(error) => error.into(),
            E::Audit(error) => error.into(),
            E::Availability(error) => error.into(),
            E::Problems(problems) => problems.into(),
            E::Interrupted(error) => error.into(),
            E::UnknownTarget { ref source, .. } => {
                let hints = Self::without_source(&error);
                match &**source {
                    E::Repo(repo) => hints.caused_by(repo),
                    source => hints.caused_by(source),
                }
            }
            E::Ended(ended) => (*ended).into(),
            E::Leaving { deployment, left, failure } => leaving(&deployment, left, (*failure).into()),
            E::Several { .. } | E::Many(_) | E::Undeleted(_) => several(error),
            E::MaybeElsewhere { ref unreachable, .. } => {
                let mut out = Self::of(ErrorKind::Site, &error);
                out.causes.extend(unreachable.iter().map(ToString::to_string));
                out.hints.extend(unreachable.iter().filter_map(|error| error.hint.clone()));
                out.hinted("search only the other sites: `--site SITE`")
            }
            E::NeedsOtherMachines { ref deployment, ref changes } => {
                let mut out = Self::of(ErrorKind::IncompatibleChange, &error).hinted(format!(
                    "bring it down first (`hostler down {deployment}`), or choose another name (`--name`)"
                ));
                out.causes.extend(changes.iter().map(ToString::to_string));
                out
            }
            E::Unread { ref deployment, source } => {
                let outer =
                    Self::new(ErrorKind::Stuck, format!("`{deployment}` was created, but could not be read back"));
                let inner = Self::from(*source);
                Self { kind: inner.kind, ..outer }.and(inner)
            }
            error => Self::of(kind_of_operation(&error), &error).maybe_hinted(hint_of(&error)),
        }
    }
}

impl Error {
    fn without_source(error: &OperateError) -> Self {
        Self::new(kind_of_operation(error), error.to_string()).maybe_hinted(hint_of(error))
    }
}

/// The kind of an error that has no source with a kind of its own.
fn kind_of_operation(error: &OperateError) -> ErrorKind {
    use OperateError as E;
    match error {
        E::Declined => ErrorKind::Declined,
        E::Unconfirmed => ErrorKind::Unconfirmed,
        E::UnknownDeployment { .. }
        | E::UnknownSite { .. }
        | E::UnknownMachine { .. }
        | E::UnknownPhase { .. }
        | E::UnknownStep { .. }
        | E::UnknownResource { .. }
        | E::UnknownTicket(_)
        | E::NotAudited { .. } => ErrorKind::NotFound,
        E::UnknownTarget { .. } | E::Source(_) => ErrorKind::Source,
        E::LiveTarget(_)
        | E::AmbiguousSite { .. }
        | E::AmbiguousResource { .. }
        | E::BadPhase(_)
        | E::NoPhase { .. }
        | E::NoCalendars
        | E::NoPool(_)
        | E::KeyExists(_) => ErrorKind::Usage,
        E::NoSites | E::NoCalendar { .. } | E::OtherKey { .. } | E::UnusableKey { .. } => ErrorKind::Config,
        E::Unlisted { .. } => ErrorKind::Site,
        E::NoHostMap => ErrorKind::Inventory,
        E::MissingSecret { .. } => ErrorKind::Demand,
        E::Stale { .. } | E::Applied { .. } => ErrorKind::Stale,
        E::LaterStart { .. } | E::LeaseNotBegun { .. } => ErrorKind::NotNow,
        E::LeaseTimedOut { .. } => ErrorKind::TimedOut,
        E::NoHostMatches { .. } | E::NoMatchingMachines { .. } | E::LeaseFull { .. } => ErrorKind::NoOffer,
        E::NotReached { reason, .. } => match reason {
            NotReached::PoweredOff(_) | NotReached::NeverReached(_) => ErrorKind::InvalidState,
            NotReached::BadHostKey(..) | NotReached::Files(_) => ErrorKind::System,
        },
        E::NoMachines { .. }
        | E::NoMachine { .. }
        | E::NoEnd { .. }
        | E::NeededByDeployment { .. }
        | E::Orphaned { .. }
        | E::NotOwned { .. }
        | E::LeaseUnreported { .. }
        | E::LeaseInactive { .. } => ErrorKind::InvalidState,
        E::Vanished { .. } | E::LeaseShort { .. } | E::NotBegun(_) => ErrorKind::Stuck,
        _ => ErrorKind::System,
    }
}

/// The hint of an error that has no source with a hint of its own.
fn hint_of(error: &OperateError) -> Option<String> {
    use OperateError as E;
    let near = |nearest: &Option<String>, otherwise: &str| match nearest {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => otherwise.to_owned(),
    };
    let hint = match error {
        E::Unconfirmed => "standard input is not a terminal: add `--yes`".to_owned(),
        E::UnknownDeployment { nearest, .. } => near(nearest, "`hostler ls` lists the deployments"),
        E::UnknownTarget { nearest: Some(nearest), .. } => format!("did you mean `{nearest}`?"),
        E::UnknownTarget { .. } => "name a demand file (`.yaml`), a directory, a git URL or a deployment".to_owned(),
        E::LiveTarget(_) => "name its demand file or repository instead".to_owned(),
        E::NoSites => "enable the site `local`: set `enabled = true` under `[local]` in the configuration".to_owned(),
        E::UnknownSite { configured, .. } | E::AmbiguousSite { configured, .. } if configured.is_empty() => {
            "no such site is configured; a cloud is configured by its credentials in `clouds.yaml` or an openrc file"
                .to_owned()
        }
        E::UnknownSite { configured, .. } | E::AmbiguousSite { configured, .. } => format!(
            "configured: {}; a cloud is configured by its credentials in `clouds.yaml` or an openrc file",
            listed(configured.iter().map(|site| format!("`{site}`")))
        ),
        E::NoCalendar { site } => format!("check the site: `hostler check {site}`"),
        E::NoCalendars => "`--from DIR` reads files instead".to_owned(),
        E::NotAudited { .. } => "`hostler audit` shows all entries".to_owned(),
        E::NoHostMap => "create it with `openstack reservation host list -f json > hosts.json`".to_owned(),
        E::MissingSecret { name } => format!("set it in your environment first: `read -rs {name} && export {name}`"),
        E::Stale { .. } => "create a new plan: `hostler plan`".to_owned(),
        E::Applied { deployment, .. } => format!("continue its deployment: `hostler up {deployment}`"),
        E::LaterStart { .. } => "accept the later start: `--allow-shift`".to_owned(),
        E::NoMachines { deployment, planned: true } => format!("`hostler up {deployment}` launches them"),
        E::UnknownMachine { nearest, machines, .. } => near(nearest, &format!("it has: {}", machines.join(", "))),
        E::NotReached { deployment, reason: NotReached::PoweredOff(_) } => {
            format!("start it with `hostler start {deployment}`")
        }
        E::NotReached { deployment, reason: NotReached::NeverReached(_) } => {
            format!("continue with `hostler up {deployment}`")
        }
        E::UnknownPhase { phases, .. } => format!("it has {}", listed(phases.iter().map(|phase| format!("`{phase}`")))),
        E::NoPhase { .. } => "`--only`, `--from` and `--skip` together select nothing".to_owned(),
        E::UnknownStep { deployment, nearest, .. } => {
            near(nearest, &format!("`hostler status {deployment}` lists its steps"))
        }
        E::NoEnd { .. } => "set one with `--until TIME`".to_owned(),
        E::UnknownResource { nearest, kind, .. } => {
            near(nearest, &format!("`hostler {} ls --all` lists them", verb_of(*kind)))
        }
        E::AmbiguousResource { ids, .. } => {
            format!("name one by its id: {}", listed(ids.iter().map(|id| format!("`{id}`"))))
        }
        E::NeededByDeployment { deployment, .. } => format!("bring all of it down: `hostler down {deployment}`"),
        E::Orphaned { .. } => "`hostler sweep` deletes orphaned resources".to_owned(),
        E::NotOwned { ticketed: true, .. } => {
            "its deployment is unknown to this computer; `hostler sweep --ticket TICKET` deletes it".to_owned()
        }
        E::NotOwned { .. } => "only its owner can delete it, with `openstack` or the site's web interface".to_owned(),
        E::NoPool(_) => {
            "name the external network: `--pool NETWORK`; `hostler network ls --all` lists the networks".to_owned()
        }
        E::LeaseNotBegun { lease, .. } => format!("wait until it begins: `hostler lease wait {lease}`"),
        E::LeaseInactive { .. } => "`hostler lease ls --all` lists leases and their states".to_owned(),
        E::LeaseTimedOut { lease, .. } => format!("see its state: `hostler lease show {lease}`"),
        E::NoMatchingMachines { site } => format!("`hostler availability --site {site}` lists its nodes"),
        E::NoHostMatches { .. } => {
            "try a wider filter; `hostler availability --filter FILTER` counts matching nodes".to_owned()
        }
        E::OtherKey { .. } => "name the file of its private key: `--key-path`".to_owned(),
        E::KeyExists(_) => "name a new file, or use the existing key without `--create-key`".to_owned(),
        E::KeyDirectory { .. } => "name another file for the key: `--key-path`".to_owned(),
        E::KeyCopy { key, .. } => format!("copy the key from `{}`", key.display()),
        E::File { .. } => "check its owner and the free space, or set HOSTLER_DATA_DIR".to_owned(),
        _ => return None,
    };
    Some(hint)
}

fn verb_of(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Keypair => "key",
        ResourceKind::Lease => "lease",
        ResourceKind::Network => "network",
        ResourceKind::Address => "ip",
        ResourceKind::Machine | ResourceKind::Volume => "server",
    }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// The error of a failure or interrupt after which resources remain. They are listed, because they may cost money.
fn leaving(deployment: &Name, left: Vec<RemainingResource>, failure: Error) -> Error {
    let kind = if failure.kind == ErrorKind::Interrupted { ErrorKind::Halted } else { ErrorKind::Stuck };
    Error { kind, ..failure }
        .hinted(format!(
            "inspect it with `hostler status {deployment}`, or bring it down with `hostler down {deployment}`"
        ))
        .detailed(Details::Remains { failed: Vec::new(), left })
}

impl From<Ended> for Error {
    fn from(ended: Ended) -> Self {
        let (message, name, failed) = (ended.to_string(), &ended.name, ended.failed().to_vec());
        let next = match ended.rolling_back {
            true => format!("delete the rest with `hostler down {name}`"),
            false => format!("continue with `hostler up {name}`, or bring it down with `hostler down {name}`"),
        };
        let remains = |failed| Details::Remains { failed, left: ended.left.clone() };
        match &ended.outcome {
            RunOutcome::Ready { .. } => Self::new(ErrorKind::RunFailed, message)
                .hinted(format!("full output: `hostler logs {name}`; log in: `hostler ssh {name}`"))
                .hinted(format!("run it again with `hostler up {name}`, or bring it down with `hostler down {name}`"))
                .detailed(remains(failed)),
            RunOutcome::RolledBack { interrupted: true, .. } => Self::new(ErrorKind::Interrupted, message),
            RunOutcome::RolledBack { .. } => {
                Self::new(ErrorKind::RolledBack, message).detailed(Details::Remains { failed, left: Vec::new() })
            }
            RunOutcome::Stuck { .. } => Self::new(ErrorKind::Stuck, message).hinted(next).detailed(remains(failed)),
            RunOutcome::Interrupted { .. } => {
                Self::new(ErrorKind::Halted, message).hinted(next).detailed(remains(Vec::new()))
            }
            RunOutcome::Down => Self::new(ErrorKind::InvalidState, message),
        }
    }
}

/// One error for several failures, all of which are reported. The most severe one decides the exit code of deployments, the
/// first one of others.
fn several(error: OperateError) -> Error {
    match error {
        OperateError::Several { done, failed } => {
            let count = (failed.len(), failed.len() + done.len());
            let failed: Vec<(Name, Error)> = failed.into_iter().map(|(name, error)| (name, error.into())).collect();
            let kind = failed.iter().map(|(_, error)| error.kind).max_by_key(|kind| kind.severity());
            let message = format!("{} of {} deployments were not brought down", count.0, count.1);
            let error = Error::new(kind.unwrap_or(ErrorKind::Stuck), message);
            error.detailed(Details::Each { down: done, failed })
        }
        OperateError::Many(errors) => {
            let mut errors = errors.into_iter().map(Error::from);
            match errors.next() {
                Some(first) => errors.fold(first, Error::and),
                None => Error::new(ErrorKind::System, "failed without a reason"),
            }
        }
        OperateError::Undeleted(ref failed) => {
            let mut out = Error::of(ErrorKind::Stuck, &error);
            for (orphan, refusal) in failed {
                let resource = &orphan.resource;
                out.causes
                    .push(format!("the {} `{}` at `{}`: {refusal}", resource.kind, resource.reference, orphan.site));
                out.hints.extend(refusal.hint.clone());
            }
            out.hints.dedup();
            out
        }
        error => Error::of(ErrorKind::System, &error),
    }
}
