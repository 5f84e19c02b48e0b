//! The suite's JSON.

use std::collections::BTreeMap;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_rlp::Decodable;
use serde::Deserialize;

use crate::suites::Failure;

/// A chain.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fixture {
    pub(super) network: String,
    pub(super) pre: BTreeMap<Address, State>,
    #[serde(rename = "genesisRLP")]
    genesis_rlp: Bytes,
    pub(super) blocks: Vec<Block>,
    pub(super) lastblockhash: B256,
    pub(super) post_state: Option<BTreeMap<Address, State>>,
    pub(super) post_state_hash: Option<B256>,
}

impl Fixture {
    pub(super) fn genesis_header(&self) -> Result<Header, Failure> {
        let mut rest = self.genesis_rlp.as_ref();
        let mut payload = alloy_rlp::Header::decode_bytes(&mut rest, true)?;
        Ok(Header::decode(&mut payload)?)
    }
}

/// A block, and why it is refused if it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Block {
    pub(super) rlp: Bytes,
    pub(super) expect_exception: Option<String>,
}

/// An account.
#[derive(Deserialize)]
pub(super) struct State {
    pub(super) balance: U256,
    pub(super) nonce: U256,
    pub(super) code: Bytes,
    pub(super) storage: BTreeMap<U256, U256>,
}
