//! The entry point: from arguments and environment to an exit code.

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use serde_json::Value;

use crate::app::App;
use crate::args::{Cli, Colour};
use crate::config::{Env, Settings};
use crate::error::{Error, ErrorKind, Exit};
use crate::output::{Format, render};
use crate::printer::Printer;
use crate::{commands, trace, view};

/// Runs the command that the arguments name.
pub fn main(args: Vec<OsString>, env: Vec<(OsString, OsString)>) -> ExitCode {
    let env = Env::new(env);
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return show_clap_error(&error, requested_format(&args), &env),
    };
    let printer = Arc::new(Printer::new(&env, cli.global.color));
    let format = cli.global.output;
    let traced = cli.global.trace.as_deref().map_or(Ok(()), trace::to);
    let done = traced.and_then(|()| Settings::read(env)).and_then(|settings| {
        let app = App::new(settings, Arc::clone(&printer), &cli.global);
        commands::run(&app, &cli.verb)
    });
    end(done, format, &printer)
}

/// Prints an error, and returns the exit code.
fn end(done: Result<ExitCode, Error>, format: Format, printer: &Printer) -> ExitCode {
    let code = match done {
        Ok(code) => code,
        Err(error) => {
            printer.say(&view::failure(&error, printer.error_width));
            if format != Format::Text && !printer.has_data() {
                print_error(&error.to_json(), format, printer);
            }
            ExitCode::from(error.kind.exit().code())
        }
    };
    match printer.unwritten() {
        None => code,
        Some(error) => {
            let error = Error::new(ErrorKind::System, "standard output can't be written").caused_by(&error);
            printer.say(&view::failure(&error, printer.error_width));
            ExitCode::from(error.kind.exit().code())
        }
    }
}

/// Writes an error to standard output, for programs.
fn print_error(error: &Value, format: Format, printer: &Printer) {
    match render(format, error, String::new) {
        Ok(text) => printer.data(&text),
        Err(error) => printer.say(&view::failure(&error, printer.error_width)),
    }
}

/// Prints help, version or usage error.
fn show_clap_error(error: &clap::Error, format: Format, env: &Env) -> ExitCode {
    let printer = Printer::new(env, Colour::Auto);
    let text = error.render().ansi().to_string();
    if !error.use_stderr() {
        printer.data(&text);
        return end(Ok(ExitCode::SUCCESS), format, &printer);
    }
    printer.say(&text);
    if format != Format::Text {
        let message = error.render().to_string();
        let message = message.trim_start_matches("error: ").lines().next().unwrap_or_default().to_owned();
        print_error(&Error::new(ErrorKind::Usage, message).to_json(), format, &printer);
    }
    ExitCode::from(Exit::Input.code())
}

/// The output format that a command line requests, even if clap rejects the rest of it.
fn requested_format(args: &[OsString]) -> Format {
    let texts: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).take_while(|arg| *arg != "--").collect();
    let separate = texts.windows(2).filter(|pair| matches!(pair[0], "-o" | "--output")).map(|pair| pair[1]);
    let attached = texts.iter().filter_map(|arg| arg.strip_prefix("--output=").or_else(|| arg.strip_prefix("-o")));
    match separate.chain(attached).find(|format| matches!(*format, "json" | "yaml")) {
        Some("json") => Format::Json,
        Some(_) => Format::Yaml,
        None => Format::Text,
    }
}
