//! `hostler availability`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;
use hostler_core::time;
use jiff::{SignedDuration, Timestamp};

/// Longest accepted duration, in minutes: 31 days.
const LONGEST_MINUTES: i64 = 31 * 24 * 60;

/// Nodes, time and number to query.
#[derive(Debug, Args)]
pub struct AvailabilityArgs {
    /// Read saved files from this directory instead of querying sites
    ///
    /// The directory contains `allocations.json`, `hosts.json` or `resource_map.json`, and `nodes.json`.
    #[arg(long, value_name = "DIR")]
    pub from: Option<PathBuf>,

    /// Site, such as `uc`; repeatable, in order of preference
    #[arg(long, value_name = "SITE")]
    pub site: Vec<String>,

    /// Node filter, such as `gpu_count>=4 and ram>=256GiB`
    #[arg(long, value_name = "FILTER", default_value = "any")]
    pub filter: String,

    /// Start, such as `2025-10-30T20:00Z`; UTC unless it has an offset [default: now]
    #[arg(long, value_name = "TIME", value_parser = start)]
    pub start: Option<Timestamp>,

    /// Duration, such as `4h` or `240m`; at most 31 days
    #[arg(long, value_name = "DURATION", default_value = "1h", allow_hyphen_values = true, value_parser = duration)]
    pub duration: SignedDuration,

    /// Number of nodes, all at one site, for the whole duration
    #[arg(long, value_name = "N", default_value = "1", allow_hyphen_values = true, value_parser = amount)]
    pub amount: NonZeroU32,

    /// Search for a start up to this much later, inclusive
    #[arg(long, value_name = "DURATION", default_value = "168h", allow_hyphen_values = true, value_parser = within)]
    pub within: SignedDuration,

    /// Time by which allocations exceed their leases, at each end
    #[arg(long, value_name = "DURATION", default_value = "0m", allow_hyphen_values = true, value_parser = within, hide_short_help = true)]
    pub padding: SignedDuration,

    /// Query the site first, and replace the files of `--from` with its answers
    #[arg(long, requires = "from", requires = "site", hide_short_help = true)]
    pub refresh: bool,

    /// Write the joined inventory as JSON: sites, clusters, nodes, reservations and mismatches
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub write: Option<PathBuf>,

    /// Draw a calendar of hosts and leases to this file, `.svg` or `.html`
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,

    /// Print a calendar of hosts and leases
    #[arg(long)]
    pub calendar: bool,
}

fn start(text: &str) -> Result<Timestamp, String> {
    time::parse_instant(text).map_err(|error| error.to_string())
}

fn duration(text: &str) -> Result<SignedDuration, String> {
    let duration = time::parse_duration(text).map_err(|error| error.to_string())?;
    match duration.as_mins() <= LONGEST_MINUTES {
        true => Ok(duration),
        false => Err("more than 31 days".to_owned()),
    }
}

fn amount(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "not a number of nodes: use a whole number from 1".to_owned())
}

/// A duration, which may be zero.
fn within(text: &str) -> Result<SignedDuration, String> {
    match text.trim_end_matches(|c: char| c.is_ascii_alphabetic()) {
        "0" => Ok(SignedDuration::ZERO),
        _ => time::parse_duration(text).map_err(|error| error.to_string()),
    }
}
