//! Generated documentation: `docs/reference/cli.md`, `gpu.md`, the table of `phases.md`, and the manual pages.

mod gpu;
pub mod man;

use clap::{Arg, Command, CommandFactory};
use hostler_core::filter::{FIELDS, FieldType};
use hostler_core::setup::{PHASES, PhasePolicy};
use hostler_core::time::format_duration;
use jiff::SignedDuration;

pub use gpu::gpu;

use crate::args::Cli;
use crate::config::{KEYS, TRUSTED, VARIABLES};

/// `docs/reference/cli.md`.
pub fn cli() -> String {
    let mut command = Cli::command();
    command.build();
    let mut out = "# The command line\n\n".to_owned();
    out.push_str("Generated from the program. See also: [exit codes and errors](../errors.md), ");
    out.push_str("[JSON output](json.md), [demand file](demand.md).\n\n");
    let global: Vec<&Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).collect();
    out.push_str("## Global options\n\n");
    out.push_str(&table(&global));
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        section(verb, "hostler", &mut out);
    }
    out.push_str(&filters());
    out.push_str("\n## Output\n\nData goes to standard output, everything else to standard error. Keys, types and ");
    out.push_str("units of JSON and YAML output: [JSON output](json.md).\n");
    out.push_str("\n## Configuration\n\nThe file `~/.config/hostler/config.toml`:\n\n");
    out.push_str("| key | example | effect |\n|---|---|---|\n");
    for (key, example, what) in KEYS {
        out.push_str(&format!("| `{key}` | `{example}` | {what} |\n"));
    }
    out.push_str("\n## Environment\n\n| variable | effect |\n|---|---|\n");
    for (name, what) in VARIABLES {
        out.push_str(&format!("| `{name}` | {what} |\n"));
    }
    let trusted: Vec<String> = TRUSTED.iter().map(|name| format!("`{name}`")).collect();
    out.push_str(&format!("\nPassed on to local machines: {}.\n", trusted.join(", ")));
    out
}

/// The table of phases in `docs/reference/phases.md`.
pub fn phases() -> String {
    let mut out =
        "| phase | planned if | action | check | time limit | attempts |\n|---|---|---|---|---|---|\n".to_owned();
    for policy in PHASES {
        let PhasePolicy { kind, condition, action, proof, timeout, tries } = policy;
        let limit = timeout.and_then(|limit| SignedDuration::try_from(limit).ok()).map(format_duration);
        let limit = limit.unwrap_or_else(|| "-".to_owned());
        out.push_str(&format!("| `{kind}` | {condition} | {action} | {proof} | {limit} | {tries} |\n"));
    }
    out
}

/// The filter language of `--filter`.
fn filters() -> String {
    let mut out = "\n## Filters\n\nConditions such as `gpu_count>=4`, `ram>=256GiB`, `arch=x86_64` or `model~A100` \
                   (contains), combined with `and`, `or`, `not` and parentheses; `any` matches all nodes. "
        .to_owned();
    out.push_str("A node that does not report a field matches neither a condition on it nor the negation.\n\n");
    out.push_str("| field | aliases | type | meaning |\n|---|---|---|---|\n");
    for (_, names, kind, what) in FIELDS {
        let kind = match kind {
            FieldType::Flag => "flag",
            FieldType::Number => "number",
            FieldType::Size => "size",
            FieldType::Rate => "rate",
            FieldType::Text => "text",
        };
        let others: Vec<String> = names[1..].iter().map(|name| format!("`{name}`")).collect();
        out.push_str(&format!("| `{}` | {} | {kind} | {what} |\n", names[0], others.join(", ")));
    }
    out
}

fn section(command: &Command, parent: &str, out: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let about = about.trim_end_matches('.').replacen("\n\n", ".\n\n", 1);
    out.push_str(&format!("\n## `{name}`\n\n{about}.\n\n"));
    let usage = command.clone().render_usage().to_string();
    out.push_str(&format!("```text\n{}\n```\n", usage.trim_start_matches("Usage: ")));
    let own: Vec<&Arg> = command.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help").collect();
    if !own.is_empty() {
        out.push('\n');
        out.push_str(&table(&own));
    }
    if let Some(examples) = man::examples_of(command) {
        let lines: Vec<&str> = examples.lines().map(|line| line.strip_prefix("  ").unwrap_or(line)).collect();
        out.push_str(&format!("\n```sh\n{}\n```\n", with_comments(&lines)));
    }
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        section(verb, &name, out);
    }
}

/// Example lines with their explanations as shell comments.
fn with_comments(lines: &[&str]) -> String {
    let commented = |line: &&str| match line.split_once("  ") {
        Some((command, text)) => format!("{command:47} # {}", text.trim()),
        None => (*line).to_owned(),
    };
    lines.iter().map(commented).collect::<Vec<_>>().join("\n")
}

fn table(args: &[&Arg]) -> String {
    let mut out = "| argument | meaning |\n|---|---|\n".to_owned();
    for arg in args {
        out.push_str(&format!("| {} | {} |\n", spelled(arg), explained(arg)));
    }
    out
}

fn spelled(arg: &Arg) -> String {
    let value = arg.get_value_names().and_then(|names| names.first()).map(ToString::to_string).unwrap_or_default();
    let value = if arg.get_action().takes_values() { value } else { String::new() };
    let flags = [arg.get_short().map(|short| format!("-{short}")), arg.get_long().map(|long| format!("--{long}"))];
    let flags: Vec<String> = flags.into_iter().flatten().collect();
    format!("`{}`", format!("{} {value}", flags.join(", ")).trim().replace('|', "\\|"))
}

fn explained(arg: &Arg) -> String {
    let text = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut text = text.trim_end_matches('.').replace("\n\n", ". ");
    let values: Vec<String> = match arg.get_action().takes_values() && !arg.is_hide_possible_values_set() {
        true => arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect(),
        false => Vec::new(),
    };
    if !values.is_empty() {
        text.push_str(&format!("; one of {}", values.join(", ")));
    }
    let defaults: Vec<String> =
        arg.get_default_values().iter().map(|value| format!("`{}`", value.to_string_lossy())).collect();
    if !defaults.is_empty() && arg.get_action().takes_values() {
        text.push_str(&format!("; default {}", defaults.join(" ")));
    }
    text.replace('|', "\\|")
}
