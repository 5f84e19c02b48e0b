//! The verdict over one block, from bytes to words: what a worker, a thread or a test asks for.

use alloy_consensus::Header;
use alloy_rlp::Decodable;
use sidelight_core::{execution::ExecutionInput, fault::FaultKind, state::PartialState};

use crate::{
    error::{BlockError, HeaderRule, Rule},
    input::{InputError, verify_input},
    spec::ChainSpec,
};

/// A block that was executed and is what its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Gas that its transactions used.
    pub gas_used: u64,
    /// How many there are.
    pub transactions: usize,
}

/// Why a block may not be called executed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: expected {expected}, got {got}")]
pub struct Refusal {
    /// [`FaultKind::InvalidExecution`]: the block is not valid, whoever sent the input. Any other kind is the sender's fault. None: the machine gave up, and nothing is known.
    pub kind: Option<FaultKind>,
    /// Dotted name of what is wrong.
    pub field: &'static str,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub got: String,
}

/// Executes a block of a Sidelight chain. `parent` and `header` are RLP that the caller has checked against each other and against their signers; `input` is whatever a peer sent.
pub fn judge(chain_id: u64, parent: &[u8], header: &[u8], input: &[u8]) -> Result<Judged, Refusal> {
    let parent = read_header("parent", parent)?;
    let header = read_header("header", header)?;
    let input = ExecutionInput::decode(input).map_err(InputError::Decode)?;
    let transactions = input.transactions.len();
    let known = PartialState::from_root(parent.state_root);
    let spec = ChainSpec::sidelight(chain_id);
    let execution = verify_input(&spec, &parent, &header, input, known)?;
    Ok(Judged {
        gas_used: execution.executed().gas_used,
        transactions,
    })
}

fn read_header(field: &'static str, bytes: &[u8]) -> Result<Header, Refusal> {
    let mut rest = bytes;
    let refused = |got: String| Refusal {
        kind: Some(FaultKind::WrongResponse),
        field,
        expected: "a header".into(),
        got,
    };
    let header = Header::decode(&mut rest).map_err(|error| refused(error.to_string()))?;
    match rest {
        [] => Ok(header),
        _ => Err(refused("bytes after it".into())),
    }
}

impl From<InputError> for Refusal {
    fn from(error: InputError) -> Self {
        let kind = if error.is_block_invalid() {
            Some(FaultKind::InvalidExecution)
        } else {
            kind_of_sender(&error)
        };
        let (field, expected, got) = match error {
            InputError::Decode(_) | InputError::Malformed { .. } | InputError::NotFull { .. } => {
                ("execution", "an input".into(), error.to_string())
            }
            InputError::AccessListHash { expected, got } => (
                "execution.block_access_list",
                expected.to_string(),
                got.to_string(),
            ),
            InputError::Block(error) => describe(error),
        };
        Self {
            kind,
            field,
            expected,
            got,
        }
    }
}

const fn kind_of_sender(error: &InputError) -> Option<FaultKind> {
    match error {
        InputError::AccessListHash { .. } => Some(FaultKind::BadBalHash),
        InputError::Block(error) => match error {
            // Another block's transactions.
            BlockError::Rule(_) => Some(FaultKind::WrongResponse),
            BlockError::Witness(error) if error.is_incomplete() => {
                Some(FaultKind::IncompleteWitness)
            }
            BlockError::Database(_) | BlockError::Machine(_) => None,
            _ => Some(FaultKind::BadWitness),
        },
        _ => Some(FaultKind::BadWitness),
    }
}

/// Field, what was expected, what came.
fn describe(error: BlockError) -> (&'static str, String, String) {
    match error {
        BlockError::Rule(HeaderRule {
            rule,
            expected,
            got,
        }) => (field(rule), expected, got),
        BlockError::Transaction { .. } => (
            "execution.transactions",
            "valid transactions".into(),
            error.to_string(),
        ),
        BlockError::SystemCall { .. } => {
            ("execution.system_call", "success".into(), error.to_string())
        }
        BlockError::OutsideAccessList(access) => (
            "execution.block_access_list",
            "every access".into(),
            format!("none for {access}"),
        ),
        BlockError::AccessList { expected, got } => (
            // What execution gives is what the header should have committed to.
            "header.block_access_list_hash",
            got.to_string(),
            expected.to_string(),
        ),
        BlockError::Witness(error) => (
            "execution.witness",
            "what execution reads".into(),
            error.to_string(),
        ),
        BlockError::Database(_) | BlockError::Machine(_) => {
            ("execution", "an end".into(), error.to_string())
        }
        BlockError::Trie(error) => (
            "execution.witness",
            "what the changes need".into(),
            error.to_string(),
        ),
        BlockError::Decode(error) => ("execution", "a block".into(), error.to_string()),
    }
}

