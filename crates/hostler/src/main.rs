//! The binary. All code is in the library.

fn main() -> std::process::ExitCode {
    hostler::main(std::env::args_os().collect(), std::env::vars_os().collect())
}
