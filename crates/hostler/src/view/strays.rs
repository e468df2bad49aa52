//! What is left at the sites: of a deployment, or without one.

use hostler_core::journal::Left;
use hostler_engine::sweep::{Found, Stray};

use super::words::{heading, money};
use crate::table::{Column, Width, cell, table};

/// What is left of a deployment: what, where, by which name there, and what it costs.
pub fn left(left: &[Left], width: Width) -> String {
    let row = |left: &Left| {
        let reference = left.reference.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        vec![cell(left.kind), cell(&left.site), cell(reference), cell(&left.step), cell(money(left.price_per_hour))]
    };
    let columns = [
        Column::Name("KIND"),
        Column::Name("SITE"),
        Column::Left("ID THERE"),
        Column::Name("MADE BY"),
        Column::Right("PRICE/H"),
    ];
    table(width, &columns, left.iter().map(row))
}

/// What goes with several deployments, before they are given back.
pub fn going(all: &[(String, Vec<Left>)], width: Width) -> String {
    let row = |(name, left): &(String, Left)| {
        let reference = left.reference.as_ref().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        vec![cell(name), cell(left.kind), cell(&left.site), cell(reference), cell(money(left.price_per_hour))]
    };
    let columns = [
        Column::Name("DEPLOYMENT"),
        Column::Name("KIND"),
        Column::Name("SITE"),
        Column::Left("ID THERE"),
        Column::Right("PRICE/H"),
    ];
    let rows: Vec<(String, Left)> =
        all.iter().flat_map(|(name, left)| left.iter().map(move |left| (name.clone(), left.clone()))).collect();
    table(width, &columns, rows.iter().map(row))
}

/// What a search for forgotten things found.
pub fn strays(found: &Found, width: Width) -> String {
    let mut out = String::new();
    if !found.orphans.is_empty() {
        out.push_str("These things are ours, and no deployment looks after them:\n");
        out.push_str(&resources(&found.orphans, width));
    }
    for (names, text) in [
        (&found.expired, "These deployments are over, and would be given back:"),
        (&found.forsaken, "These deployments stopped half-way, and nobody works on them; they would be given back:"),
        (
            &found.stuck,
            "These deployments are stuck, or stopped when somebody could log in already, and are kept (go on with \
             `hostler up`, or give back with `hostler down`):",
        ),
        (&found.busy, "These deployments are over, and another hostler works on them; they are left to it:"),
    ] {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
            out.push_str(&format!("{text}\n  {}\n", names.join("\n  ")));
        }
    }
    if !found.foreign.is_empty() {
        out.push_str(&heading("of deployments that this computer doesn't know (kept, unless named by `--ticket`)"));
        out.push_str(&resources(&found.foreign, width));
    }
    for why in &found.unreadable {
        out.push_str(&format!("a deployment can't be read: {why}\n"));
    }
    for (site, why) in &found.silent {
        out.push_str(&format!("{site} could not be asked: {why}\n"));
    }
    if out.is_empty() { "nothing is left behind anywhere\n".to_owned() } else { out }
}

fn resources(strays: &[Stray], width: Width) -> String {
    let row = |stray: &Stray| {
        let resource = &stray.resource;
        vec![cell(resource.kind), cell(&stray.site), cell(&resource.reference), cell(&resource.ticket)]
    };
    let columns = [Column::Name("KIND"), Column::Name("SITE"), Column::Left("ID THERE"), Column::Left("TICKET")];
    table(width, &columns, strays.iter().map(row))
}
