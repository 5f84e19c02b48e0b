//! Transactions, receipts and logs in Ethereum's shapes. What a receipt does not carry is computed here: sender, addresses, price, gas, positions.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use serde_json::Value as Json;

use super::{
    eth::{decode_transaction, transaction_json},
    params::Params,
};
use crate::{
    driver::Client,
    dto::{Finality, Labelled, LogEntry, Trust, TrustLevel},
    error::ClientError,
    json::{self, data, number, word},
    reads::{BlockId, Commitments, Known, LogQuery, Origin, Placed, Receipt},
};

impl Client {
    /// `eth_getTransactionByHash`.
    pub(super) async fn transaction_by_hash(
        &self,
        hash: B256,
    ) -> Result<Labelled<Json>, ClientError> {
        match self.inner.locate(hash).await? {
            Some(placed) => self.labelled_transaction(placed),
            None => Ok(denied()),
        }
    }

    /// `eth_getTransactionByBlockHashAndIndex`, `eth_getTransactionByBlockNumberAndIndex`.
    pub(super) async fn transaction_by_place(
        &self,
        id: BlockId,
        index: U256,
    ) -> Result<Labelled<Json>, ClientError> {
        let known = self.inner.find(id).await?;
        let index = u64::try_from(index).unwrap_or(u64::MAX);
        match self.inner.transaction_at(known.clone(), index).await? {
            Some(placed) => self.labelled_transaction(placed),
            None => {
                let checks = vec![format!(
                    "the block's transactions give the header's transactions root, and none is at index {index}"
                )];
                Ok(self.labelled(&known, Json::Null, checks, &Origin::default()))
            }
        }
    }

    /// `eth_getTransactionReceipt`.
    pub(super) async fn receipt(&self, hash: B256) -> Result<Labelled<Json>, ClientError> {
        let Some(placed) = self.inner.locate(hash).await? else {
            return Ok(denied());
        };
        let block = placed.known.commitments();
        let (receipts, origin) = self.inner.receipts(&block).await?;
        let mut checks = placed.checks;
        checks.push(checked(receipts.len()));
        let mut before = Before::default();
        for (index, raw) in receipts.iter().enumerate() {
            let receipt = before.next(raw)?;
            if index == placed.index {
                let value = receipt.to_json(&block, index as u64, &placed.raw)?;
                return Ok(self.labelled(&placed.known, value, checks, &origin));
            }
        }
        Err(unmatched())
    }

    /// `eth_getBlockReceipts`.
    pub(super) async fn block_receipts(&self, id: BlockId) -> Result<Labelled<Json>, ClientError> {
        let known = self.inner.find(id).await?;
        let block = known.commitments();
        let (body, _) = self.inner.body(&block).await?;
        let (receipts, origin) = self.inner.receipts(&block).await?;
        if body.len() != receipts.len() {
            return Err(unmatched());
        }
        let mut before = Before::default();
        let list = (0..).zip(receipts.iter().zip(body.iter()));
        let list =
            list.map(|(index, (receipt, raw))| before.next(receipt)?.to_json(&block, index, raw));
        let value = Json::Array(list.collect::<Result<_, _>>()?);
        let checks = vec![
            format!(
                "its {} transactions give the header's transactions root",
                body.len()
            ),
            checked(receipts.len()),
        ];
        Ok(self.labelled(&known, value, checks, &origin))
    }

    /// `eth_getLogs`: complete over the range, or an error.
    pub(super) async fn complete_logs(
        &self,
        query: &LogQuery,
    ) -> Result<Labelled<Json>, ClientError> {
        let found = self.inner.logs(query).await?.complete()?;
        Ok(Labelled {
            value: Json::Array(found.entries.iter().map(entry_json).collect()),
            trust: found.trust,
        })
    }

    fn labelled_transaction(&self, placed: Placed) -> Result<Labelled<Json>, ClientError> {
        let block = placed.known.commitments();
        let value = transaction_json(&block, placed.index as u64, &placed.raw)?;
        Ok(self.labelled(&placed.known, value, placed.checks, &placed.origin))
    }

