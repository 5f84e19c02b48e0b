//! What a block's header says of its execution, against what execution gave.

use alloy_consensus::Header;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes};
use sidelight_core::proof::compute_ordered_root;

use crate::{
    error::{BlockError, Rule, expect},
    execute::Executed,
};

/// Compares gas, receipts, bloom, requests and state root.
pub fn verify_outcome(
    header: &Header,
    executed: &Executed,
    state_root: B256,
) -> Result<(), BlockError> {
    expect(Rule::GasUsed, executed.gas_used, header.gas_used)?;
    let receipts: Vec<Bytes> = executed
        .receipts
        .iter()
        .map(|receipt| receipt.encoded_2718().into())
        .collect();
    let root = compute_ordered_root(&receipts);
    expect(Rule::ReceiptsRoot, root, header.receipts_root)?;
    expect(Rule::LogsBloom, executed.logs_bloom, header.logs_bloom)?;
    let requests = header.requests_hash;
    let computed = requests.map(|_| executed.requests.requests_hash());
    expect(Rule::RequestsHash, computed, requests)?;
    expect(Rule::StateRoot, state_root, header.state_root)
}
