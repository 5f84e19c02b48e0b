//! Merkle proofs as `eth_getProof` gives them (EIP-1186), contract code, and the roots of ordered lists.
//!
//! ```text
//! state root -> [branch] -> [branch] -> [leaf]      each node hashes to the reference in the one before,
//!                 key nibble  key nibble  rest      each lies on the key's path, and none is left over
//! ```
//!
//! Absence is proven by the node at which the path ends: a branch without a child at the next nibble, a leaf or extension whose path differs, or the empty root.

use alloc::vec::Vec;

use alloy_consensus::constants::{EMPTY_ROOT_HASH, KECCAK_EMPTY};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::{Decodable, EMPTY_STRING_CODE, Encodable};

use crate::{
    limits::{MAX_CODE_BYTES, MAX_PROOF_DEPTH},
    state::Account,
    trie::{
        NodeError, SparseTrie, check_place,
        nibbles::Path,
        node::{ChildView, NodeView},
    },
};

/// Why a proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// More nodes than a path can have.
    #[error("proof has {got} nodes, expected at most {limit}")]
    TooLong {
        /// The limit.
        limit: usize,
        /// Nodes given.
        got: usize,
    },
    /// A node does not hash to the reference before it.
    #[error("node {index} hashes to {got}, expected {expected}")]
    HashMismatch {
        /// Place in the proof, from 0.
        index: usize,
        /// The reference: the root for the first node.
        expected: B256,
        /// Keccak of the node.
        got: B256,
    },
    /// A node breaks the trie's format.
    #[error("node {index} is invalid: {error}")]
    Node {
        /// Place in the proof, from 0.
        index: usize,
        /// What is wrong with it.
        error: NodeError,
    },
    /// The path goes on, but the proof ends.
    #[error("proof ends before node {expected}")]
    Incomplete {
        /// The node that is missing.
        expected: B256,
    },
    /// Nodes follow the one at which the path ends.
    #[error("proof has {got} nodes, expected {expected}")]
    ExtraNodes {
        /// Nodes on the path.
        expected: usize,
        /// Nodes given.
        got: usize,
    },
    /// The value at the path's end is not what the trie should hold.
    #[error("value is not a canonical {kind}: {error}")]
    Value {
        /// What it should be.
        kind: &'static str,
        /// What is wrong with it.
        error: alloy_rlp::Error,
    },
    /// A zero, which storage never keeps.
    #[error("storage holds a zero, expected no entry")]
    ZeroValue,
    /// Code longer than any contract's.
    #[error("code of {got} bytes, expected at most {limit}")]
    CodeTooLarge {
        /// The limit.
        limit: usize,
        /// Its length.
        got: usize,
    },
    /// Code with another hash.
    #[error("code hashes to {got}, expected {expected}")]
    CodeHash {
        /// The account's code hash.
        expected: B256,
        /// Keccak of the code.
        got: B256,
    },
}

/// The account at `address` in the state with this root; `None` is proven absence.
pub fn verify_account_proof(
    state_root: B256,
    address: Address,
    nodes: &[Bytes],
) -> Result<Option<Account>, ProofError> {
    verify_proof(state_root, keccak256(address), nodes)?
        .map(decode_account)
        .transpose()
}

/// The value of `slot` in the storage with this root; zero is proven absence.
pub fn verify_storage_proof(
    storage_root: B256,
    slot: B256,
    nodes: &[Bytes],
) -> Result<U256, ProofError> {
    match verify_proof(storage_root, keccak256(slot), nodes)? {
        Some(value) => decode_storage_value(value),
        None => Ok(U256::ZERO),
    }
}

/// That `code` is what an account's `code_hash` names.
pub fn verify_code(code: &[u8], code_hash: B256) -> Result<(), ProofError> {
    if code.len() > MAX_CODE_BYTES {
        return Err(ProofError::CodeTooLarge {
            limit: MAX_CODE_BYTES,
            got: code.len(),
        });
    }
    let got = hash_code(code);
    if got != code_hash {
        return Err(ProofError::CodeHash {
            expected: code_hash,
            got,
        });
    }
    Ok(())
}

/// The root of a trie that maps `rlp(index)` to each item: the transactions or receipts root of a block, items in their EIP-2718 form.
pub fn compute_ordered_root(items: &[Bytes]) -> B256 {
    let changes: Vec<(Vec<u8>, Option<&Bytes>)> = (0_u64..)
        .zip(items)
        .map(|(index, item)| (alloy_rlp::encode(index), Some(item)))
        .collect();
    let mut trie = SparseTrie::empty();
    // An empty trie has no node that could be unknown.
    match trie.update(&changes) {
        Ok(()) => trie.root(),
        Err(_) => B256::ZERO,
    }
}