    fn labelled(
        &self,
        known: &Known,
        value: Json,
        checks: Vec<String>,
        origin: &Origin,
    ) -> Labelled<Json> {
        let trust = self
            .inner
            .label(known, TrustLevel::Signed, checks, None, origin);
        Labelled { value, trust }
    }
}

/// What the receipts before one add up to.
#[derive(Default)]
struct Before {
    gas: u64,
    logs: u64,
}

/// A receipt at its place.
struct At {
    receipt: Receipt,
    gas_used: u64,
    first_log: u64,
}

impl Before {
    fn next(&mut self, raw: &[u8]) -> Result<At, ClientError> {
        let receipt = Receipt::decode(raw)
            .ok_or_else(|| ClientError::NotSupported("decoding this receipt".into()))?;
        let cumulative = receipt.cumulative_gas_used();
        let gas_used = cumulative.saturating_sub(self.gas);
        let first_log = self.logs;
        self.gas = cumulative;
        self.logs = first_log.saturating_add(receipt.log_count());
        Ok(At {
            receipt,
            gas_used,
            first_log,
        })
    }
}

impl At {
    fn to_json(&self, block: &Commitments, index: u64, raw: &Bytes) -> Result<Json, ClientError> {
        let Self {
            receipt,
            gas_used,
            first_log,
        } = self;
        let transaction = decode_transaction(raw)?;
        let hash = keccak256(raw);
        let logs = (*first_log..).zip(receipt.logs()).map(|(position, log)| {
            let mut entry = LogEntry::new(block, index, position, log);
            entry.transaction_hash = hash;
            entry_json(&entry)
        });
        let big = |number: u128| json::quantity(U256::from(number));
        let address = |address: Option<Address>| {
            address.map_or(Json::Null, |address| data(address.as_slice()))
        };
        Ok(json::object([
            ("type", Some(number(receipt.kind().into()))),
            ("status", Some(number(receipt.status().into()))),
            (
                "cumulativeGasUsed",
                Some(number(receipt.cumulative_gas_used())),
            ),
            ("logsBloom", Some(data(receipt.bloom().as_slice()))),
            ("logs", Some(Json::Array(logs.collect()))),
            ("transactionHash", Some(word(hash))),
            ("transactionIndex", Some(number(index))),
            ("blockHash", Some(word(block.hash))),
            ("blockNumber", Some(number(block.number))),
            ("gasUsed", Some(number(*gas_used))),
            (
                "effectiveGasPrice",
                Some(big(transaction.price(block.base_fee))),
            ),
            ("from", Some(address(transaction.from()))),
            ("to", Some(address(transaction.to()))),
            ("contractAddress", Some(address(transaction.created()))),
        ]))
    }
}

fn entry_json(entry: &LogEntry) -> Json {
    let topics = entry.log.topics.iter().map(|topic| word(*topic));
    json::object([
        ("address", Some(data(entry.log.address.as_slice()))),
        ("topics", Some(Json::Array(topics.collect()))),
        ("data", Some(data(&entry.log.data))),
        ("blockHash", Some(word(entry.block.hash))),
        ("blockNumber", Some(number(entry.block.number))),
        ("blockTimestamp", Some(number(entry.timestamp))),
        ("transactionHash", Some(word(entry.transaction_hash))),
        ("transactionIndex", Some(number(entry.transaction_index))),
        ("logIndex", Some(number(entry.log.log_index))),
        ("removed", Some(Json::Bool(false))),
    ])
}

/// Every node says that it knows of no such transaction. That is what Ethereum's `null` says as well, and it is labelled as no more than that.
fn denied() -> Labelled<Json> {
    let trust = Trust {
        level: TrustLevel::Unverified,
        finality: Finality::Sealed,
        block: None,
        state_root: None,
        checks: vec![
            "every node that was asked says that it is in no block; that cannot be proven".into(),
        ],
        proof: None,
        proof_bytes: 0,
        ms: 0.0,
        source: "every node that was asked".into(),
        age_ms: 0,
        stale: false,
    };
    Labelled {
        value: Json::Null,
        trust,
    }
}

