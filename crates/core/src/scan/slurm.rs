//! Slurm job scripts: the `#SBATCH` lines at their start.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use jiff::SignedDuration;

use super::collect::FileFindings;
use super::finding::{Confidence, ScanFact};
use crate::demand::GpuRequirement;
use crate::size::Bytes;

/// Long names of options that have a short one.
const SHORT: [(&str, &str); 6] =
    [("c", "cpus-per-task"), ("n", "ntasks"), ("N", "nodes"), ("t", "time"), ("G", "gpus"), ("p", "partition")];

/// Scans a job script. A script without `#SBATCH` lines is not a job and has no findings.
pub(super) fn scan(findings: &mut FileFindings<'_>, text: &str) {
    let job = SbatchHeader::of(text);
    if let Some((nodes, option)) = job.nodes() {
        findings.add(ScanFact::Nodes(nodes), Confidence::Stated, option.line, option.text);
    }
    if let Some((cpus, option)) = job.cpus() {
        findings.add(ScanFact::Cpus(cpus), Confidence::Stated, option.line, option.text);
    }
    if let Some((memory, option)) = job.memory() {
        findings.add(ScanFact::Memory(memory), Confidence::Stated, option.line, option.text);
    }
    if let Some((gpus, option)) = job.gpus() {
        findings.add(ScanFact::Gpu(gpus), Confidence::Stated, option.line, option.text);
    }
    if let Some(option) = job.options.get("time") {
        match time(option.value) {
            Some(Some(limit)) => findings.add(ScanFact::Duration(limit), Confidence::Stated, option.line, option.text),
            Some(None) => {}
            None => findings.problem(option.line, format!("`{}` is not a valid Slurm time", option.value)),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct SbatchOption<'t> {
    line: u32,
    text: &'t str,
    value: &'t str,
}

/// Options of a job. As in Slurm, the last occurrence counts.
struct SbatchHeader<'t> {
    options: BTreeMap<&'t str, SbatchOption<'t>>,
}

impl<'t> SbatchHeader<'t> {
    /// Parses the options. Slurm stops at the first line that is neither empty nor a comment.
    fn of(text: &'t str) -> Self {
        let mut options = BTreeMap::new();
        let head = (1..).zip(text.lines()).take_while(|(_, line)| line.trim().is_empty() || line.starts_with('#'));
        for (line, text) in head {
            let Some(rest) = text.strip_prefix("#SBATCH").filter(|rest| rest.starts_with(char::is_whitespace)) else {
                continue;
            };
            let words: Vec<&str> = rest.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
            let mut words = words.into_iter().peekable();
            while let Some(word) = words.next() {
                if let Some((name, value)) = option(word, words.peek().copied()) {
                    options.insert(name, SbatchOption { line, text, value });
                }
            }
        }
        Self { options }
    }

    fn number(&self, name: &str) -> Option<(u32, SbatchOption<'t>)> {
        let choice = self.options.get(name)?;
        Some((choice.value.parse().ok().filter(|number| *number > 0)?, *choice))
    }

    /// Number of nodes; the minimum of a range such as `--nodes=2-4`.
    fn nodes(&self) -> Option<(NonZeroU32, SbatchOption<'t>)> {
        let choice = self.options.get("nodes")?;
        let least = choice.value.split(['-', ',']).next()?;
        Some((least.parse().ok()?, *choice))
    }

    fn node_count(&self) -> u32 {
        self.nodes().map_or(1, |(nodes, _)| nodes.get())
    }

    /// Tasks per node, with the option that sets them.
    fn tasks(&self) -> Option<(u32, SbatchOption<'t>)> {
        let spread = || self.number("ntasks").map(|(tasks, choice)| (tasks.div_ceil(self.node_count()), choice));
        self.number("ntasks-per-node").or_else(spread)
    }

    fn cpus(&self) -> Option<(u32, SbatchOption<'t>)> {
        let tasks = self.tasks();
        let per_task = self.number("cpus-per-task");
        let (_, choice) = per_task.or(tasks)?;
        let count = |part: Option<(u32, SbatchOption<'t>)>| part.map_or(1, |(count, _)| count);
        Some((count(tasks).saturating_mul(count(per_task)), choice))
    }

    /// Memory per node. `--mem=0` means all memory of the node and sets no requirement.
    fn memory(&self) -> Option<(Bytes, SbatchOption<'t>)> {
        let (name, times) = [("mem", 1), ("mem-per-cpu", self.cpus().map_or(1, |(cpus, _)| cpus))]
            .into_iter()
            .find(|(name, _)| self.options.contains_key(name))?;
        let choice = self.options.get(name)?;
        let bytes = megabytes(choice.value)?.times(u64::from(times));
        (bytes > Bytes(0)).then_some((bytes, *choice))
    }

    /// GPUs per node: `--gres=gpu:a100:2`, `--gpus-per-node`, `--gpus-per-task`, or `--gpus`, which counts all nodes
    /// together.
    fn gpus(&self) -> Option<(GpuRequirement, SbatchOption<'t>)> {
        let generic = self.options.get("gres").and_then(|choice| {
            let of_gpus = choice.value.split(',').find_map(|part| part.strip_prefix("gpu"))?;
            Some((of_gpus.trim_start_matches(':'), 1, 1, *choice))
        });
        let named = |name, times, nodes| self.options.get(name).map(|choice| (choice.value, times, nodes, *choice));
        let tasks = self.tasks().map_or(1, |(tasks, _)| tasks);
        let (value, times, nodes, choice) = generic
            .or_else(|| named("gpus-per-node", 1, 1))
            .or_else(|| named("gpus-per-task", tasks, 1))
            .or_else(|| named("gpus", 1, self.node_count()))?;
        let value = value.split('(').next().unwrap_or(value);
        let (model, count) = match value.rsplit_once(':') {
            Some((model, count)) => (Some(model), count),
            None if value.starts_with(|c: char| c.is_ascii_alphabetic()) => (Some(value), "1"),
            None => (None, if value.is_empty() { "1" } else { value }),
        };
        let count: u32 = count.parse().ok()?;
        let count = NonZeroU32::new(count.saturating_mul(times).div_ceil(nodes))?;
        Some((GpuRequirement { model: model.map(str::to_owned), count }, choice))
    }
}

/// Parses `--name=value`, `--name value`, `-c8` or `-c 8`.
fn option<'t>(word: &'t str, next: Option<&'t str>) -> Option<(&'t str, &'t str)> {
    if let Some(long) = word.strip_prefix("--") {
        return match long.split_once('=') {
            Some(pair) => Some(pair),
            None => Some((long, next?)),
        };
    }
    let short = word.strip_prefix('-')?;
    let (letter, value) = short.split_at_checked(1)?;
    let (_, long) = SHORT.iter().find(|(name, _)| *name == letter)?;
    Some((long, if value.is_empty() { next? } else { value.trim_start_matches('=') }))
}

/// Parses a size. A bare number is MiB; units are binary.
fn megabytes(text: &str) -> Option<Bytes> {
    let bare = text.bytes().all(|byte| byte.is_ascii_digit());
    let text = if bare { format!("{text}M") } else { text.trim_end_matches(['B', 'b']).to_owned() };
    text.parse().ok()
}

/// Parses a time: `M`, `M:S`, `H:M:S`, `D-H`, `D-H:M`, `D-H:M:S`. The inner `None` means no limit.
fn time(text: &str) -> Option<Option<SignedDuration>> {
    if matches!(text.to_ascii_lowercase().as_str(), "infinite" | "unlimited" | "-1" | "0") {
        return Some(None);
    }
    let (days, rest) = match text.split_once('-') {
        Some((days, rest)) => (Some(days.parse::<i64>().ok()?), rest),
        None => (None, text),
    };
    let parts: Vec<i64> =
        rest.split(':').map(|part| part.parse().ok().filter(|number| *number >= 0)).collect::<Option<_>>()?;
    let seconds = match (days, parts.as_slice()) {
        (Some(_), [hours]) => hours.checked_mul(3600)?,
        (Some(_), [hours, minutes]) => hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?,
        (None, [minutes]) => minutes.checked_mul(60)?,
        (None, [minutes, seconds]) => minutes.checked_mul(60)?.checked_add(*seconds)?,
        (_, [hours, minutes, seconds]) => {
            hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_add(*seconds)?
        }
        _ => return None,
    };
    let seconds = days.unwrap_or(0).checked_mul(86_400)?.checked_add(seconds)?;
    (seconds > 0).then(|| Some(SignedDuration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::format_duration;

    #[test]
    fn slurm_times() {
        for (text, expect) in [
            ("90", "1h30m"),
            ("90:30", "1h30m30s"),
            ("12:00:00", "12h"),
            ("1-12", "1d12h"),
            ("2-0:30", "2d30m"),
            ("1-12:00:00", "1d12h"),
        ] {
            assert_eq!(time(text).flatten().map(format_duration).as_deref(), Some(expect), "{text}");
        }
        assert_eq!(time("UNLIMITED"), Some(None));
        for bad in ["", "x", "1-", "1:2:3:4", "-5", "99999999999999999999", "9223372036854775807-0"] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    fn gpus(head: &str) -> Option<String> {
        let text: String = head.split(' ').map(|option| format!("#SBATCH {option}\n")).collect();
        SbatchHeader::of(&text).gpus().map(|(need, _)| need.to_string())
    }

    #[test]
    fn gpus_per_node() {
        for (head, expect) in [
            ("--gres=gpu", Some("any:1")),
            ("--gres=gpu:2", Some("any:2")),
            ("--gres=gpu:a100", Some("a100:1")),
            ("--gres=nvme:1,gpu:a100:4(S:0-1)", Some("a100:4")),
            ("--gpus-per-node=v100:2", Some("v100:2")),
            ("--gpus=8 -N4", Some("any:2")),
            ("-G2", Some("any:2")),
            ("--gpus-per-task=1 --ntasks-per-node=4", Some("any:4")),
            ("--gres=gpu:0", None),
            ("--gres=nvme:1", None),
        ] {
            assert_eq!(gpus(head).as_deref(), expect, "{head}");
        }
    }
}
