//! `hostler-checks [circles|layout|type-names|openings|phrases|comments|command-line]…`: prints the findings of checks.
//!
//! Exits with 1 if there are any. Without arguments it runs all.
#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::process::ExitCode;

use hostler_checks::{Finding, OPENINGS_ALLOWED, Repository};

const ALL: [&str; 7] = ["circles", "layout", "type-names", "openings", "phrases", "comments", "command-line"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> =
        if arguments.is_empty() { ALL.into() } else { arguments.iter().map(String::as_str).collect() };
    let repository = Repository::here();
    let failed = names.iter().filter(|name| !passes(&repository, name)).count();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn passes(repository: &Repository, name: &str) -> bool {
    let found = match name {
        "circles" => return circles(repository),
        "openings" => return openings(repository),
        "layout" => Ok(repository.layout()),
        "type-names" => repository.type_names(),
        "phrases" => repository.phrases(),
        "comments" => repository.phrases_in_comments(),
        "command-line" => repository.command_line(),
        _ => Err(Finding::new("tests/checks/src/main.rs", 1, format!("no check `{name}`"))),
    };
    let found = found.unwrap_or_else(|finding| vec![finding]);
    found.iter().for_each(|finding| println!("{finding}"));
    println!("{name}: {}", found.len());
    found.is_empty()
}

fn circles(repository: &Repository) -> bool {
    match repository.circles() {
        Ok(circles) => {
            circles.iter().for_each(|circle| println!("circle of {} files:\n{circle}", circle.files().len()));
            println!("circles: {}", circles.len());
            circles.is_empty()
        }
        Err(finding) => {
            println!("{finding}");
            false
        }
    }
}

fn openings(repository: &Repository) -> bool {
    let openings = repository.openings();
    let passes = openings.percent() < OPENINGS_ALLOWED;
    openings.bad.iter().for_each(|finding| println!("{finding}"));
    println!(
        "openings: {} of {} doc comments ({:.1} %, allowed are {OPENINGS_ALLOWED} %)",
        openings.bad.len(),
        openings.comments,
        openings.percent()
    );
    passes
}
