//! The binary: all of it is in the library beside it.

fn main() -> std::process::ExitCode {
    hostler::main(std::env::args_os().collect(), std::env::vars_os().collect())
}
