//! Single things of the sites.

use comfy_table::Cell;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Grant, Resource, ResourceDetails};

use super::words::instant;
use crate::resources::{Listed, Whose};
use crate::table::{Column, Width, cell, facts, table};

/// A line for each thing of a kind.
pub fn resources(kind: ResourceKind, listed: &[Listed], width: Width) -> String {
    use Column::{Left, Name};
    let own: &[Column] = match kind {
        ResourceKind::Lease => &[Name("START"), Name("END"), Left("HOSTS")],
        ResourceKind::Keypair => &[Left("KEY")],
        ResourceKind::Network => &[Left("USE")],
        ResourceKind::Machine | ResourceKind::Address => &[Name("ADDRESS")],
        ResourceKind::Volume => &[],
    };
    let columns: Vec<Column> = [Name("NAME"), Left("STATE"), Name("SITE")]
        .into_iter()
        .chain(own.iter().copied())
        .chain([Left("WHOSE"), Name("ID")])
        .collect();
    table(width, &columns, listed.iter().map(|listed| row(listed, own.len())))
}

fn row(listed: &Listed, own: usize) -> Vec<Cell> {
    let mut texts = vec![listed.name().to_owned(), listed.resource.site_status.clone(), listed.site.to_string()];
    let mut told = told(&listed.resource);
    told.resize(own, String::new());
    texts.extend(told);
    texts.extend([whose(listed), listed.resource.reference.to_string()]);
    texts.into_iter().map(cell).collect()
}

fn told(resource: &Resource) -> Vec<String> {
    let Some(details) = &resource.details else {
        return resource.address().map(ToString::to_string).into_iter().collect();
    };
    match details {
        ResourceDetails::Lease(Grant { window, hosts }) => {
            vec![
                instant(window.start()),
                instant(window.end()),
                hosts.iter().map(|it| it.0.as_str()).collect::<Vec<_>>().join(" "),
            ]
        }
        ResourceDetails::Keypair { public_key } => vec![short_key(public_key)],
        ResourceDetails::Network { shared, external } => {
            let uses = [(*shared, "shared by all projects"), (*external, "public addresses")];
            vec![uses.iter().filter(|(is, _)| *is).map(|(_, text)| *text).collect::<Vec<_>>().join(", ")]
        }
        ResourceDetails::Address { address, in_use } => {
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
    match (listed.whose, &listed.deployment, &listed.resource.owner) {
        (Whose::Ours, Some(deployment), _) => format!("ours: {deployment}"),
        (Whose::Ours, None, _) => "ours, forgotten".to_owned(),
        (Whose::Foreign, ..) => "another hostler's".to_owned(),
        (Whose::Others, _, Some(owner)) => owner.clone(),
        (Whose::Others, _, None) => "somebody else's".to_owned(),
    }
}

/// All about one thing.
pub fn resource(listed: &Listed, _: Width) -> String {
    let resource = &listed.resource;
    let mut lines = vec![
        (label(resource.kind), listed.name().to_owned()),
        ("site", listed.site.to_string()),
        ("id", resource.reference.to_string()),
        ("whose", whose(listed)),
    ];
    if !resource.site_status.is_empty() {
        lines.insert(1, ("state", resource.site_status.clone()));
    }
    match &resource.details {
        Some(ResourceDetails::Lease(grant)) => {
            lines.push(("from", instant(grant.window.start())));
            lines.push(("until", instant(grant.window.end())));
            lines.push(("hosts", grant.hosts.iter().map(|host| host.0.as_str()).collect::<Vec<_>>().join("\n")));
        }
        Some(ResourceDetails::Keypair { public_key }) => lines.push(("key", public_key.trim().to_owned())),
        _ => lines.extend(told(resource).into_iter().filter(|text| !text.is_empty()).map(|text| ("address", text))),
    }
    facts(&lines)
}

fn label(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Keypair => "keypair",
        ResourceKind::Lease => "lease",
        ResourceKind::Network => "network",
        ResourceKind::Machine => "machine",
        ResourceKind::Address => "address",
        ResourceKind::Volume => "volume",
    }
}
