//! `docs/reference/cli.md`, made from the command line's own definition; and other pages that are made from data.

mod gpu;

use clap::{Arg, Command, CommandFactory};
use hostler_core::filter::{FIELDS, Kind};
use hostler_core::setup::{PHASES, Policy};
use hostler_core::time::show_duration;
use jiff::SignedDuration;

pub use gpu::gpu;

use crate::args::Cli;
use crate::config::{KEYS, TRUSTED, VARIABLES, openstack};

/// The whole page, in Markdown.
pub fn cli() -> String {
    let mut command = Cli::command();
    command.build();
    let mut out = "# The command line\n\n".to_owned();
    out.push_str("This page is made from the program itself, and a test holds it to it. ");
    out.push_str("Exit codes and kinds of errors: [errors](../errors.md).\n\n");
    let global: Vec<&Arg> = command.get_arguments().filter(|arg| arg.is_global_set()).collect();
    out.push_str("## For every command\n\n");
    out.push_str(&table(&global));
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        section(verb, "hostler", &mut out);
    }
    out.push_str(&filters());
    out.push_str("\n## Output\n\nData goes to standard output, everything else to standard error. In JSON and YAML, ");
    out.push_str("amounts of money are whole millionths, sizes are bytes, and times are UTC.\n");
    out.push_str("\n## Configuration\n\nThe file `~/.config/hostler/config.toml`:\n\n");
    out.push_str("| key | example | what it does |\n|---|---|---|\n");
    for (key, example, what) in KEYS {
        out.push_str(&format!("| `{key}` | `{example}` | {what} |\n"));
    }
    out.push_str("\n## Environment\n\n| variable | what it does |\n|---|---|\n");
    for (name, what) in VARIABLES.iter().chain(openstack::VARIABLES) {
        out.push_str(&format!("| `{name}` | {what} |\n"));
    }
    let trusted: Vec<String> = TRUSTED.iter().map(|name| format!("`{name}`")).collect();
    out.push_str(&format!("\nLocal machines are told what this computer trusts: {}.\n", trusted.join(", ")));
    out
}

/// The phases of a set-up, as a table in Markdown.
pub fn phases() -> String {
    let mut out =
        "| phase | part of a plan where | what it does | what proves it | at most | tries |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for policy in PHASES {
        let Policy { kind, wished, action, proof, limit, tries } = policy;
        let limit = limit.and_then(|limit| SignedDuration::try_from(limit).ok()).map(show_duration);
        let limit = limit.unwrap_or_else(|| "-".to_owned());
        out.push_str(&format!("| `{kind}` | {wished} | {action} | {proof} | {limit} | {tries} |\n"));
    }
    out
}

/// What `hostler availability --filter` understands.
fn filters() -> String {
    let mut out =
        "\n## Filters\n\nConditions as `gpu_count>=4`, `ram>=256GiB`, `arch=x86_64` or `model~A100` (a part of \
                   it), joined by `and`, `or`, `not` and parentheses; `any` means all nodes. "
            .to_owned();
    out.push_str("A node that doesn't say what is asked for is not meant, and not by the opposite either.\n\n");
    out.push_str("| field | also | kind | what it is |\n|---|---|---|---|\n");
    for (_, names, kind, what) in FIELDS {
        let kind = match kind {
            Kind::Flag => "flag",
            Kind::Number => "number",
            Kind::Size => "size",
            Kind::Rate => "rate",
            Kind::Text => "text",
        };
        let others: Vec<String> = names[1..].iter().map(|name| format!("`{name}`")).collect();
        out.push_str(&format!("| `{}` | {} | {kind} | {what} |\n", names[0], others.join(", ")));
    }
    out
}

fn section(command: &Command, parent: &str, out: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    out.push_str(&format!("\n## `{name}`\n\n{about}.\n\n"));
    let usage = command.clone().render_usage().to_string();
    out.push_str(&format!("```text\n{}\n```\n", usage.trim_start_matches("Usage: ")));
    let own: Vec<&Arg> = command.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help").collect();
    if !own.is_empty() {
        out.push('\n');
        out.push_str(&table(&own));
    }
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        section(verb, &name, out);
    }
}

fn table(args: &[&Arg]) -> String {
    let mut out = "| argument | what it does |\n|---|---|\n".to_owned();
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
    let mut text = arg.get_help().map(ToString::to_string).unwrap_or_default();
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
        text.push_str(&format!("; {} where it isn't given", defaults.join(" ")));
    }
    text.replace('|', "\\|")
}
