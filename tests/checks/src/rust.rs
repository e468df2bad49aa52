//! Helpers for Rust source text.

use std::path::Path;

use syn::Attribute;

use crate::Finding;

/// Parses a file.
///
/// # Errors
///
/// The place where the text is not valid Rust.
pub fn parse(path: &Path, text: &str) -> Result<syn::File, Finding> {
    syn::parse_file(text).map_err(|error| Finding::new(path, error.span().start().line, error.to_string()))
}

/// True for `#[test]`, `#[tokio::test]`, `#[cfg(test)]` and `#[cfg(all(test, …))]`.
pub fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        if attribute.path().is_ident("cfg") {
            let text = attribute.meta.require_list().map(|list| list.tokens.to_string()).unwrap_or_default();
            return text == "test" || text.starts_with("all (test");
        }
        attribute.path().segments.last().is_some_and(|segment| segment.ident == "test")
    })
}
