//! The provider's methods in Ethereum's shapes (<https://github.com/ethereum/execution-apis>), over verified reads.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde_json::{Map, Value as Json, json};

use crate::{
    driver::{Client, view_level},
    dto::Labelled,
    error::ClientError,
    reads::{BlockId, Known, Origin, Transaction, kind_of},
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
            value: quantity(known.header.number()),
            trust,
        })
    }

    pub(super) async fn balance(
        &self,
        address: Address,
        block: BlockId,
    ) -> Result<Labelled<Json>, ClientError> {
        let Labelled { value, trust } = self.account(address, &[], block).await?.balance;
        Ok(Labelled {
            value: json!(value),
            trust,
        })
    }

    pub(super) async fn nonce(
        &self,
        address: Address,
        block: BlockId,
    ) -> Result<Labelled<Json>, ClientError> {
        let Labelled { value, trust } = self.account(address, &[], block).await?.nonce;
        Ok(Labelled {
            value: quantity(value),
            trust,
        })
    }

    pub(super) async fn storage_at(
        &self,
        address: Address,
        slot: U256,
        block: BlockId,
    ) -> Result<Labelled<Json>, ClientError> {
        let view = self.account(address, &[slot], block).await?;
        // A view has what was asked for; nothing else may pass for a zero.
        let found = view
            .storage
            .into_iter()
            .next()
            .ok_or_else(|| ClientError::UnknownBlock("the slot was not proven".into()))?;
        Ok(Labelled {
            value: json!(B256::from(found.labelled.value)),
            trust: found.labelled.trust,
        })
    }

    /// A block; `null` for a number above the head, as every node answers.
    pub(super) async fn block_by(
        &self,
        id: BlockId,
        full: bool,
    ) -> Result<Labelled<Json>, ClientError> {
        let known = self.inner.resolve(id)?;
        let (body, origin) = self.inner.body(&known).await?;
        let trust = self.inner.label_body(&known, body.len(), &origin);
        Ok(Labelled {
            value: block_json(&known, &body, full)?,
            trust,
        })
    }
}

fn quantity(number: u64) -> Json {
    json!(U256::from(number))
}

fn block_json(known: &Known, body: &[Bytes], full: bool) -> Result<Json, ClientError> {
    let header = known.header.header();
    let transactions: Vec<Json> = match full {
        false => body.iter().map(|raw| json!(keccak256(raw))).collect(),
        true => (0..)
            .zip(body)
            .map(|(index, raw)| transaction_json(known, index, raw))
            .collect::<Result<_, _>>()?,
    };
    let mut block = json!({
        "number": quantity(header.number),
        "hash": known.header.hash(),
        "parentHash": header.parent_hash,
        "sha3Uncles": header.ommers_hash,
        "miner": header.beneficiary,
        "stateRoot": header.state_root,
        "transactionsRoot": header.transactions_root,
        "receiptsRoot": header.receipts_root,
        "logsBloom": header.logs_bloom,
        "difficulty": header.difficulty,
        "gasLimit": quantity(header.gas_limit),
        "gasUsed": quantity(header.gas_used),
        "timestamp": quantity(header.timestamp),
        "extraData": header.extra_data,
        "mixHash": header.mix_hash,
        "nonce": header.nonce,
        "size": quantity(block_size(known, body)),
        "transactions": transactions,
        "uncles": [],
    });
    if let Some(block) = block.as_object_mut() {
        let optional = [
            ("baseFeePerGas", header.base_fee_per_gas.map(quantity)),
            (
                "withdrawalsRoot",
                header.withdrawals_root.map(|root| json!(root)),
            ),
            ("withdrawals", header.withdrawals_root.map(|_| json!([]))),
            ("blobGasUsed", header.blob_gas_used.map(quantity)),
            ("excessBlobGas", header.excess_blob_gas.map(quantity)),
            (
                "parentBeaconBlockRoot",
                header.parent_beacon_block_root.map(|root| json!(root)),
            ),
            ("requestsHash", header.requests_hash.map(|hash| json!(hash))),
            (
                "blockAccessListHash",
                header.block_access_list_hash.map(|hash| json!(hash)),
            ),
        ];
        block.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?))),
        );
    }
    Ok(block)
}

/// Bytes of the block's RLP: header, transactions, no ommers, no withdrawals.
fn block_size(known: &Known, body: &[Bytes]) -> u64 {
    use alloy_rlp::{Encodable, length_of_length};
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

fn transaction_json(known: &Known, index: u64, raw: &Bytes) -> Result<Json, ClientError> {
    let header = known.header.header();
    let decoded = Transaction::decode(raw)
        .ok_or_else(|| ClientError::NotSupported("decoding this transaction".into()))?;
    let mut fields: Map<String, Json> = decoded.to_json(header.base_fee_per_gas);
    let place = json!({
        "hash": keccak256(raw),
        "type": quantity(kind_of(raw).into()),
        "blockHash": known.header.hash(),
        "blockNumber": quantity(header.number),
        "transactionIndex": quantity(index),
    });
    if let Json::Object(place) = place {
        fields.extend(place);
    }
    Ok(Json::Object(fields))
}
