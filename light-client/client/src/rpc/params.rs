//! Parameters of calls: each missing or malformed one is named, with what was expected and what came.

use std::str::FromStr;

use alloy_primitives::{Address, B256, U256};
use serde_json::Value as Json;

use crate::{error::ClientError, reads::BlockId};

/// A list of JSON values.
pub(super) struct Params(pub(super) Json);

impl Params {
    pub(super) fn at(&self, index: usize) -> &Json {
        self.0.get(index).unwrap_or(&Json::Null)
    }

    /// A parameter that is itself a list of parameters; missing is empty.
    pub(super) fn list(&self, index: usize) -> Self {
        Self(self.at(index).clone())
    }

    pub(super) fn text(&self, index: usize) -> Result<&str, ClientError> {
        self.at(index)
            .as_str()
            .ok_or_else(|| self.refuse(index, "a string"))
    }

    pub(super) fn address(&self, index: usize) -> Result<Address, ClientError> {
        self.parse(index, "an address")
    }

    pub(super) fn hash(&self, index: usize) -> Result<B256, ClientError> {
        self.parse(index, "a hash")
    }

    pub(super) fn optional_hash(&self, index: usize) -> Result<Option<B256>, ClientError> {
        match self.at(index) {
            Json::Null => Ok(None),
            _ => self.hash(index).map(Some),
        }
    }

    pub(super) fn quantity(&self, index: usize) -> Result<U256, ClientError> {
        read_quantity(self.at(index))
            .ok_or_else(|| self.refuse(index, "a 0x quantity of at most 32 bytes"))
    }

    pub(super) fn slots(&self, index: usize) -> Result<Vec<U256>, ClientError> {
        let refuse = || self.refuse(index, "a list of slots");
        match self.at(index) {
            Json::Null => Ok(Vec::new()),
            Json::Array(items) => items
                .iter()
                .map(|item| read_quantity(item).ok_or_else(refuse))
                .collect(),
            _ => Err(refuse()),
        }
    }

    pub(super) fn flag(&self, index: usize) -> Result<bool, ClientError> {
        match self.at(index) {
            Json::Null => Ok(false),
            Json::Bool(flag) => Ok(*flag),
            _ => Err(self.refuse(index, "true or false")),
        }
    }

    /// A block tag, number or hash, or an EIP-1898 object; missing is the newest.
    pub(super) fn block(&self, index: usize) -> Result<BlockId, ClientError> {
        let refuse = || self.refuse(index, "a block");
        match self.at(index) {
            Json::Null => Ok(BlockId::Latest),
            Json::String(text) => BlockId::parse(text),
            Json::Number(number) => number.as_u64().map(BlockId::Number).ok_or_else(refuse),
            Json::Object(object) => {
                let text = object
                    .get("blockHash")
                    .or_else(|| object.get("blockNumber"))
                    .and_then(Json::as_str);
                BlockId::parse(text.ok_or_else(refuse)?)
            }
            _ => Err(refuse()),
        }
    }

    fn parse<T: FromStr>(&self, index: usize, expected: &str) -> Result<T, ClientError> {
        let text = self
            .at(index)
            .as_str()
            .filter(|text| text.starts_with("0x"));
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| self.refuse(index, expected))
    }

    fn refuse(&self, index: usize, expected: &str) -> ClientError {
        let got: String = self.at(index).to_string().chars().take(80).collect();
        ClientError::Params(format!("parameter {index}: expected {expected}, got {got}"))
    }
}

pub(super) fn read_quantity(value: &Json) -> Option<U256> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex
        .then(|| U256::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn missing_blocks_and_slots_have_their_usual_meaning() {
        let params = Params(json!([]));
        assert_eq!(params.block(1).unwrap(), BlockId::Latest);
        assert_eq!(params.slots(1).unwrap(), Vec::<U256>::new());
        assert!(!params.flag(1).unwrap());
        let eip1898 = Params(
            json!([{ "blockNumber": "0x5" }, { "blockHash": B256::ZERO, "requireCanonical": true }]),
        );
        assert_eq!(eip1898.block(0).unwrap(), BlockId::Number(5));
        assert_eq!(eip1898.block(1).unwrap(), BlockId::Hash(B256::ZERO));
    }

    #[test]
    fn malformed_parameters_are_named() {
        let params = Params(json!(["nonsense", 7, { "x": 1 }, ["0xzz"]]));
        let errors = [
            params.address(0).map(drop),
            params.quantity(1).map(drop),
            params.block(2).map(drop),
            params.slots(3).map(drop),
            params.hash(9).map(drop),
        ];
        for (place, error) in errors.into_iter().enumerate() {
            let error = error.unwrap_err();
            assert_eq!(error.code(), -32602);
            assert!(error.to_string().contains("expected"), "{place}: {error}");
        }
        assert!(Params(json!({"not": "a list"})).address(0).is_err());
    }
}
