//! Transactions and receipts taken apart (EIP-2718 and the types on it); senders are recovered here.
//!
//! ```text
//! legacy  [nonce, price, gas, to, value, input, v, r, s]
//! 1       [chain id, nonce, price, gas, to, value, input, access list, parity, r, s]                                 EIP-2930
//! 2       [chain id, nonce, tip, fee, gas, to, value, input, access list, parity, r, s]                              EIP-1559
//! 3       [chain id, nonce, tip, fee, gas, to, value, input, access list, blob fee, blob hashes, parity, r, s]       EIP-4844
//! 4       [chain id, nonce, tip, fee, gas, to, value, input, access list, authorizations, parity, r, s]              EIP-7702
//! ```
//!
//! Read from a table of places instead of by a type for each, because this is for show: that the bytes are the block's was checked before, over all of them. The tests hold it against `alloy-consensus`.

use alloy_primitives::{Address, B256, Bloom, Bytes, U256, keccak256};
use alloy_rlp::{Decodable, Encodable, Header, PayloadView};
use serde_json::Value as Json;
use sidelight_core::signature::recover_signer;

use crate::{
    dto::{LogView, ReceiptView},
    json,
};

/// Where the fields of a type stand; `base` is the nonce's place.
struct Layout {
    base: usize,
    /// Whether tip and fee stand where there is one price.
    has_tip: bool,
    has_access_list: bool,
    /// Fields between the access list and the signature.
    more: usize,
}

const LAYOUTS: [Layout; 5] = [
    Layout {
        base: 0,
        has_tip: false,
        has_access_list: false,
        more: 0,
    },
    Layout {
        base: 1,
        has_tip: false,
        has_access_list: true,
        more: 0,
    },
    Layout {
        base: 1,
        has_tip: true,
        has_access_list: true,
        more: 0,
    },
    Layout {
        base: 1,
        has_tip: true,
        has_access_list: true,
        more: 2,
    },
    Layout {
        base: 1,
        has_tip: true,
        has_access_list: true,
        more: 1,
    },
];
const EIP7702: u8 = 4;

/// A decoded transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    kind: u8,
    chain_id: Option<u64>,
    nonce: u64,
    max_fee: u128,
    tip: Option<u128>,
    gas: u64,
    to: Option<Address>,
    value: U256,
    input: Bytes,
    access_list: Option<Json>,
    authorizations: Option<Json>,
    v: u64,
    parity: bool,
    r: U256,
    s: U256,
    signing_hash: B256,
}

impl Transaction {
    /// None for what this build does not know.
    pub(crate) fn decode(raw: &[u8]) -> Option<Self> {
        let (kind, list) = split_kind(raw)?;
        let layout = LAYOUTS.get(usize::from(kind))?;
        let items = read_list(list)?;
        let base = layout.base;
        let after_fee = base + if layout.has_tip { 3 } else { 2 };
        let signature = after_fee + 4 + usize::from(layout.has_access_list) + layout.more;
        let item = |place: usize| items.get(place).copied();
        if items.len() != signature + 3 {
            return None;
        }
        let v: u64 = read(item(signature)?)?;
        let (chain_id, parity) = match kind {
            0 => split_v(v)?,
            _ => (Some(read(item(0)?)?), read_parity(v)?),
        };
        let to = match item(after_fee + 1)? {
            [alloy_rlp::EMPTY_STRING_CODE] => None,
            item => Some(read(item)?),
        };
        let lists = after_fee + 4;
        Some(Self {
            kind,
            chain_id,
            nonce: read(item(base)?)?,
            max_fee: read(item(after_fee - 1)?)?,
            tip: if layout.has_tip {
                Some(read(item(base + 1)?)?)
            } else {
                None
            },
            gas: read(item(after_fee)?)?,
            to,
            value: read(item(after_fee + 2)?)?,
            input: read(item(after_fee + 3)?)?,
            access_list: if layout.has_access_list {
                Some(read_access_list(item(lists)?)?)
            } else {
                None
            },
            authorizations: if kind == EIP7702 {
                Some(read_authorizations(item(lists + 1)?)?)
            } else {
                None
            },
            v,
            parity,
            r: read(item(signature + 1)?)?,
            s: read(item(signature + 2)?)?,
            signing_hash: hash_for_signing(kind, items.get(..signature)?, chain_id),
        })
    }

