//! `hostler availability`: free nodes, the earliest start, and the current holders.

use std::path::Path;
use std::process::ExitCode;

use hostler_core::availability::{AvailabilityReport, Decision};
use hostler_core::filter::Filter;
use hostler_core::inventory::{FeedProblem, Inventory, InventoryView};
use hostler_core::time::Window;
use hostler_engine::operate::{AvailabilityAnswer, AvailabilityRequest, AvailabilitySource, Operator};
use hostler_engine::run::unless_interrupted;
use hostler_engine::sites::Sites;

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
    let request = AvailabilityRequest {
        sites: args.site.clone(),
        filter,
        window,
        amount: args.amount,
        within: args.within,
        padding: args.padding,
        source: source(app, args)?,
    };
    let answer = match request.source {
        AvailabilitySource::Calendars => app.operate(async |operator, interrupts| {
            Ok(unless_interrupted(interrupts, operator.availability(request)).await?)
        })?,
        // Saved data needs no site, so that a site with an invalid configuration does not matter.
        AvailabilitySource::Saved { .. } => {
            let operator = Operator::new(Sites::new(), &app.settings.data_dir);
            app.block_on(async { Ok(operator.availability(request).await?) })?
        }
    };
    print_problems(app, &answer);
    show(app, args, picture, &answer)?;
    Ok(ExitCode::from(exit(&answer.report).code()))
}

fn exit(report: &AvailabilityReport) -> Exit {
    match report.decision {
        Decision::Now | Decision::SiteChange => Exit::Done,
        Decision::TimeShift => Exit::NotNow,
        Decision::None => Exit::Unavailable,
    }
}

/// The files of `--from`, replaced by current data first if `--refresh` requests it; else the sites.
fn source(app: &App, args: &AvailabilityArgs) -> Result<AvailabilitySource, Error> {
    let Some(directory) = &args.from else { return Ok(AvailabilitySource::Calendars) };
    if args.refresh {
        refresh(app, directory, &args.site)?;
    }
    let saved = app.settings.read_feed(directory)?;
    Ok(AvailabilitySource::Saved { feed: Box::new(saved.feed), at: saved.at })
}

/// Replaces the files of a directory by the current data of one site.
fn refresh(app: &App, directory: &Path, sites: &[String]) -> Result<(), Error> {
    let [site] = sites else {
        let error = Error::new(ErrorKind::Usage, "a directory holds the data of one site, but several sites are named");
        return Err(error.hinted("name one `--site` per directory"));
    };
    let feeds = app.operate(async |operator, interrupts| {
        Ok(unless_interrupted(interrupts, operator.current_inventory(site)).await?)
    })?;
    feeds.iter().try_for_each(|feed| app.settings.replace_feed(directory, feed))
}

/// Writes the requested files and prints the answer.
fn show(
    app: &App,
    args: &AvailabilityArgs,
    picture: Option<(&Path, Picture)>,
    answer: &AvailabilityAnswer,
) -> Result<(), Error> {
    let AvailabilityAnswer { query, report, .. } = answer;
    // Joined again only for what shows the inventory itself.
    let is_shown = args.write.is_some() || picture.is_some() || args.calendar;
    let inventory = if is_shown { answer.inventory()? } else { Inventory::default() };
    if let Some(file) = &args.write {
        write_view(app, file, &InventoryView::new(&inventory, answer.at, answer.origin))?;
    }
    let calendar = Calendar::new(&inventory, query, report.earliest);
    if let Some((file, picture)) = picture {
        app.settings.write_file(file, |writer| writer.write_all(calendar.draw(picture).as_bytes()))?;
    }
    let age = (app.now)().duration_since(answer.at);
    app.emit(report, |width| view::availability(report, query, age, width))?;
    if args.calendar {
        app.show(|width| calendar.text(width));
    }
    Ok(())
}

fn print_problems(app: &App, answer: &AvailabilityAnswer) {
    // Memory written as text matters only if the filter asks about memory; the answer has a note then.
    let matters = |problem: &&FeedProblem| !matches!(problem, FeedProblem::MemoryInWords { .. });
    let problems: Vec<&FeedProblem> = answer.problems.iter().filter(matters).collect();
    for problem in problems.iter().take(SHOWN) {
        app.printer.say(&format!("warning: {problem}"));
    }
    if problems.len() > SHOWN {
        let more = problems.len() - SHOWN;
        app.printer.say(&format!("warning: {more} more problems; `--write FILE` lists all"));
    }
    if answer.unmatched > 0 {
        let hosts = view::plural(answer.unmatched, "host");
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
