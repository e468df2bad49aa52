//! Manual pages: one per command, with examples, exit status, environment and files.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use crate::args::{Cli, examples};
use crate::config::VARIABLES;
use crate::error::Exit;

/// Files that hostler reads or writes.
const FILES: &[(&str, &str)] = &[
    ("~/.config/hostler/config.toml", "configuration"),
    ("~/.config/openstack/clouds.yaml", "OpenStack clouds and credentials"),
    ("~/.local/share/hostler/", "journals, keys, logs and images"),
    (".hostlerignore", "patterns of files that are not sent to machines, in the syntax of `.gitignore`"),
];

/// Writes the page of the whole program.
///
/// # Errors
/// Those of the writer.
pub fn main_page(out: &mut dyn Write) -> io::Result<()> {
    page(&built(), out)
}

/// Writes one page per command to a directory, which must exist: `hostler.1`, `hostler-up.1` and so on.
///
/// # Errors
/// Those of the file system.
pub fn pages(dir: &Path) -> io::Result<()> {
    fn write(command: &Command, dir: &Path) -> io::Result<()> {
        command.get_subcommands().filter(|verb| verb.get_name() != "help").try_for_each(|verb| write(verb, dir))?;
        let mut text = Vec::new();
        page(command, &mut text)?;
        fs::write(dir.join(format!("{}.1", name(command))), text)
    }
    write(&built(), dir)
}

fn built() -> Command {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    command
}

/// `hostler-lease-create`.
fn name(command: &Command) -> &str {
    command.get_display_name().unwrap_or_else(|| command.get_name())
}

fn page(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    // clap_mangen omits the text of options that are hidden from the short help.
    let man = Man::new(command.clone().mut_args(|arg| arg.hide_short_help(false)));
    man.render_title(out)?;
    man.render_name_section(out)?;
    // clap_mangen's own synopsis lists every option.
    let usage = command.clone().render_usage().to_string();
    section(out, "SYNOPSIS", &[paragraph(usage.trim_start_matches("Usage: "))])?;
    man.render_description_section(out)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(out)?;
    }
    if command.has_subcommands() {
        man.render_subcommands_section(out)?;
    }
    if let Some(text) = examples_of(command) {
        section(out, "EXAMPLES", &[format!(".nf\n{}\n.fi", escaped(text))])?;
    }
    let exits: Vec<String> = Exit::ALL.iter().map(|exit| item(&exit.code().to_string(), exit.meaning())).collect();
    section(out, "EXIT STATUS", &exits)?;
    section(out, "ENVIRONMENT", &VARIABLES.iter().map(|(name, effect)| item(name, effect)).collect::<Vec<_>>())?;
    section(out, "FILES", &FILES.iter().map(|(path, content)| item(path, content)).collect::<Vec<_>>())?;
    section(out, "SEE ALSO", &[paragraph(&see_also(command))])
}

/// The examples of a command, without their heading.
pub(super) fn examples_of(command: &Command) -> Option<&'static str> {
    let text = command.get_after_long_help()?.to_string();
    examples::ALL.iter().find(|all| ***all == text)?.strip_prefix(examples::HEADING)
}

/// The parent and the subcommands.
fn see_also(command: &Command) -> String {
    let own = name(command);
    let parent = own.rsplit_once('-').map(|(parent, _)| if parent == "hostler-cost" { "hostler" } else { parent });
    let verbs = command.get_subcommands().filter(|verb| verb.get_name() != "help").map(name);
    let pages: Vec<String> = parent.into_iter().chain(verbs).map(|page| format!("{page}(1)")).collect();
    pages.join(", ")
}

fn section(out: &mut dyn Write, heading: &str, parts: &[String]) -> io::Result<()> {
    writeln!(out, ".SH \"{heading}\"")?;
    parts.iter().try_for_each(|part| writeln!(out, "{part}"))
}

fn paragraph(text: &str) -> String {
    escaped(text)
}

/// A term and its description.
fn item(term: &str, text: &str) -> String {
    format!(".TP\n\\fB{}\\fR\n{}", escaped(term), escaped(text))
}

/// Text in roff: backslashes, hyphens that must stay ASCII, and lines that would be taken for requests.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let line = |line: &str| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_the_usual_sections() {
        let dir = tempfile::tempdir().unwrap();
        pages(dir.path()).unwrap();
        let up = fs::read_to_string(dir.path().join("hostler-up.1")).unwrap();
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES"]
        {
            assert!(
                up.contains(&format!(".SH {heading}\n")) || up.contains(&format!(".SH \"{heading}\"\n")),
                "{heading}"
            );
        }
        assert!(up.contains("Time limit for the first SSH login"), "hidden options have their text");
        assert!(up.contains("hostler up examples/digits") && up.contains("hostler(1)"), "{up}");
        assert!(
            dir.path().join("hostler-lease-create.1").is_file() && dir.path().join("hostler-cost-report.1").is_file()
        );
    }

    #[test]
    fn every_example_is_of_some_command() {
        fn count(command: &Command) -> usize {
            usize::from(examples_of(command).is_some()) + command.get_subcommands().map(count).sum::<usize>()
        }
        assert_eq!(count(&built()), examples::ALL.len());
    }

    #[test]
    fn roff_requests_in_text_are_escaped() {
        assert_eq!(escaped(".hostlerignore"), "\\&.hostlerignore");
        assert_eq!(escaped("a\\b --c"), "a\\eb \\-\\-c");
    }
}
