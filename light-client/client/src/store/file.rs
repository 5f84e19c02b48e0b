//! A store in a folder: one file per record, replaced by writing beside it and renaming, so that a crash leaves the old record or the new one.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
};

use super::{Backend, MAX_RECORD_BYTES, StoreError};
use crate::platform::BoxFuture;

/// Ends the name of each record's file, so that other files in the folder are left alone.
const EXTENSION: &str = "rec";

/// Records in a folder.
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
}

impl FileStore {
    /// Creates the folder where it is missing.
    pub async fn open(folder: PathBuf) -> Result<Self, StoreError> {
        let unavailable =
            |error: io::Error| StoreError::Unavailable(format!("{}: {error}", folder.display()));
        tokio::fs::create_dir_all(&folder)
            .await
            .map_err(unavailable)?;
        let probe = folder.join("probe.tmp");
        tokio::fs::write(&probe, b"").await.map_err(unavailable)?;
        tokio::fs::remove_file(&probe).await.map_err(unavailable)?;
        Ok(Self { folder })
    }

    fn path(&self, name: &str) -> Result<PathBuf, StoreError> {
        let plain = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        match plain {
            true => Ok(self.folder.join(name).with_extension(EXTENSION)),
            false => Err(StoreError::Failed(format!("not a record name: {name:?}"))),
        }
    }

    async fn names(&self) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        let mut entries = tokio::fs::read_dir(&self.folder).await.map_err(failed)?;
        while let Some(entry) = entries.next_entry().await.map_err(failed)? {
            let path = entry.path();
            if path
                .extension()
                .is_some_and(|extension| extension == EXTENSION)
                && let Some(name) = path.file_stem().and_then(|name| name.to_str())
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }
}

impl Backend for FileStore {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn load(&self) -> BoxFuture<'_, Result<Vec<(String, Vec<u8>)>, StoreError>> {
        Box::pin(async move {
            let mut records = Vec::new();
            for name in self.names().await? {
                let Ok(path) = self.path(&name) else { continue };
                let size = tokio::fs::metadata(&path).await.map_err(failed)?.len();
                if size <= MAX_RECORD_BYTES as u64 {
                    records.push((name, tokio::fs::read(&path).await.map_err(failed)?));
                }
            }
            Ok(records)
        })
    }

    fn write(
        &self,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            for (name, bytes) in changes {
                let path = self.path(&name)?;
                match bytes {
                    Some(bytes) => {
                        let beside = path.with_extension("tmp");
                        tokio::fs::write(&beside, bytes).await.map_err(failed)?;
                        tokio::fs::rename(&beside, &path).await.map_err(failed)?;
                    }
                    None => match tokio::fs::remove_file(&path).await {
                        Err(error) if error.kind() != ErrorKind::NotFound => {
                            return Err(failed(error));
                        }
                        _ => {}
                    },
                }
            }
            Ok(())
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let names = self.names().await?;
            self.write(names.into_iter().map(|name| (name, None)).collect())
                .await
        })
    }
}

fn failed(error: io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Quota,
        _ => StoreError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::suite, *};

    #[tokio::test]
    async fn behaves_like_every_store() {
        for (name, test) in [("a", 0), ("b", 1)] {
            let folder = tempfile::tempdir().unwrap();
            let store = FileStore::open(folder.path().join(name)).await.unwrap();
            match test {
                0 => suite::keeps_replaces_and_removes(&store).await,
                _ => suite::leaves_out_oversized_records(&store).await,
            }
        }
    }

    #[tokio::test]
    async fn a_half_written_record_and_foreign_files_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path().to_owned()).await.unwrap();
        store
            .write(vec![("anchor".into(), Some(b"good".to_vec()))])
            .await
            .unwrap();
        std::fs::write(folder.path().join("anchor.tmp"), b"ha").unwrap();
        std::fs::write(folder.path().join("notes.txt"), b"mine").unwrap();
        assert_eq!(
            store.load().await.unwrap(),
            vec![("anchor".to_owned(), b"good".to_vec())]
        );
        store.clear().await.unwrap();
        assert!(folder.path().join("notes.txt").exists());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_an_error_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let error = FileStore::open(file.join("below")).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Unavailable(why) if why.contains("below")),
            "{error}"
        );
    }

    #[tokio::test]
    async fn names_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path().join("inner")).await.unwrap();
        assert!(
            store
                .write(vec![("../escape".into(), Some(vec![1]))])
                .await
                .is_err()
        );
        assert!(!folder.path().join("escape.rec").exists());
    }
}
