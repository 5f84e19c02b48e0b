//! Parameters whose mistakes are told in go-ethereum's words, because callers match on them: hashes, addresses, blocks, storage keys.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{Address, B256, U256, hex};
use alloy_rpc_types_eth::Filter;
use alloy_serde::JsonStorageKey;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;

use crate::error::RpcError;

/// A 32-byte hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash(pub(crate) B256);

/// A 20-byte address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account(pub(crate) Address);

/// A block by number or tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number(pub(crate) BlockNumberOrTag);

/// What logs are wanted, of a range of blocks or of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logs(pub(crate) Filter);

/// A block by number, tag or hash: a text, or the object of [EIP-1898](https://eips.ethereum.org/EIPS/eip-1898).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Block(pub(crate) BlockId);

impl From<Hash> for BlockId {
    fn from(hash: Hash) -> Self {
        hash.0.into()
    }
}

impl From<Number> for BlockId {
    fn from(number: Number) -> Self {
        number.0.into()
    }
}

impl From<Block> for BlockId {
    fn from(block: Block) -> Self {
        block.0
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        fixed(&text, "common.Hash")
            .map(|bytes| Self(bytes.into()))
            .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        fixed(&text, "common.Address")
            .map(|bytes| Self(bytes.into()))
            .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        block_number(unquote(raw.get()))
            .map(Self)
            .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        block(raw.get()).map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Logs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// The fields that exclude each other.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Range<'a> {
            #[serde(borrow)]
            block_hash: Option<&'a RawValue>,
            #[serde(borrow)]
            from_block: Option<&'a RawValue>,
            #[serde(borrow)]
            to_block: Option<&'a RawValue>,
        }
        let raw = <&RawValue>::deserialize(deserializer)?;
        let range: Range<'_> = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        if range.block_hash.is_some() && (range.from_block.is_some() || range.to_block.is_some()) {
            return Err(D::Error::custom(
                "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other",
            ));
        }
        let filter = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        Ok(Self(filter))
    }
}

/// A JSON text, or go-ethereum's mark for what is none.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

fn unquote(raw: &str) -> &str {
    let raw = raw.trim();
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    inner.unwrap_or(raw)
}

/// `N` bytes of hex with a prefix.
fn fixed<const N: usize>(text: &Option<String>, name: &str) -> Result<[u8; N], String> {
    let wrap = |what: &str| format!("json: cannot unmarshal {what} into Go value of type {name}");
    let Some(text) = text else {
        return Err(wrap("non-string"));
    };
    let digits = match without_prefix(text) {
        Some(digits) => digits,
        None if text.is_empty() => "",
        None => return Err(wrap("hex string without 0x prefix")),
    };
    if digits.len() % 2 == 1 {
        return Err(wrap("hex string of odd length"));
    }
    if digits.len() != 2 * N {
        let (got, expected) = (digits.len(), 2 * N);
        return Err(format!(
            "hex string has length {got}, want {expected} for {name}"
        ));
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| wrap("invalid hex string"))?;
    Ok(bytes)
}

fn without_prefix(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

fn block_number(text: &str) -> Result<BlockNumberOrTag, String> {
    let tag = match text {
        "latest" => BlockNumberOrTag::Latest,
        "pending" => BlockNumberOrTag::Pending,
        "earliest" => BlockNumberOrTag::Earliest,
        "safe" => BlockNumberOrTag::Safe,
        "finalized" => BlockNumberOrTag::Finalized,
        number => BlockNumberOrTag::Number(quantity(number)?),
    };
    Ok(tag)
}

fn quantity(text: &str) -> Result<u64, &'static str> {
    if text.is_empty() {
        return Err("empty hex string");
    }
    let digits = without_prefix(text).ok_or("hex string without 0x prefix")?;
    if digits.is_empty() {
        return Err("hex string \"0x\"");
    }
    if digits.len() > 1 && digits.starts_with('0') {
        return Err("hex number with leading zero digits");
    }
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err("invalid hex string");
    }
    let number = u64::from_str_radix(digits, 16).map_err(|_| "hex number > 64 bits")?;
    if number > i64::MAX as u64 {
        return Err("block number larger than int64");
    }
    Ok(number)
}

/// EIP-1898's object.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockObject {
    block_number: Option<Number>,
    block_hash: Option<Hash>,
    #[serde(default)]
    require_canonical: bool,
}

