//! Hosts of the user's own: listed in a file, reached over SSH, never made and never removed.

mod file;

pub use file::{BadList, Defaults, ListedHost, read_list};