fn checked(receipts: usize) -> String {
    format!("the block's {receipts} receipts give the header's receipts root")
}

fn unmatched() -> ClientError {
    ClientError::NotSupported("a block with other numbers of transactions and receipts".into())
}

/// The filter object of `eth_getLogs`.
pub(super) fn read_query(params: &Params, index: usize) -> Result<LogQuery, ClientError> {
    let object = params.at(index);
    let field = |name: &str| object.get(name).filter(|value| !value.is_null());
    let refuse = |what: &str| {
        let got: String = object.to_string().chars().take(80).collect();
        ClientError::Params(format!("filter: expected {what}, got {got}"))
    };
    if !object.is_object() {
        return Err(refuse("an object"));
    }
    let block = |name: &str| match field(name) {
        None => Ok(BlockId::Latest),
        Some(value) => Params(Json::Array(vec![value.clone()])).block(0),
    };
    let (from, to) = match field("blockHash") {
        Some(_) if field("fromBlock").or(field("toBlock")).is_some() => {
            return Err(refuse("either blockHash or a range"));
        }
        Some(_) => (block("blockHash")?, block("blockHash")?),
        None => (block("fromBlock")?, block("toBlock")?),
    };
    let addresses = match field("address") {
        None => Vec::new(),
        Some(value) => read_options(value).ok_or_else(|| refuse("address: one or a list"))?,
    };
    let topics = match field("topics") {
        None => Vec::new(),
        Some(Json::Array(places)) => {
            let place = |value: &Json| match value {
                Json::Null => Some(Vec::new()),
                value => read_options(value),
            };
            let topics = places.iter().map(place).collect::<Option<_>>();
            topics.ok_or_else(|| refuse("topics: hashes, lists of them, or null"))?
        }
        Some(_) => return Err(refuse("topics: a list")),
    };
    Ok(LogQuery {
        from,
        to,
        addresses,
        topics,
    })
}

/// One value or a list of values.
fn read_options<T: std::str::FromStr>(value: &Json) -> Option<Vec<T>> {
    let read = |value: &Json| {
        let text = value.as_str().filter(|text| text.starts_with("0x"))?;
        text.parse().ok()
    };
    match value {
        Json::Array(values) => values.iter().map(read).collect(),
        value => Some(vec![read(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(filter: Json) -> Result<LogQuery, ClientError> {
        read_query(&Params(json!([filter])), 0)
    }

    #[test]
    fn filters_are_read_as_wallets_write_them() {
        let address = Address::repeat_byte(1);
        let topic = B256::repeat_byte(2);
        let query = read(json!({
            "fromBlock": "0x5", "toBlock": "latest",
            "address": address, "topics": [null, topic, [topic, topic]],
        }))
        .unwrap();
        assert_eq!(
            (query.from, query.to),
            (BlockId::Number(5), BlockId::Latest)
        );
        assert_eq!(query.addresses, [address]);
        assert_eq!(query.topics, [vec![], vec![topic], vec![topic, topic]]);
        let query = read(json!({ "blockHash": topic, "address": [] })).unwrap();
        assert_eq!(
            (query.from, query.to),
            (BlockId::Hash(topic), BlockId::Hash(topic))
        );
        assert_eq!(read(json!({})).unwrap().from, BlockId::Latest);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let hash = B256::ZERO;
        for filter in [
            json!("latest"),
            json!(null),
            json!({ "blockHash": hash, "fromBlock": "0x1" }),
            json!({ "address": 7 }),
            json!({ "address": ["0x12"] }),
            json!({ "topics": "0x00" }),
            json!({ "topics": [7] }),
            json!({ "fromBlock": "soon" }),
        ] {
            assert_eq!(read(filter.clone()).unwrap_err().code(), -32602, "{filter}");
        }
    }
}
