//! Between the client and its store: what is restored at the start, what is written while it runs, and what happens when the store fails.

use std::sync::Arc;

use sidelight_core::{
    evidence::{Evidence, verify_evidence},
    trust::TrustLevel,
};

use super::inner::Inner;
use crate::{
    dto::StorageView,
    error::ClientError,
    store::{
        MemoryStore,
        snapshot::{self, Opened, Records, Snapshot},
    },
};

/// Proof that the sequencer contradicted itself: a client that has seen it stays halted until its owner says otherwise.
const EVIDENCE: &str = "evidence";

/// A block that is not valid, with all that shows it: it stays a conflict until the client's owner says otherwise.
const CONFLICT: &str = "conflict";

impl Inner {
    /// Reads the store. What verifies again is used; what does not is shown as a fault and dropped.
    pub(super) async fn restore(self: &Arc<Self>) {
        let records = match self.store().load().await {
            Ok(records) => records,
            Err(error) => return self.fall_back_to_memory(&error.to_string()),
        };
        let now_ms = self.platform.now_ms();
        if let Some(evidence) = self.read_evidence(&records) {
            self.state().halt(&evidence);
        }
        {
            let mut state = self.state();
            if state.filter.is_empty()
                && let Some(filter) = snapshot::read_watch(&records)
            {
                state.filter = filter;
            }
            state.unsaved_filter = true;
        }
        match snapshot::open(&records, &self.trust, now_ms / 1_000) {
            Opened::Empty if records.is_empty() => {}
            Opened::Empty => self.clear_store().await,
            Opened::Restored { snapshot, headers } => {
                self.resume(snapshot, headers);
                if let Some((_, record)) = records.iter().find(|(name, _)| name == CONFLICT) {
                    self.restore_conflict(record).await;
                }
            }
            Opened::Refused(fault) => {
                self.state().tell_fault(&fault, "store", now_ms);
                self.clear_store().await;
            }
        }
    }

    fn resume(
        self: &Arc<Self>,
        snapshot: Snapshot,
        headers: Vec<sidelight_core::header::VerifiedHeader>,
    ) {
        let Some(newest) = headers.last().cloned() else {
            return;
        };
        let mut state = self.state();
        state.counts.headers = headers.len() as u64;
        headers
            .into_iter()
            .for_each(|header| state.archive.push(header, TrustLevel::Signed));
        state.snapshot = Some(snapshot);
        state.anchor = "store";
        let is_halted = state.halted.is_some();
        drop(state);
        if !is_halted {
            self.follow(newest);
        }
    }

    fn read_evidence(&self, records: &Records) -> Option<Evidence> {
        let (_, bytes) = records.iter().find(|(name, _)| name == EVIDENCE)?;
        let evidence = Evidence::decode(bytes).ok()?;
        let is_ours = verify_evidence(&evidence).ok()?.concerns(&self.trust.rules);
        is_ours.then_some(evidence)
    }

    /// Writes what has changed.
    pub(crate) async fn flush(&self) {
        let changes = {
            let mut state = self.state();
            let mut changes = match &mut state.snapshot {
                Some(snapshot) if snapshot.is_dirty() => snapshot.changes(&self.trust),
                _ => Vec::new(),
            };
            if let Some(evidence) = state.unsaved_evidence.take() {
                changes.push((EVIDENCE.into(), Some(evidence)));
            }
            if let Some(conflict) = state.unsaved_conflict.take() {
                changes.push((CONFLICT.into(), Some(conflict)));
            }
            if std::mem::take(&mut state.unsaved_filter) {
                changes.push(snapshot::write_watch(&state.filter));
            }
            changes
        };
        if changes.is_empty() {
            return;
        }
        if let Err(error) = self.store().write(changes).await {
            self.fall_back_to_memory(&error.to_string());
        }
    }

    async fn clear_store(&self) {
        if let Err(error) = self.store().clear().await {
            self.fall_back_to_memory(&error.to_string());
        }
    }

    pub(super) async fn forget(&self) -> Result<(), ClientError> {
        {
            let mut state = self.state();
            state.snapshot = None;
            state.unsaved_evidence = None;
            state.unsaved_conflict = None;
        }
        self.store()
            .clear()
            .await
            .map_err(|error| ClientError::NotSupported(format!("the store {error}")))
    }

    /// Goes on without a store that survives, and says so.
    fn fall_back_to_memory(&self, why: &str) {
        self.replace_store(Arc::new(MemoryStore::default()));
        let mut state = self.state();
        state.storage = StorageView {
            kind: "memory".into(),
            why: why.into(),
        };
        state.status_is_old = true;
    }
}
