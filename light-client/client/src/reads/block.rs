//! Blocks: a verified header, and the body that its transactions root commits to.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, U256, keccak256};
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    proof::compute_ordered_root,
    wire::{Request, Response},
};

use super::{BlockId, Known, Origin, Transaction};
use crate::{
    driver::{Asking, Client, Inner, view_level},
    dto::{BlockView, TransactionSummary, Trust},
    error::ClientError,
};

/// A list of items, and how it was come by.
pub(crate) type Body = (Arc<Vec<Bytes>>, Origin);

impl Client {
    /// A block with its body.
    pub async fn block(&self, id: BlockId) -> Result<BlockView, ClientError> {
        let known = self.inner.resolve(id)?;
        let (body, origin) = self.inner.body(&known).await?;
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
    pub(crate) async fn body(self: &Arc<Self>, known: &Known) -> Result<Body, ClientError> {
        let hash = known.header.hash();
        if let Some(body) = self.state().bodies.get(hash) {
            return Ok(body);
        }
        let root = known.header.header().transactions_root;
        let body = self
            .ordered(
                known,
                root,
                "header.transactions_root",
                Request::Body { block_hash: hash },
            )
            .await?;
        self.state().bodies.put(hash, body.clone());
        Ok(body)
    }

    /// The receipts of a block, checked against its receipts root.
    pub(crate) async fn receipts(self: &Arc<Self>, known: &Known) -> Result<Body, ClientError> {
        let root = known.header.header().receipts_root;
        self.ordered(
            known,
            root,
            "header.receipts_root",
            Request::Receipts {
                block_hash: known.header.hash(),
            },
        )
        .await
    }

    /// A list whose ordered root a header commits to.
    async fn ordered(
        self: &Arc<Self>,
        known: &Known,
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
        let mut asking = Asking::new(self.clone(), request);
        while let Some(answer) = asking.next().await {
            let began = self.platform.ticks_ms();
            let (Response::Body(items) | Response::Receipts(items)) = answer.response else {
                continue;
            };
            let got = compute_ordered_root(&items);
            if got == root {
                asking.accept();
                self.state().counts.bodies += 1;
                let origin = Origin {
                    source: asking.source(),
                    ms: self.platform.ticks_ms() - began,
                    bytes: answer.bytes as u64,
                };
                return Ok((Arc::new(items), origin));
            }
            let fault = Fault::new(FaultKind::BadProof, Mismatch::new(field, root, got));
            asking.refuse(fault.at(known.header.number(), known.header.hash()));
        }
        Err(asking.verdict())
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
