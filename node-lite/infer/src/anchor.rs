//! Brings decisions onto the chain: those that wait become a batch, whose root the executor sends to the registry.
//!
//! ```text
//!   pending --Batch--> root --anchor(root, count)--> pool -> block -> batches[root] != 0 --> records get their paths
//! ```

use std::{sync::Arc, time::Duration};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::{BlockId, Encodable2718};
use alloy_primitives::{B256, Bytes, TxKind, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue, sol};
use node_lite_exec::Chain;
use sidelight_edge_core::{batch::Batch, record::BatchPath};
use thiserror::Error;

use crate::executor::Executor;

sol! {
    /// `node-lite/contracts/src/DecisionRegistry.sol`.
    function anchor(bytes32 root, uint32 count, bytes32 dataHash, string uri) external;
}

/// How long decisions gather before they are sent.
const GATHER: Duration = Duration::from_millis(200);
/// How long a batch may take to get into a block.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(5);
/// Gas of `anchor`: two slots, one event.
const GAS: u64 = 200_000;
/// Wei per gas for the sequencer.
const TIP: u128 = 1_000_000_000;

/// Why a batch is not on the chain.
#[derive(Debug, Error)]
enum AnchorError {
    #[error("{0}")]
    Chain(String),
    #[error("the batch was not in a block within {PATIENCE:?}")]
    Late,
    #[error("the registry refused the batch")]
    Refused,
}

/// Anchors whatever waits, until the node ends.
pub(crate) async fn run(executor: Arc<Executor>, chain: Chain) {
    loop {
        executor.signed.notified().await;
        loop {
            tokio::time::sleep(GATHER).await;
            let pending = executor.pending();
            if pending.is_empty() {
                break;
            }
            if let Err(error) = anchor(&executor, &chain, &pending).await {
                tracing::warn!(%error, decisions = pending.len(), "cannot anchor decisions");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn anchor(executor: &Executor, chain: &Chain, decisions: &[B256]) -> Result<(), AnchorError> {
    let failed = |error: &dyn std::fmt::Display| AnchorError::Chain(error.to_string());
    let batch = Batch::new(decisions).map_err(|error| failed(&error))?;
    // Subscribed before it is sent, so that no block is missed in between.
    let mut blocks = chain.subscribe();
    if !is_anchored(executor, chain, batch.root())? {
        let raw = transaction(executor, chain, &batch, decisions.len())?;
        let sent = chain.submit(&raw).map_err(|error| failed(&error))?;
        let included = async {
            loop {
                // Closed or lagging: the chain itself says whether it is there.
                let _ = blocks.recv().await;
                if chain.locate(sent).is_some() {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, included)
            .await
            .map_err(|_| AnchorError::Late)?;
        if !is_anchored(executor, chain, batch.root())? {
            return Err(AnchorError::Refused);
        }
    }
    let path = |&hash: &B256| {
        let proof = batch.prove(hash)?;
        let root = batch.root();
        Some((hash, BatchPath { root, proof }))
    };
    executor.anchored(decisions.iter().filter_map(path).collect());
    tracing::info!(root = %batch.root(), decisions = decisions.len(), "decisions anchored");
    Ok(())
}

fn transaction(
    executor: &Executor,
    chain: &Chain,
    batch: &Batch,
    count: usize,
) -> Result<Bytes, AnchorError> {
    let failed = |error: &dyn std::fmt::Display| AnchorError::Chain(error.to_string());
    let call = anchorCall {
        root: batch.root(),
        count: u32::try_from(count).unwrap_or(u32::MAX),
        dataHash: B256::ZERO,
        uri: String::new(),
    };
    let nonce = chain
        .pending_nonce(executor.address())
        .map_err(|error| failed(&error))?;
    let tx = TxEip1559 {
        chain_id: executor.chain_id(),
        nonce,
        gas_limit: GAS,
        max_fee_per_gas: u128::from(chain.next_base_fee()) * 2 + TIP,
        max_priority_fee_per_gas: TIP,
        to: TxKind::Call(executor.registry()),
        value: U256::ZERO,
        access_list: Default::default(),
        input: call.abi_encode().into(),
    };
    let signature = executor
        .signature(tx.signature_hash())
        .map_err(|error| failed(&error))?;
    let signed: TxEnvelope = tx.into_signed(signature).into();
    Ok(signed.encoded_2718().into())
}

/// Whether `batches[root]`, slot 0 of the registry, holds something at the head.
fn is_anchored(executor: &Executor, chain: &Chain, root: B256) -> Result<bool, AnchorError> {
    let slot = keccak256((root, U256::ZERO).abi_encode());
    let state = chain
        .state_at(BlockId::latest())
        .map_err(|error| AnchorError::Chain(error.to_string()))?;
    let word = state
        .storage(executor.registry(), slot.into())
        .map_err(|error| AnchorError::Chain(error.to_string()))?;
    Ok(!word.is_zero())
}
