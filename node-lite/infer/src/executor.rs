//! Who runs the models and stands behind the results: signs decisions, keeps their records, and knows which of them are still to be anchored.
//!
//! ```text
//!   run --sign--> record --+--> by hash, for whoever asks (openings of private values left out)
//!                          +--> pending --batch--> anchored: the record gets its path
//! ```
//!
//! Records are kept in memory, as the chain is.

use std::{
    collections::{HashMap, VecDeque},
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{Address, B256, Bytes, Signature, U256};
use alloy_sol_types::{Eip712Domain, SolStruct};
use k256::ecdsa::SigningKey;
use parking_lot::Mutex;
use sidelight_edge_core::{
    commit::{Role, Salt, compute_commitment},
    decision::compute_decision_hash,
    record::{BatchPath, Opening, RECORD_TYPE, Record},
    tensor::Tensor,
    typed::{Decision, Runtime, domain},
};
use thiserror::Error;
use tokio::sync::Notify;

use crate::{error::InferError, models::Served};

/// Records that are kept; the oldest one goes.
const KEPT: usize = 16_384;
/// Decisions that may wait for their batch.
pub(crate) const MAX_PENDING: usize = 4_096;

/// The key is none.
#[derive(Clone, Copy, Debug, Error)]
#[error("the executor's key is no secp256k1 key")]
pub struct KeyError;

/// What a decision is made of, besides the executor's own part.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) served: &'a Served,
    pub(crate) runtime: Runtime,
    pub(crate) inputs: &'a [Tensor],
    pub(crate) outputs: &'a [Tensor],
    pub(crate) salt: Salt,
    pub(crate) task: B256,
    pub(crate) requester: Address,
    /// Number and hash of the newest block.
    pub(crate) anchor: (u64, B256),
}

/// The executor.
pub struct Executor {
    key: SigningKey,
    address: Address,
    chain_id: u64,
    registry: Address,
    domain: Eip712Domain,
    state: Mutex<State>,
    /// Told when a decision waits for its batch.
    pub(crate) signed: Notify,
}

#[derive(Debug, Default)]
struct State {
    nonce: u64,
    records: HashMap<B256, Record>,
    order: VecDeque<B256>,
    pending: Vec<B256>,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Executor {
    /// An executor with this key, for the registry of a chain.
    pub fn new(key: B256, chain_id: u64, registry: Address) -> Result<Self, KeyError> {
        let key = SigningKey::from_slice(key.as_slice()).map_err(|_| KeyError)?;
        Ok(Self {
            address: Address::from_public_key(key.verifying_key()),
            key,
            chain_id,
            registry,
            domain: domain(chain_id, registry),
            state: Mutex::default(),
            signed: Notify::new(),
        })
    }

    /// Its address.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The registry that it signs for.
    pub const fn registry(&self) -> Address {
        self.registry
    }

    /// The chain that it signs for.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    pub(crate) const fn domain(&self) -> &Eip712Domain {
        &self.domain
    }

    /// Signs what was run, and keeps it until it is in a batch. The record has both openings: it is for the requester.
    pub(crate) fn decide(&self, parts: Parts<'_>) -> Result<(B256, Record), InferError> {
        // A salt of its own: equal inputs and outputs must not look alike.
        let output_salt = match parts.salt {
            Salt::Private(_) => Salt::Private(B256::random()),
            Salt::Public => Salt::Public,
        };
        let mut decision = Decision {
            taskHash: parts.task,
            modelHash: parts.served.hash,
            runtimeHash: parts.runtime.eip712_hash_struct(),
            inputCommit: compute_commitment(Role::Input, parts.salt, parts.inputs)?,
            outputCommit: compute_commitment(Role::Output, output_salt, parts.outputs)?,
            traceRoot: B256::ZERO,
            zkInput: B256::ZERO,
            parent: B256::ZERO,
            executor: self.address,
            requester: parts.requester,
            agentId: U256::ZERO,
            nonce: 0,
            anchorBlock: parts.anchor.0,
            anchorHash: parts.anchor.1,
            issuedAt: now().as_secs(),
            maxLevel: crate::task::MAX_LEVEL,
        };
        let mut state = self.state.lock();
        if state.pending.len() >= MAX_PENDING {
            return Err(InferError::Busy {
                waiting: state.pending.len(),
            });
        }
        // By the clock, so that it rises over restarts too.
        let clock = u64::try_from(now().as_micros()).unwrap_or(u64::MAX);
        state.nonce = clock.max(state.nonce.saturating_add(1));
        decision.nonce = state.nonce;
        let hash = compute_decision_hash(&decision, &self.domain);
        let record = Record {
            r#type: RECORD_TYPE.into(),
            chain_id: self.chain_id,
            registry: self.registry,
            signature: self.sign(hash)?,
            decision,
            model: parts.served.typed.clone(),
            runtime: parts.runtime,
            input: Some(opening(parts.salt, parts.inputs)),
            output: Some(opening(output_salt, parts.outputs)),
            batch: None,
        };
        let mut kept = record.clone();
        if matches!(parts.salt, Salt::Private(_)) {
            // Anybody may ask for it.
            (kept.input, kept.output) = (None, None);
        }
        state.keep(hash, kept);
        drop(state);
        self.signed.notify_one();
        Ok((hash, record))
    }

    /// A record by the decision's hash.
    pub fn record(&self, hash: B256) -> Option<Record> {
        self.state.lock().records.get(&hash).cloned()
    }

    /// The decisions that wait for their batch.
    pub(crate) fn pending(&self) -> Vec<B256> {
        self.state.lock().pending.clone()
    }

    /// Notes where decisions stand on the chain.
    pub(crate) fn anchored(&self, paths: Vec<(B256, BatchPath)>) {
        let mut state = self.state.lock();
        for (hash, path) in paths {
            state.pending.retain(|pending| *pending != hash);
            if let Some(record) = state.records.get_mut(&hash) {
                record.batch = Some(path);
            }
        }
    }

    /// `r || s || v` over a digest.
    pub(crate) fn sign(&self, digest: B256) -> Result<Bytes, InferError> {
        Ok(self.signature(digest)?.as_bytes().into())
    }

    /// As [`Self::sign`], for a transaction.
    pub(crate) fn signature(&self, digest: B256) -> Result<Signature, InferError> {
        let signed = self.key.sign_prehash_recoverable(digest.as_slice());
        let signed = signed.map_err(|error| InferError::Internal(error.to_string()))?;
        Ok(Signature::from(signed))
    }
}

impl State {
    fn keep(&mut self, hash: B256, record: Record) {
        if self.order.len() >= KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.records.remove(&oldest);
        }
        self.order.push_back(hash);
        self.records.insert(hash, record);
        self.pending.push(hash);
    }
}

/// Since 1970.
pub(crate) fn now() -> std::time::Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

fn opening(salt: Salt, tensors: &[Tensor]) -> Opening {
    let mut tensors = tensors.to_vec();
    tensors.sort_by(|a, b| a.name().cmp(b.name()));
    Opening {
        salt: salt.to_b256(),
        tensors,
    }
}
