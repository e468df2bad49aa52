//! One process at a time drives a deployment.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use hostler_core::name::Name;

use super::{StoreError, make_private_dir};

/// The right to drive the deployment of a name. Ends when dropped, and with the process, however that ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(dir: &Path, name: &Name) -> Result<Self, StoreError> {
        make_private_dir(dir)?;
        let path = dir.join(name.as_str());
        let files = |source| StoreError::Files { path: path.clone(), source };
        // The file is never removed: removing it would let two processes lock two files of the same name.
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(files)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                file.read_to_string(&mut pid).map_err(files)?;
                return Err(StoreError::Busy { name: name.clone(), pid: pid.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(files(source)),
        }
        file.set_len(0).map_err(files)?;
        writeln!(file, "{}", std::process::id()).map_err(files)?;
        Ok(Self { _file: file })
    }
}
