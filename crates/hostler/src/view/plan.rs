//! A plan: what was chosen, what it costs, what will be done, and why other offers were not taken.

use std::collections::BTreeMap;

use comfy_table::Cell;
use hostler_core::money::Money;
use hostler_core::offer::Unit;
use hostler_core::plan::{Action, Pick, Plan, Refusal, Shape, Step};
use hostler_core::setup::DockerFrom;
use hostler_core::setup::gpu::{GpuRequest, Maker};
use hostler_core::size::Bytes;
use hostler_core::ticket::StepId;
use hostler_engine::run::title;
use jiff::Timestamp;
use owo_colors::OwoColorize;

use super::words::{heading, money, plural, window};
use crate::table::{Column, KEPT_SPACE, Width, cell, facts, table};

/// How many refused offers are listed before the rest is only counted.
const REFUSALS: usize = 20;

/// What was chosen, when, and what it costs.
pub fn brief(plan: &Plan, now: Timestamp, width: Width) -> String {
    let mut out = picks(&plan.picks, width);
    out.push('\n');
    let mut lines = vec![
        ("deployment", plan.demand.name.bold().to_string()),
        ("window", window(plan.start, plan.until, now)),
        ("cost", cost(plan)),
        ("plan", plan.id().to_string()),
    ];
    lines.extend(hosts(plan).map(|hosts| ("hosts", hosts)));
    out.push_str(&facts(&lines));
    out
}

/// The whole plan.
pub fn plan(plan: &Plan, now: Timestamp, width: Width) -> String {
    let mut out = brief(plan, now, width);
    for pick in plan.picks.iter().filter(|pick| !pick.other_images.is_empty()) {
        let others = pick.other_images.join(", ");
        out.push_str(&facts(&[("image", format!("{} for `{}`, before {others}", pick.image, pick.group))]));
    }
    out.push_str(&heading(&plural(plan.steps.len(), "step")));
    out.push_str(&steps(&plan.steps, width));
    if !plan.refusals.is_empty() {
        out.push_str(&heading(&format!("{} not taken", plural(plan.refusals.len(), "other offer"))));
        out.push_str(&refusals(&plan.refusals, width));
    }
    out
}

fn cost(plan: &Plan) -> String {
    let Some(hourly) = plan.price_per_hour else { return "unknown: a site does not say its price".to_owned() };
    let unit = plan.picks.first().map(|pick| pick.terms.unit).unwrap_or_default();
    let sum = |amount| price(Some(amount), unit);
    match plan.until {
        None => format!("{} an hour", sum(hourly)),
        Some(until) => {
            let seconds = until.duration_since(plan.start).as_secs();
            format!("{} an hour, {} in all", sum(hourly), sum(hourly.over_seconds(seconds)))
        }
    }
}

/// An amount, with its unit where that isn't money.
fn price(amount: Option<Money>, unit: Unit) -> String {
    match (amount, unit) {
        (Some(amount), Unit::ServiceUnits) => format!("{amount}{KEPT_SPACE}{unit}"),
        (amount, _) => money(amount),
    }
}

/// The physical hosts that were chosen.
fn hosts(plan: &Plan) -> Option<String> {
    let hosts: Vec<&str> = plan.picks.iter().flat_map(|pick| &pick.hosts).map(|host| host.0.as_str()).collect();
    (!hosts.is_empty()).then(|| hosts.join(", "))
}

fn picks(picks: &[Pick], width: Width) -> String {
    use Column::{Left, Name, Right};
    let columns =
        [Name("GROUP"), Right("COUNT"), Name("SITE"), Name("NODE TYPE"), Left("EACH"), Name("IMAGE"), Right("PRICE/H")];
    let row = |pick: &Pick| -> Vec<Cell> {
        vec![
            cell(&pick.group),
            cell(pick.count),
            cell(&pick.site),
            cell(&pick.node_type),
            cell(shape(&pick.shape)),
            cell(&pick.image),
            cell(price(pick.price_per_hour, pick.terms.unit)),
        ]
    };
    table(width, &columns, picks.iter().map(row))
}

/// The size of a machine: `8 cpus, 32GiB, 100GiB disk`. Its parts are not broken where lines are. What nobody says and nobody
/// asks for is left out.
pub(super) fn shape(shape: &Shape) -> String {
    let Shape { cpus, memory, disk, gpus } = shape;
    let some = |size: &Bytes| (*size > Bytes(0)).then_some(*size);
    let cpus = (*cpus > 0).then(|| plural(*cpus as usize, "cpu"));
    let memory = some(memory).map(|memory| memory.to_string());
    let disk = some(disk).map(|disk| format!("{disk} disk"));
    let mut parts: Vec<String> = [cpus, memory, disk, counted(gpus)].into_iter().flatten().collect();
    if parts.is_empty() {
        parts.push("as it is".to_owned());
    }
    parts.iter().map(|part| part.replace(' ', KEPT_SPACE)).collect::<Vec<_>>().join(", ")
}

