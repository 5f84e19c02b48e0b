//! The provider's methods in Ethereum's shapes (<https://github.com/ethereum/execution-apis>), over verified reads.

use alloy_primitives::{B256, Bytes, U256, keccak256};
use alloy_rlp::{Encodable, length_of_length};
use serde_json::Value as Json;

use crate::{
    driver::{Client, view_level},
    dto::{AccountView, Labelled},
    error::ClientError,
    json::{self, data, number, word},
    reads::{BlockId, Commitments, Known, Origin, Transaction, kind_of},
};

impl Client {
    pub(super) fn block_number(&self) -> Result<Labelled<Json>, ClientError> {
        let known = self.inner.resolve(BlockId::Latest)?;
        let trust = self.inner.label(
            &known,
            view_level(known.level),
            Vec::new(),
            None,
            &Origin::default(),
        );
        Ok(Labelled {
            value: number(known.header.number()),
            trust,
        })
    }

    pub(super) async fn block_by(
        &self,
        id: BlockId,
        full: bool,
    ) -> Result<Labelled<Json>, ClientError> {
        let known = self.inner.find(id).await?;
        let (body, origin) = self.inner.body(&known.commitments()).await?;
        let trust = self.inner.label_body(&known, body.len(), &origin);
        Ok(Labelled {
            value: block_json(&known, &body, full)?,
            trust,
        })
    }
}

/// The one slot that was asked for.
pub(super) fn only_slot(view: AccountView) -> Result<Labelled<Json>, ClientError> {
    // A view has what was asked for; nothing else may pass for a zero.
    let slot = view.storage.into_iter().next();
    let slot = slot.ok_or_else(|| ClientError::UnknownBlock("the slot was not proven".into()))?;
    Ok(slot.labelled.map(|value| word(B256::from(value))))
}

fn block_json(known: &Known, body: &[Bytes], full: bool) -> Result<Json, ClientError> {
    let header = known.header.header();
    let transactions = (0..).zip(body).map(|(index, raw)| match full {
        false => Ok(word(keccak256(raw))),
        true => transaction_json(&known.commitments(), index, raw),
    });
    let transactions = transactions.collect::<Result<_, _>>()?;
    Ok(json::object([
        ("number", Some(number(header.number))),
        ("hash", Some(word(known.header.hash()))),
        ("parentHash", Some(word(header.parent_hash))),
        ("sha3Uncles", Some(word(header.ommers_hash))),
        ("miner", Some(data(header.beneficiary.as_slice()))),
        ("stateRoot", Some(word(header.state_root))),
        ("transactionsRoot", Some(word(header.transactions_root))),
        ("receiptsRoot", Some(word(header.receipts_root))),
        ("logsBloom", Some(data(header.logs_bloom.as_slice()))),
        ("difficulty", Some(json::quantity(header.difficulty))),
        ("gasLimit", Some(number(header.gas_limit))),
        ("gasUsed", Some(number(header.gas_used))),
        ("timestamp", Some(number(header.timestamp))),
        ("extraData", Some(data(&header.extra_data))),
        ("mixHash", Some(word(header.mix_hash))),
        ("nonce", Some(data(header.nonce.as_slice()))),
        ("size", Some(number(block_size(known, body)))),
        ("transactions", Some(Json::Array(transactions))),
        ("uncles", Some(Json::Array(Vec::new()))),
        ("baseFeePerGas", header.base_fee_per_gas.map(number)),
        ("withdrawalsRoot", header.withdrawals_root.map(word)),
        (
            "withdrawals",
            header.withdrawals_root.map(|_| Json::Array(Vec::new())),
        ),
        ("blobGasUsed", header.blob_gas_used.map(number)),
        ("excessBlobGas", header.excess_blob_gas.map(number)),
        (
            "parentBeaconBlockRoot",
            header.parent_beacon_block_root.map(word),
        ),
        ("requestsHash", header.requests_hash.map(word)),
        (
            "blockAccessListHash",
            header.block_access_list_hash.map(word),
        ),
    ]))
}

/// Bytes of the block's RLP: header, transactions, no ommers, no withdrawals.
fn block_size(known: &Known, body: &[Bytes]) -> u64 {
    let list = |payload: usize| payload + length_of_length(payload);
    // A typed transaction stands in the list as a byte string, a legacy one as the list that it is.
    let item = |raw: &Bytes| {
        if kind_of(raw) == 0 {
            raw.len()
        } else {
            raw.length()
        }
    };
    let transactions = list(body.iter().map(item).sum());
    list(known.header.header().length() + transactions + 2) as u64
}

/// A transaction of a block, as `eth_getTransactionByHash` gives it.
pub(super) fn transaction_json(
    block: &Commitments,
    index: u64,
    raw: &Bytes,
) -> Result<Json, ClientError> {
    let decoded = decode_transaction(raw)?;
    let place = json::object([
        ("hash", Some(word(keccak256(raw)))),
        ("type", Some(json::quantity(U256::from(kind_of(raw))))),
        ("blockHash", Some(word(block.hash))),
        ("blockNumber", Some(number(block.number))),
        ("blockTimestamp", Some(number(block.timestamp))),
        ("transactionIndex", Some(number(index))),
    ]);
    Ok(json::merge(decoded.to_json(block.base_fee), place))
}

pub(super) fn decode_transaction(raw: &[u8]) -> Result<Transaction, ClientError> {
    Transaction::decode(raw)
        .ok_or_else(|| ClientError::NotSupported("decoding this transaction".into()))
}
