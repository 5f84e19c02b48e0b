//! What a client holds of the blocks that it executed, and deltas made whole with it.

use alloc::vec::Vec;

use alloy_consensus::Header;
use alloy_eip7928::AccountChanges;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Decodable;

use super::{ExecutionInput, REQUEST_CONTRACTS, Retained};
use crate::{
    fault::{Fault, FaultKind, Mismatch, Value},
    state::{PartialState, StateError},
    trie::Witness,
};

/// Most bytes that are held: beyond it the oldest blocks of the run are forgotten, and the run begins later.
const MAX_HELD_BYTES: usize = 32 << 20;

/// Why an input is not one of this block, or cannot be made whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CompleteError {
    /// The access list is not the one that the header commits to.
    #[error("access list: expected {expected}, got {got}")]
    AccessList {
        /// In the header.
        expected: B256,
        /// Of the bytes.
        got: B256,
    },
    /// The access list that the header commits to is not one.
    #[error("access list: {0}")]
    Malformed(alloy_rlp::Error),
    /// A node that is needed is neither in the input nor held, or one in it does not fit.
    #[error(transparent)]
    State(#[from] StateError),
    /// A code that was left out is not held.
    #[error("code {hash} is not held")]
    MissingCode {
        /// Its hash.
        hash: B256,
    },
    /// A code that is there twice, or not in its place.
    #[error("code {hash} is not in order")]
    Unordered {
        /// Its hash.
        hash: B256,
    },
}

impl CompleteError {
    /// Whether something is only missing: a full input would have it.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        match self {
            Self::State(error) => error.is_incomplete(),
            Self::MissingCode { .. } => true,
            _ => false,
        }
    }

    /// The error as a fault of whoever sent the input.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let witness = |kind, got: Value| {
            Fault::new(
                kind,
                Mismatch::new("execution.witness", "what execution reads", got),
            )
        };
        match *self {
            Self::AccessList { expected, got } => Fault::new(
                FaultKind::BadBalHash,
                Mismatch::new("execution.block_access_list", expected, got),
            ),
            Self::Malformed(_) => Fault::new(
                FaultKind::BadBal,
                Mismatch::new("execution.block_access_list", "canonical RLP", Value::None),
            ),
            Self::State(error) if error.is_incomplete() => {
                witness(FaultKind::IncompleteWitness, Value::None)
            }
            Self::State(error) => witness(FaultKind::BadWitness, error.kind().into()),
            Self::MissingCode { hash } => witness(FaultKind::IncompleteWitness, hash.into()),
            Self::Unordered { hash } => witness(FaultKind::BadWitness, hash.into()),
        }
    }
}

/// What an input is held against, from headers that are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The block's number.
    pub number: u64,
    /// State root of its parent.
    pub parent_state_root: B256,
    /// Hash of its access list.
    pub block_access_list_hash: B256,
}

impl Target {
    /// The block with this header, and its parent's.
    #[must_use]
    pub fn new(parent: &Header, header: &Header) -> Self {
        Self {
            number: header.number,
            parent_state_root: parent.state_root,
            block_access_list_hash: header.block_access_list_hash.unwrap_or_default(),
        }
    }
}

/// Nodes and codes of a run of blocks, by their hashes. Each was hashed here, so nothing false can be held, whoever sent it.
#[derive(Debug, Default)]
pub struct Held {
    retained: Retained<Bytes>,
    bytes: usize,
}

impl Held {
    /// The block since which everything is held that the policy wants for block `number`; none if the run does not end right before it.
    #[must_use]
    pub fn since(&self, number: u64) -> Option<u64> {
        let (first, last) = self.retained.blocks()?;
        (last.checked_add(1) == Some(number)).then_some(first)
    }

    /// Bytes that are held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes an input whole and holds what its block touched. The result is the full input of this block, with its nodes in the order in which a walk finds them; what executing it gives is not checked.
    ///
    /// An error leaves what is held as it was.
    pub fn complete(
        &mut self,
        target: &Target,
        input: ExecutionInput,
    ) -> Result<ExecutionInput, CompleteError> {
        let changes = read_bal(target.block_access_list_hash, &input.bal)?;
        let mut sent = Witness::new(&input.state).map_err(StateError::Accounts)?;
        let mut state = PartialState::from_root(target.parent_state_root);
        let lookup = |hash: &B256| match sent.take(hash) {
            Ok(Some(node)) => Some(Bytes::copy_from_slice(node)),
            _ => self.retained.get(hash).cloned(),
        };
        let nodes = state.find_executed_with(lookup, &changes, &REQUEST_CONTRACTS)?;
        sent.finish().map_err(StateError::Accounts)?;
        let codes = self.complete_codes(&input)?;

        let mut touched = nodes.clone();
        state.root_with(|hash, rlp| touched.push((hash, Bytes::copy_from_slice(rlp))));
        touched.extend(codes.iter().cloned());
        touched.extend(made_codes(&changes));
        self.hold(target.number, touched);
        let bytes = |items: Vec<(B256, Bytes)>| items.into_iter().map(|(_, bytes)| bytes).collect();
        Ok(ExecutionInput {
            state: bytes(nodes),
            codes: bytes(codes),
            held_codes: Vec::new(),
            ..input
        })
    }

