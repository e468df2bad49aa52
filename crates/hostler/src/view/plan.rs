//! A plan: picks, cost, steps, and rejected offers.

use std::collections::BTreeMap;

use comfy_table::Cell;
use hostler_core::plan::{Action, Pick, Plan, Rejection, Step};
use hostler_core::setup::DockerRepository;
use hostler_core::setup::gpu::{GpuRequest, Vendor};
use hostler_core::shape::Shape;
use hostler_core::size::Bytes;
use hostler_core::ticket::StepId;
use hostler_engine::run::title;
use jiff::Timestamp;
use owo_colors::OwoColorize;

use super::words::{coarse, heading, instant, plural, price};
use crate::table::{Column, NO_BREAK_SPACE, Width, cell, facts, table};

/// Maximum number of rejected offers to list; the rest is counted.
const MAX_REJECTIONS: usize = 20;

/// Picks, window and cost.
pub fn brief(plan: &Plan, now: Timestamp, width: Width) -> String {
    let mut out = picks(&plan.picks, width);
    out.push('\n');
    let mut lines = vec![
        ("Deployment", plan.demand.name.bold().to_string()),
        ("Ends", ends(plan)),
        ("Cost", cost(plan)),
        ("Plan", plan.id().to_string()),
    ];
    if plan.start > now {
        lines.insert(1, ("Starts", instant(plan.start)));
    }
    lines.extend(hosts(plan).map(|hosts| ("Hosts", hosts)));
    out.push_str(&facts(&lines));
    out
}

/// The whole plan, with steps and rejected offers.
pub fn plan(plan: &Plan, now: Timestamp, width: Width) -> String {
    let mut out = brief(plan, now, width);
    for pick in plan.picks.iter().filter(|pick| !pick.other_images.is_empty()) {
        let others = pick.other_images.join(", ");
        out.push_str(&facts(&[("Image", format!("{} for `{}`, preferred over {others}", pick.image, pick.group))]));
    }
    out.push_str(&heading(&plural(plan.steps.len(), "step")));
    out.push_str(&steps(&plan.steps, width));
    if !plan.rejections.is_empty() {
        out.push_str(&heading(&plural(plan.rejections.len(), "other offer")));
        out.push_str(&rejections(&plan.rejections, width));
    }
    out
}

/// End of the deployment.
fn ends(plan: &Plan) -> String {
    match plan.until {
        None => format!("never (until `hostler down {}`)", plan.demand.name),
        Some(until) => format!("{} ({})", instant(until), coarse(until.duration_since(plan.start))),
    }
}

fn cost(plan: &Plan) -> String {
    let Some(hourly) = plan.price_per_hour else { return "unknown (a site reports no price)".to_owned() };
    let unit = plan.unit();
    let sum = |amount| price(Some(amount), unit);
    match plan.until {
        None => format!("{}/h", sum(hourly)),
        Some(until) => {
            let seconds = until.duration_since(plan.start).as_secs();
            format!("{}/h, {} in total", sum(hourly), sum(hourly.over_seconds(seconds)))
        }
    }
}

/// The chosen physical hosts.
fn hosts(plan: &Plan) -> Option<String> {
    let hosts: Vec<&str> = plan.picks.iter().flat_map(|pick| &pick.hosts).map(|host| host.0.as_str()).collect();
    (!hosts.is_empty()).then(|| hosts.join(", "))
}

fn picks(picks: &[Pick], width: Width) -> String {
    use Column::{Left, Name, Right};
    let columns =
        [Name("GROUP"), Right("COUNT"), Name("SITE"), Name("NODE TYPE"), Left("SIZE"), Name("IMAGE"), Right("PRICE/H")];
    let row = |pick: &Pick| -> Vec<Cell> {
        vec![
            cell(&pick.group),
            cell(pick.count),
            cell(&pick.site),
            cell(&pick.node_type),
            cell(shape(&pick.shape)),
            cell(&pick.image),
            cell(price(pick.price_per_hour, pick.unit)),
        ]
    };
    table(width, &columns, picks.iter().map(row))
}

/// The size of a machine: `8 CPUs, 32GiB, 100GiB disk`. Parts are not wrapped. Unknown sizes are left out.
pub(super) fn shape(shape: &Shape) -> String {
    let Shape { cpus, memory, disk, gpus } = shape;
    let some = |size: &Bytes| (*size > Bytes(0)).then_some(*size);
    let cpus = (*cpus > 0).then(|| plural(*cpus as usize, "CPU"));
    let memory = some(memory).map(|memory| memory.to_string());
    let disk = some(disk).map(|disk| format!("{disk} disk"));
    let mut parts: Vec<String> = [cpus, memory, disk, counted(gpus)].into_iter().flatten().collect();
    if parts.is_empty() {
        parts.push("unknown".to_owned());
    }
    parts.iter().map(|part| part.replace(' ', NO_BREAK_SPACE)).collect::<Vec<_>>().join(", ")
}

