//! Models on disk, by the SHA-256 of the file. A name is no proof: the hash is computed again at every load.
//!
//! ```text
//!   models/<sha256>.onnx     written beside its name and renamed: whole or not there
//! ```

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use alloy_primitives::{B256, hex};
use sidelight_edge_core::{
    limits::MAX_MODEL_BYTES,
    manifest::{Manifest, ManifestError, hash_file},
};
use thiserror::Error;

/// Why a model is not to be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It is not in the store.
    #[error("model {0} is not in the store")]
    Missing(B256),
    /// The file is not the one that was asked for.
    #[error("model: {0}")]
    Manifest(#[from] ManifestError),
    /// The file does not have its hash.
    #[error("sha256: expected {expected}, got {got}")]
    Hash {
        /// What was asked for.
        expected: B256,
        /// What is there.
        got: B256,
    },
    /// More bytes than a model may have.
    #[error("size: expected at most {MAX_MODEL_BYTES} bytes, got {got}")]
    TooLarge {
        /// How many.
        got: u64,
    },
    /// The disk.
    #[error("{path}: {error}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// A model file whose hash was computed. Made by [`Model::new`], [`Model::verified`] and the store only.
#[derive(Clone, Debug)]
pub struct Model {
    file: Vec<u8>,
    sha256: B256,
}

impl Model {
    /// Any file: its hash is computed, and says nothing about what it is.
    pub fn new(file: Vec<u8>) -> Result<Self, StoreError> {
        let got = u64::try_from(file.len()).unwrap_or(u64::MAX);
        if got > MAX_MODEL_BYTES {
            return Err(StoreError::TooLarge { got });
        }
        let sha256 = hash_file(&file);
        Ok(Self { file, sha256 })
    }

    /// The file that a manifest describes.
    pub fn verified(file: Vec<u8>, manifest: &Manifest) -> Result<Self, StoreError> {
        manifest.verify_file(&file)?;
        Ok(Self {
            file,
            sha256: manifest.sha256,
        })
    }

    /// The bytes.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// Their SHA-256.
    pub const fn sha256(&self) -> B256 {
        self.sha256
    }
}

/// A folder of models.
#[derive(Clone, Debug)]
pub struct ModelStore {
    folder: PathBuf,
}

impl ModelStore {
    /// Opens or makes the folder.
    pub fn open(folder: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|error| io_error(&folder, error))?;
        Ok(Self { folder })
    }

    /// Keeps a model. A full disk leaves nothing half-written behind.
    pub fn put(&self, model: &Model) -> Result<(), StoreError> {
        let path = self.path(model.sha256);
        let io = |error| io_error(&path, error);
        let mut staging = tempfile::NamedTempFile::new_in(&self.folder).map_err(io)?;
        staging.write_all(&model.file).map_err(io)?;
        staging.as_file().sync_all().map_err(io)?;
        staging.persist(&path).map_err(|error| io(error.error))?;
        Ok(())
    }

    /// A model by its hash. A file that has another hash is removed.
    pub fn get(&self, sha256: B256) -> Result<Model, StoreError> {
        let path = self.path(sha256);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::Missing(sha256));
            }
            Err(error) => return Err(io_error(&path, error)),
        };
        let got = file
            .metadata()
            .map_err(|error| io_error(&path, error))?
            .len();
        if got > MAX_MODEL_BYTES {
            return Err(StoreError::TooLarge { got });
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| io_error(&path, error))?;
        let model = Model::new(bytes)?;
        if model.sha256 != sha256 {
            // Damaged on disk: the next fetch starts afresh. Whether it could be removed does not change what is reported.
            let _ = fs::remove_file(&path);
            return Err(StoreError::Hash {
                expected: sha256,
                got: model.sha256,
            });
        }
        Ok(model)
    }

    fn path(&self, sha256: B256) -> PathBuf {
        self.folder.join(format!("{}.onnx", hex::encode(sha256)))
    }
}

fn io_error(path: &Path, error: io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_path_buf(),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_comes_back_by_its_hash_and_a_damaged_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = ModelStore::open(folder.path().join("models")).unwrap();
        let model = Model::new(b"a model".to_vec()).unwrap();
        assert!(matches!(
            store.get(model.sha256()),
            Err(StoreError::Missing(_))
        ));
        store.put(&model).unwrap();
        assert_eq!(store.get(model.sha256()).unwrap().file(), b"a model");

        fs::write(store.path(model.sha256()), b"b model").unwrap();
        assert!(matches!(
            store.get(model.sha256()),
            Err(StoreError::Hash { .. })
        ));
        assert!(matches!(
            store.get(model.sha256()),
            Err(StoreError::Missing(_))
        ));
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let store = ModelStore::open(folder.path()).unwrap();
        let model = Model::new(vec![7; 100]).unwrap();
        // A folder of that name cannot be replaced by a file.
        fs::create_dir_all(store.path(model.sha256()).join("x")).unwrap();
        assert!(matches!(store.put(&model), Err(StoreError::Io { .. })));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
