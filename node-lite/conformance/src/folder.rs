//! A folder of the suite: what is imported, what the head must be, and the files to play.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy_primitives::B256;
use node_lite_exec::{Genesis, parse_genesis};
use serde_json::Value;

/// Why a folder is none of the suite.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A file cannot be read.
    #[error("{}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is nothing to play.
    #[error("{}: expected .io files, got none", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

/// The chain of a folder, and the names of its files.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// `genesis.json`.
    pub genesis: Genesis,
    /// `chain.rlp`.
    pub chain: Vec<u8>,
    /// The fork choice in `headfcu.json`.
    pub forkchoice: Forkchoice,
    /// Files without their ending, relative to the folder, in the order in which they are played.
    pub names: Vec<String>,
}

/// Which blocks a consensus layer would name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forkchoice {
    /// The newest block.
    pub head: B256,
    /// The block named `safe`.
    pub safe: B256,
    /// The block named `finalized`.
    pub finalized: B256,
}

impl Folder {
    /// Reads all but the `.io` files themselves.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        let text = |name: &str| {
            let path = root.join(name);
            fs::read_to_string(&path).map_err(|error| refuse(&path, error))
        };
        let genesis = parse_genesis(&text("genesis.json")?)
            .map_err(|error| refuse(&root.join("genesis.json"), error))?;
        let path = root.join("headfcu.json");
        let forkchoice = text("headfcu.json")?;
        let forkchoice = Forkchoice::parse(&forkchoice).map_err(|error| refuse(&path, error))?;
        let path = root.join("chain.rlp");
        let chain = fs::read(&path).map_err(|error| refuse(&path, error))?;
        let mut names = Vec::new();
        list(root, "", &mut names)?;
        names.sort();
        if names.is_empty() {
            let path = root.to_owned();
            return Err(FolderError::Empty { path });
        }
        Ok(Self {
            root: root.to_owned(),
            genesis,
            chain,
            forkchoice,
            names,
        })
    }

    /// The text of a file to play.
    pub fn read(&self, name: &str) -> Result<String, FolderError> {
        let path = self.root.join(format!("{name}.io"));
        fs::read_to_string(&path).map_err(|error| refuse(&path, error))
    }
}

impl Forkchoice {
    /// From a call of `engine_forkchoiceUpdated`.
    fn parse(text: &str) -> Result<Self, String> {
        let call: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let hash = |name: &str| {
            let found = call.pointer(&format!("/params/0/{name}")).cloned();
            let found = found.ok_or_else(|| format!("expected params[0].{name}, got none"))?;
            serde_json::from_value(found).map_err(|error| format!("{name}: {error}"))
        };
        Ok(Self {
            head: hash("headBlockHash")?,
            safe: hash("safeBlockHash")?,
            finalized: hash("finalizedBlockHash")?,
        })
    }
}

fn list(folder: &Path, prefix: &str, names: &mut Vec<String>) -> Result<(), FolderError> {
    let entries = fs::read_dir(folder).map_err(|error| refuse(folder, error))?;
    for entry in entries {
        let path = entry.map_err(|error| refuse(folder, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            list(&path, &format!("{prefix}{name}/"), names)?;
        } else if let Some(name) = name.strip_suffix(".io") {
            names.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

fn refuse(path: &Path, reason: impl ToString) -> FolderError {
    FolderError::File {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}
