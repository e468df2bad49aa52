//! The product code of the workspace's crates: their string literals, without tests.

use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, LitStr, Macro};

use crate::Finding;
use crate::modules::{Crate, attributes};
use crate::rust::is_test_only;

/// A string literal of the source text.
#[derive(Debug)]
pub struct Literal {
    /// Relative to the repository.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// With quotes and escapes.
    pub source: String,
}

/// The string literals of the crate whose root file is `root`. Doc comments count where `with_docs` says so for a file:
/// `clap` prints them as help.
///
/// # Errors
///
/// A file that is declared and missing, or that is not valid Rust.
pub fn literals(
    root: &Path,
    read: &dyn Fn(&Path) -> Option<String>,
    with_docs: &dyn Fn(&Path) -> bool,
) -> Result<Vec<Literal>, Finding> {
    let source = Crate::load(root, read)?;
    let mut found = Vec::new();
    for module in &source.modules {
        let mut visitor = Literals { file: &module.file, docs: with_docs(&module.file), found: &mut found };
        for item in &module.code {
            visitor.visit_item(item);
        }
    }
    Ok(found)
}

struct Literals<'a> {
    file: &'a Path,
    docs: bool,
    found: &'a mut Vec<Literal>,
}

impl Literals<'_> {
    fn add(&mut self, line: usize, source: String) {
        self.found.push(Literal { file: self.file.to_owned(), line, source });
    }

    fn tokens(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Literal(literal) => {
                    let source = literal.to_string();
                    if source.contains('"') {
                        self.add(literal.span().start().line, source);
                    }
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                _ => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Literals<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = if let ImplItem::Fn(item) = item { &item.attrs } else { &[] };
        if !is_test_only(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("doc") && !self.docs {
            return;
        }
        match &attribute.meta {
            syn::Meta::List(list) => self.tokens(list.tokens.clone()),
            _ => visit::visit_attribute(self, attribute),
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast LitStr) {
        self.add(literal.span().start().line, literal.token().to_string());
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.tokens(call.tokens.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::literals;

    #[track_caller]
    fn check(text: &str, docs: bool, expected: &[(usize, &str)]) {
        let read = |path: &Path| (path == Path::new("src/lib.rs")).then(|| text.to_owned());
        let found = literals(Path::new("src/lib.rs"), &read, &|_| docs).expect("valid Rust");
        let found: Vec<(usize, &str)> = found.iter().map(|literal| (literal.line, literal.source.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn literals_of_expressions_macros_and_attributes_are_found() {
        let text = "fn a() {\n    f(\"x\");\n    m!(1, { \"y {a}\" });\n}\n#[error(\"z\")]\nstruct B;\n";
        check(text, false, &[(2, "\"x\""), (3, "\"y {a}\""), (5, "\"z\"")]);
    }

    #[test]
    fn test_code_is_left_out() {
        let text = "#[cfg(test)]\nmod tests { const A: &str = \"a\"; }\n#[test]\nfn b() { f(\"b\") }\n\
                    impl C { #[cfg(test)] fn d() { f(\"d\") } }";
        check(text, false, &[]);
    }

    #[test]
    fn doc_comments_count_only_in_help_texts() {
        check("/// Help.\nstruct A;\n", false, &[]);
        check("/// Help.\nstruct A;\n", true, &[(1, "\" Help.\"")]);
    }
}
