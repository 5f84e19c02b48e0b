//! A store in IndexedDB (<https://www.w3.org/TR/IndexedDB/>): one object store, record names as keys, `Uint8Array` values.

use futures::channel::oneshot;
use idb::{
    Database, DatabaseEvent, Error, Factory, ObjectStoreParams, Query, Request, Transaction,
    TransactionMode,
};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};

use super::{Backend, MAX_RECORD_BYTES, StoreError};
use crate::platform::BoxFuture;

/// The object store's name.
const RECORDS: &str = "records";
/// Layout of the database itself; what is in the records has a version of its own.
const DATABASE_VERSION: u32 = 1;

/// Records in an IndexedDB database.
#[derive(Debug)]
pub struct IdbStore {
    database: Database,
}

impl IdbStore {
    /// Opens or creates the database of that name. Fails where there is no IndexedDB, as in Node and in some private windows.
    pub async fn open(name: &str) -> Result<Self, StoreError> {
        let unavailable =
            |error: Error| StoreError::Unavailable(format!("IndexedDB: {}", name_of(&error)));
        let factory = Factory::new().map_err(unavailable)?;
        let mut request = factory
            .open(name, Some(DATABASE_VERSION))
            .map_err(unavailable)?;
        request.on_upgrade_needed(|event| {
            if let Ok(database) = event.database() {
                // A failure here aborts the upgrade, which then shows as an error of the request.
                let _ = database.create_object_store(RECORDS, ObjectStoreParams::new());
            }
        });
        let (sender, done) = oneshot::channel();
        let sender = std::rc::Rc::new(std::cell::Cell::new(Some(sender)));
        let (on_success, on_blocked, on_error) = (sender.clone(), sender.clone(), sender);
        request.on_success(move |_| settle(&on_success, true));
        request.on_blocked(move |_| settle(&on_blocked, false));
        request.on_error(move |_| settle(&on_error, false));
        if done.await != Ok(true) {
            let why = request
                .error()
                .ok()
                .flatten()
                .map_or_else(|| "blocked".into(), |error| error.name());
            return Err(StoreError::Unavailable(format!("IndexedDB: {why}")));
        }
        Ok(Self {
            database: request.database().map_err(unavailable)?,
        })
    }

    fn begin(&self, mode: TransactionMode) -> Result<(Transaction, idb::ObjectStore), StoreError> {
        let transaction = self
            .database
            .transaction(&[RECORDS], mode)
            .map_err(failed)?;
        let records = transaction.object_store(RECORDS).map_err(failed)?;
        Ok((transaction, records))
    }
}

impl Backend for IdbStore {
    fn kind(&self) -> &'static str {
        "indexeddb"
    }

    fn load(&self) -> BoxFuture<'_, Result<Vec<(String, Vec<u8>)>, StoreError>> {
        Box::pin(async move {
            let (transaction, records) = self.begin(TransactionMode::ReadOnly)?;
            // In one transaction both come in key order.
            let keys = records.get_all_keys(None, None).map_err(failed)?;
            let values = records.get_all(None, None).map_err(failed)?;
            finish(transaction).await?;
            let keys: Array = keys.result().map_err(failed)?.unchecked_into();
            let values: Array = values.result().map_err(failed)?.unchecked_into();
            let pairs = keys.iter().zip(values.iter());
            Ok(pairs
                .filter_map(|(key, value)| Some((key.as_string()?, read(&value)?)))
                .collect())
        })
    }

    fn write(
        &self,
        changes: Vec<(String, Option<Vec<u8>>)>,
    ) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let (transaction, records) = self.begin(TransactionMode::ReadWrite)?;
            for (name, bytes) in changes {
                let key = JsValue::from(name);
                match bytes {
                    Some(bytes) => {
                        records
                            .put(&Uint8Array::from(bytes.as_slice()), Some(&key))
                            .map_err(failed)?;
                    }
                    None => {
                        records.delete(Query::Key(key)).map_err(failed)?;
                    }
                }
            }
            finish(transaction).await
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let (transaction, records) = self.begin(TransactionMode::ReadWrite)?;
            records.clear().map_err(failed)?;
            finish(transaction).await
        })
    }
}

type Settler = std::rc::Rc<std::cell::Cell<Option<oneshot::Sender<bool>>>>;

fn settle(sender: &Settler, ok: bool) {
    if let Some(sender) = sender.take() {
        let _ = sender.send(ok);
    }
}

/// Waits until a transaction has committed or was aborted.
async fn finish(mut transaction: Transaction) -> Result<(), StoreError> {
    let (sender, done) = oneshot::channel();
    let on_complete: Settler = std::rc::Rc::new(std::cell::Cell::new(Some(sender)));
    let on_abort = on_complete.clone();
    transaction.on_complete(move |_| settle(&on_complete, true));
    transaction.on_abort(move |_| settle(&on_abort, false));
    match done.await {
        Ok(true) => Ok(()),
        _ => Err(transaction.error().map_or_else(
            || StoreError::Failed("aborted".into()),
            |error| named(&error.name()),
        )),
    }
}

/// A record's bytes, unless it is something else or too large.
fn read(value: &JsValue) -> Option<Vec<u8>> {
    let bytes: &Uint8Array = value.dyn_ref()?;
    (bytes.length() as usize <= MAX_RECORD_BYTES).then(|| bytes.to_vec())
}

fn failed(error: Error) -> StoreError {
    named(&name_of(&error))
}

fn named(name: &str) -> StoreError {
    match name {
        "QuotaExceededError" => StoreError::Quota,
        _ => StoreError::Failed(name.to_owned()),
    }
}

/// The name of the DOM exception inside; the crate's own texts are long.
fn name_of(error: &Error) -> String {
    match error {
        Error::DomException(error) => error.name(),
        Error::IndexedDbNotFound(_) => "not there".into(),
        _ => "error".into(),
    }
}
