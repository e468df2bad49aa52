//! The store: the journals of all deployments of a user, in one SQLite file.
//!
//! SQLite runs with a write-ahead log and `synchronous=FULL`: when [`Store::record_all`] returns, the entries are on disk. Two
//! processes never run one deployment: each holds a file lock with the deployment's name, which the kernel releases when the
//! process ends, even by a crash.

mod error;
mod lazy;
mod lock;
mod migrations;
mod record;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use hostler_core::journal::{Entry, Goal, Round};
use hostler_core::name::{DeploymentId, Name};
use hostler_core::plan::Plan;
use hostler_core::ticket::StepId;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row};
use tokio::sync::Mutex;

use crate::blocking::{blocking, exists};
use crate::host::KnownHosts;

pub use error::StoreError;
pub use lazy::LazyStore;
pub use lock::Lock;
pub(crate) use lock::make_private_dir;
pub use record::{DeploymentListing, IllegalStoredEntry, Record, StoredEntries, StoredEntry};

/// The deployments of a user.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    file: PathBuf,
    connection: Mutex<SqliteConnection>,
}

/// File name of the database in the data directory.
const FILE: &str = "journal.db";

impl Store {
    /// True if the directory holds a store.
    pub async fn exists(dir: &Path) -> bool {
        exists(dir.join(FILE)).await
    }

