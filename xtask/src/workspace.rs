//! Where things are: the checkout, the cache folder, the target folder, and the environment that every child gets.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Result;

/// Folders of this run.
pub(crate) struct Workspace {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// `$XDG_CACHE_HOME/sidelight`: stamps, logs, built parts.
    pub(crate) cache: PathBuf,
    /// Compiled Rust, shared by all checkouts of one user.
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn open() -> Result<Self> {
        let root = find_root()?;
        let cache = match env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => home()?.join(".cache"),
        }
        .join("sidelight");
        let target = match env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty()) {
            Some(folder) => root.join(folder),
            None => cache.join("target"),
        };
        std::fs::create_dir_all(cache.join("logs"))
            .map_err(|error| format!("cannot write to {}: {error}", cache.display()))?;
        Ok(Self {
            root,
            cache,
            target,
        })
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A binary of this workspace, as cargo built it.
    pub(crate) fn binary(&self, name: &str, release: bool) -> PathBuf {
        let profile = if release { "release" } else { "debug" };
        self.target
            .join(profile)
            .join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// `PATH` for children: cargo's own folder and the package's local tools come first.
    pub(crate) fn search_path(&self) -> OsString {
        let mut folders = vec![self.path("pkg/node_modules/.bin")];
        if let Ok(cargo_home) = cargo_home() {
            folders.push(cargo_home.join("bin"));
        }
        if let Some(path) = env::var_os("PATH") {
            for folder in env::split_paths(&path) {
                if !folders.contains(&folder) {
                    folders.push(folder);
                }
            }
        }
        env::join_paths(folders).unwrap_or_else(|_| env::var_os("PATH").unwrap_or_default())
    }

    /// The first file of that name on [`Self::search_path`].
    pub(crate) fn which(&self, name: &str) -> Option<PathBuf> {
        env::split_paths(&self.search_path())
            .map(|folder| folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
            .find(|file| file.is_file())
    }
}

pub(crate) fn cargo_home() -> Result<PathBuf> {
    match env::var_os("CARGO_HOME").filter(|value| !value.is_empty()) {
        Some(folder) => Ok(PathBuf::from(folder)),
        None => Ok(home()?.join(".cargo")),
    }
}

fn home() -> Result<PathBuf> {
    env::var_os("HOME")
        .or_else(|| env::var_os("USERPROFILE"))
        .map(PathBuf::from)
        .ok_or_else(|| "HOME is not set".into())
}

/// Cargo names the manifest's folder when it runs us. A binary in a shared target folder may have been built from another checkout, so the folder
/// is never taken from compile time.
fn find_root() -> Result<PathBuf> {
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => env::current_dir()?,
    };
    let is_root =
        |folder: &&Path| folder.join("Cargo.lock").is_file() && folder.join("xtask").is_dir();
    start
        .ancestors()
        .find(is_root)
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is not inside a checkout of Sidelight", start.display()).into())
}
