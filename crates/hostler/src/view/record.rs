//! The audit trail and the cost report.

use hostler_engine::audit::{AuditEntry, AuditStage, CallOutcome, LeaseCall};

use super::words::{instant, money, plural};
use crate::table::{Column, Width, cell, table};
use hostler_engine::operate::CostReport;

/// One line per audit entry.
pub fn audit(lines: &[AuditEntry], width: Width) -> String {
    use Column::{Left, Name};
    let columns = [Name("TIME"), Name("SITE"), Left("REQUEST"), Left("RESULT"), Left("LEASE")];
    let row = |line: &AuditEntry| {
        let lease = line.lease.as_ref().map(ToString::to_string).unwrap_or_default();
        vec![cell(instant(line.at)), cell(&line.site), cell(request(&line.call)), cell(stage(&line.stage)), cell(lease)]
    };
    table(width, &columns, lines.iter().map(row))
}

fn request(call: &LeaseCall) -> String {
    match call {
        LeaseCall::Create { name, window, hosts } => {
            let until = instant(window.end());
            format!("create {name} from {} until {until}: {}", instant(window.start()), joined(hosts))
        }
        LeaseCall::Extend { until } => format!("extend until {}", instant(*until)),
        LeaseCall::Delete => "delete".to_owned(),
    }
}

fn stage(stage: &AuditStage) -> String {
    match stage {
        AuditStage::Intent => "requested".to_owned(),
        AuditStage::Outcome { outcome: CallOutcome::Failed { error }, .. } => format!("failed: {error}"),
        AuditStage::Outcome { outcome: CallOutcome::Done { granted: None }, .. } => "done".to_owned(),
        AuditStage::Outcome { outcome: CallOutcome::Done { granted: Some(grant) }, .. } => {
            format!("granted until {}: {}", instant(grant.window.end()), joined(&grant.hosts))
        }
    }
}

fn joined(hosts: &[hostler_core::offer::HostId]) -> String {
    hosts.iter().map(|host| host.0.as_str()).collect::<Vec<_>>().join(" ")
}

/// One line per deployment, and the totals.
pub fn costs(report: &CostReport, width: Width) -> String {
    use Column::{Left, Name, Right};
    let columns = [
        Name("NAME"),
        Left("STATE"),
        Name("SITE"),
        Name("CREATED"),
        Right("PRICE/H"),
        Right("PLANNED"),
        Right("USED"),
        Name("UNIT"),
    ];
    let row = |row: &hostler_engine::operate::CostLine| {
        let sites: Vec<String> = row.sites.iter().map(ToString::to_string).collect();
        vec![
            cell(&row.name),
            cell(row.state),
            cell(sites.join(", ")),
            cell(instant(row.created)),
            cell(money(row.usage.price_per_hour)),
            cell(row.usage.planned.map_or_else(|| "-".to_owned(), |planned| planned.to_string())),
            cell(money(row.usage.used)),
            cell(row.usage.unit),
        ]
    };
    let mut out = table(width, &columns, report.deployments.iter().map(row));
    for (unit, total) in &report.totals {
        let unknown = if total.unknown > 0 {
            format!(" ({} of unknown price not included)", plural(total.unknown, "deployment"))
        } else {
            String::new()
        };
        out.push_str(&format!("Total: {} {unit} used, {} {unit}/h now{unknown}\n", total.used, total.price_per_hour));
    }
    out
}