/// Names with their counts: `2 × A100`.
fn counted(names: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    names.iter().for_each(|name| *counts.entry(name).or_default() += 1);
    let shown: Vec<String> = counts.iter().map(|(name, count)| format!("{count} × {name}")).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// Numbered steps, each with the numbers of the steps it depends on.
fn steps(steps: &[Step], width: Width) -> String {
    let numbers: BTreeMap<&StepId, usize> = steps.iter().zip(1..).map(|(step, number)| (&step.id, number)).collect();
    let row = |step: &Step| {
        let after: Vec<String> = step.after.iter().filter_map(|id| numbers.get(id)).map(usize::to_string).collect();
        let detail = match &step.action {
            Action::SetUp { phase, .. } => phase_detail(phase),
            Action::Create(_) | Action::WaitSsh { .. } => String::new(),
        };
        let number = numbers.get(&step.id).copied().unwrap_or_default();
        vec![cell(number), cell(title(step)), cell(after.join(" ")), cell(detail)]
    };
    let columns = [Column::Right("#"), Column::Left("STEP"), Column::Name("AFTER"), Column::Left("DETAILS")];
    table(width, &columns, steps.iter().map(row))
}

/// Parameters of a phase, in brief.
fn phase_detail(phase: &hostler_core::plan::Phase) -> String {
    use hostler_core::plan::Phase;
    match phase {
        Phase::Packages { packages } => packages.join(" "),
        Phase::Verify(promise) => shape(&promise.shape),
        Phase::Source | Phase::PeerNames | Phase::PeerSsh | Phase::System(_) => String::new(),
        Phase::Interpreter(need) => version("Python", need.version.as_ref()),
        Phase::Conda(need) => {
            let words = [version("Python", need.python.as_ref()), need.packages.join(", ")];
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
        }
        Phase::Docker(need) => match need.from {
            DockerRepository::Distribution => String::new(),
            DockerRepository::Docker => "from Docker's repository".to_owned(),
        },
        Phase::Gpu(request) => gpu_detail(request),
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

fn gpu_detail(request: &GpuRequest) -> String {
    let (vendor, stack) = match request {
        GpuRequest::Off => return String::new(),
        GpuRequest::Auto(stack) => ("if a GPU is found", stack),
        GpuRequest::Forced(Vendor::Nvidia, stack) => ("NVIDIA", stack),
        GpuRequest::Forced(Vendor::Amd, stack) => ("AMD", stack),
    };
    let parts = [("driver", &stack.driver), ("CUDA", &stack.cuda), ("cuDNN", &stack.cudnn), ("ROCm", &stack.rocm)];
    let parts = parts.iter().map(|(name, requested)| version(name, requested.as_ref())).filter(|part| !part.is_empty());
    std::iter::once(vendor.to_owned()).chain(parts).collect::<Vec<_>>().join(", ")
}

/// The first line of a script, at most 60 characters, and an ellipsis for the rest.
fn first_line(script: &str) -> String {
    let mut lines = script.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default().trim();
    let cut: String = first.chars().take(60).collect();
    if cut.len() < first.len() || lines.next().is_some() { format!("{cut} …") } else { cut }
}

/// Rejected offers with all unmet requirements. Groups with equal rows share one.
pub(super) fn rejections(rejections: &[Rejection], width: Width) -> String {
    let mut rows: Vec<(String, String, String, String)> = Vec::new();
    for rejection in rejections {
        let why = if rejection.misfits.is_empty() {
            "suitable; ranked lower".to_owned()
        } else {
            rejection.misfits.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let (site, node_type) = (rejection.site.to_string(), rejection.node_type.clone());
        match rows.iter_mut().find(|row| (&row.0, &row.1, &row.3) == (&site, &node_type, &why)) {
            Some(row) => row.2 = format!("{}, {}", row.2, rejection.group),
            None => rows.push((site, node_type, rejection.group.to_string(), why)),
        }
    }
    let columns = [Column::Name("SITE"), Column::Name("NODE TYPE"), Column::Left("GROUP"), Column::Left("REASON")];
    let hidden = rows.len().saturating_sub(MAX_REJECTIONS);
    let shown = rows
        .into_iter()
        .take(MAX_REJECTIONS)
        .map(|(site, node_type, group, why)| vec![cell(site), cell(node_type), cell(group), cell(why)]);
    let mut out = table(width, &columns, shown);
    if hidden > 0 {
        out.push_str(&format!("{hidden} more; `-o json` lists all\n"));
    }
    out
}
