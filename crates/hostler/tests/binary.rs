//! The binary runs on every computer with a C library: it needs no other shared library.

use std::process::Command;

/// The C library and the compiler's run-time library, whose names end with a version or an architecture.
const ALLOWED: [&str; 7] = ["ld-linux", "libc.so", "libm.so", "libgcc_s.so", "libdl.so", "libpthread.so", "librt.so"];

#[test]
fn binary_links_the_c_library_only() {
    let output = Command::new("readelf").args(["--dynamic", env!("CARGO_BIN_EXE_hostler")]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let needed: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .map(|line| line.split_once('[').unwrap().1.trim_end_matches(']'))
        .collect();
    assert!(needed.iter().any(|name| name.starts_with("libc.so")), "no list of libraries in {text:?}");
    let others: Vec<&&str> =
        needed.iter().filter(|name| !ALLOWED.iter().any(|allowed| name.starts_with(allowed))).collect();
    assert!(others.is_empty(), "the binary needs {others:?}");
}
