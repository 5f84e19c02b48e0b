//! Fingerprints of inputs, so that a part whose inputs have not changed is not built again.
//!
//! Contents are hashed and not times: a fresh clone has new times and the same contents.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Folders that hold results and not inputs.
const RESULTS: &[&str] = &[
    "node_modules",
    "dist",
    "target",
    "test-results",
    "playwright-report",
    ".git",
];

/// A hash over names and contents. It guards against forgetting, not against an attacker.
#[derive(Default)]
pub(crate) struct Fingerprint(DefaultHasher);

impl Fingerprint {
    pub(crate) fn text(&mut self, text: &str) {
        text.hash(&mut self.0);
    }

    /// One file by its name below `root`; a missing one counts as missing.
    pub(crate) fn file(&mut self, root: &Path, relative: &str) {
        relative.hash(&mut self.0);
        fs::read(root.join(relative)).ok().hash(&mut self.0);
    }

    /// A file, or everything below a folder.
    pub(crate) fn tree(&mut self, root: &Path, relative: &str) {
        let mut files = Vec::new();
        collect(&root.join(relative), &mut files);
        files.sort();
        for file in files {
            let name = file
                .strip_prefix(root)
                .unwrap_or(&file)
                .to_string_lossy()
                .into_owned();
            self.file(root, &name);
        }
    }

    pub(crate) fn finish(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

/// Every file at or below the path that is not a result.
pub(crate) fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else {
        if path.is_file() {
            files.push(path.to_path_buf());
        }
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if RESULTS.iter().any(|result| name == *result) {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), files),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_and_names_change_the_fingerprint_and_times_do_not() {
        let root =
            std::env::temp_dir().join(format!("sidelight-fingerprint-{}", std::process::id()));
        fs::create_dir_all(root.join("src")).unwrap();
        let of = || {
            let mut fingerprint = Fingerprint::default();
            fingerprint.tree(&root, "src");
            fingerprint.finish()
        };
        fs::write(root.join("src/a"), "1").unwrap();
        let first = of();
        fs::write(root.join("src/a"), "1").unwrap();
        assert_eq!(of(), first);
        fs::write(root.join("src/a"), "2").unwrap();
        assert_ne!(of(), first);
        fs::write(root.join("src/a"), "1").unwrap();
        fs::rename(root.join("src/a"), root.join("src/b")).unwrap();
        assert_ne!(of(), first);
        fs::remove_dir_all(&root).unwrap();
    }
}
