//! The types that product code defines: each name is defined once in the workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Ident, ImplItem, Item};

use crate::Finding;
use crate::modules::{Crate, attributes};
use crate::rust::is_test_only;

/// A definition of a struct, enum, union, trait or type alias.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TypeDefinition {
    /// Its name.
    pub name: String,
    /// Relative to the repository.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
}

/// The types of the crate whose root file is `root`, without tests. Associated types don't count, types inside
/// functions do.
///
/// # Errors
///
/// A file that is declared and missing, or that is not valid Rust.
pub fn types(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Result<Vec<TypeDefinition>, Finding> {
    let source = Crate::load(root, read)?;
    let mut found = Vec::new();
    for module in &source.modules {
        let mut visitor = Types { file: &module.file, found: &mut found };
        for item in &module.code {
            visitor.visit_item(item);
        }
    }
    Ok(found)
}

/// Every definition of a name after its first one, by file and line.
#[must_use]
pub fn redefined(mut types: Vec<TypeDefinition>) -> Vec<Finding> {
    // A file that two roots of a crate declare is read twice.
    types.sort();
    types.dedup();
    let mut first: BTreeMap<&str, &TypeDefinition> = BTreeMap::new();
    let mut found = Vec::new();
    for definition in &types {
        let TypeDefinition { name, file, line } = definition;
        let other = *first.entry(name).or_insert(definition);
        if other != definition {
            let place = format!("{}:{}", other.file.display(), other.line);
            found.push(Finding::new(file, *line, format!("the type name `{name}` is also defined in {place}")));
        }
    }
    found
}

struct Types<'a> {
    file: &'a Path,
    found: &'a mut Vec<TypeDefinition>,
}

impl<'ast> Visit<'ast> for Types<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test_only(attributes(item)) {
            return;
        }
        if let Some(ident) = defined_type(item) {
            let (name, line) = (ident.to_string(), ident.span().start().line);
            self.found.push(TypeDefinition { name, file: self.file.to_owned(), line });
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = if let ImplItem::Fn(item) = item { &item.attrs } else { &[] };
        if !is_test_only(attributes) {
            visit::visit_impl_item(self, item);
        }
    }
}

fn defined_type(item: &Item) -> Option<&Ident> {
    match item {
        Item::Enum(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::TraitAlias(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{redefined, types};
    use crate::Finding;

    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &[Finding]) {
        let mut found = Vec::new();
        for (root, _) in files {
            let read = |path: &Path| {
                files.iter().find(|(name, _)| path == Path::new(name)).map(|(_, text)| (*text).to_owned())
            };
            found.extend(types(Path::new(root), &read).expect("valid Rust"));
        }
        assert_eq!(redefined(found), expected);
    }

    #[test]
    fn a_name_of_two_crates_is_reported_with_both_places() {
        let expected = Finding::new("b/lib.rs", 2, "the type name `Lease` is also defined in a/lib.rs:1");
        check(&[("a/lib.rs", "pub struct Lease;\nenum Other {}"), ("b/lib.rs", "\ntype Lease = u8;")], &[expected]);
    }

    #[test]
    fn types_inside_functions_count() {
        let expected = Finding::new("a.rs", 2, "the type name `Body` is also defined in a.rs:1");
        check(&[("a.rs", "trait Body {}\nfn f() { struct Body; }")], &[expected]);
    }

    #[test]
    fn tests_associated_types_and_variants_do_not_count() {
        let text = "struct Item;\nimpl Iterator for A { type Item = u8; }\nenum B { Item }\n\
                    trait C { type Item; }\n#[cfg(test)]\nmod tests { struct Item; }\n#[test]\nfn d() { struct Item; }";
        check(&[("a.rs", text)], &[]);
    }
}
