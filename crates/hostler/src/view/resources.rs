//! Single resources of sites.

use comfy_table::Cell;
use hostler_core::plan::ResourceKind;
use hostler_core::ports::{Grant, Resource, ResourceDetails, ResourceStatus};

use super::words::instant;
use crate::table::{Column, Width, cell, facts, table};
use hostler_engine::operate::{ListedResource, Ownership};

/// One line per resource.
pub fn resources(kind: ResourceKind, listed: &[ListedResource], width: Width) -> String {
    use Column::{Left, Name};
    let own: &[Column] = match kind {
        ResourceKind::Lease => &[Name("START"), Name("END"), Left("HOSTS")],
        ResourceKind::Keypair => &[Left("KEY")],
        ResourceKind::Network => &[Left("USE")],
        ResourceKind::Machine | ResourceKind::Address => &[Name("ADDRESS")],
        ResourceKind::Volume => &[],
    };
    let columns: Vec<Column> = [Name("NAME"), Left("STATUS"), Name("SITE")]
        .into_iter()
        .chain(own.iter().copied())
        .chain([Left("OWNER"), Name("ID")])
        .collect();
    table(width, &columns, listed.iter().map(|listed| row(listed, own.len())))
}

fn row(listed: &ListedResource, own: usize) -> Vec<Cell> {
    let mut texts = vec![listed.name().to_owned(), status(&listed.resource), listed.site.to_string()];
    let mut cells = details(&listed.resource);
    cells.resize(own, String::new());
    texts.extend(cells);
    texts.extend([owner(listed), listed.resource.reference.to_string()]);
    texts.into_iter().map(cell).collect()
}

/// Status in hostler's terms, with the site's own term where the two differ.
fn status(resource: &Resource) -> String {
    let Some(word) = resource.status.as_ref().map(ResourceStatus::name) else { return resource.site_status.clone() };
    match resource.site_status.as_str() {
        "" => word.to_owned(),
        theirs if theirs.eq_ignore_ascii_case(word) => word.to_owned(),
        theirs => format!("{word} ({theirs})"),
    }
}

/// Cells of the columns that only this kind of resource has.
fn details(resource: &Resource) -> Vec<String> {
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
            let uses = [(*shared, "shared"), (*external, "external")];
            vec![uses.iter().filter(|(is, _)| *is).map(|(_, text)| *text).collect::<Vec<_>>().join(", ")]
        }
        ResourceDetails::Address { address, in_use } => {
            vec![if *in_use { address.clone() } else { format!("{address} (unattached)") }]
        }
    }
}

/// Type and last 12 characters of a key, enough to recognise it.
fn short_key(public_key: &str) -> String {
    let mut words = public_key.split_whitespace();
    let (kind, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let end: String = key.chars().skip(key.chars().count().saturating_sub(12)).collect();
    format!("{kind} …{end}")
}

fn owner(listed: &ListedResource) -> String {
    match (listed.ownership, &listed.deployment, &listed.resource.owner) {
        (Ownership::Owned, Some(deployment), _) => format!("deployment {deployment}"),
        (Ownership::Owned, None, _) => "orphan".to_owned(),
        (Ownership::Untracked, ..) => "untracked".to_owned(),
        (Ownership::Other, _, Some(owner)) => owner.clone(),
        (Ownership::Other, _, None) => "other".to_owned(),
    }
}

/// All details of one resource.
pub fn resource(listed: &ListedResource, _: Width) -> String {
    let resource = &listed.resource;
    let mut lines = vec![
        (label(resource.kind), listed.name().to_owned()),
        ("Site", listed.site.to_string()),
        ("ID", resource.reference.to_string()),
        ("Owner", owner(listed)),
    ];
    let status = status(resource);
    if !status.is_empty() {
        lines.insert(1, ("Status", status));
    }
    match &resource.details {
        Some(ResourceDetails::Lease(grant)) => {
            lines.push(("Start", instant(grant.window.start())));
            lines.push(("End", instant(grant.window.end())));
            lines.push(("Hosts", grant.hosts.iter().map(|host| host.0.as_str()).collect::<Vec<_>>().join("\n")));
        }
        Some(ResourceDetails::Keypair { public_key }) => lines.push(("Key", public_key.trim().to_owned())),
        _ => lines.extend(details(resource).into_iter().filter(|text| !text.is_empty()).map(|text| ("Address", text))),
    }
    facts(&lines)
}

fn label(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Keypair => "Keypair",
        ResourceKind::Lease => "Lease",
        ResourceKind::Network => "Network",
        ResourceKind::Machine => "Machine",
        ResourceKind::Address => "Address",
        ResourceKind::Volume => "Volume",
    }
}
