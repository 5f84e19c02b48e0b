//! What was read: accounts, slots, blocks, transactions, receipts, logs.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};

use super::{BlockRef, Labelled, Trust};

/// An account, each value with its label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Address.
    pub address: Address,
    /// False: proven absent.
    pub exists: Labelled<bool>,
    /// Wei.
    pub balance: Labelled<U256>,
    /// Transactions sent, or contracts created.
    pub nonce: Labelled<u64>,
    /// Keccak-256 of the code.
    pub code_hash: Labelled<B256>,
    /// The code, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Labelled<Bytes>>,
    /// Root of the storage trie.
    pub storage_root: Labelled<B256>,
    /// The slots asked for.
    pub storage: Vec<SlotView>,
}

/// One storage slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlotView {
    /// Its key.
    pub slot: U256,
    /// Its value; zero is a proven zero.
    #[serde(flatten)]
    pub labelled: Labelled<U256>,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockView {
    /// Height.
    pub number: u64,
    /// Header hash.
    pub hash: B256,
    /// Parent's header hash.
    pub parent_hash: B256,
    /// Unix seconds.
    pub timestamp: u64,
    /// Gas used.
    pub gas_used: u64,
    /// Gas limit.
    pub gas_limit: u64,
    /// Base fee in wei.
    pub base_fee: U256,
    /// Who gets the priority fees.
    pub beneficiary: Address,
    /// State after the block.
    pub state_root: B256,
    /// Ordered root of the transactions.
    pub transactions_root: B256,
    /// Ordered root of the receipts.
    pub receipts_root: B256,
    /// Keccak-256 of the block access list (EIP-7928).
    pub block_access_list_hash: Option<B256>,
    /// PREVRANDAO.
    pub mix_hash: B256,
    /// Keccak-256 of the extension record.
    pub extra_data: Bytes,
    /// Merkle root over the block access list's entries; `null` for genesis.
    pub accounts_root: Option<B256>,
    /// Who signed it; `null` for genesis, which the rules pin.
    pub signer: Option<Address>,
    /// Who must sign the next block.
    pub next_signer: Address,
    /// Bytes of the body.
    pub size: u64,
    /// The body, checked against `transactions_root`.
    pub transactions: Vec<TransactionSummary>,
    /// Why it may be believed.
    pub trust: Trust,
}

/// A line of a block's body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionSummary {
    /// Transaction hash.
    pub hash: B256,
    /// Position in the block.
    pub index: u64,
    /// Recovered by this client; `null` where the type is unknown.
    pub from: Option<Address>,
    /// `null` for a contract creation, or undecoded.
    pub to: Option<Address>,
    /// Wei; `null` if undecoded.
    pub value: Option<U256>,
    /// Nonce; `null` if undecoded.
    pub nonce: Option<u64>,
    /// EIP-2718 type byte.
    #[serde(rename = "type")]
    pub kind: u8,
}

/// A transaction and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TransactionView {
    /// As in the block's body.
    #[serde(flatten)]
    pub summary: TransactionSummary,
    /// The block that holds it.
    pub block: BlockRef,
    /// Gas limit; `null` if undecoded.
    pub gas: Option<u64>,
    /// Highest price per gas in wei; `null` if undecoded.
    pub max_fee_per_gas: Option<U256>,
    /// Highest tip per gas in wei; `null` if undecoded or none.
    pub max_priority_fee_per_gas: Option<U256>,
    /// Call data or init code; `null` if undecoded.
    pub input: Option<Bytes>,
    /// Its EIP-2718 encoding.
    pub raw: Bytes,
    /// Its receipt, checked against `receipts_root`.
    pub receipt: Option<ReceiptView>,
    /// Why it may be believed.
    pub trust: Trust,
}

/// A receipt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptView {
    /// Succeeded.
    pub status: bool,
    /// Gas used by this transaction alone.
    pub gas_used: u64,
    /// Gas used in the block up to and including it.
    pub cumulative_gas_used: u64,
    /// Its logs.
    pub logs: Vec<LogView>,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogView {
    /// Emitter.
    pub address: Address,
    /// Up to four.
    pub topics: Vec<B256>,
    /// Data.
    pub data: Bytes,
    /// Position in the block.
    pub log_index: u64,
}
