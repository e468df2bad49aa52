//! Checks of hostler's own source text that neither the compiler nor clippy makes.
//!
//! Each check takes text and returns [`Finding`]s; [`Repository`] is the only one that reads files.

mod circles;
mod finding;
mod modules;
mod product;
mod repository;
mod rust;
mod text;
mod types;
mod wording;

pub use circles::{Circle, circles};
pub use finding::Finding;
pub use product::{Literal, literals};
pub use repository::Repository;
pub use types::{TypeDefinition, redefined, types};
pub use wording::{OPENINGS_ALLOWED, Openings, Phrases, command_line, verbs};