    /// Whoever signed it.
    pub(crate) fn from(&self) -> Option<Address> {
        let mut signature = [0; 65];
        signature
            .get_mut(..32)?
            .copy_from_slice(&self.r.to_be_bytes::<32>());
        signature
            .get_mut(32..64)?
            .copy_from_slice(&self.s.to_be_bytes::<32>());
        *signature.last_mut()? = 27 + u8::from(self.parity);
        recover_signer(self.signing_hash, &signature).ok()
    }

    pub(crate) const fn to(&self) -> Option<Address> {
        self.to
    }

    pub(crate) const fn value(&self) -> U256 {
        self.value
    }

    pub(crate) const fn nonce(&self) -> u64 {
        self.nonce
    }

    pub(crate) const fn gas(&self) -> u64 {
        self.gas
    }

    pub(crate) const fn max_fee(&self) -> u128 {
        self.max_fee
    }

    pub(crate) const fn max_priority_fee(&self) -> Option<u128> {
        self.tip
    }

    pub(crate) fn input(&self) -> Bytes {
        self.input.clone()
    }

    /// Wei for each gas that its sender paid in a block with this base fee.
    pub(crate) fn price(&self, base_fee: Option<u64>) -> u128 {
        match (self.tip, base_fee) {
            (Some(tip), Some(base)) => self.max_fee.min(u128::from(base).saturating_add(tip)),
            _ => self.max_fee,
        }
    }

    /// The contract that it was to create, whether or not that succeeded.
    pub(crate) fn created(&self) -> Option<Address> {
        match self.to {
            Some(_) => None,
            None => Some(self.from()?.create(self.nonce)),
        }
    }

    /// The fields of `eth_getTransactionByHash` that stand in the transaction itself.
    pub(crate) fn to_json(&self, base_fee: Option<u64>) -> Json {
        let big = |number: u128| json::quantity(U256::from(number));
        let address = |address: Option<Address>| {
            address.map_or(Json::Null, |address| json::data(address.as_slice()))
        };
        json::object([
            ("nonce", Some(json::number(self.nonce))),
            ("gas", Some(json::number(self.gas))),
            ("gasPrice", Some(big(self.price(base_fee)))),
            ("from", Some(address(self.from()))),
            ("to", Some(address(self.to))),
            ("value", Some(json::quantity(self.value))),
            ("input", Some(json::data(&self.input))),
            ("v", Some(json::number(self.v))),
            ("r", Some(json::quantity(self.r))),
            ("s", Some(json::quantity(self.s))),
            ("chainId", self.chain_id.map(json::number)),
            ("yParity", (self.kind > 0).then(|| json::number(self.v))),
            ("maxFeePerGas", self.tip.map(|_| big(self.max_fee))),
            ("maxPriorityFeePerGas", self.tip.map(big)),
            ("accessList", self.access_list.clone()),
            ("authorizationList", self.authorizations.clone()),
        ])
    }
}

/// A decoded receipt: `[status, cumulative gas, bloom, logs]`.
#[derive(Debug)]
pub(crate) struct Receipt {
    kind: u8,
    status: bool,
    bloom: Bloom,
    cumulative_gas_used: u64,
    logs: Vec<LogView>,
}

impl Receipt {
    /// None for what this build does not know.
    pub(crate) fn decode(raw: &[u8]) -> Option<Self> {
        let (kind, list) = split_kind(raw)?;
        let items = read_list(list)?;
        let [status, gas, bloom, logs] = items.as_slice() else {
            return None;
        };
        if usize::from(kind) >= LAYOUTS.len() {
            return None;
        }
        let logs = read_list(logs)?
            .into_iter()
            .map(read_log)
            .collect::<Option<_>>()?;
        Some(Self {
            kind,
            bloom: read(bloom)?,
            status: read_parity(read(status)?)?,
            cumulative_gas_used: read(gas)?,
            logs,
        })
    }

    pub(crate) const fn cumulative_gas_used(&self) -> u64 {
        self.cumulative_gas_used
    }

    pub(crate) const fn log_count(&self) -> u64 {
        self.logs.len() as u64
    }

    pub(crate) const fn status(&self) -> bool {
        self.status
    }

    pub(crate) const fn kind(&self) -> u8 {
        self.kind
    }

    /// The bloom filter that stands in it.
    pub(crate) const fn bloom(&self) -> &Bloom {
        &self.bloom
    }

    /// Its logs; their `log_index` counts from its first one.
    pub(crate) fn logs(&self) -> &[LogView] {
        &self.logs
    }

