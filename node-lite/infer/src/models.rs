//! The models that are served: those of one folder, each a manifest with its file. Read once, when the node starts.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use alloy_primitives::B256;
use alloy_sol_types::SolStruct;
use sidelight_edge::{Model, StoreError};
use sidelight_edge_core::{
    limits::MAX_MANIFEST_BYTES,
    manifest::{Manifest, ManifestError},
    typed,
};
use thiserror::Error;

/// Most models of a folder.
const MAX_MODELS: usize = 256;

/// Why a folder cannot be served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelsError {
    /// The disk.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A manifest is malformed.
    #[error("{}: {source}", path.display())]
    Manifest {
        /// Where.
        path: PathBuf,
        /// Why.
        source: ManifestError,
    },
    /// A file is not the one of its manifest.
    #[error("{}: {source}", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// Why.
        source: StoreError,
    },
    /// Two models of one name, or too many of them.
    #[error("{0}")]
    Folder(String),
}

/// A model that is served.
#[derive(Debug)]
pub struct Served {
    /// What its maker says of it.
    pub manifest: Manifest,
    /// The manifest's bytes.
    pub manifest_json: Vec<u8>,
    /// How a decision names it.
    pub typed: typed::Model,
    /// `hashStruct` of it.
    pub hash: B256,
    /// The file, with its hash checked.
    pub model: Model,
}

/// All of them, by name.
#[derive(Clone, Debug, Default)]
pub struct Models {
    list: Arc<Vec<Served>>,
}

impl Models {
    /// Reads a folder. A model that is not what its manifest says keeps the node from starting.
    pub fn open(folder: &Path) -> Result<Self, ModelsError> {
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| ModelsError::Io { path, source }
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(folder).map_err(io(folder))? {
            let path = entry.map_err(io(folder))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                paths.push(path);
            }
        }
        if paths.len() > MAX_MODELS {
            return Err(ModelsError::Folder(format!(
                "{}: expected at most {MAX_MODELS} models, got {}",
                folder.display(),
                paths.len()
            )));
        }
        paths.sort();
        let mut list: Vec<Served> = Vec::new();
        for path in paths {
            let served = read(folder, &path)?;
            if list
                .iter()
                .any(|other| other.manifest.id == served.manifest.id)
            {
                return Err(ModelsError::Folder(format!(
                    "{}: there is another model {}",
                    path.display(),
                    served.manifest.id
                )));
            }
            list.push(served);
        }
        Ok(Self {
            list: Arc::new(list),
        })
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Served> {
        self.list.iter()
    }

    /// By id, or by its hash in hex.
    pub fn get(&self, name: &str) -> Option<&Served> {
        let hash = name.parse::<B256>().ok();
        self.iter()
            .find(|served| served.manifest.id == name || hash == Some(served.hash))
    }

    /// By the SHA-256 of its file.
    pub fn by_sha256(&self, sha256: B256) -> Option<&Served> {
        self.iter().find(|served| served.manifest.sha256 == sha256)
    }
}

fn read(folder: &Path, path: &Path) -> Result<Served, ModelsError> {
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| ModelsError::Io { path, source }
    };
    let bytes = fs::metadata(path).map_err(io(path))?.len();
    if bytes > MAX_MANIFEST_BYTES as u64 {
        return Err(ModelsError::Manifest {
            path: path.into(),
            source: ManifestError::TooLarge {
                got: usize::try_from(bytes).unwrap_or(usize::MAX),
            },
        });
    }
    let manifest_json = fs::read(path).map_err(io(path))?;
    let manifest = Manifest::decode(&manifest_json).map_err(|source| ModelsError::Manifest {
        path: path.into(),
        source,
    })?;
    let file = folder.join(&manifest.file);
    let bytes = fs::read(&file).map_err(io(&file))?;
    let model = Model::verified(bytes, &manifest).map_err(|source| ModelsError::File {
        path: file.clone(),
        source,
    })?;
    let typed = manifest.to_model();
    Ok(Served {
        hash: typed.eip712_hash_struct(),
        typed,
        manifest,
        manifest_json,
        model,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../edge-runtime/models")
    }

    #[test]
    fn the_repositorys_models_are_found_by_name_hash_and_file() {
        let models = Models::open(&folder()).unwrap();
        let served = models.get("digits-mlp-f32").unwrap();
        assert_eq!(
            models.get(&served.hash.to_string()).unwrap().hash,
            served.hash
        );
        assert_eq!(
            models.by_sha256(served.manifest.sha256).unwrap().hash,
            served.hash
        );
        assert!(models.get("digits").is_none());
    }

    #[test]
    fn a_file_that_differs_from_its_manifest_keeps_the_folder_from_being_served() {
        let copy = tempfile::tempdir().unwrap();
        for name in ["risk-f32.json", "risk-f32.onnx"] {
            fs::copy(folder().join(name), copy.path().join(name)).unwrap();
        }
        assert!(Models::open(copy.path()).is_ok());
        let mut bytes = fs::read(copy.path().join("risk-f32.onnx")).unwrap();
        bytes[100] ^= 1;
        fs::write(copy.path().join("risk-f32.onnx"), bytes).unwrap();
        let error = Models::open(copy.path()).unwrap_err().to_string();
        assert!(error.contains("sha256"), "{error}");
    }
}
