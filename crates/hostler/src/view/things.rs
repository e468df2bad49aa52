//! Single things of the sites.

use comfy_table::Cell;
use hostler_core::plan::Kind;
use hostler_core::ports::{Detail, Grant};

use super::words::instant;
use crate::table::{Column, Width, cell, facts, table};
use crate::things::{Listed, Whose};

/// A line for each thing of a kind.
pub fn things(kind: Kind, listed: &[Listed], width: Width) -> String {
    use Column::{Left, Name};
    let own: &[Column] = match kind {
        Kind::Lease => &[Name("START"), Name("END"), Left("HOSTS")],
        Kind::Keypair => &[Left("KEY")],
        Kind::Network => &[Left("USE")],
        Kind::Machine | Kind::Address => &[Name("ADDRESS")],
        Kind::Volume => &[],
    };
    let columns: Vec<Column> = [Name("NAME"), Left("STATE"), Name("SITE")]
        .into_iter()
        .chain(own.iter().copied())
        .chain([Left("WHOSE"), Name("ID")])
        .collect();
    table(width, &columns, listed.iter().map(|listed| row(listed, own.len())))
}

fn row(listed: &Listed, own: usize) -> Vec<Cell> {
    let mut texts = vec![listed.name().to_owned(), listed.thing.state.clone(), listed.site.to_string()];
    let mut told = told(&listed.thing.detail);
    told.resize(own, String::new());
    texts.extend(told);
    texts.extend([whose(listed), listed.thing.reference.to_string()]);
    texts.into_iter().map(cell).collect()
}

fn told(detail: &Detail) -> Vec<String> {
    match detail {
        Detail::Nothing => Vec::new(),
        Detail::Lease(Grant { window, hosts }) => {
            vec![
                instant(window.start()),
                instant(window.end()),
                hosts.iter().map(|it| it.0.as_str()).collect::<Vec<_>>().join(" "),
            ]
        }
        Detail::Keypair { public_key } => vec![short_key(public_key)],
        Detail::Network { shared, external } => {
            let uses = [(*shared, "shared by all projects"), (*external, "public addresses")];
            vec![uses.iter().filter(|(is, _)| *is).map(|(_, text)| *text).collect::<Vec<_>>().join(", ")]
        }
        Detail::Machine { address } => vec![address.as_ref().map(ToString::to_string).unwrap_or_default()],
        Detail::Address { address, in_use } => {
            vec![if *in_use { address.clone() } else { format!("{address} (not in use)") }]
        }
    }
}

/// The type of a key and its end: the rest tells nobody anything.
fn short_key(public_key: &str) -> String {
    let mut words = public_key.split_whitespace();
    let (kind, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let end: String = key.chars().skip(key.chars().count().saturating_sub(12)).collect();
    format!("{kind} …{end}")
}

fn whose(listed: &Listed) -> String {
    match (listed.whose, &listed.deployment, &listed.thing.owner) {
        (Whose::Ours, Some(deployment), _) => format!("ours: {deployment}"),
        (Whose::Ours, None, _) => "ours, forgotten".to_owned(),
        (Whose::Foreign, ..) => "another hostler's".to_owned(),
        (Whose::Others, _, Some(owner)) => owner.clone(),
        (Whose::Others, _, None) => "somebody else's".to_owned(),
    }
}

/// All about one thing.
pub fn thing(listed: &Listed, _: Width) -> String {
    let thing = &listed.thing;
    let mut lines = vec![
        (label(thing.kind), listed.name().to_owned()),
        ("site", listed.site.to_string()),
        ("id", thing.reference.to_string()),
        ("whose", whose(listed)),
    ];
    if !thing.state.is_empty() {
        lines.insert(1, ("state", thing.state.clone()));
    }
    match &thing.detail {
        Detail::Lease(grant) => {
            lines.push(("from", instant(grant.window.start())));
            lines.push(("until", instant(grant.window.end())));
            lines.push(("hosts", grant.hosts.iter().map(|host| host.0.as_str()).collect::<Vec<_>>().join("\n")));
        }
        Detail::Keypair { public_key } => lines.push(("key", public_key.trim().to_owned())),
        detail => lines.extend(told(detail).into_iter().filter(|text| !text.is_empty()).map(|text| ("address", text))),
    }
    facts(&lines)
}

fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Keypair => "keypair",
        Kind::Lease => "lease",
        Kind::Network => "network",
        Kind::Machine => "machine",
        Kind::Address => "address",
        Kind::Volume => "volume",
    }
}
