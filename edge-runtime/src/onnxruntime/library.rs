//! Where ONNX Runtime's shared library is. It is never built or bundled: it comes from the PyPI wheel `onnxruntime`, or from wherever the user says.
//!
//! ```text
//!   named by the caller -> $ORT_DYLIB_PATH -> <cache>/sidelight/onnxruntime/ (cargo xtask setup) -> none
//! ```

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The folder that set-up fills, below the user's cache folder.
pub const INSTALLED: &str = "sidelight/onnxruntime";
/// Folders below it that are looked through: `lib/python3.11/site-packages/onnxruntime/capi`.
const DEPTH: usize = 5;

/// Finds the library. A file that is named and is not there is not replaced by another one.
pub fn find(named: Option<&Path>) -> Option<PathBuf> {
    let named = named.map(Path::to_path_buf).or_else(|| {
        env::var_os("ORT_DYLIB_PATH")
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    });
    match named {
        Some(path) => path.is_file().then_some(path),
        None => search(&cache_folder()?.join(INSTALLED), DEPTH),
    }
}

/// The user's cache folder.
pub fn cache_folder() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    set("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".cache")))
}

fn search(folder: &Path, depth: usize) -> Option<PathBuf> {
    let mut folders = Vec::new();
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let kind = entry.file_type().ok()?;
        if kind.is_dir() {
            folders.push(entry.path());
        } else if is_library(&entry.file_name().to_string_lossy()) {
            return Some(entry.path());
        }
    }
    let depth = depth.checked_sub(1)?;
    folders.sort();
    folders.iter().find_map(|folder| search(folder, depth))
}

/// `libonnxruntime.so.1.31.1`, and none of its providers.
fn is_library(name: &str) -> bool {
    let rest = name.strip_prefix("libonnxruntime.");
    rest.is_some_and(|rest| rest.starts_with("so") || rest.ends_with("dylib"))
        || name == "onnxruntime.dll"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_in_the_folders_of_a_wheel() {
        let folder = tempfile::tempdir().unwrap();
        let capi = folder
            .path()
            .join("lib/python3.11/site-packages/onnxruntime/capi");
        fs::create_dir_all(&capi).unwrap();
        fs::write(capi.join("libonnxruntime_providers_shared.so"), "").unwrap();
        assert_eq!(search(folder.path(), DEPTH), None);
        let library = capi.join("libonnxruntime.so.1.31.1");
        fs::write(&library, "").unwrap();
        assert_eq!(search(folder.path(), DEPTH), Some(library));
    }

    #[test]
    fn a_named_file_that_is_missing_is_not_replaced() {
        assert_eq!(find(Some(Path::new("/nowhere/libonnxruntime.so"))), None);
    }
}
