//! The module tree of a crate: which file holds which module, and which names each module has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::spanned::Spanned as _;
use syn::{Item, UseTree};

use crate::Finding;
use crate::rust::{is_test_only, parse};

pub type ModuleId = usize;

/// One module. Inline modules (`mod x { … }`) share the file of the module around them.
pub struct Module {
    pub parent: Option<ModuleId>,
    pub file: PathBuf,
    pub children: BTreeMap<String, ModuleId>,
    pub items: BTreeSet<String>,
    /// Name to the path it was imported from.
    pub imports: BTreeMap<String, Vec<String>>,
    /// Modules imported as `use path::*`.
    pub globs: Vec<Vec<String>>,
    /// The product code, without child modules.
    pub code: Vec<Item>,
}

pub struct Crate {
    pub modules: Vec<Module>,
}

/// One leaf of a `use` item.
#[derive(Debug)]
pub struct Import {
    pub path: Vec<String>,
    /// `None` for a glob.
    pub name: Option<String>,
    pub line: usize,
}

impl Crate {
    pub fn load(root: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Result<Self, Finding> {
        let mut this = Self { modules: Vec::new() };
        let directory = root.parent().unwrap_or(Path::new(""));
        this.load_file(None, root, directory, read)?;
        Ok(this)
    }

    pub fn file_of(&self, module: ModuleId) -> &Path {
        &self.modules[module].file
    }

    /// Loads a file as a module whose child files lie in `directory`.
    fn load_file(
        &mut self,
        parent: Option<ModuleId>,
        path: &Path,
        directory: &Path,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<ModuleId, Finding> {
        let text = read(path).ok_or_else(|| Finding::new(path, 1, "the file does not exist"))?;
        let file = parse(path, &text)?;
        self.add(parent, path, directory, file.items, read)
    }

    fn add(
        &mut self,
        parent: Option<ModuleId>,
        file: &Path,
        directory: &Path,
        items: Vec<Item>,
        read: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<ModuleId, Finding> {
        let id = self.modules.len();
        self.modules.push(Module {
            parent,
            file: file.to_owned(),
            children: BTreeMap::new(),
            items: BTreeSet::new(),
            imports: BTreeMap::new(),
            globs: Vec::new(),
            code: Vec::new(),
        });
        for item in items {
            if is_test_only(attributes(&item)) {
                continue;
            }
            if let Item::Mod(child) = item {
                let name = child.ident.to_string();
                let below = directory.join(&name);
                let child_id = match child.content {
                    Some((_, items)) => self.add(Some(id), file, &below, items, read)?,
                    None => {
                        let line = child.ident.span().start().line;
                        let path = [directory.join(format!("{name}.rs")), below.join("mod.rs")]
                            .into_iter()
                            .find(|path| read(path).is_some())
                            .ok_or_else(|| Finding::new(file, line, format!("no file for `mod {name}`")))?;
                        self.load_file(Some(id), &path, &below, read)?
                    }
                };
                self.modules[id].children.insert(name, child_id);
                continue;
            }
            self.declare(id, item);
        }
        Ok(id)
    }

    fn declare(&mut self, id: ModuleId, item: Item) {
        let module = &mut self.modules[id];
        if let Item::Use(item) = &item {
            for import in imports(&item.tree) {
                match import.name {
                    Some(name) => drop(module.imports.insert(name, import.path)),
                    None => module.globs.push(import.path),
                }
            }
        }
        if let Some(name) = name_of(&item) {
            module.items.insert(name);
        }
        module.code.push(item);
    }
}

/// The leaves of a `use` tree.
pub fn imports(tree: &UseTree) -> Vec<Import> {
    fn collect(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<Import>) {
        let line = tree.span().start().line;
        match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                collect(&step.tree, path, found);
                path.pop();
            }
            UseTree::Name(leaf) if leaf.ident == "self" => {
                found.push(Import { path: path.clone(), name: path.last().cloned(), line });
            }
            UseTree::Name(leaf) => {
                let name = leaf.ident.to_string();
                let path = path.iter().cloned().chain([name.clone()]).collect();
                found.push(Import { path, name: Some(name), line });
            }
            UseTree::Rename(leaf) => {
                let mut path = path.clone();
                if leaf.ident != "self" {
                    path.push(leaf.ident.to_string());
                }
                found.push(Import { path, name: Some(leaf.rename.to_string()), line });
            }
            UseTree::Glob(_) => found.push(Import { path: path.clone(), name: None, line }),
            UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, path, found)),
        }
    }
    let mut found = Vec::new();
    collect(tree, &mut Vec::new(), &mut found);
    found
}

/// The attributes of an item.
pub fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
