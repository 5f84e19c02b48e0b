//! Transactions and receipts: found by a node's hint, proven by the lists that the header commits to.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    wire::{Request, Response},
};

use super::{BlockId, Known, Receipt, Transaction, block::summarize_transaction};
use crate::{
    driver::{Asking, Client},
    dto::{BlockRef, ReceiptView, TransactionView, TrustLevel},
    error::ClientError,
};

impl Client {
    /// A transaction and its receipt. "Not found" is an error: that a hash is in no block cannot be proven.
    pub async fn transaction(&self, hash: B256) -> Result<TransactionView, ClientError> {
        let (known, index, raw) = self.locate(hash).await?;
        let (receipts, origin) = self.inner.receipts(&known).await?;
        let receipt = view_receipt(&receipts, index);
        let decoded = Transaction::decode(&raw);
        let decoded = decoded.as_ref();
        let checks = vec![
            "the block's transactions give the header's transactions root".into(),
            format!("transaction {index} of them hashes to {hash}"),
            "the block's receipts give the header's receipts root".into(),
        ];
        Ok(TransactionView {
            summary: summarize_transaction(&raw, index as u64),
            block: BlockRef {
                number: known.header.number(),
                hash: known.header.hash(),
            },
            gas: decoded.map(Transaction::gas),
            max_fee_per_gas: decoded.map(|transaction| U256::from(transaction.max_fee())),
            max_priority_fee_per_gas: decoded
                .and_then(Transaction::max_priority_fee)
                .map(U256::from),
            input: decoded.map(Transaction::input),
            raw,
            receipt,
            trust: self
                .inner
                .label(&known, TrustLevel::Signed, checks, None, &origin),
        })
    }

    /// The verified block and place of a transaction. Where a node points to is only a hint.
    pub(crate) async fn locate(&self, hash: B256) -> Result<(Known, usize, Bytes), ClientError> {
        self.inner.resolve(BlockId::Latest)?;
        let mut asking = Asking::new(
            self.inner.clone(),
            Request::Locate {
                transaction_hash: hash,
            },
        );
        let mut unknown_block = None;
        while let Some(answer) = asking.next().await {
            let Response::Locate { block_hash, index } = answer.response else {
                continue;
            };
            // A block that is not verified here (yet) makes the hint useless, not false.
            let known = match self.inner.resolve(BlockId::Hash(block_hash)) {
                Ok(known) => known,
                Err(error) => {
                    unknown_block = Some(error);
                    continue;
                }
            };
            let (body, _) = self.inner.body(&known).await?;
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            match body.get(index).map(|raw| (keccak256(raw), raw)) {
                Some((found, raw)) if found == hash => {
                    asking.accept();
                    return Ok((known, index, raw.clone()));
                }
                found => {
                    let mismatch =
                        Mismatch::new("transaction.hash", hash, found.map(|(found, _)| found));
                    asking.refuse(
                        Fault::new(FaultKind::WrongResponse, mismatch)
                            .at(known.header.number(), known.header.hash()),
                    );
                }
            }
        }
        Err(unknown_block.unwrap_or_else(|| asking.verdict()))
    }
}

/// The receipt at `index`, with what depends on the ones before it.
fn view_receipt(receipts: &[Bytes], index: usize) -> Option<ReceiptView> {
    let (mut gas_before, mut log_index) = (0, 0);
    for (place, raw) in receipts.iter().enumerate() {
        let receipt = Receipt::decode(raw)?;
        if place == index {
            return Some(receipt.view(gas_before, log_index));
        }
        gas_before = receipt.cumulative_gas_used();
        log_index += receipt.log_count();
    }
    None
}
