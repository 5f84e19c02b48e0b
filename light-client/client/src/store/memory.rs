//! A store that does not survive: private windows, tests, and where nothing else can be had.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Backend, MAX_RECORD_BYTES, StoreError};
use crate::platform::BoxFuture;

/// Records in a list: there are a few dozen.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: Mutex<Vec<(String, Vec<u8>)>>,
}

impl MemoryStore {
    fn records(&self) -> MutexGuard<'_, Vec<(String, Vec<u8>)>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for MemoryStore {
    fn kind(&self) -> &'static str {
        "memory"
    }

    fn load(&self) -> BoxFuture<'_, Result<Vec<(String, Vec<u8>)>, StoreError>> {
        let small = |(name, bytes): &(String, Vec<u8>)| {
            (bytes.len() <= MAX_RECORD_BYTES).then(|| (name.clone(), bytes.clone()))
        };
        let records = self.records().iter().filter_map(small).collect();
        Box::pin(async move { Ok(records) })
    }

    fn write(
        &self,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut records = self.records();
        for (name, bytes) in changes {
            records.retain(|(known, _)| *known != name);
            records.extend(bytes.map(|bytes| (name, bytes)));
        }
        Box::pin(async { Ok(()) })
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.records().clear();
        Box::pin(async { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::suite, *};

    #[tokio::test]
    async fn behaves_like_every_store() {
        suite::keeps_replaces_and_removes(&MemoryStore::default()).await;
        suite::leaves_out_oversized_records(&MemoryStore::default()).await;
    }
}
