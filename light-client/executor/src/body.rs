//! The rules of a block's body that need no execution: roots, ommers, blobs, size.

use alloy_consensus::{Header, TxEnvelope, proofs};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes, keccak256};
use sidelight_core::proof::compute_ordered_root;

use crate::{
    block::DecodedBlock,
    error::{BlockError, Rule, TransactionError, broken, expect},
    header::verify_header_rules,
    spec::{ChainSpec, Fork},
};

/// EIP-7934: 10 MiB for a block, of which 2 are the consensus layer's.
const MAX_RLP_BYTES: usize = 8 << 20;
const MAX_OMMERS: usize = 2;
/// Generations that an ommer may be behind.
const OMMER_DEPTH: usize = 7;

/// Checks a block's body against its header. `ancestors` are the block's, the parent first, with their hashes and ommers; only ommers need more than none of them.
pub fn verify_body(
    spec: &ChainSpec,
    decoded: &DecodedBlock,
    ancestors: &[Ancestor<'_>],
) -> Result<(), BlockError> {
    let header = &decoded.block.header;
    let body = &decoded.block.body;
    let active = |fork| spec.is_active(fork, header.number, header.timestamp);
    let ommers_hash = keccak256(alloy_rlp::encode(&body.ommers));
    expect(Rule::Ommers, ommers_hash, header.ommers_hash)?;
    if active(Fork::Paris) && !body.ommers.is_empty() {
        let got = body.ommers.len().to_string();
        return Err(broken(Rule::Ommers, "none from Paris on", got));
    }
    check_ommers(spec, decoded, ancestors)?;
    let root = compute_transactions_root(&body.transactions);
    expect(Rule::TransactionsRoot, root, header.transactions_root)?;
    // Only now: the size of other transactions than the header's says nothing about the block.
    if active(Fork::Osaka) && decoded.size > MAX_RLP_BYTES {
        let expected = format!("at most {MAX_RLP_BYTES} bytes");
        return Err(broken(Rule::Size, expected, decoded.size.to_string()));
    }
    let withdrawals = body.withdrawals.as_ref();
    let root = withdrawals.map(|list| proofs::calculate_withdrawals_root(list));
    expect(Rule::WithdrawalsRoot, root, header.withdrawals_root)?;
    check_blobs(spec, decoded)
}

/// Root of the transactions' trie.
fn compute_transactions_root(transactions: &[TxEnvelope]) -> B256 {
    let encoded: Vec<Bytes> = transactions
        .iter()
        .map(|transaction| transaction.encoded_2718().into())
        .collect();
    compute_ordered_root(&encoded)
}

fn check_blobs(spec: &ChainSpec, decoded: &DecodedBlock) -> Result<(), BlockError> {
    let header = &decoded.block.header;
    let mut blobs: u64 = 0;
    for (index, transaction) in decoded.block.body.transactions.iter().enumerate() {
        let Some(blob) = transaction.as_eip4844() else {
            continue;
        };
        let count = blob.tx().tx().blob_versioned_hashes.len();
        blobs = blobs.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        let Some(params) = spec.blob_params_at(header.timestamp) else {
            continue;
        };
        if blobs > params.max_blob_count {
            let (expected, got) = (params.max_blob_count, blobs);
            let error = TransactionError::Blobs { expected, got };
            return Err(BlockError::Transaction { index, error });
        }
    }
    let used = blobs.saturating_mul(alloy_eips::eip4844::DATA_GAS_PER_BLOB);
    match header.blob_gas_used {
        Some(got) => expect(Rule::BlobGasUsed, used, got),
        None => Ok(()),
    }
}

/// A block before the one that is checked.
#[derive(Clone, Copy, Debug)]
pub struct Ancestor<'a> {
    /// Its header.
    pub header: &'a Header,
    /// The header's hash.
    pub hash: B256,
    /// Its ommers.
    pub ommers: &'a [Header],
}

/// Yellow Paper 11.1: at most two, each a child of an ancestor, none of them an ancestor or included before, all with valid headers.
fn check_ommers(
    spec: &ChainSpec,
    decoded: &DecodedBlock,
    ancestors: &[Ancestor<'_>],
) -> Result<(), BlockError> {
    let ommers = &decoded.block.body.ommers;
    if ommers.is_empty() {
        return Ok(());
    }
    if ommers.len() > MAX_OMMERS {
        let expected = format!("at most {MAX_OMMERS}");
        return Err(broken(Rule::Ommers, expected, ommers.len().to_string()));
    }
    let near = ancestors.get(..OMMER_DEPTH.min(ancestors.len()));
    let near = near.unwrap_or_default();
    let mut seen: Vec<B256> = vec![decoded.hash];
    seen.extend(near.iter().map(|ancestor| ancestor.hash));
    let included = near.iter().flat_map(|ancestor| ancestor.ommers);
    seen.extend(included.map(Header::hash_slow));
    for ommer in ommers {
        let hash = ommer.hash_slow();
        if seen.contains(&hash) {
            return Err(broken(
                Rule::Ommers,
                "a block not in the chain",
                hash.to_string(),
            ));
        }
        seen.push(hash);
        // The block's own parent has only this block as child here.
        let parents = near.iter().skip(1);
        let Some(parent) = parents
            .into_iter()
            .find(|ancestor| ancestor.hash == ommer.parent_hash)
        else {
            let got = ommer.parent_hash.to_string();
            return Err(broken(Rule::Ommers, "a child of an ancestor", got));
        };
        verify_header_rules(spec, ommer, parent.header, parent.hash)
            .map_err(|error| broken(Rule::Ommers, "a valid header", error.to_string()))?;
    }
    Ok(())
}
