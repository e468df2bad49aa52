//! `hostler availability`: what can be had when, and who holds it.

use std::path::Path;
use std::process::ExitCode;

use hostler_core::availability::{AvailabilityError, AvailabilityQuery, AvailabilityReport, Decision, query};
use hostler_core::downgrade::Caps;
use hostler_core::filter::{BadFilter, Filter};
use hostler_core::inventory::{Feed, FeedOrigin, FeedProblem, Inventory, NodeState, View, join};
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

/// How many things that make no sense are told one by one.
const TOLD: usize = 10;

/// Shows what can be had; the exit code says whether it is at once, later, or never.
pub fn run(app: &App, args: &AvailabilityArgs) -> Result<ExitCode, Error> {
    let filter: Filter = args.filter.parse()?;
    let picture = args.plot.as_deref().map(picture).transpose()?;
    let start = args.start.unwrap_or_else(app.now);
    let window = Window::starting_at(start, args.duration).map_err(|error| Error::of(ErrorKind::Usage, &error))?;
    let heard = hear(app, args)?;
    let inventory = join(&heard.feeds, args.padding)?;
    check_mapped(&heard.feeds, &inventory)?;
    tell_problems(app, &inventory);
    let sites = args.site.iter().map(|name| heard.site_id(name, &inventory)).collect();
    let (amount, within) = (args.amount, args.within);
    let question = AvailabilityQuery { sites, filter, window, amount, within, caps: Caps::default() };
    let answer = query(&inventory, &question)?;
    if let Some(file) = &args.write {
        write_view(app, file, &View::new(&inventory, heard.at, heard.origin))?;
    }
    let calendar = Calendar::new(&inventory, &question, answer.earliest);
    if let Some((file, picture)) = picture {
        app.settings.write_file(file, |writer| writer.write_all(calendar.draw(picture).as_bytes()))?;
    }
    let age = (app.now)().duration_since(heard.at);
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

/// What was heard, of whom, and when.
struct Heard {
    feeds: Vec<Feed>,
    at: Timestamp,
    origin: FeedOrigin,
    /// The sites that were asked, by their whole names.
    asked: Vec<SiteId>,
}

impl Heard {
    /// A site's name within the inventory: `uc`, also where it was called `chameleon/uc`, or where the user's own name
    /// for the only site that was asked is another one than its nodes have.
    fn site_id(&self, name: &str, inventory: &Inventory<'_>) -> String {
        let asked = self.asked.iter().find(|site| site_is_called(site, name)).map(site_place);
        match (inventory.sites.as_slice(), asked) {
            ([only], Some(place)) if self.asked.len() == 1 && *only.id != *place => only.id.to_string(),
            (_, asked) => asked.unwrap_or_else(|| name.to_owned()),
        }
    }
}

fn hear(app: &App, args: &AvailabilityArgs) -> Result<Heard, Error> {
    let Some(folder) = &args.from else { return live(app, &args.site) };
    if args.refresh {
        refresh(app, folder, &args.site)?;
    }
    let mut read = app.settings.read_feed(folder)?;
    if let [only] = args.site.as_slice() {
        read.feed.site = Some(only.clone());
    }
    Ok(Heard { feeds: vec![read.feed], at: read.at, origin: FeedOrigin::AllocationsFile, asked: Vec::new() })
}

/// Replaces the files of a folder by what a site says, if that is whole.
fn refresh(app: &App, folder: &Path, sites: &[String]) -> Result<(), Error> {
    let [site] = sites else {
        let error = Error::new(ErrorKind::Usage, "a folder holds what one site says, and several are named");
        return Err(error.hinted("name one `--site` and one folder at a time"));
    };
    let heard = live(app, std::slice::from_ref(site))?;
    // What can't be joined would be no better than what is there.
    join(&heard.feeds, jiff::SignedDuration::ZERO)?;
    heard.feeds.iter().try_for_each(|feed| app.settings.replace_feed(folder, feed))
}

/// Queries the sites, side by side.
fn live(app: &App, names: &[String]) -> Result<Heard, Error> {
    let answers =
        app.operate(async |operator, interrupts| Ok(unless_interrupted(interrupts, operator.calendars(names)).await?))?;
    let CalendarAnswers { feeds, sites } = answers;
    Ok(Heard { feeds, at: (app.now)(), origin: FeedOrigin::AllocationsApi, asked: sites })
}

/// Without any map from hosts to nodes nothing is known, and the reason is a missing file.
fn check_mapped(feeds: &[Feed], inventory: &Inventory<'_>) -> Result<(), Error> {
    let has_map = feeds.iter().any(|feed| feed.hosts.is_some() || feed.resource_map.is_some());
    if has_map || inventory.nodes().any(|(_, node)| node.state != NodeState::Unmapped) {
        return Ok(());
    }
    let error = Error::new(
        ErrorKind::Inventory,
        "there is neither `hosts.json` nor `resource_map.json`, and no host is a node",
    );
    Err(error.hinted("`openstack reservation host list -f json` lists the hosts"))
}

fn tell_problems(app: &App, inventory: &Inventory<'_>) {
    // Words about memory matter where memory is asked for, and the answer says so then.
    let matters = |problem: &&FeedProblem| !matches!(problem, FeedProblem::MemoryInWords { .. });
    let problems: Vec<&FeedProblem> = inventory.problems.iter().filter(matters).collect();
    for problem in problems.iter().take(TOLD) {
        app.printer.say(&format!("warning: {problem}"));
    }
    if problems.len() > TOLD {
        let more = problems.len() - TOLD;
        app.printer.say(&format!("warning: and {more} more like these: `--write FILE` lists them all"));
    }
    if !inventory.unmatched.is_empty() {
        let hosts = view::plural(inventory.unmatched.len(), "host");
        app.printer.say(&format!("warning: {hosts} with allocations belong to no node: `--write FILE` lists them"));
    }
}

fn write_view(app: &App, file: &Path, view: &View<'_, '_>) -> Result<(), Error> {
    app.settings.write_file(file, |writer| serde_json::to_writer(writer, view).map_err(Into::into))
}

/// What is drawn into a file, by its name.
fn picture(file: &Path) -> Result<(&Path, Picture), Error> {
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("svg") => Ok((file, Picture::Svg)),
        Some("html" | "htm") => Ok((file, Picture::Html)),
        _ => {
            let error =
                Error::new(ErrorKind::Usage, format!("`{}` is no kind of picture that is drawn here", file.display()));
            Err(error.hinted("end its name in `.svg` or `.html`"))
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
                format!("there are: {}", known.iter().map(|site| format!("`{site}`")).collect::<Vec<_>>().join(", "))
            }
        };
        Self::of(ErrorKind::Usage, &error).hinted(hint)
    }
}

#[cfg(test)]
mod tests {
    use hostler_core::inventory::Document;

    use super::*;

    /// Nodes of these sites, asked of sites that are configured so.
    fn site_id(name: &str, asked: &[&str], nodes_of: &[&str]) -> String {
        let node =
            |site: &&str| format!(r#"{{"uid": "u-{site}", "links": [{{"href": "/sites/{site}/clusters/main"}}]}}"#);
        let nodes = nodes_of.iter().map(|site| Document::new("nodes", node(site))).collect();
        let feeds = [Feed { nodes, ..Feed::default() }];
        let inventory = join(&feeds, jiff::SignedDuration::ZERO).unwrap();
        let asked = asked.iter().map(|site| site.parse().unwrap()).collect();
        let heard = Heard { feeds: Vec::new(), at: Timestamp::UNIX_EPOCH, origin: FeedOrigin::AllocationsApi, asked };
        heard.site_id(name, &inventory)
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