/// Equal names once, with their number: `2 × A100`.
fn counted(names: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    names.iter().for_each(|name| *counts.entry(name).or_default() += 1);
    let shown: Vec<String> = counts.iter().map(|(name, count)| format!("{count} × {name}")).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// The steps by their numbers, each with those that it waits for.
fn steps(steps: &[Step], width: Width) -> String {
    let numbers: BTreeMap<&StepId, usize> = steps.iter().zip(1..).map(|(step, number)| (&step.id, number)).collect();
    let row = |step: &Step| {
        let after: Vec<String> = step.after.iter().filter_map(|id| numbers.get(id)).map(usize::to_string).collect();
        let detail = match &step.action {
            Action::SetUp { phase, .. } => phase_detail(phase),
            Action::Create(_) | Action::Reach { .. } => String::new(),
        };
        let number = numbers.get(&step.id).copied().unwrap_or_default();
        vec![cell(number), cell(title(step)), cell(after.join(" ")), cell(detail)]
    };
    let columns = [Column::Right("#"), Column::Left("STEP"), Column::Name("AFTER"), Column::Left("WHAT")];
    table(width, &columns, steps.iter().map(row))
}

/// What a phase will do, in a few words.
fn phase_detail(phase: &hostler_core::plan::Phase) -> String {
    use hostler_core::plan::Phase;
    match phase {
        Phase::Packages { packages } => packages.join(" "),
        Phase::Verify(promise) => shape(&promise.shape),
        Phase::Source | Phase::Companions | Phase::Meeting | Phase::System(_) => String::new(),
        Phase::Interpreter(need) => version("Python", need.version.as_ref()),
        Phase::Conda(need) => {
            let words = [version("Python", need.python.as_ref()), need.packages.join(", ")];
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
        }
        Phase::Docker(need) => match need.from {
            DockerFrom::Distribution => String::new(),
            DockerFrom::Docker => "of Docker's own repository".to_owned(),
        },
        Phase::Gpu(wish) => gpu_detail(wish),
        Phase::Ray(need) | Phase::RayStart(need) | Phase::RayStatus(need) => need.version.clone(),
        Phase::Custom(step) => first_line(&step.run),
        Phase::Image { directory } => directory.clone(),
        Phase::Python(need) => {
            let version = need.version.as_ref().map(|version| format!("Python {version}"));
            let more = need.requirement_files.iter().chain(&need.requirements).cloned();
            version.into_iter().chain(more).collect::<Vec<_>>().join(", ")
        }
        Phase::Setup { script } | Phase::Run { script } => first_line(script),
        Phase::Check { command } => first_line(command),
    }
}

fn version(name: &str, version: Option<&String>) -> String {
    version.map(|version| format!("{name} {version}")).unwrap_or_default()
}

fn gpu_detail(wish: &GpuRequest) -> String {
    let (maker, stack) = match wish {
        GpuRequest::Off => return String::new(),
        GpuRequest::Auto(stack) => ("where there is an accelerator", stack),
        GpuRequest::Forced(Maker::Nvidia, stack) => ("NVIDIA", stack),
        GpuRequest::Forced(Maker::Amd, stack) => ("AMD", stack),
    };
    let parts = [("driver", &stack.driver), ("CUDA", &stack.cuda), ("cuDNN", &stack.cudnn), ("ROCm", &stack.rocm)];
    let parts = parts.iter().map(|(name, wished)| version(name, wished.as_ref())).filter(|part| !part.is_empty());
    std::iter::once(maker.to_owned()).chain(parts).collect::<Vec<_>>().join(", ")
}

/// The first line of a script, and whether there is more.
fn first_line(script: &str) -> String {
    let mut lines = script.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default().trim();
    let cut: String = first.chars().take(60).collect();
    if cut.len() < first.len() || lines.next().is_some() { format!("{cut} …") } else { cut }
}

/// The offers that were not taken, and all that each lacked. Equal rows of several groups stand together.
pub(super) fn refusals(refusals: &[Refusal], width: Width) -> String {
    let mut rows: Vec<(String, String, String, String)> = Vec::new();
    for refusal in refusals {
        let why = if refusal.misfits.is_empty() {
            "it would serve, but another is better".to_owned()
        } else {
            refusal.misfits.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let (site, node_type) = (refusal.site.to_string(), refusal.node_type.clone());
        match rows.iter_mut().find(|row| (&row.0, &row.1, &row.3) == (&site, &node_type, &why)) {
            Some(row) => row.2 = format!("{}, {}", row.2, refusal.group),
            None => rows.push((site, node_type, refusal.group.to_string(), why)),
        }
    }
    let columns = [Column::Name("SITE"), Column::Name("NODE TYPE"), Column::Left("FOR"), Column::Left("WHY NOT")];
    let hidden = rows.len().saturating_sub(REFUSALS);
    let shown = rows
        .into_iter()
        .take(REFUSALS)
        .map(|(site, node_type, group, why)| vec![cell(site), cell(node_type), cell(group), cell(why)]);
    let mut out = table(width, &columns, shown);
    if hidden > 0 {
        out.push_str(&format!("and {hidden} more: `-o json` shows all\n"));
    }
    out
}