const fn field(rule: Rule) -> &'static str {
    match rule {
        Rule::ParentHash => "header.parent_hash",
        Rule::Number => "header.number",
        Rule::Timestamp => "header.timestamp",
        Rule::ExtraData => "header.extra_data",
        Rule::GasLimit => "header.gas_limit",
        Rule::GasUsed => "header.gas_used",
        Rule::BaseFee => "header.base_fee_per_gas",
        Rule::Difficulty => "header.difficulty",
        Rule::Nonce => "header.nonce",
        Rule::Ommers => "header.ommers_hash",
        Rule::WithdrawalsRoot => "header.withdrawals_root",
        Rule::BlobGasUsed => "header.blob_gas_used",
        Rule::ExcessBlobGas => "header.excess_blob_gas",
        Rule::ParentBeaconBlockRoot => "header.parent_beacon_block_root",
        Rule::RequestsHash => "header.requests_hash",
        Rule::BlockAccessListHash => "header.block_access_list_hash",
        Rule::TransactionsRoot => "header.transactions_root",
        Rule::ReceiptsRoot => "header.receipts_root",
        Rule::LogsBloom => "header.logs_bloom",
        Rule::StateRoot => "header.state_root",
        Rule::Size => "block.size",
        Rule::UnknownField => "header",
    }
}

#[cfg(test)]
mod tests {
    use alloy_consensus::{
        SignableTransaction, TxEnvelope, TxLegacy, constants::EMPTY_WITHDRAWALS,
    };
    use alloy_eips::eip2718::Encodable2718;
    use alloy_primitives::{B256, Bytes, Signature};

    use super::*;
    use crate::{input::full_input, witness::ExecutionWitness};

    fn header() -> Vec<u8> {
        alloy_rlp::encode(Header::default())
    }

    #[test]
    fn bytes_that_are_no_headers_and_no_input_are_the_senders_fault() {
        let header = header();
        let longer = [header.as_slice(), &[0]].concat();
        for (parent, header, field) in [
            (&[][..], &header[..], "parent"),
            (&header, &[0xc0], "header"),
            (&header, &longer, "header"),
            (&header, &header, "execution"),
        ] {
            let refusal = judge(1, parent, header, &[0xc0]).unwrap_err();
            assert_eq!(refusal.field, field);
            assert!(refusal.kind.is_some_and(FaultKind::is_peer_fault));
        }
    }

    /// What comes of an input with nothing but these parts, for a block without transactions and changes.
    fn judge_empty(bal: &'static [u8], transactions: Vec<Bytes>) -> Refusal {
        let parent = Header::default();
        let child = Header {
            parent_hash: parent.hash_slow(),
            base_fee_per_gas: Some(7),
            withdrawals_root: Some(EMPTY_WITHDRAWALS),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            requests_hash: Some(B256::ZERO),
            block_access_list_hash: Some(alloy_eip7928::EMPTY_BLOCK_ACCESS_LIST_HASH),
            ..Header::default()
        };
        let input = full_input(bal.into(), transactions, ExecutionWitness::default());
        let (parent, child) = (alloy_rlp::encode(&parent), alloy_rlp::encode(&child));
        judge(1, &parent, &child, &input.encode()).unwrap_err()
    }

    fn transaction(bytes: usize) -> Bytes {
        let transaction = TxLegacy {
            input: vec![1; bytes].into(),
            ..TxLegacy::default()
        };
        let signed = transaction.into_signed(Signature::test_signature());
        TxEnvelope::from(signed).encoded_2718().into()
    }

    #[test]
    fn another_access_list_is_the_senders_fault() {
        let refusal = judge_empty(&[0xc1, 0xc0], Vec::new());
        assert_eq!(refusal.kind, Some(FaultKind::BadBalHash));
        assert_ne!(refusal.expected, refusal.got);
    }

    #[test]
    fn other_transactions_are_the_senders_fault_however_large_they_are() {
        for bytes in [1, 9 << 20] {
            let refusal = judge_empty(&[0xc0], vec![transaction(bytes)]);
            assert_eq!(
                (refusal.kind, refusal.field),
                (Some(FaultKind::WrongResponse), "header.transactions_root")
            );
        }
    }

    #[test]
    fn a_header_that_no_execution_gives_is_nobody_elses_fault() {
        let refusal = judge_empty(&[0xc0], Vec::new());
        assert_eq!(refusal.kind, Some(FaultKind::InvalidExecution), "{refusal}");
    }
}
