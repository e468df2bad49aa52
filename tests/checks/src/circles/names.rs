//! References between modules: every path in the product code, resolved to the module that defines the item.

use proc_macro2::{Spacing, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemUse, Macro, Path};

use crate::modules::{Crate, ModuleId, attributes, imports};
use crate::rust::is_test_only;

/// One place where a module names an item of another.
#[derive(Debug)]
pub struct Reference {
    pub from: ModuleId,
    pub to: ModuleId,
    pub line: usize,
    pub path: String,
}

#[derive(Clone, Copy)]
enum Target {
    Module(ModuleId),
    Item(ModuleId),
}

/// Longest chain of re-exports that is followed. Longer chains are circles of `use` items.
const DEPTH: usize = 16;

pub fn references(source: &Crate) -> Vec<Reference> {
    let mut found = Vec::new();
    for from in 0..source.modules.len() {
        let mut visitor = Visitor { source, from, found: Vec::new() };
        for item in &source.modules[from].code {
            visitor.visit_item(item);
        }
        found.append(&mut visitor.found);
    }
    found
}

impl Crate {
    /// The module or item that a path means in a module. `None` for a path that leaves the crate.
    fn resolve(&self, module: ModuleId, path: &[String], depth: usize) -> Option<Target> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => Target::Module(0),
            "self" => Target::Module(module),
            "super" => Target::Module(self.modules[module].parent?),
            name => self.lookup(module, name, depth)?,
        };
        self.descend(start, rest, depth)
    }

    fn descend(&self, start: Target, path: &[String], depth: usize) -> Option<Target> {
        let mut target = start;
        for name in path {
            // The names after an item are its variants or associated items, which the same module defines.
            let Target::Module(module) = target else { return Some(target) };
            target = match name.as_str() {
                "super" => Target::Module(self.modules[module].parent?),
                // A name that is not found comes out of a macro of that module.
                name => self.lookup(module, name, depth).unwrap_or(Target::Item(module)),
            };
        }
        Some(target)
    }

    /// Target of a name in a module.
    fn lookup(&self, id: ModuleId, name: &str, depth: usize) -> Option<Target> {
        let module = &self.modules[id];
        if let Some(child) = module.children.get(name) {
            return Some(Target::Module(*child));
        }
        if module.items.contains(name) {
            return Some(Target::Item(id));
        }
        if depth == DEPTH {
            return None;
        }
        if let Some(path) = module.imports.get(name) {
            // `use name::…` inside the module `name` would look itself up forever.
            let itself = path.first().is_some_and(|first| first == name);
            return if itself { None } else { self.resolve(id, path, depth + 1) };
        }
        module.globs.iter().find_map(|path| match self.resolve(id, path, depth + 1)? {
            Target::Module(other) => self.lookup(other, name, depth + 1),
            Target::Item(_) => None,
        })
    }
}

struct Visitor<'a> {
    source: &'a Crate,
    from: ModuleId,
    found: Vec<Reference>,
}

impl Visitor<'_> {
    fn refer(&mut self, path: &[String], line: usize) {
        if let Some(Target::Item(to)) = self.source.resolve(self.from, path, 0)
            && to != self.from
        {
            self.found.push(Reference { from: self.from, to, line, path: path.join("::") });
        }
    }

    /// Paths in the arguments of a macro, which are tokens and not yet syntax.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.refer(&path, line);
                        path.clear();
                    }
                    line = ident.span().start().line;
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct)
                    if punct.as_char() == ':' && (colons == 1 || punct.spacing() == Spacing::Joint) =>
                {
                    colons += 1;
                }
                other => {
                    self.refer(&path, line);
                    path.clear();
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.refer(&path, line);
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Const(item) => &item.attrs,
            _ => &[],
        };
        if !is_test_only(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    /// A private import is a dependency, a re-export is not: a use of its name leads to the definition.
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !matches!(item.vis, syn::Visibility::Inherited) {
            return;
        }
        for import in imports(&item.tree) {
            match (import.name, self.source.resolve(self.from, &import.path, 0)) {
                (None, Some(Target::Module(to))) => {
                    let path = format!("{}::*", import.path.join("::"));
                    self.found.push(Reference { from: self.from, to, line: import.line, path });
                }
                _ => self.refer(&import.path, import.line),
            }
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let segments: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.refer(&segments, line);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}