    /// The codes that came and those that were left out, which must both be ascending, as one ascending list.
    fn complete_codes(&self, input: &ExecutionInput) -> Result<Vec<(B256, Bytes)>, CompleteError> {
        let mut codes: Vec<(B256, Bytes)> = Vec::new();
        let mut sent = input.codes.iter().peekable();
        let mut held = input.held_codes.iter().peekable();
        loop {
            let left_out = held.peek().map(|hash| {
                let code = self.retained.get(hash);
                code.ok_or(CompleteError::MissingCode { hash: **hash })
            });
            let left_out = left_out.transpose()?;
            let next = match (sent.peek(), left_out) {
                (Some(came), Some(left_out)) if *came > left_out => left_out,
                (Some(came), _) => came,
                (None, Some(left_out)) => left_out,
                (None, None) => return Ok(codes),
            };
            let next = next.clone();
            // It is taken from where it is: equal ones would be there twice.
            if sent.next_if(|came| **came == next).is_none() {
                held.next();
            }
            let hash = keccak256(&next);
            if codes.last().is_some_and(|(_, last)| *last >= next) {
                return Err(CompleteError::Unordered { hash });
            }
            codes.push((hash, next));
        }
    }

    fn hold(&mut self, number: u64, touched: Vec<(B256, Bytes)>) {
        let size = |items: &[Bytes]| {
            items
                .iter()
                .fold(0_usize, |sum, item| sum.saturating_add(item.len()))
        };
        for (_, item) in &touched {
            self.bytes = self.bytes.saturating_add(item.len());
        }
        let mut forgotten = self.retained.push(number, touched);
        self.bytes = self.bytes.saturating_sub(size(&forgotten));
        while self.bytes > MAX_HELD_BYTES {
            forgotten.clear();
            if !self.retained.forget_oldest(&mut forgotten) {
                break;
            }
            self.bytes = self.bytes.saturating_sub(size(&forgotten));
        }
    }
}

fn read_bal(expected: B256, raw: &[u8]) -> Result<Vec<AccountChanges>, CompleteError> {
    let got = keccak256(raw);
    if got != expected {
        return Err(CompleteError::AccessList { expected, got });
    }
    let mut rest = raw;
    let changes = Vec::<AccountChanges>::decode(&mut rest).map_err(CompleteError::Malformed)?;
    match rest {
        [] => Ok(changes),
        _ => Err(CompleteError::Malformed(alloy_rlp::Error::UnexpectedLength)),
    }
}

/// The codes that a block leaves behind.
pub(super) fn made_codes(changes: &[AccountChanges]) -> impl Iterator<Item = (B256, Bytes)> + '_ {
    let codes = changes.iter().filter_map(AccountChanges::code_post_state);
    let codes = codes.filter(|code| !code.is_empty());
    codes.map(|code| (keccak256(code), code.clone()))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// An item of `bytes` bytes.
    fn item(seed: u8, bytes: usize) -> (B256, Bytes) {
        (B256::repeat_byte(seed), vec![seed; bytes].into())
    }

    #[test]
    fn what_is_held_is_counted_once_and_until_it_is_forgotten() {
        let mut held = Held::default();
        held.hold(1, vec![item(1, 10), item(2, 20)]);
        assert_eq!(held.bytes(), 30);
        held.hold(2, vec![item(1, 10), item(3, 5)]);
        assert_eq!(held.bytes(), 35);
        held.hold(9, vec![item(4, 7)]);
        assert_eq!(held.bytes(), 7, "another run");
    }

    #[test]
    fn beyond_the_limit_the_run_begins_later_and_no_later_than_it_must() {
        let half = MAX_HELD_BYTES / 2;
        let mut held = Held::default();
        held.hold(1, vec![item(1, half)]);
        held.hold(2, vec![item(2, half)]);
        assert_eq!((held.since(3), held.bytes()), (Some(1), MAX_HELD_BYTES));
        held.hold(3, vec![item(3, 1)]);
        assert_eq!((held.since(4), held.bytes()), (Some(2), half + 1));
        held.hold(4, vec![item(4, MAX_HELD_BYTES + 1)]);
        assert_eq!((held.since(5), held.bytes()), (None, 0), "too large alone");
    }
}
