//! What survives a restart: records under short names, in memory, in IndexedDB or in a folder. Nothing read from here is believed; see [`snapshot`].

use sidelight_core::rules::ChainRules;

use crate::platform::{BoxFuture, MaybeSend, Platform};

mod memory;
pub(crate) mod snapshot;

#[cfg(not(target_arch = "wasm32"))]
mod file;
#[cfg(target_arch = "wasm32")]
mod idb;

#[cfg(not(target_arch = "wasm32"))]
pub use file::FileStore;
#[cfg(target_arch = "wasm32")]
pub use idb::IdbStore;
pub use memory::MemoryStore;

/// Largest record that is read back, in bytes: 64 signed headers at their limits take 150 kB.
pub const MAX_RECORD_BYTES: usize = 1 << 20;

/// A name and its record.
pub type Entry = (String, Vec<u8>);

/// A set of named records. Names are lower-case letters, digits and `-`.
pub trait Backend: MaybeSend {
    /// `memory`, `indexeddb` or `file`.
    fn kind(&self) -> &'static str;
    /// All records, in no order. Records above [`MAX_RECORD_BYTES`] are left out.
    fn load(&self) -> BoxFuture<'_, Result<Vec<Entry>, StoreError>>;
    /// Writes (`Some`) and removes (`None`) records. Each record is replaced as a whole or not at all.
    fn write(
        &self,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>>;
    /// Removes everything.
    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// Why a store does not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It cannot be opened: private browsing, no folder, no permission.
    #[error("cannot be opened: {0}")]
    Unavailable(String),
    /// There is no room left.
    #[error("no room left")]
    Quota,
    /// Reading or writing failed.
    #[error("failed: {0}")]
    Failed(String),
}

/// Opens the store that was asked for, or memory and the reason why it is memory.
pub(crate) async fn open_or_memory(
    platform: &dyn Platform,
    memory: bool,
    name: Option<String>,
) -> (Box<dyn Backend>, String) {
    if memory {
        return (Box::new(MemoryStore::default()), String::new());
    }
    match platform.open_store(name).await {
        Ok(store) => (store, String::new()),
        Err(error) => (Box::new(MemoryStore::default()), error.to_string()),
    }
}

/// The headers that a client would go on from if these records were its store of this chain: none where anything is not what it should be.
pub fn read_records(
    records: &[Entry],
    rules: &ChainRules,
    now_s: u64,
) -> Vec<sidelight_core::header::VerifiedHeader> {
    let trust = snapshot::TrustRoot {
        rules: rules.clone(),
        checkpoint: None,
    };
    let mut records = records.to_vec();
    records.push((snapshot::META.into(), snapshot::encode_meta(&trust)));
    match snapshot::open(&records, &trust, now_s) {
        snapshot::Opened::Restored { headers, .. } => headers,
        snapshot::Opened::Empty | snapshot::Opened::Refused(_) => Vec::new(),
    }
}

/// The same tests for every back end.
#[cfg(test)]
pub(crate) mod suite {
    use super::*;

    fn sorted(mut records: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
        records.sort();
        records
    }

    fn record(name: &str, bytes: &[u8]) -> (String, Option<Vec<u8>>) {
        (name.to_owned(), Some(bytes.to_vec()))
    }

    pub(crate) async fn keeps_replaces_and_removes(store: &dyn Backend) {
        assert_eq!(store.load().await.unwrap(), vec![]);
        store
            .write(vec![record("anchor", b"one"), record("headers-3", &[])])
            .await
            .unwrap();
        store
            .write(vec![
                record("anchor", b"two"),
                record("watch", b"w"),
                ("headers-3".into(), None),
            ])
            .await
            .unwrap();
        let expected = vec![
            ("anchor".to_owned(), b"two".to_vec()),
            ("watch".to_owned(), b"w".to_vec()),
        ];
        assert_eq!(sorted(store.load().await.unwrap()), expected);
        store
            .write(vec![("never-there".into(), None)])
            .await
            .unwrap();
        store.clear().await.unwrap();
        assert_eq!(store.load().await.unwrap(), vec![]);
        store.write(vec![record("anchor", b"three")]).await.unwrap();
        assert_eq!(store.load().await.unwrap().len(), 1);
    }

    pub(crate) async fn leaves_out_oversized_records(store: &dyn Backend) {
        store
            .write(vec![
                record("big", &vec![0; MAX_RECORD_BYTES + 1]),
                record("small", b"s"),
            ])
            .await
            .unwrap();
        assert_eq!(
            store.load().await.unwrap(),
            vec![("small".to_owned(), b"s".to_vec())]
        );
    }
}