/// The value at a hashed key in the trie with this root; `None` is proven absence.
///
/// Every node must be on the key's path, in order, from the root to where the path ends. An empty trie is proven by no node, or by the empty node `0x80`.
pub fn verify_proof(root: B256, key: B256, nodes: &[Bytes]) -> Result<Option<&[u8]>, ProofError> {
    if nodes.len() > MAX_PROOF_DEPTH {
        return Err(ProofError::TooLong {
            limit: MAX_PROOF_DEPTH,
            got: nodes.len(),
        });
    }
    if root == EMPTY_ROOT_HASH {
        return match nodes {
            [] => Ok(None),
            [only] if only.as_ref() == [EMPTY_STRING_CODE] => Ok(None),
            [first, ..] => Err(hash_mismatch_or_extra(first, nodes.len())),
        };
    }
    let path = Path::of_key(key.as_slice());
    let (mut depth, mut below_extension) = (0_usize, false);
    let mut next = ChildView::Hash(root);
    let mut taken = 0_usize;
    let found = loop {
        let (rlp, index) = match next {
            ChildView::Empty => break None,
            ChildView::Inline(rlp) => (rlp, taken.saturating_sub(1)),
            ChildView::Hash(expected) => {
                let node = nodes
                    .get(taken)
                    .ok_or(ProofError::Incomplete { expected })?;
                check_node(node, expected, taken)?;
                taken = taken.saturating_add(1);
                (node.as_ref(), taken.saturating_sub(1))
            }
        };
        let invalid = |error| ProofError::Node { index, error };
        let view = NodeView::decode(rlp).map_err(invalid)?;
        check_place(&view, depth, below_extension).map_err(invalid)?;
        let rest = path.skip(depth);
        match view {
            NodeView::Leaf { path, value } => {
                break path.is_prefix_of(rest).then_some(value);
            }
            NodeView::Extension { path, .. } if !path.is_prefix_of(rest) => break None,
            NodeView::Extension { path, child } => {
                depth = depth.saturating_add(path.len());
                next = child;
                below_extension = true;
            }
            NodeView::Branch { children, .. } => {
                let nibble = usize::from(rest.at(0));
                next = children.get(nibble).copied().unwrap_or(ChildView::Empty);
                depth = depth.saturating_add(1);
                below_extension = false;
            }
        }
    };
    if taken != nodes.len() {
        return Err(ProofError::ExtraNodes {
            expected: taken,
            got: nodes.len(),
        });
    }
    Ok(found)
}

fn check_node(node: &[u8], expected: B256, index: usize) -> Result<(), ProofError> {
    let invalid = |error| ProofError::Node { index, error };
    let got = node.len();
    if got > crate::limits::MAX_LEAF_BYTES {
        let limit = crate::limits::MAX_LEAF_BYTES;
        return Err(invalid(NodeError::TooLarge { limit, got }));
    }
    let hash = keccak256(node);
    if hash != expected {
        return Err(ProofError::HashMismatch {
            index,
            expected,
            got: hash,
        });
    }
    // On 32-byte keys no root is as short as this either.
    if got < 32 {
        return Err(invalid(NodeError::TooShort { got }));
    }
    Ok(())
}

fn hash_mismatch_or_extra(first: &Bytes, got: usize) -> ProofError {
    if first.as_ref() == [EMPTY_STRING_CODE] {
        return ProofError::ExtraNodes { expected: 1, got };
    }
    ProofError::HashMismatch {
        index: 0,
        expected: EMPTY_ROOT_HASH,
        got: keccak256(first),
    }
}

/// Keccak of contract code.
pub(crate) fn hash_code(code: &[u8]) -> B256 {
    if code.is_empty() {
        KECCAK_EMPTY
    } else {
        keccak256(code)
    }
}

/// An account as the state trie holds it.
pub(crate) fn decode_account(mut value: &[u8]) -> Result<Account, ProofError> {
    let kind = "account";
    let account = Account::decode(&mut value).map_err(|error| ProofError::Value { kind, error })?;
    expect_end(value, kind)?;
    Ok(account)
}

/// A storage value as a storage trie holds it.
pub(crate) fn decode_storage_value(mut value: &[u8]) -> Result<U256, ProofError> {
    let kind = "storage value";
    let number = U256::decode(&mut value).map_err(|error| ProofError::Value { kind, error })?;
    expect_end(value, kind)?;
    if number.is_zero() {
        return Err(ProofError::ZeroValue);
    }
    Ok(number)
}

fn expect_end(rest: &[u8], kind: &'static str) -> Result<(), ProofError> {
    if rest.is_empty() {
        return Ok(());
    }
    let error = alloy_rlp::Error::UnexpectedLength;
    Err(ProofError::Value { kind, error })
}

/// A value as a storage trie holds it.
pub(crate) fn encode_storage_value(value: &U256) -> Vec<u8> {
    let mut out = Vec::with_capacity(33);
    value.encode(&mut out);
    out
}