fn block(raw: &str) -> Result<BlockId, String> {
    if raw.trim_start().starts_with('{') {
        let object: BlockObject = serde_json::from_str(raw).map_err(|error| error.to_string())?;
        return match (object.block_number, object.block_hash) {
            (Some(_), Some(_)) => Err(
                "cannot specify both BlockHash and BlockNumber, choose one or the other".to_owned(),
            ),
            // Every block here is canonical.
            (None, Some(hash)) if object.require_canonical => Ok(BlockId::hash_canonical(hash.0)),
            (None, Some(hash)) => Ok(hash.into()),
            (Some(number), None) => Ok(number.into()),
            (None, None) => Err("invalid arguments; neither block nor hash specified".to_owned()),
        };
    }
    let text = unquote(raw);
    if text.len() == 66 {
        let hash = fixed(&Some(text.to_owned()), "common.Hash")?;
        return Ok(B256::from(hash).into());
    }
    block_number(text).map(BlockId::from)
}

/// A storage slot: at most 32 bytes of hex, with or without prefix. One that is written in full is echoed in full.
pub(crate) fn storage_key(key: &str) -> Result<JsonStorageKey, RpcError> {
    let refuse = |what: &str| Err(RpcError::invalid(format!("{what}: {key:?}")));
    let digits = without_prefix(key).unwrap_or(key);
    if digits.len() > 64 {
        return refuse("storage key too long (want at most 32 bytes)");
    }
    let padded = if digits.len() % 2 == 1 {
        format!("0{digits}")
    } else {
        digits.to_owned()
    };
    match hex::decode(&padded) {
        Ok(bytes) if bytes.len() == 32 => Ok(JsonStorageKey::Hash(B256::from_slice(&bytes))),
        Ok(bytes) => Ok(JsonStorageKey::Number(U256::from_be_slice(&bytes))),
        Err(_) => refuse("invalid hex in storage key"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails<T: for<'de> Deserialize<'de> + std::fmt::Debug>(json: &str) -> String {
        serde_json::from_str::<T>(json).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_have_go_ethereums_words() {
        assert_eq!(fails::<Number>("\"2\""), "hex string without 0x prefix");
        assert_eq!(fails::<Number>("2"), "hex string without 0x prefix");
        assert_eq!(
            fails::<Number>("\"0x02\""),
            "hex number with leading zero digits"
        );
        assert_eq!(
            fails::<Block>("\"0x1ffffffffffffffff\""),
            "hex number > 64 bits"
        );
        assert_eq!(
            fails::<Hash>("\"0001\""),
            "json: cannot unmarshal hex string without 0x prefix into Go value of type common.Hash"
        );
        assert_eq!(
            fails::<Hash>("\"0x01\""),
            "hex string has length 2, want 64 for common.Hash"
        );
        assert_eq!(
            fails::<Account>("7"),
            "json: cannot unmarshal non-string into Go value of type common.Address"
        );
        let error = storage_key("0xzz").unwrap_err().to_string();
        assert_eq!(error, "invalid hex in storage key: \"0xzz\"");
        assert!(fails::<Block>(r#"{"blockNumber":"0x1","blockHash":"0x0000000000000000000000000000000000000000000000000000000000000001"}"#).starts_with("cannot specify both"));
    }

    #[test]
    fn a_block_is_a_number_a_tag_or_a_hash() {
        let block = |json: &str| serde_json::from_str::<Block>(json).unwrap().0;
        let hash = B256::repeat_byte(7);
        assert_eq!(block("\"0x10\""), BlockId::number(16));
        assert_eq!(block("\"safe\""), BlockId::from(BlockNumberOrTag::Safe));
        assert_eq!(block(&format!("\"{hash}\"")), BlockId::from(hash));
        assert_eq!(
            block(&format!("{{\"blockHash\":\"{hash}\"}}")),
            BlockId::from(hash)
        );
        assert_eq!(block("{\"blockNumber\":\"0x1\"}"), BlockId::number(1));
    }

    #[test]
    fn a_key_is_echoed_as_it_was_written() {
        let echo = |key: &str| serde_json::to_value(storage_key(key).unwrap()).unwrap();
        assert_eq!(echo("0x00"), "0x0");
        assert_eq!(echo("0x1ff"), "0x1ff");
        let full = B256::with_last_byte(1).to_string();
        assert_eq!(echo(&full), full.as_str());
    }
}
