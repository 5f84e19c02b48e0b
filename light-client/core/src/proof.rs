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
    /// The list has no item at this index.
    #[error("no item at index {index}")]
    Absent {
        /// The index.
        index: u64,
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
    // An empty trie has no node that could be unknown.
    build_ordered(items).map_or(B256::ZERO, |mut trie| trie.root())
}

fn build_ordered(items: &[Bytes]) -> Option<SparseTrie> {
    let changes: Vec<(Vec<u8>, Option<&Bytes>)> = (0_u64..)
        .zip(items)
        .map(|(index, item)| (alloy_rlp::encode(index), Some(item)))
        .collect();
    let mut trie = SparseTrie::empty();
    trie.update(&changes).ok()?;
    Some(trie)
}

/// The value at a hashed key in the trie with this root; `None` is proven absence.
///
/// Every node must be on the key's path, in order, from the root to where the path ends. An empty trie is proven by no node, or by the empty node `0x80`.
pub fn verify_proof(root: B256, key: B256, nodes: &[Bytes]) -> Result<Option<&[u8]>, ProofError> {
    verify_path(root, Path::of_key(key.as_slice()), nodes)
}

/// The item at `index` of the list with this ordered root: a transaction under the transactions root, a receipt under the receipts root.
///
/// ```text
/// transactions root -> [branch] -> [branch] -> [leaf: transaction]      by the nibbles of rlp(index)
/// ```
///
/// Only presence is proven: where the path ends elsewhere is an error, and not the end of the list.
pub fn verify_ordered_item(root: B256, index: u64, nodes: &[Bytes]) -> Result<&[u8], ProofError> {
    let key = alloy_rlp::encode(index);
    verify_path(root, Path::of_key(&key), nodes)?.ok_or(ProofError::Absent { index })
}

/// The nodes between an ordered root and the item at `index`; none for an index behind the end.
pub fn prove_ordered_item(items: &[Bytes], index: usize) -> Option<Vec<Bytes>> {
    items.get(index)?;
    let mut trie = build_ordered(items)?;
    trie.root();
    trie.prove(alloy_rlp::encode(index)).ok()
}