    pub(crate) fn view(&self, gas_before: u64, first_log: u64) -> ReceiptView {
        let mut logs = self.logs.clone();
        logs.iter_mut()
            .zip(first_log..)
            .for_each(|(log, index)| log.log_index = index);
        ReceiptView {
            status: self.status,
            gas_used: self.cumulative_gas_used.saturating_sub(gas_before),
            cumulative_gas_used: self.cumulative_gas_used,
            logs,
        }
    }
}

fn read_log(item: &[u8]) -> Option<LogView> {
    let items = read_list(item)?;
    let [address, topics, data] = items.as_slice() else {
        return None;
    };
    let topics = read_list(topics)?
        .into_iter()
        .map(read)
        .collect::<Option<_>>()?;
    Some(LogView {
        address: read(address)?,
        topics,
        data: read(data)?,
        log_index: 0,
    })
}

/// The type and the list behind it; a first byte that begins a list is a legacy item.
fn split_kind(raw: &[u8]) -> Option<(u8, &[u8])> {
    match raw.split_first()? {
        (kind @ 1..0x80, list) => Some((*kind, list)),
        (0xc0.., _) => Some((0, raw)),
        _ => None,
    }
}

/// The encoded items of a list that fills `raw`.
fn read_list(mut raw: &[u8]) -> Option<Vec<&[u8]>> {
    match Header::decode_raw(&mut raw).ok()? {
        PayloadView::List(items) if raw.is_empty() => Some(items),
        _ => None,
    }
}

fn read<T: Decodable>(mut item: &[u8]) -> Option<T> {
    let value = T::decode(&mut item).ok()?;
    item.is_empty().then_some(value)
}

const fn read_parity(v: u64) -> Option<bool> {
    match v {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

/// EIP-155: 27 or 28, or the chain id times two and 35 or 36.
fn split_v(v: u64) -> Option<(Option<u64>, bool)> {
    match v {
        27 | 28 => Some((None, v == 28)),
        _ => v
            .checked_sub(35)
            .map(|rest| (Some(rest / 2), rest % 2 == 1)),
    }
}

/// What a sender signs: the fields before the signature, and for legacy ones the chain id in its place.
fn hash_for_signing(kind: u8, items: &[&[u8]], chain_id: Option<u64>) -> B256 {
    let mut payload = items.concat();
    if let (0, Some(id)) = (kind, chain_id) {
        id.encode(&mut payload);
        payload.extend_from_slice(&[alloy_rlp::EMPTY_STRING_CODE; 2]);
    }
    let mut message = Vec::with_capacity(payload.len() + 10);
    if kind > 0 {
        message.push(kind);
    }
    Header {
        list: true,
        payload_length: payload.len(),
    }
    .encode(&mut message);
    message.extend_from_slice(&payload);
    keccak256(message)
}

fn read_access_list(item: &[u8]) -> Option<Json> {
    let read_entry = |entry: &[u8]| {
        let items = read_list(entry)?;
        let [address, keys] = items.as_slice() else {
            return None;
        };
        let keys = read_list(keys)?
            .into_iter()
            .map(|key| read(key).map(json::word));
        let address: Address = read(address)?;
        let keys = Json::Array(keys.collect::<Option<_>>()?);
        Some(json::object([
            ("address", Some(json::data(address.as_slice()))),
            ("storageKeys", Some(keys)),
        ]))
    };
    read_list(item)?
        .into_iter()
        .map(read_entry)
        .collect::<Option<_>>()
        .map(Json::Array)
}

fn read_authorizations(item: &[u8]) -> Option<Json> {
    let read_entry = |entry: &[u8]| {
        let items = read_list(entry)?;
        let [chain_id, address, nonce, parity, r, s] = items.as_slice() else {
            return None;
        };
        let quantity = |item: &[u8]| read(item).map(json::quantity);
        let address: Address = read(address)?;
        Some(json::object([
            ("chainId", Some(quantity(chain_id)?)),
            ("address", Some(json::data(address.as_slice()))),
            ("nonce", Some(quantity(nonce)?)),
            ("yParity", Some(quantity(parity)?)),
            ("r", Some(quantity(r)?)),
            ("s", Some(quantity(s)?)),
        ]))
    };
    read_list(item)?
        .into_iter()
        .map(read_entry)
        .collect::<Option<_>>()
        .map(Json::Array)
}

#[cfg(test)]
mod tests;