    /// Opens the store in a directory. Creates both if missing, readable by their owner only.
    pub async fn open(dir: &Path) -> Result<Self, StoreError> {
        let file = dir.join(FILE);
        let database = |source| StoreError::Database { path: file.clone(), source };
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(30));
        // Migrations of SQLite have no lock of their own: two processes that open a new store at the same time would both
        // create the tables.
        let directory = dir.to_owned();
        let exclusive =
            move || make_private_dir(&directory).and_then(|()| lock::wait_exclusive(directory.join("opening")));
        let _exclusive = blocking(exclusive).await?;
        let mut connection = options.connect().await.map_err(database)?;
        let version = |source| StoreError::Version { path: file.clone(), source };
        // `run_direct`, since the generic argument of `run` makes the future unfit for spawning.
        let target = None;
        migrations::migrator().run_direct(target, &mut connection, false).await.map_err(version)?;
        Ok(Self { dir: dir.to_owned(), file, connection: Mutex::new(connection) })
    }

    /// The directory of a deployment's files: its keys, its logs.
    pub fn files_of(&self, id: DeploymentId) -> PathBuf {
        self.dir.join("deployments").join(id.to_string())
    }

    /// The file with the host keys of hosts that outlive deployments, such as listed SSH hosts.
    pub fn known_hosts(&self) -> PathBuf {
        KnownHosts::path_in(&self.dir)
    }

    /// Locks the deployment of this name until the lock is dropped: no other process can run it meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another process holds the lock.
    pub async fn lock(&self, name: &Name) -> Result<Lock, StoreError> {
        let (dir, name) = (self.locks(), name.clone());
        blocking(move || Lock::take(&dir, &name)).await
    }

    /// The same for callers without a runtime. Blocks the thread for up to a second while others query the lock.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if another process holds the lock.
    pub fn lock_blocking(&self, name: &Name) -> Result<Lock, StoreError> {
        Lock::take(&self.locks(), name)
    }

    fn locks(&self) -> PathBuf {
        self.dir.join("locks")
    }

    /// True if another process holds the lock of this name. Never delays that process.
    pub async fn is_busy(&self, name: &Name) -> Result<bool, StoreError> {
        let (dir, name) = (self.locks(), name.clone());
        blocking(move || lock::is_held(&dir, &name)).await
    }

    /// Adds a new deployment with its plan and the goal up. No resource may be created before this returns.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if a live deployment has this name.
    pub async fn begin(&self, plan: &Plan, at: Timestamp) -> Result<(), StoreError> {
        let name = &plan.demand.name;
        let mut connection = self.connection.lock().await;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|source| self.failed(source))?;
        sqlx::query("INSERT INTO deployment (id, name, created) VALUES (?, ?, ?)")
            .bind(plan.deployment.to_string())
            .bind(name.as_str())
            .bind(at.to_string())
            .execute(&mut *transaction)
            .await
            .map_err(|source| match &source {
                sqlx::Error::Database(error) if error.is_unique_violation() => StoreError::NameTaken(name.clone()),
                _ => self.failed(source),
            })?;
        self.insert_plan(&mut transaction, plan).await?;
        self.insert_entry(&mut transaction, plan.deployment, at, &Entry::Goal(Goal::Up)).await?;
        transaction.commit().await.map_err(|source| self.failed(source))
    }

    /// Begins another round of a live deployment, with a newer plan and the goal up.
    ///
    /// # Errors
    /// [`StoreError::IllegalEntry`] if the deployment is being deleted. Nothing is written then.
    pub async fn begin_round(&self, record: &mut Record, round: Round<'_>, at: Timestamp) -> Result<(), StoreError> {
        let plan = round.plan();
        let partial = plan.is_partial().then_some(Entry::PartialRound);
        self.write(record, at, [Entry::Goal(Goal::Up)].into_iter().chain(partial).collect(), Some(plan)).await?;
        record.plan = plan.clone();
        Ok(())
    }

    /// Appends an entry to the store, and to a record that was read from it. It is on disk when this returns.
    pub async fn record(&self, record: &mut Record, at: Timestamp, entry: Entry) -> Result<(), StoreError> {
        self.record_all(record, at, vec![entry]).await
    }

    /// Appends entries to the store, and to a record that was read from it. All are on disk when this returns. A crash before
    /// that leaves all or none of them.
    ///
    /// # Errors
    /// [`StoreError::IllegalEntry`] if an entry must not follow. Nothing is written then.
    pub async fn record_all(&self, record: &mut Record, at: Timestamp, entries: Vec<Entry>) -> Result<(), StoreError> {
        self.write(record, at, entries, None).await
    }

    /// Checks entries against the journal of a record, then appends them in one transaction, with a newer plan if there is
    /// one. Checking applies the entries, so that a record whose write was cancelled must be read again.
    async fn write(
        &self,
        record: &mut Record,
        at: Timestamp,
        entries: Vec<Entry>,
        plan: Option<&Plan>,
    ) -> Result<(), StoreError> {
        let written = match record.entries.apply(&entries) {
            Ok(()) => self.insert_all(record.id, at, &entries, plan).await,
            Err(source) => Err(StoreError::IllegalEntry { name: record.name.clone(), source }),
        };
        match written {
            Ok(numbers) => {
                let stored = numbers.into_iter().zip(entries);
                record.entries.push(stored.map(|(number, entry)| StoredEntry { number, at, entry }));
                Ok(())
            }
            Err(error) => {
                record.entries.discard_unwritten();
                Err(error)
            }
        }
    }

    /// Appends entries in one transaction. Returns their numbers, which count from 1.
    async fn insert_all(
        &self,
        id: DeploymentId,
        at: Timestamp,
        entries: &[Entry],
        plan: Option<&Plan>,
    ) -> Result<Vec<u64>, StoreError> {
        let mut connection = self.connection.lock().await;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|source| self.failed(source))?;
        if let Some(plan) = plan {
            self.insert_plan(&mut transaction, plan).await?;
        }
        let mut numbers = Vec::with_capacity(entries.len());
        for entry in entries {
            numbers.push(self.insert_entry(&mut transaction, id, at, entry).await?);
        }
        // An explicit commit, because only it reports a full disk: a statement outside a transaction succeeds all the same.
        transaction.commit().await.map_err(|source| self.failed(source))?;
        Ok(numbers)
    }

    /// Marks a deployment as closed: none of its resources remains. Its name becomes free.
    pub async fn close(&self, id: DeploymentId, at: Timestamp) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE deployment SET closed = ? WHERE id = ? AND closed IS NULL")
            .bind(at.to_string())
            .bind(id.to_string());
        let mut connection = self.connection.lock().await;
        query.execute(&mut *connection).await.map_err(|source| self.failed(source))?;
        Ok(())
    }

    /// Stores the host keys that machines showed at their first contact, by the machines' steps: all of them, or none.
    pub async fn pin(&self, id: DeploymentId, host_keys: &[(StepId, String)]) -> Result<(), StoreError> {
        let mut connection = self.connection.lock().await;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|source| self.failed(source))?;
        for (machine, host_key) in host_keys {
            sqlx::query("INSERT OR REPLACE INTO host_key (deployment, machine, host_key) VALUES (?, ?, ?)")
                .bind(id.to_string())
                .bind(machine.as_str())
                .bind(host_key)
                .execute(&mut *transaction)
                .await
                .map_err(|source| self.failed(source))?;
        }
        transaction.commit().await.map_err(|source| self.failed(source))
    }

    /// The host keys that a deployment's machines showed at their first contact, by the machines' steps.
    pub async fn pinned(&self, id: DeploymentId) -> Result<BTreeMap<StepId, String>, StoreError> {
        let query = sqlx::query("SELECT machine, host_key FROM host_key WHERE deployment = ?").bind(id.to_string());
        let mut connection = self.connection.lock().await;
        let rows = query.fetch_all(&mut *connection).await.map_err(|source| self.failed(source))?;
        rows.iter().map(|row| Ok((self.parsed("a step", row.get("machine"))?, row.get("host_key")))).collect()
    }

    /// The live deployments, oldest first. One that cannot be read does not hide the others.
    pub async fn list(&self) -> Result<DeploymentListing, StoreError> {
        self.list_by("SELECT id, name, created, closed FROM deployment WHERE closed IS NULL ORDER BY rowid").await
    }

    /// All deployments, live and closed, oldest first.
    pub async fn list_all(&self) -> Result<DeploymentListing, StoreError> {
        self.list_by("SELECT id, name, created, closed FROM deployment ORDER BY rowid").await
    }

    async fn list_by(&self, query: &'static str) -> Result<DeploymentListing, StoreError> {
        let query = sqlx::query(query);
        let mut connection = self.connection.lock().await;
        let rows = query.fetch_all(&mut *connection).await.map_err(|source| self.failed(source))?;
        let mut listing = DeploymentListing::default();
        for row in rows {
            match self.read(&mut connection, &row).await {
                Ok(record) => listing.records.push(record),
                Err(error @ StoreError::Damaged { .. }) => listing.unreadable.push(error),
                Err(error) => return Err(error),
            }
        }
        Ok(listing)
    }

    /// The ids of all deployments, live and closed.
    pub async fn ids(&self) -> Result<BTreeSet<DeploymentId>, StoreError> {
        Ok(self.ids_by("SELECT id FROM deployment").await?.into_iter().collect())
    }

    /// The ids of the closed deployments, oldest first.
    pub async fn closed(&self) -> Result<Vec<DeploymentId>, StoreError> {
        self.ids_by("SELECT id FROM deployment WHERE closed IS NOT NULL ORDER BY rowid").await
    }

    /// The ids of all deployments, live and closed, that have or had this name, whether their records are readable or not.
    pub async fn ids_of(&self, name: &str) -> Result<BTreeSet<DeploymentId>, StoreError> {
        let query = sqlx::query("SELECT id FROM deployment WHERE name = ?").bind(name.to_owned());
        let mut connection = self.connection.lock().await;
        let rows = query.fetch_all(&mut *connection).await.map_err(|source| self.failed(source))?;
        rows.iter().map(|row| self.parsed("an id", row.get("id"))).collect()
    }

    /// The ids of the live deployments, whether their records are readable or not.
    pub async fn live_ids(&self) -> Result<BTreeSet<DeploymentId>, StoreError> {
        Ok(self.ids_by("SELECT id FROM deployment WHERE closed IS NULL").await?.into_iter().collect())
    }

    /// The names of the live deployments, by their ids, whether their records are readable or not. Leaves out a deployment
    /// whose name cannot be parsed.
    pub async fn live_names(&self) -> Result<BTreeMap<DeploymentId, Name>, StoreError> {
        let query = sqlx::query("SELECT id, name FROM deployment WHERE closed IS NULL");
        let mut connection = self.connection.lock().await;
        let rows = query.fetch_all(&mut *connection).await.map_err(|source| self.failed(source))?;
        let mut names = BTreeMap::new();
        for row in rows {
            if let Ok(name) = row.get::<String, _>("name").parse::<Name>() {
                names.insert(self.parsed("an id", row.get("id"))?, name);
            }
        }
        Ok(names)
    }

    async fn ids_by(&self, query: &'static str) -> Result<Vec<DeploymentId>, StoreError> {
        let mut connection = self.connection.lock().await;
        let rows = sqlx::query(query).fetch_all(&mut *connection).await.map_err(|source| self.failed(source))?;
        rows.iter().map(|row| self.parsed("an id", row.get("id"))).collect()
    }

    /// The live deployment of exactly this name.
    pub async fn find(&self, name: &Name) -> Result<Option<Record>, StoreError> {
        self.first("SELECT id, name, created, closed FROM deployment WHERE closed IS NULL AND name = ?", name).await
    }

    /// The live deployment of this name, else the closed one that was created last: its logs still exist.
    pub async fn find_last(&self, name: &Name) -> Result<Option<Record>, StoreError> {
        let query = "SELECT id, name, created, closed FROM deployment WHERE name = ?
                     ORDER BY closed IS NULL DESC, created DESC, rowid DESC LIMIT 1";
        self.first(query, name).await
    }

    async fn first(&self, query: &'static str, name: &Name) -> Result<Option<Record>, StoreError> {
        let query = sqlx::query(query).bind(name.as_str());
        let mut connection = self.connection.lock().await;
        let row = query.fetch_optional(&mut *connection).await.map_err(|source| self.failed(source))?;
        match row {
            Some(row) => self.read(&mut connection, &row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn read(
        &self,
        connection: &mut SqliteConnection,
        row: &sqlx::sqlite::SqliteRow,
    ) -> Result<Record, StoreError> {
        let id_text: String = row.get("id");
        let plan = sqlx::query("SELECT plan FROM plan WHERE deployment = ? ORDER BY number DESC LIMIT 1")
            .bind(&id_text)
            .fetch_one(&mut *connection)
            .await
            .map_err(|source| self.failed(source))?;
        let plan: String = plan.get(0);
        let rows = sqlx::query("SELECT number, at, entry FROM entry WHERE deployment = ? ORDER BY number")
            .bind(&id_text)
            .fetch_all(&mut *connection)
            .await
            .map_err(|source| self.failed(source))?;
        let entries = rows.iter().map(|row| self.stored(row)).collect::<Result<_, _>>()?;
        let name: String = row.get("name");
        let entries = StoredEntries::new(entries).map_err(|error| self.damaged(format!("{error} of `{name}`")))?;
        let closed: Option<String> = row.get("closed");
        Ok(Record {
            plan: serde_json::from_str(&plan).map_err(|_| self.damaged(format!("a plan of {id_text}")))?,
            id: self.parsed("an id", id_text)?,
            name: self.parsed("a name", name)?,
            created: self.parsed("a time", row.get("created"))?,
            closed: closed.map(|text| self.parsed("a time", text)).transpose()?,
            entries,
        })
    }

    fn stored(&self, row: &sqlx::sqlite::SqliteRow) -> Result<StoredEntry, StoreError> {
        let entry: String = row.get("entry");
        Ok(StoredEntry {
            number: row.get::<i64, _>("number").unsigned_abs(),
            at: self.parsed("a time", row.get("at"))?,
            entry: serde_json::from_str(&entry).map_err(|_| self.damaged("an entry"))?,
        })
    }

    async fn insert_plan(&self, connection: &mut SqliteConnection, plan: &Plan) -> Result<(), StoreError> {
        let text = serde_json::to_string(plan).map_err(|_| self.damaged("a plan"))?;
        sqlx::query(
            "INSERT INTO plan (deployment, number, plan)
             SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM plan WHERE deployment = ?1",
        )
        .bind(plan.deployment.to_string())
        .bind(text)
        .execute(connection)
        .await
        .map_err(|source| self.failed(source))?;
        Ok(())
    }

    async fn insert_entry(
        &self,
        connection: &mut SqliteConnection,
        id: DeploymentId,
        at: Timestamp,
        entry: &Entry,
    ) -> Result<u64, StoreError> {
        let text = serde_json::to_string(entry).map_err(|_| self.damaged("an entry"))?;
        let row = sqlx::query(
            "INSERT INTO entry (deployment, number, at, entry)
             SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3 FROM entry WHERE deployment = ?1 RETURNING number",
        )
        .bind(id.to_string())
        .bind(at.to_string())
        .bind(text)
        .fetch_one(connection)
        .await
        .map_err(|source| self.failed(source))?;
        Ok(row.get::<i64, _>(0).unsigned_abs())
    }

    fn failed(&self, source: sqlx::Error) -> StoreError {
        StoreError::Database { path: self.file.clone(), source }
    }

    /// The error leaves out the text itself, which may contain a secret.
    fn damaged(&self, what: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: self.file.clone(), what: what.into() }
    }

    fn parsed<T: FromStr>(&self, what: &'static str, text: String) -> Result<T, StoreError> {
        text.parse().map_err(|_| self.damaged(what))
    }
}
