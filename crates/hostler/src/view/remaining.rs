//! Remaining resources of deployments, and the result of a sweep.

use hostler_core::journal::RemainingResource;
use hostler_engine::sweep::{Orphan, SweepFindings};

use super::words::{heading, money};
use crate::table::{Column, Width, cell, table};

/// Remaining resources of a deployment.
pub fn remaining(left: &[RemainingResource], width: Width) -> String {
    let row = |left: &RemainingResource| {
        let reference = left.reference.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        vec![cell(left.kind), cell(&left.site), cell(reference), cell(&left.step), cell(money(left.price_per_hour))]
    };
    let columns = [
        Column::Name("KIND"),
        Column::Name("SITE"),
        Column::Left("ID"),
        Column::Name("STEP"),
        Column::Right("PRICE/H"),
    ];
    table(width, &columns, left.iter().map(row))
}

/// Resources that bringing down deployments will delete.
pub fn deletions(all: &[(String, Vec<RemainingResource>)], width: Width) -> String {
    let row = |(name, left): &(String, RemainingResource)| {
        let reference = left.reference.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        vec![cell(name), cell(left.kind), cell(&left.site), cell(reference), cell(money(left.price_per_hour))]
    };
    let columns = [
        Column::Name("DEPLOYMENT"),
        Column::Name("KIND"),
        Column::Name("SITE"),
        Column::Left("ID"),
        Column::Right("PRICE/H"),
    ];
    let rows: Vec<(String, RemainingResource)> =
        all.iter().flat_map(|(name, left)| left.iter().map(move |left| (name.clone(), left.clone()))).collect();
    table(width, &columns, rows.iter().map(row))
}

/// Result of a sweep.
pub fn sweep_result(found: &SweepFindings, width: Width) -> String {
    let mut out = String::new();
    if !found.orphans.is_empty() {
        out.push_str("Orphaned resources:\n");
        out.push_str(&resources(&found.orphans, width));
    }
    for (names, text) in [
        (&found.expired, "Expired deployments, to be brought down:"),
        (&found.abandoned, "Abandoned deployments (interrupted before the first login), to be brought down:"),
        (
            &found.stuck,
            "Stuck or interrupted deployments, kept because their machines may be in use (resume with `hostler up`, \
             delete with `hostler down`):",
        ),
        (&found.busy, "Expired deployments that another hostler process is changing, skipped:"),
    ] {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            out.push_str(&format!("{text}\n  {}\n", names.join("\n  ")));
        }
    }
    if !found.untracked.is_empty() {
        out.push_str(&heading(
            "Untracked resources, of deployments unknown to this computer (kept unless named by `--ticket`)",
        ));
        out.push_str(&resources(&found.untracked, width));
    }
    if !found.unreadable_resources.is_empty() {
        out.push_str(&heading(
            "Resources of deployments whose records cannot be read (kept unless named by `--ticket`)",
        ));
        out.push_str(&resources(&found.unreadable_resources, width));
    }
    for why in &found.unreadable {
        out.push_str(&format!("unreadable deployment: {why}\n"));
    }
    for (site, why) in &found.unreachable {
        out.push_str(&format!("site `{site}` is unreachable: {why}\n"));
    }
    if out.is_empty() { "no orphaned resources\n".to_owned() } else { out }
}

fn resources(orphans: &[Orphan], width: Width) -> String {
    let row = |orphan: &Orphan| {
        let resource = &orphan.resource;
        vec![cell(resource.kind), cell(&orphan.site), cell(&resource.reference), cell(&resource.ticket)]
    };
    let columns = [Column::Name("KIND"), Column::Name("SITE"), Column::Left("ID"), Column::Left("TICKET")];
    table(width, &columns, orphans.iter().map(row))
}
