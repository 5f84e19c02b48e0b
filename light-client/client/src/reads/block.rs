//! Blocks: a verified header, and the body that its transactions root commits to.

use std::sync::Arc;

use alloy_primitives::{B256, Bloom, Bytes, U256, keccak256};
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    header::Header,
    proof::compute_ordered_root,
    wire::{Request, Response},
};

use super::{BlockId, Known, Origin, Transaction};
use crate::{
    driver::{Client, Inner, misfit, view_level},
    dto::{BlockView, TransactionSummary, Trust},
    error::ClientError,
};

/// A list of items, and how it was come by.
pub(crate) type Body = (Arc<Vec<Bytes>>, Origin);

/// Where a block stands, and what its verified header commits to of its lists.
#[derive(Clone, Debug)]
pub(crate) struct Commitments {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) timestamp: u64,
    pub(crate) gas_used: u64,
    pub(crate) base_fee: Option<u64>,
    pub(crate) transactions_root: B256,
    pub(crate) receipts_root: B256,
    pub(crate) logs_bloom: Bloom,
}

impl Commitments {
    /// Of a header whose hash is known to be `hash`.
    pub(crate) fn of(header: &Header, hash: B256) -> Self {
        Self {
            number: header.number,
            hash,
            timestamp: header.timestamp,
            gas_used: header.gas_used,
            base_fee: header.base_fee_per_gas,
            transactions_root: header.transactions_root,
            receipts_root: header.receipts_root,
            logs_bloom: header.logs_bloom,
        }
    }
}

impl Known {
    pub(crate) fn commitments(&self) -> Commitments {
        Commitments::of(self.header.header(), self.header.hash())
    }
}

impl Client {
    /// A block with its body.
    pub async fn block(&self, id: BlockId) -> Result<BlockView, ClientError> {
        let known = self.inner.find(id).await?;
        let (body, origin) = self.inner.body(&known.commitments()).await?;
        let transactions = body
            .iter()
            .zip(0..)
            .map(|(raw, index)| summarize_transaction(raw, index))
            .collect();
        let trust = self.inner.label_body(&known, body.len(), &origin);
        let header = &known.header;
        let fields = header.header();
        Ok(BlockView {
            number: header.number(),
            hash: header.hash(),
            parent_hash: fields.parent_hash,
            timestamp: fields.timestamp,
            gas_used: fields.gas_used,
            gas_limit: fields.gas_limit,
            base_fee: U256::from(fields.base_fee_per_gas.unwrap_or_default()),
            beneficiary: fields.beneficiary,
            state_root: fields.state_root,
            transactions_root: fields.transactions_root,
            receipts_root: fields.receipts_root,
            block_access_list_hash: fields.block_access_list_hash,
            mix_hash: fields.mix_hash,
            extra_data: fields.extra_data.clone(),
            accounts_root: header.extension().map(|extension| extension.accounts_root),
            signer: header.signer(),
            next_signer: header.next_signer(),
            size: body.iter().map(|raw| raw.len() as u64).sum(),
            transactions,
            trust,
        })
    }
}

impl Inner {
    /// The transactions of a block, as EIP-2718 byte strings, checked against its transactions root.
    pub(crate) async fn body(self: &Arc<Self>, block: &Commitments) -> Result<Body, ClientError> {
        let block_hash = block.hash;
        if let Some(body) = self.state().bodies.get(block_hash) {
            return Ok(body);
        }
        let (root, field) = (block.transactions_root, "header.transactions_root");
        let body = self
            .ordered(block, root, field, Request::Body { block_hash })
            .await?;
        self.state().bodies.put(block_hash, body.clone());
        Ok(body)
    }

    /// The receipts of a block, checked against its receipts root.
    pub(crate) async fn receipts(
        self: &Arc<Self>,
        block: &Commitments,
    ) -> Result<Body, ClientError> {
        let block_hash = block.hash;
        let (root, field) = (block.receipts_root, "header.receipts_root");
        self.ordered(block, root, field, Request::Receipts { block_hash })
            .await
    }

    /// A list whose ordered root a header commits to.
    async fn ordered(
        self: &Arc<Self>,
        block: &Commitments,
        root: B256,
        field: &'static str,
        request: Request,
    ) -> Result<Body, ClientError> {
        if compute_ordered_root(&[]) == root {
            return Ok((
                Arc::default(),
                Origin {
                    source: "the header's root, which is that of nothing".into(),
                    ..Origin::default()
                },
            ));
        }
        let mut found = Vec::new();
        let mut judge = |response| {
            let (Response::Body(items) | Response::Receipts(items)) = response else {
                return Err(misfit());
            };
            let got = compute_ordered_root(&items);
            if got != root {
                let mismatch = Mismatch::new(field, root, got);
                return Err(Fault::new(FaultKind::BadProof, mismatch));
            }
            found = items;
            Ok(())
        };
        let at = (block.number, block.hash);
        let origin = self.ask(request, at, &mut judge).await?;
        self.state().counts.bodies += 1;
        Ok((Arc::new(found), origin))
    }

    /// The label of a block and its list of transactions.
    pub(crate) fn label_body(&self, known: &Known, transactions: usize, origin: &Origin) -> Trust {
        let checks = vec![format!(
            "its {transactions} transactions give the header's transactions root"
        )];
        self.label(known, view_level(known.level), checks, None, origin)
    }
}

/// A line of a block's body.
pub(super) fn summarize_transaction(raw: &Bytes, index: u64) -> TransactionSummary {
    let decoded = Transaction::decode(raw);
    let decoded = decoded.as_ref();
    TransactionSummary {
        hash: keccak256(raw),
        index,
        from: decoded.and_then(Transaction::from),
        to: decoded.and_then(Transaction::to),
        value: decoded.map(Transaction::value),
        nonce: decoded.map(Transaction::nonce),
        kind: kind_of(raw),
    }
}

/// The EIP-2718 type: the first byte, unless it begins a list, which is a legacy transaction.
pub(crate) fn kind_of(raw: &[u8]) -> u8 {
    raw.first()
        .copied()
        .filter(|byte| *byte < 0x80)
        .unwrap_or(0)
}
