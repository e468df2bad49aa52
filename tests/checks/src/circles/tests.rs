use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::circles;

/// The circles of a crate, given as files with their text: the file names of each circle.
#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&[&str]]) {
    let files: BTreeMap<PathBuf, String> =
        files.iter().map(|(name, text)| (Path::new("src").join(name), (*text).to_owned())).collect();
    let found = circles(Path::new("src/lib.rs"), &|path| files.get(path).cloned()).expect("a crate");
    let found: Vec<Vec<PathBuf>> =
        found.iter().map(|circle| circle.files().into_iter().map(Path::to_owned).collect()).collect();
    let expected: Vec<Vec<PathBuf>> =
        expected.iter().map(|circle| circle.iter().map(|name| Path::new("src").join(name)).collect()).collect();
    assert_eq!(found, expected);
}

const LIB: (&str, &str) = ("lib.rs", "mod a; mod b;");

#[test]
fn files_that_depend_one_way_are_no_circle() {
    check(&[LIB, ("a.rs", "use crate::b::B; pub struct A(B);"), ("b.rs", "pub struct B;")], &[]);
}

#[test]
fn siblings_that_use_each_other_are_a_circle() {
    check(
        &[LIB, ("a.rs", "use super::b::B; pub struct A(B);"), ("b.rs", "pub struct B; fn f(_: crate::a::A) {}")],
        &[&["a.rs", "b.rs"]],
    );
}

#[test]
fn each_shortest_circle_is_reported_once() {
    check(
        &[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B; pub struct A; pub fn a() {}"),
            ("b.rs", "use crate::c::C; use crate::a::a; pub struct B;"),
            ("c.rs", "use crate::a::A; pub struct C;"),
        ],
        &[&["a.rs", "b.rs"], &["a.rs", "b.rs", "c.rs"]],
    );
}

#[test]
fn a_module_that_uses_a_child_must_not_define_what_the_child_uses() {
    check(
        &[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; pub struct A; pub fn f() { b::g() }"),
            ("a/b.rs", "use super::A; pub fn g(_: A) {}"),
        ],
        &[&["a/b.rs", "a/mod.rs"]],
    );
}

#[test]
fn a_re_export_is_followed_to_the_definition() {
    let a = ("a/mod.rs", "mod b; mod c; pub use b::B; pub use self::c::*;");
    let (b, c) = (("a/b.rs", "use super::C; pub struct B(C);"), ("a/c.rs", "pub struct C;"));
    check(&[("lib.rs", "mod a;"), a, b, c], &[]);
    let c = ("a/c.rs", "use crate::a::B as Other; pub struct C(Other);");
    check(&[("lib.rs", "mod a;"), a, b, c], &[&["a/b.rs", "a/c.rs"]]);
}

#[test]
fn paths_in_macros_and_through_imported_modules_count() {
    check(
        &[LIB, ("a.rs", "pub fn f() { m!(x, { crate::b::g() }) }"), ("b.rs", "use crate::a; pub fn g() { a::f() }")],
        &[&["a.rs", "b.rs"]],
    );
}

#[test]
fn test_code_and_other_crates_do_not_count() {
    let a = "use b::B; #[cfg(test)] mod tests { use crate::b::B; } #[cfg(test)] use crate::b::B as C; pub struct A;";
    check(&[LIB, ("a.rs", a), ("b.rs", "use crate::a::A; pub struct B(A);")], &[]);
}

#[test]
fn a_declared_file_that_is_missing_is_an_error_with_its_place() {
    let error = circles(Path::new("src/lib.rs"), &|path| (path == Path::new("src/lib.rs")).then(|| "\nmod a;".into()))
        .expect_err("no file");
    assert_eq!(error.to_string(), "src/lib.rs:2: no file for `mod a`");
}
