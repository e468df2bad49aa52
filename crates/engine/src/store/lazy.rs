//! A store that is opened when it is first needed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::OnceCell;

use super::Store;
use super::error::StoreError;

/// The store of a data directory, opened once. Operations that only read never create it.
#[derive(Debug, Clone)]
pub struct LazyStore {
    dir: PathBuf,
    store: Arc<OnceCell<Arc<Store>>>,
}

impl LazyStore {
    /// A store in this data directory. Opens and creates nothing yet.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), store: Arc::default() }
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Opens the store, and creates it if it does not exist.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn open(&self) -> Result<Arc<Store>, StoreError> {
        let open = || async { Store::open(&self.dir).await.map(Arc::new) }.boxed();
        self.store.get_or_try_init(open).await.cloned()
    }

    /// Opens the store if it exists.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn existing(&self) -> Result<Option<Arc<Store>>, StoreError> {
        if !Store::exists(&self.dir).await {
            return Ok(None);
        }
        self.open().await.map(Some)
    }
}
