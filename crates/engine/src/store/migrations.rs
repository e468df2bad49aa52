//! Versions of the store's tables.
//!
//! They are listed here rather than found by `sqlx::migrate!`: its macro crate would be the only reason to build SQLite, tokio
//! and sqlx a second time, for the compiler's own use.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Number, name and text of each file in `migrations`, in order. A file that was released never changes: its checksum is
/// stored in users' databases.
const FILES: [(i64, &str, &str); 1] = [(1, "journal", include_str!("../../migrations/0001_journal.sql"))];

pub fn migrator() -> Migrator {
    let migration = |(number, name, text): (i64, &'static str, &'static str)| {
        Migration::new(number, name.into(), MigrationType::Simple, text.into_sql_str(), false)
    };
    Migrator::with_migrations(FILES.into_iter().map(migration).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::FILES;

    #[test]
    fn every_file_is_listed() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut found: Vec<String> = fs::read_dir(directory)
            .expect("a directory")
            .map(|entry| entry.expect("an entry").file_name().into_string().expect("utf-8"))
            .collect();
        found.sort();
        assert_eq!(found, FILES.map(|(number, name, _)| format!("{number:04}_{name}.sql")));
    }
}
