//! `lite_putDecision` and `lite_getDecision`: files of anchored decisions by their hash, in memory.
//!
//! What is kept has a batch in this chain's registry, so that filling the shelf costs the gas of anchoring; the oldest files go first. Nobody needs to trust the shelf: a file that is not the one with the hash is refused by
//! whoever asked.

use std::collections::{HashMap, VecDeque};

use alloy_eips::BlockId;
use alloy_primitives::{B256, Bytes};
use alloy_rpc_types_eth::TransactionRequest;
use jsonrpsee::server::RegisterMethodError;
use node_lite_exec::{CallOverrides, DECISION_PREDEPLOY};
use parking_lot::RwLock;
use serde_json::value::RawValue;
use sidelight_edge_core::{
    account::ask_account,
    record::Record,
    verdict::{
        ChainFacts, RecordError, VerifiedRecord, compute_batch_slot, verify_record,
        verify_record_by_account,
    },
};

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::node::Peer;

/// Largest file that is kept, in bytes: a picture of 96 x 96 in colour fits.
const MAX_FILE: usize = 512 << 10;
/// Most bytes of all files.
const MAX_BYTES: usize = 64 << 20;
/// Most files.
const MAX_FILES: usize = 16_384;

/// The files, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    inner: RwLock<Files>,
}

#[derive(Debug, Default)]
struct Files {
    by_hash: HashMap<B256, Box<RawValue>>,
    order: VecDeque<B256>,
    bytes: usize,
}

impl Shelf {
    fn get(&self, hash: B256) -> Option<Box<RawValue>> {
        self.inner.read().by_hash.get(&hash).cloned()
    }

    /// Keeps a file. The first file of a hash stays: a later one could open less.
    fn put(&self, hash: B256, file: Box<RawValue>) {
        let mut files = self.inner.write();
        if files.by_hash.contains_key(&hash) {
            return;
        }
        files.bytes += file.get().len();
        files.order.push_back(hash);
        files.by_hash.insert(hash, file);
        while files.order.len() > MAX_FILES || files.bytes > MAX_BYTES {
            let Some(oldest) = files.order.pop_front() else {
                break;
            };
            if let Some(gone) = files.by_hash.remove(&oldest) {
                files.bytes -= gone.get().len();
            }
        }
    }
}

pub(crate) fn register(api: &mut Api<Peer>) -> Result<(), RegisterMethodError> {
    api.heavy("lite_putDecision", 1, put)?;
    api.light("lite_getDecision", 1, |node, mut args| {
        let hash = args.required::<B256>()?;
        node.decisions
            .get(hash)
            .ok_or(RpcError::NotFound("decision"))
    })
}

/// `lite_putDecision(file)`: the decision's hash. The file is judged as a client judges it, at this node's head.
fn put(node: &Peer, mut args: Args<'_>) -> RpcResult<B256> {
    let file = args.required::<Box<RawValue>>()?;
    if file.get().len() > MAX_FILE {
        return Err(RpcError::invalid(format!(
            "invalid argument 0: expected at most {MAX_FILE} bytes, got {}",
            file.get().len()
        )));
    }
    let refuse = |error: RecordError| {
        RpcError::invalid(format!("invalid argument 0: {}: {error}", error.field()))
    };
    let record = Record::decode(file.get().as_bytes()).map_err(refuse)?;
    let verified = verify_record(&record, node.chain.chain_id(), DECISION_PREDEPLOY)
        .or_else(|error| ask_executor(node, &record).unwrap_or(Err(error)))
        .map_err(refuse)?;
    let root = verified.batch_root().unwrap_or_default();
    let head = node.chain.head();
    let state = node.state_at(Some(head.hash.into()))?;
    let anchor = node.find_block(verified.decision().anchorBlock.into())?;
    let facts = ChainFacts {
        head: head.number(),
        batch: state
            .storage(DECISION_PREDEPLOY, compute_batch_slot(root).into())
            .map_err(|error| RpcError::Internal(error.to_string()))?,
        anchor_hash: anchor.map(|block| block.hash),
    };
    verified.verify_anchor(&facts).map_err(refuse)?;
    // As it was read, and no longer than that.
    let text = record.encode().map_err(refuse)?;
    let file =
        RawValue::from_string(text).map_err(|error| RpcError::Internal(error.to_string()))?;
    node.decisions.put(verified.hash(), file);
    Ok(verified.hash())
}

/// Where the executor is a contract, it says at the head whether it accepts the signature (ERC-1271); `None` where it is none, or cannot be asked.
fn ask_executor(node: &Peer, record: &Record) -> Option<Result<VerifiedRecord, RecordError>> {
    let chain_id = node.chain.chain_id();
    let question = match ask_account(record, chain_id, DECISION_PREDEPLOY) {
        Ok(question) => question,
        Err(error) => return Some(Err(error)),
    };
    let head = BlockId::from(node.chain.head().hash);
    let code = node.state_at(Some(head)).ok()?.code(question.account);
    if code.ok()?.is_empty() {
        return None;
    }
    let request = TransactionRequest {
        to: Some(question.account.into()),
        input: Bytes::from(question.data).into(),
        gas: Some(question.gas),
        ..TransactionRequest::default()
    };
    // A contract that reverts has said nothing.
    let answer = node.chain.call(&request, head, &CallOverrides::default());
    let answer = answer.unwrap_or_default();
    Some(verify_record_by_account(
        record,
        chain_id,
        DECISION_PREDEPLOY,
        &answer,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_files_go_first_and_a_second_file_of_a_hash_changes_nothing() {
        let shelf = Shelf::default();
        let file = |text: String| RawValue::from_string(format!("\"{text}\"")).unwrap();
        let size = 1 << 20;
        for at in 0..64_u8 {
            shelf.put(B256::repeat_byte(at), file("x".repeat(size - 2)));
        }
        shelf.put(B256::repeat_byte(0), file("other".into()));
        assert_eq!(shelf.get(B256::repeat_byte(0)).unwrap().get().len(), size);
        shelf.put(B256::repeat_byte(64), file("one more".into()));
        assert!(shelf.get(B256::repeat_byte(0)).is_none());
        assert!(shelf.get(B256::repeat_byte(1)).is_some());
        assert!(shelf.inner.read().bytes <= MAX_BYTES);
    }
}
