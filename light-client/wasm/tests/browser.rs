//! The IndexedDB store in a real browser's worker, which is where the client runs.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use sidelight_client::store::{Backend, IdbStore, MAX_RECORD_BYTES};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

fn record(name: &str, bytes: &[u8]) -> (String, Option<Vec<u8>>) {
    (name.to_owned(), Some(bytes.to_vec()))
}

async fn sorted(store: &IdbStore) -> Vec<(String, Vec<u8>)> {
    let mut records = store.load().await.unwrap();
    records.sort();
    records
}

#[wasm_bindgen_test]
async fn keeps_replaces_and_removes_records() {
    let store = IdbStore::open("test-keeps").await.unwrap();
    store.clear().await.unwrap();
    assert_eq!(store.kind(), "indexeddb");
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
    assert_eq!(
        sorted(&store).await,
        [
            ("anchor".to_owned(), b"two".to_vec()),
            ("watch".to_owned(), b"w".to_vec())
        ]
    );
    store.clear().await.unwrap();
    assert_eq!(sorted(&store).await, []);
}

#[wasm_bindgen_test]
async fn what_was_written_is_there_when_the_database_is_opened_again() {
    let first = IdbStore::open("test-again").await.unwrap();
    first.clear().await.unwrap();
    first.write(vec![record("anchor", b"kept")]).await.unwrap();
    drop(first);
    let second = IdbStore::open("test-again").await.unwrap();
    assert_eq!(
        sorted(&second).await,
        [("anchor".to_owned(), b"kept".to_vec())]
    );
    let other = IdbStore::open("test-other").await.unwrap();
    assert_eq!(sorted(&other).await, []);
}

#[wasm_bindgen_test]
async fn a_record_above_the_limit_is_left_out() {
    let store = IdbStore::open("test-large").await.unwrap();
    store.clear().await.unwrap();
    store
        .write(vec![
            record("big", &vec![0; MAX_RECORD_BYTES + 1]),
            record("small", b"s"),
        ])
        .await
        .unwrap();
    assert_eq!(sorted(&store).await, [("small".to_owned(), b"s".to_vec())]);
}
