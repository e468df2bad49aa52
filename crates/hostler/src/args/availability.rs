//! What of `hostler availability`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use hostler_core::time;
use jiff::{SignedDuration, Timestamp};

/// The longest time that is asked for: 31 days, in minutes.
const LONGEST_MINUTES: i64 = 31 * 24 * 60;

/// Which nodes, when and how many.
#[derive(Debug, Args)]
pub struct AvailabilityArgs {
    /// A folder with `allocations.json`, `resource_map.json` or `hosts.json`, and nodes; else the sites are asked
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,

    /// Only at this site, as `uc`; may be repeated, the preferred one first
    #[arg(long, value_name = "SITE")]
    pub site: Vec<String>,

    /// Which nodes will do, as `gpu_count>=4 and ram>=256GiB`
    #[arg(long, value_name = "FILTER", default_value = "any")]
    pub filter: String,

    /// From when on, as `2025-10-30T20:00Z`; UTC where no offset is given; now where it isn't given
    #[arg(long, value_name = "TIME", value_parser = start)]
    pub start: Option<Timestamp>,

    /// For how long, as `4h` or `240m`; at most 31 days
    #[arg(long, value_name = "DURATION", default_value = "1h", allow_hyphen_values = true, value_parser = duration)]
    pub duration: SignedDuration,

    /// How many nodes, all of one site and the same over the whole time
    #[arg(long, value_name = "N", default_value = "1", allow_hyphen_values = true, value_parser = amount)]
    pub amount: NonZeroU32,

    /// How much later it may start; that instant counts
    #[arg(long, value_name = "DURATION", default_value = "168h", allow_hyphen_values = true, value_parser = within)]
    pub within: SignedDuration,

    /// What allocations are longer by, at each end, than the leases they are for
    #[arg(long, value_name = "DURATION", default_value = "0m", allow_hyphen_values = true, value_parser = within)]
    pub padding: SignedDuration,

    /// Ask the site first, and replace the files of the folder by its answers
    #[arg(long, requires = "from", requires = "site")]
    pub refresh: bool,

    /// Write the merged view to this file: sites, clusters, nodes, reservations, and what matched nothing
    #[arg(long, value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// Draw a calendar of hosts and leases into this file, `.svg` or `.html`
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,

    /// Show a calendar of hosts and leases
    #[arg(long)]
    pub calendar: bool,
}

fn start(text: &str) -> Result<Timestamp, String> {
    time::instant(text).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration = time::duration(text).map_err(|error| error.to_string())?;
    match duration.as_mins() <= LONGEST_MINUTES {
        true => Ok(duration),
        false => Err("more than 31 days".to_owned()),
    }
}

fn amount(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "not a number of nodes: use a whole number from 1 on".to_owned())
}

/// A duration, or none at all.
fn within(text: &str) -> Result<SignedDuration, String> {
    match text.trim_end_matches(|c: char| c.is_ascii_alphabetic()) {
        "0" => Ok(SignedDuration::ZERO),
        _ => time::duration(text).map_err(|error| error.to_string()),
    }
}
