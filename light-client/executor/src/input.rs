//! A block executed from what travels ([`ExecutionInput`], whose form is the core's), and why it may not be.
//!
//! The header and its parent are not in it: whoever asks for an execution has verified them. Transactions are EIP-2718 byte strings, everything else is as in [`ExecutionWitness`].

use alloy_consensus::{Block, BlockBody, Header, TxEnvelope};
use alloy_eip7928::AccountChanges;
use alloy_eips::{eip2718::Decodable2718, eip4895::Withdrawals};
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Decodable;
use sidelight_core::{DecodeError, execution::ExecutionInput, state::PartialState};

use crate::{
    block::DecodedBlock,
    error::{BlockError, Rule, expect},
    spec::ChainSpec,
    witness::{ExecutionWitness, VerifiedExecution, verify_witnessed},
};

/// Why an input does not lead to a verified execution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Not canonical RLP of an input, or larger than one may be. The sender's fault.
    #[error("malformed input: {0}")]
    Decode(#[from] DecodeError),
    /// An access list or a transaction that is none. The sender's fault, since the header commits to others.
    #[error("malformed {what}: {error}")]
    Malformed {
        /// What is none.
        what: &'static str,
        /// Why.
        error: alloy_rlp::Error,
    },
    /// Something is left out that only the receiver can put back. The sender's fault.
    #[error("{got} codes are left out")]
    NotFull {
        /// How many.
        got: usize,
    },
    /// The access list is not the one that the header commits to. The sender's fault.
    #[error("access list: expected {expected}, got {got}")]
    AccessListHash {
        /// In the header.
        expected: B256,
        /// Of the bytes.
        got: B256,
    },
    /// A part of the block or the witness does not fit. Whose fault it is, [`InputError::is_block_invalid`] says.
    #[error(transparent)]
    Block(#[from] BlockError),
}

impl InputError {
    /// Whether the block itself is not valid, whatever the sender did. Everything that the verdict stands on is then committed to by the header: transactions and access list by
    /// their roots, the state by the parent's.
    #[must_use]
    pub const fn is_block_invalid(&self) -> bool {
        match self {
            Self::Decode(_)
            | Self::Malformed { .. }
            | Self::NotFull { .. }
            | Self::AccessListHash { .. } => false,
            Self::Block(error) => match error {
                // Transactions that are not the header's are the sender's; a state that the witness does not show is unknown, not wrong.
                BlockError::Rule(broken) => !matches!(broken.rule, Rule::TransactionsRoot),
                BlockError::Decode(_)
                | BlockError::Witness(_)
                | BlockError::Database(_)
                | BlockError::Machine(_)
                | BlockError::Trie(_) => false,
                BlockError::Transaction { .. }
                | BlockError::SystemCall { .. }
                | BlockError::OutsideAccessList(_)
                | BlockError::AccessList { .. } => true,
            },
        }
    }
}

/// An input from a block's parts, with nothing left out.
#[must_use]
pub fn full_input(
    bal: Bytes,
    transactions: Vec<Bytes>,
    witness: ExecutionWitness,
) -> ExecutionInput {
    let ExecutionWitness {
        state,
        codes,
        headers,
    } = witness;
    ExecutionInput {
        bal,
        transactions,
        state,
        codes,
        headers,
        held_codes: Vec::new(),
    }
}

/// Executes a block from an input. Header and parent are the caller's, who has checked them against each other and who signed them; `known` is what it knows of the state after the parent.
pub fn verify_input(
    spec: &ChainSpec,
    parent: &Header,
    header: &Header,
    input: ExecutionInput,
    known: PartialState,
) -> Result<VerifiedExecution, InputError> {
    let got = keccak256(&input.bal);
    let expected = header.block_access_list_hash.unwrap_or_default();
    if got != expected {
        return Err(InputError::AccessListHash { expected, got });
    }
    if !input.held_codes.is_empty() {
        let got = input.held_codes.len();
        return Err(InputError::NotFull { got });
    }
    let malformed = |what| move |error| InputError::Malformed { what, error };
    let mut rest = input.bal.as_ref();
    let bal = Vec::<AccountChanges>::decode(&mut rest).map_err(malformed("access list"))?;
    let transactions = input
        .transactions
        .iter()
        .map(|bytes| {
            let mut rest = bytes.as_ref();
            let transaction = TxEnvelope::decode_2718(&mut rest)
                .map_err(|_| alloy_rlp::Error::Custom("not a transaction"))?;
            match rest {
                [] => Ok(transaction),
                _ => Err(alloy_rlp::Error::UnexpectedLength),
            }
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(malformed("transaction"))?;
    let body = BlockBody {
        transactions,
        ommers: Vec::new(),
        withdrawals: header.withdrawals_root.map(|_| Withdrawals::default()),
    };
    let block = Block::new(header.clone(), body);
    let decoded = DecodedBlock {
        hash: header.hash_slow(),
        size: alloy_rlp::Encodable::length(&block),
        block,
    };
    let witness = ExecutionWitness {
        state: input.state,
        codes: input.codes,
        headers: input.headers,
    };
    let parent_hash = parent.hash_slow();
    expect(Rule::ParentHash, parent_hash, header.parent_hash)?;
    Ok(verify_witnessed(
        spec,
        parent,
        parent_hash,
        &decoded,
        &bal,
        &witness,
        known,
    )?)
}
