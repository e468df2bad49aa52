//! `hostler availability`: free nodes, the earliest start, and the current holders.

use std::path::Path;
use std::process::ExitCode;

use hostler_core::availability::{AvailabilityError, AvailabilityQuery, AvailabilityReport, Decision, query};
use hostler_core::downgrade::Caps;
use hostler_core::filter::{BadFilter, Filter};
use hostler_core::inventory::{Feed, FeedOrigin, FeedProblem, Inventory, InventoryView, NodeState, join};
use hostler_core::name::SiteId;
use hostler_core::name::closest;
use hostler_core::time::Window;
use hostler_engine::operate::{CalendarAnswers, site_is_called, site_place};
use hostler_engine::run::unless_interrupted;
use jiff::Timestamp;

use crate::app::App;
use crate::args::AvailabilityArgs;
use crate::error::{Error, ErrorKind, Exit};
use crate::view::{self, Calendar, Picture};

/// Maximum number of problems of the input that are printed.
const SHOWN: usize = 10;

/// Shows the answer. The exit code tells whether enough nodes are free now, later, or not within the search window.
pub fn run(app: &App, args: &AvailabilityArgs) -> Result<ExitCode, Error> {
    let filter: Filter = args.filter.parse()?;
    let picture = args.plot.as_deref().map(picture).transpose()?;
    let start = args.start.unwrap_or_else(app.now);
    let window = Window::starting_at(start, args.duration).map_err(|error| Error::of(ErrorKind::Usage, &error))?;
    let data = read(app, args)?;
    let inventory = join(&data.feeds, args.padding)?;
    check_mapped(&data.feeds, &inventory)?;
    print_problems(app, &inventory);
    let sites = args.site.iter().map(|name| data.site_id(name, &inventory)).collect();
    let (amount, within) = (args.amount, args.within);
    let question = AvailabilityQuery { sites, filter, window, amount, within, caps: Caps::default() };
    let answer = query(&inventory, &question)?;
    if let Some(file) = &args.write {
        write_view(app, file, &InventoryView::new(&inventory, data.at, data.origin))?;
    }
    let calendar = Calendar::new(&inventory, &question, answer.earliest);
    if let Some((file, picture)) = picture {
        app.settings.write_file(file, |writer| writer.write_all(calendar.draw(picture).as_bytes()))?;
    }
    let age = (app.now)().duration_since(data.at);
    app.emit(&answer, |width| view::availability(&answer, &question, age, width))?;
    if args.calendar {
        app.show(|width| calendar.text(width));
    }
    Ok(ExitCode::from(exit(&answer).code()))
}

fn exit(answer: &AvailabilityReport) -> Exit {
    match answer.decision {
        Decision::Now | Decision::SiteChange => Exit::Done,
        Decision::TimeShift => Exit::NotNow,
        Decision::None => Exit::Unavailable,
    }
}

/// Inventory data, its age and its origin.
struct InventoryData {
    feeds: Vec<Feed>,
    /// The time of the data.
    at: Timestamp,
    origin: FeedOrigin,
    /// The sites that were queried. Empty if files were read.
    queried: Vec<SiteId>,
}

impl InventoryData {
    /// Name of a site in the inventory: `uc` for `chameleon/uc`. If only one site was queried and its nodes use another
    /// name than the configuration, theirs.
    fn site_id(&self, name: &str, inventory: &Inventory<'_>) -> String {
        let place = self.queried.iter().find(|site| site_is_called(site, name)).map(site_place);
        match (inventory.sites.as_slice(), place) {
            ([only], Some(place)) if self.queried.len() == 1 && *only.id != *place => only.id.to_string(),
            (_, place) => place.unwrap_or_else(|| name.to_owned()),
        }
    }
}

fn read(app: &App, args: &AvailabilityArgs) -> Result<InventoryData, Error> {
    let Some(directory) = &args.from else { return live(app, &args.site) };
    if args.refresh {
        refresh(app, directory, &args.site)?;
    }
    let mut saved = app.settings.read_feed(directory)?;
    if let [only] = args.site.as_slice() {
        saved.feed.site = Some(only.clone());
    }
    Ok(InventoryData {
        feeds: vec![saved.feed],
        at: saved.at,
        origin: FeedOrigin::AllocationsFile,
        queried: Vec::new(),
    })
}

/// Replaces the files of a directory by the current data of one site.
fn refresh(app: &App, directory: &Path, sites: &[String]) -> Result<(), Error> {
    let [site] = sites else {
        let error = Error::new(ErrorKind::Usage, "a directory holds the data of one site, but several sites are named");
        return Err(error.hinted("name one `--site` per directory"));
    };
    let data = live(app, std::slice::from_ref(site))?;
    // Data that can't be joined must not replace usable files.
    join(&data.feeds, jiff::SignedDuration::ZERO)?;
    data.feeds.iter().try_for_each(|feed| app.settings.replace_feed(directory, feed))
}

