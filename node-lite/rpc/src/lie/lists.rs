//! Lies about what stands in a block: its transactions, its receipts and their logs, and about old headers.

use std::sync::Arc;

use alloy_consensus::{Header, ReceiptEnvelope, ReceiptWithBloom};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes, logs_bloom};
use node_lite_exec::{Chain, SealedBlock};

use super::{Lie, Lies};

/// Headers of a run of ancestors as the lies have them.
pub(crate) fn alter_ancestors(lies: &Lies, run: &mut [Header]) {
    if lies.is_on(Lie::WrongAncestor)
        && let Some(first) = run.first_mut()
    {
        first.state_root = B256::repeat_byte(0x66);
    }
}

/// Where a transaction is said to stand.
pub(crate) fn alter_index(lies: &Lies, index: u64) -> u64 {
    if !lies.is_on(Lie::WrongIndex) {
        return index;
    }
    index.checked_sub(1).unwrap_or(1)
}

/// A block's transactions as the lies have them.
pub(crate) fn alter_body(lies: &Lies, chain: &Chain, block: &SealedBlock) -> Vec<Bytes> {
    let other = lies
        .is_on(Lie::OtherBlockBody)
        .then(|| another(chain, block))
        .flatten();
    other.as_deref().unwrap_or(block).encoded_transactions()
}

/// A block's receipts as the lies have them; `None` where they are withheld.
pub(crate) fn alter_receipts(
    lies: &Lies,
    chain: &Chain,
    block: &SealedBlock,
) -> Option<Vec<Bytes>> {
    if lies.is_on(Lie::WithheldReceipts) {
        return None;
    }
    if lies.is_on(Lie::OtherBlockReceipts)
        && let Some(other) = another(chain, block)
    {
        return Some(other.encoded_receipts());
    }
    let mut receipts = block.receipts.clone();
    if lies.is_on(Lie::OmittedLog) {
        drop_last_log(&mut receipts);
    }
    let mut encoded: Vec<Bytes> = receipts
        .iter()
        .map(|receipt| receipt.encoded_2718().into())
        .collect();
    if lies.is_on(Lie::MislabelledLog) {
        encoded.reverse();
    }
    Some(encoded)
}

/// The block before one, or after it.
fn another(chain: &Chain, block: &SealedBlock) -> Option<Arc<SealedBlock>> {
    let number = block.number();
    let before = number.checked_sub(1)?;
    let found = chain.block_by_number(before).ok();
    found
        .filter(|other| !other.transactions.is_empty())
        .or_else(|| chain.block_by_number(number.saturating_add(1)).ok())
}

fn drop_last_log(receipts: &mut [ReceiptEnvelope]) {
    let Some(last) = receipts.iter_mut().rfind(|one| !one.logs().is_empty()) else {
        return;
    };
    // The bloom goes along, as a liar would have it.
    let mut shorter = last.clone().into_receipt();
    shorter.logs.pop();
    let bloom = logs_bloom(&shorter.logs);
    let shorter = ReceiptWithBloom::new(shorter, bloom);
    *last = ReceiptEnvelope::from_typed(last.tx_type(), shorter);
}