/// As [`verify_proof`], for a key of any length.
fn verify_path<'a>(
    root: B256,
    path: Path<'_>,
    nodes: &'a [Bytes],
) -> Result<Option<&'a [u8]>, ProofError> {
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
    let (mut depth, mut below_extension) = (0_usize, false);
    let mut next = Next::Hash(root);
    let mut taken = 0_usize;
    let found = loop {
        let (rlp, index) = match next {
            Next::Inline(rlp) => (rlp, taken.saturating_sub(1)),
            Next::Hash(expected) => {
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
        check_place(&view, depth, below_extension, path.len()).map_err(invalid)?;
        let rest = path.skip(depth);
        let child = match view {
            NodeView::Leaf { path, value } => {
                break path.is_prefix_of(rest).then_some(value);
            }
            NodeView::Extension { path, .. } if !path.is_prefix_of(rest) => break None,
            NodeView::Extension { path, child } => {
                depth = depth.saturating_add(path.len());
                below_extension = true;
                child
            }
            NodeView::Branch { children, .. } => {
                depth = depth.saturating_add(1);
                below_extension = false;
                let nibble = usize::from(rest.at(0));
                children.get(nibble).copied().unwrap_or(ChildView::Empty)
            }
        };
        next = match child {
            ChildView::Empty => break None,
            ChildView::Hash(hash) => Next::Hash(*hash),
            ChildView::Inline(rlp) => Next::Inline(rlp),
        };
    };
    if taken != nodes.len() {
        return Err(ProofError::ExtraNodes {
            expected: taken,
            got: nodes.len(),
        });
    }
    Ok(found)
}

/// Where the next node on a path is to be found.
enum Next<'a> {
    /// In the proof, under this hash.
    Hash(B256),
    /// Inside the node before it.
    Inline(&'a [u8]),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trie::testing::{build, key};

    const EMPTY_NODE: Bytes = Bytes::from_static(&[EMPTY_STRING_CODE]);

    #[test]
    fn path_that_ends_in_a_branch_leaf_or_extension_proves_absence() {
        let (trie, root, _) = build(&["1a", "1b", "2", "3aaa1", "3aaa2"]);
        for (absent, nodes) in [
            // No child at the root's nibble; none at the second branch's.
            ("4", 1),
            ("1c", 2),
            // A leaf with another rest,
            ("21", 2),
            // and extensions that the key leaves at their first and last nibble.
            ("3b", 2),
            ("3aab", 2),
        ] {
            let proof = trie.prove(key(absent)).unwrap();
            assert_eq!(proof.len(), nodes, "{absent}");
            assert_eq!(verify_proof(root, key(absent), &proof), Ok(None));
            // The path ends where it ends: no node less, none more.
            let fewer = verify_proof(root, key(absent), &proof[..nodes - 1]);
            assert!(matches!(fewer, Err(ProofError::Incomplete { .. })));
            let more: Vec<Bytes> = proof.iter().chain(&proof[..1]).cloned().collect();
            let (expected, got) = (nodes, nodes + 1);
            assert_eq!(
                verify_proof(root, key(absent), &more),
                Err(ProofError::ExtraNodes { expected, got })
            );
        }
    }

    #[test]
    fn absence_proof_of_one_key_does_not_prove_that_of_a_present_one() {
        let (trie, root, _) = build(&["1a", "1b", "2"]);
        let proof = trie.prove(key("1c")).unwrap();
        let error = verify_proof(root, key("1a"), &proof).unwrap_err();
        assert!(matches!(error, ProofError::Incomplete { .. }));
    }

    #[test]
    fn empty_trie_is_proven_by_nothing_or_the_empty_node() {
        let key = B256::ZERO;
        assert_eq!(verify_proof(EMPTY_ROOT_HASH, key, &[]), Ok(None));
        assert_eq!(verify_proof(EMPTY_ROOT_HASH, key, &[EMPTY_NODE]), Ok(None));
        let twice = [EMPTY_NODE, EMPTY_NODE];
        let twice = verify_proof(EMPTY_ROOT_HASH, key, &twice);
        assert!(matches!(twice, Err(ProofError::ExtraNodes { .. })));
        let other = [Bytes::from_static(&[0xc0])];
        let other = verify_proof(EMPTY_ROOT_HASH, key, &other);
        assert!(matches!(other, Err(ProofError::HashMismatch { .. })));
        // A root that is not the empty one is not proven by silence.
        let silence = verify_proof(B256::repeat_byte(1), key, &[]);
        assert!(matches!(silence, Err(ProofError::Incomplete { .. })));
    }

    #[test]
    fn inlined_nodes_are_not_in_the_proof_and_are_followed() {
        // The last nibble parts three short values: their leaves are a few bytes each, and the branch around them is inlined in the extension above.
        let keys = [0, 1, 2].map(|last| {
            let mut key = B256::repeat_byte(0x55);
            key[31] = last;
            key
        });
        let mut trie = SparseTrie::empty();
        let changes: Vec<_> = keys.iter().map(|key| (key, Some([key[31] + 1]))).collect();
        trie.update(&changes).unwrap();
        let root = trie.root();
        for key in keys {
            let proof = trie.prove(key).unwrap();
            assert_eq!(proof.len(), 1);
            let value = verify_proof(root, key, &proof).unwrap();
            assert_eq!(value, Some(&[key[31] + 1][..]));
        }
        let mut absent = keys[0];
        absent[31] = 9;
        let proof = trie.prove(absent).unwrap();
        assert_eq!(verify_proof(root, absent, &proof), Ok(None));
    }

    #[test]
    fn proof_is_bounded() {
        let nodes = alloc::vec![EMPTY_NODE; 66];
        let (limit, got) = (65, 66);
        assert_eq!(
            verify_proof(B256::ZERO, B256::ZERO, &nodes),
            Err(ProofError::TooLong { limit, got })
        );
        let error = verify_proof(B256::ZERO, B256::ZERO, &nodes[1..]).unwrap_err();
        assert!(matches!(error, ProofError::HashMismatch { .. }));

        let huge = [Bytes::from(alloc::vec![0; 65_537])];
        let error = verify_proof(B256::ZERO, B256::ZERO, &huge).unwrap_err();
        assert!(matches!(error, ProofError::Node { index: 0, .. }));
        let largest = [huge[0].slice(1..)];
        let error = verify_proof(B256::ZERO, B256::ZERO, &largest).unwrap_err();
        assert!(matches!(error, ProofError::HashMismatch { .. }));
    }

    #[test]
    fn code_is_bounded() {
        let code = [0; 49_153];
        let (limit, got) = (49_152, 49_153);
        assert_eq!(
            verify_code(&code, keccak256(code)),
            Err(ProofError::CodeTooLarge { limit, got })
        );
        let largest = &code[1..];
        assert_eq!(verify_code(largest, keccak256(largest)), Ok(()));
        let other = verify_code(largest, keccak256(code));
        assert!(matches!(other, Err(ProofError::CodeHash { .. })));
    }

    #[test]
    fn a_node_of_less_than_32_bytes_is_never_named_by_its_hash() {
        // A leaf is five bytes longer than the only item of a list.
        for (item, expected) in [(26, Err(31)), (27, Ok(32))] {
            let items = [Bytes::from(alloc::vec![7; item])];
            let proof = prove_ordered_item(&items, 0).unwrap();
            let verified = verify_ordered_item(compute_ordered_root(&items), 0, &proof);
            let result = verified
                .map(|_| proof[0].len())
                .map_err(|error| match error {
                    ProofError::Node {
                        error: NodeError::TooShort { got },
                        ..
                    } => got,
                    other => panic!("{other}"),
                });
            assert_eq!(result, expected);
        }
    }

    #[test]
    fn account_must_be_canonical() {
        let good = alloy_rlp::encode(Account::default());
        assert_eq!(decode_account(&good), Ok(Account::default()));
        let trailing = [&good[..], &[0x80]].concat();
        assert!(decode_account(&trailing).is_err());
        // A fifth item, or a nonce with a leading zero, inside a list of the right length.
        let mut fifth = good.clone();
        fifth.push(0x80);
        fifth[1] += 1;
        assert!(decode_account(&fifth).is_err());
        let mut zero_nonce = good.clone();
        zero_nonce[2] = 0x00;
        assert!(decode_account(&zero_nonce).is_err());
        for end in 0..good.len() {
            assert!(decode_account(&good[..end]).is_err());
        }
    }

    #[test]
    fn storage_value_must_be_canonical_and_not_zero() {
        for value in [U256::ONE, U256::from(128), U256::MAX] {
            let encoded = encode_storage_value(&value);
            assert_eq!(decode_storage_value(&encoded), Ok(value));
        }
        assert_eq!(decode_storage_value(&[0x80]), Err(ProofError::ZeroValue));
        for bad in [
            &[][..],
            &[0x00],
            &[0x81, 0x01],
            &[0x82, 0x00, 0x01],
            &[0x01, 0x01],
        ] {
            assert!(decode_storage_value(bad).is_err(), "{bad:?}");
        }
        let too_wide = [&[0xa1, 1][..], &[0; 32]].concat();
        assert!(decode_storage_value(&too_wide).is_err());
    }

    #[test]
    fn an_item_is_proven_at_its_index_and_at_no_other() {
        for count in [1_u64, 2, 17, 128, 129, 300] {
            let items: Vec<Bytes> = (0..count)
                .map(|i| Bytes::from(alloc::vec![(i % 255) as u8 + 1; 60]))
                .collect();
            let root = compute_ordered_root(&items);
            for index in 0..count {
                let at = usize::try_from(index).unwrap();
                let proof = prove_ordered_item(&items, at).unwrap();
                let item = verify_ordered_item(root, index, &proof).unwrap();
                assert_eq!(item, items[at].as_ref());
                assert!(verify_ordered_item(root, (index + 1) % (count + 1), &proof).is_err());
                for node in 0..proof.len() {
                    let mut bytes = proof[node].to_vec();
                    bytes[4] ^= 1;
                    let mut changed = proof.clone();
                    changed[node] = bytes.into();
                    assert!(verify_ordered_item(root, index, &changed).is_err());
                }
            }
            assert_eq!(prove_ordered_item(&items, items.len()), None);
        }
    }

    #[test]
    fn ordered_root_agrees_with_a_full_rebuild() {
        for count in [0, 1, 2, 3, 17, 127, 128, 129, 300] {
            let items: Vec<Bytes> = (0..count)
                .map(|i| Bytes::from(alloc::vec![(i % 255) as u8 + 1; i % 50 + 1]))
                .collect();
            let expected = alloy_trie::root::ordered_trie_root_with_encoder(&items, |item, out| {
                out.extend_from_slice(item);
            });
            assert_eq!(compute_ordered_root(&items), expected, "{count}");
        }
    }
}
