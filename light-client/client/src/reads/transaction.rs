//! Transactions and receipts: found by a node's hint, proven by what the header commits to.
//!
//! ```text
//! transactions root -- the whole list, rebuilt      small blocks, and who wants all
//!                   \- one path                     one transaction of a large block: 1 kB instead of the block's body
//! receipts root ------ the whole list, rebuilt      always: a log's index and a transaction's gas are sums over the receipts before it
//! ```

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    proof::verify_ordered_item,
    wire::{Request, Response},
};

use super::{
    BlockId, Commitments, Known, Origin, Receipt, Transaction, block::summarize_transaction,
};
use crate::{
    driver::{Asking, Client, Inner, misfit},
    dto::{BlockRef, ReceiptView, TransactionView, TrustLevel},
    error::{ClientError, proof_fault},
};

/// Blocks that used more gas than this many transfers are asked for a path: 32 transfers are 4 kB, the path to one of them 1 kB.
const LARGE_BLOCK_GAS: u64 = 32 * 21_000;

/// A transaction at its proven place.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) known: Known,
    pub(crate) index: usize,
    pub(crate) raw: Bytes,
    pub(crate) checks: Vec<String>,
    pub(crate) origin: Origin,
}

impl Client {
    /// A transaction and its receipt. "Not found" is an error: that a hash is in no block cannot be proven.
    pub async fn transaction(&self, hash: B256) -> Result<TransactionView, ClientError> {
        let placed = self.inner.locate(hash).await?.ok_or_else(|| {
            ClientError::UnknownBlock("nobody has it: transaction not found".into())
        })?;
        let Placed {
            known,
            index,
            raw,
            mut checks,
            ..
        } = placed;
        let (receipts, origin) = self.inner.receipts(&known.commitments()).await?;
        let receipt = view_receipt(&receipts, index);
        let decoded = Transaction::decode(&raw);
        let decoded = decoded.as_ref();
        checks.push("the block's receipts give the header's receipts root".into());
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
}

impl Inner {
    /// The verified block and place of a transaction. Where a node points to is only a hint; none if every node says that it knows of no such transaction, which proves nothing.
    pub(crate) async fn locate(
        self: &Arc<Self>,
        hash: B256,
    ) -> Result<Option<Placed>, ClientError> {
        self.resolve(BlockId::Latest)?;
        let request = Request::Locate {
            transaction_hash: hash,
        };
        let mut asking = Asking::new(self.clone(), request);
        let mut unknown_block = None;
        while let Some(answer) = asking.next().await {
            let Response::Locate { block_hash, index } = answer.response else {
                continue;
            };
            // A block that is not verified here (yet) makes the hint useless, not false.
            let known = match self.find(BlockId::Hash(block_hash)).await {
                Ok(known) => known,
                Err(error) => {
                    unknown_block = Some(error);
                    continue;
                }
            };
            let found = self.transaction_at(known.clone(), index).await?;
            match found {
                Some(placed) if keccak256(&placed.raw) == hash => {
                    asking.accept();
                    return Ok(Some(placed));
                }
                other => {
                    let got = other.map(|placed| keccak256(&placed.raw));
                    let mismatch = Mismatch::new("transaction.hash", hash, got);
                    let fault = Fault::new(FaultKind::WrongResponse, mismatch);
                    asking.refuse(fault.at(known.header.number(), known.header.hash()));
                }
            }
        }
        match unknown_block {
            Some(error) => Err(error),
            None if asking.is_denied() => Ok(None),
            None => Err(asking.verdict()),
        }
    }

    /// The transaction at a place of a block; none if the block is proven to have fewer.
    pub(crate) async fn transaction_at(
        self: &Arc<Self>,
        known: Known,
        index: u64,
    ) -> Result<Option<Placed>, ClientError> {
        let found = self.transaction_in(&known.commitments(), index).await?;
        Ok(found.map(|(raw, check, origin)| Placed {
            known,
            index: usize::try_from(index).unwrap_or(usize::MAX),
            raw,
            checks: vec![check],
            origin,
        }))
    }

    /// As [`Self::transaction_at`]; what was checked, and what it cost.
    pub(crate) async fn transaction_in(
        self: &Arc<Self>,
        block: &Commitments,
        index: u64,
    ) -> Result<Option<(Bytes, String, Origin)>, ClientError> {
        let is_large = block.gas_used > LARGE_BLOCK_GAS;
        if is_large
            && self.state().bodies.get(block.hash).is_none()
            && let Some((raw, origin)) = self.path_to(block, index).await?
        {
            let check = format!(
                "a Merkle path leads from the header's transactions root to transaction {index}"
            );
            return Ok(Some((raw, check, origin)));
        }
        let (body, origin) = self.body(block).await?;
        let raw = usize::try_from(index)
            .ok()
            .and_then(|at| body.get(at).cloned());
        let check = format!(
            "the block's {} transactions give the header's transactions root, and it is at index {index}",
            body.len()
        );
        Ok(raw.map(|raw| (raw, check, origin)))
    }

    /// One transaction by its path; none if nobody gives one, and nobody has lied.
    async fn path_to(
        self: &Arc<Self>,
        block: &Commitments,
        index: u64,
    ) -> Result<Option<(Bytes, Origin)>, ClientError> {
        let request = Request::Transaction {
            block_hash: block.hash,
            index,
        };
        let mut found = Bytes::new();
        let mut judge = |response| {
            let Response::Transaction(nodes) = response else {
                return Err(misfit());
            };
            let raw = verify_ordered_item(block.transactions_root, index, &nodes);
            found = Bytes::copy_from_slice(raw.map_err(proof_fault)?);
            Ok(())
        };
        let at = (block.number, block.hash);
        match self.ask(request, at, &mut judge).await {
            Ok(origin) => Ok(Some((found, origin))),
            Err(error @ ClientError::Verification { .. }) => Err(error),
            Err(_) => Ok(None),
        }
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