/// Queries the sites in parallel.
fn live(app: &App, names: &[String]) -> Result<InventoryData, Error> {
    let answers =
        app.operate(async |operator, interrupts| Ok(unless_interrupted(interrupts, operator.calendars(names)).await?))?;
    let CalendarAnswers { feeds, sites } = answers;
    Ok(InventoryData { feeds, at: (app.now)(), origin: FeedOrigin::AllocationsApi, queried: sites })
}

/// Fails if no host is mapped to a node: every node would be unknown, because a file is missing.
fn check_mapped(feeds: &[Feed], inventory: &Inventory<'_>) -> Result<(), Error> {
    let has_map = feeds.iter().any(|feed| feed.hosts.is_some() || feed.resource_map.is_some());
    if has_map || inventory.nodes().any(|(_, node)| node.state != NodeState::Unmapped) {
        return Ok(());
    }
    let error =
        Error::new(ErrorKind::Inventory, "neither `hosts.json` nor `resource_map.json` exists, and no host is a node");
    Err(error.hinted("create it with `openstack reservation host list -f json > hosts.json`"))
}

fn print_problems(app: &App, inventory: &Inventory<'_>) {
    // Memory written as text matters only if the filter asks about memory; the answer has a note then.
    let matters = |problem: &&FeedProblem| !matches!(problem, FeedProblem::MemoryInWords { .. });
    let problems: Vec<&FeedProblem> = inventory.problems.iter().filter(matters).collect();
    for problem in problems.iter().take(SHOWN) {
        app.printer.say(&format!("warning: {problem}"));
    }
    if problems.len() > SHOWN {
        let more = problems.len() - SHOWN;
        app.printer.say(&format!("warning: {more} more problems; `--write FILE` lists all"));
    }
    if !inventory.unmatched.is_empty() {
        let hosts = view::plural(inventory.unmatched.len(), "host");
        app.printer.say(&format!(
            "warning: {hosts} with allocations could not be matched to a node; `--write FILE` lists them"
        ));
    }
}

fn write_view(app: &App, file: &Path, view: &InventoryView<'_, '_>) -> Result<(), Error> {
    app.settings.write_file(file, |writer| serde_json::to_writer(writer, view).map_err(Into::into))
}

/// The format of a drawing, by the extension of its file.
fn picture(file: &Path) -> Result<(&Path, Picture), Error> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Ok((file, Picture::Svg)),
        Some("html" | "htm") => Ok((file, Picture::Html)),
        _ => {
            let error = Error::new(ErrorKind::Usage, format!("`{}` has no supported picture format", file.display()));
            Err(error.hinted("use a name that ends in `.svg` or `.html`"))
        }
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
            None => {
                format!("known sites: {}", known.iter().map(|site| format!("`{site}`")).collect::<Vec<_>>().join(", "))
            }
        };
        Self::of(ErrorKind::Usage, &error).hinted(hint)
    }
}

#[cfg(test)]
mod tests {
    use hostler_core::inventory::Document;

    use super::*;

    /// `queried`: sites of the configuration; `nodes_of`: sites of the nodes in their answer.
    fn site_id(name: &str, queried: &[&str], nodes_of: &[&str]) -> String {
        let node =
            |site: &&str| format!(r#"{{"uid": "u-{site}", "links": [{{"href": "/sites/{site}/clusters/main"}}]}}"#);
        let nodes = nodes_of.iter().map(|site| Document::new("nodes", node(site))).collect();
        let feeds = [Feed { nodes, ..Feed::default() }];
        let inventory = join(&feeds, jiff::SignedDuration::ZERO).unwrap();
        let queried = queried.iter().map(|site| site.parse().unwrap()).collect();
        let origin = FeedOrigin::AllocationsApi;
        let data = InventoryData { feeds: Vec::new(), at: Timestamp::UNIX_EPOCH, origin, queried };
        data.site_id(name, &inventory)
    }

    #[test]
    fn a_site_is_found_by_the_users_name_for_it() {
        assert_eq!(site_id("chameleon/uc", &["chameleon/uc", "chameleon/tacc"], &["uc", "tacc"]), "uc");
        assert_eq!(site_id("uc", &["chameleon/uc", "chameleon/tacc"], &["uc", "tacc"]), "uc");
        assert_eq!(site_id("chi-uc", &["chameleon/chi-uc"], &["uc"]), "uc");
        assert_eq!(site_id("openstack", &["openstack"], &["unknown"]), "unknown");
        assert_eq!(site_id("uc", &[], &["uc", "tacc"]), "uc");
    }
}
