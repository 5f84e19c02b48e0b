//! Lies about values: balances, storage, code, and the trie nodes that carry them.

use alloy_consensus::TrieAccount;
use alloy_primitives::{Bytes, U256};
use alloy_rlp::Decodable;
use alloy_trie::nodes::{LeafNode, TrieNode};
use node_lite_exec::AccountProof;

use super::{Lie, Lies};

/// What a false balance or slot has too much: one ether.
const SURPLUS: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// A value that is one ether too high.
pub(crate) const fn inflate(value: U256) -> U256 {
    value.wrapping_add(SURPLUS)
}

/// Code that says `STOP` first.
pub(crate) fn alter_code(code: Bytes) -> Bytes {
    if code.is_empty() {
        code
    } else {
        [&[0], code.as_ref()].concat().into()
    }
}

impl Lies {
    /// The proof as the lies have it: values and leaves agree with each other, but no longer with the root.
    pub(crate) fn alter_proof(&self, proof: &mut AccountProof) {
        if self.is_on(Lie::WrongBalance) {
            if let Some(account) = &mut proof.account {
                account.balance = inflate(account.balance);
            }
            rewrite_leaf(&mut proof.nodes, |value| {
                let mut account = TrieAccount::decode(&mut value.as_slice()).ok()?;
                account.balance = inflate(account.balance);
                Some(alloy_rlp::encode(account))
            });
        }
        if self.is_on(Lie::WrongStorage) {
            for slot in &mut proof.storage {
                slot.value = inflate(slot.value);
                rewrite_leaf(&mut slot.nodes, |value| {
                    let honest = U256::decode(&mut value.as_slice()).ok()?;
                    Some(alloy_rlp::encode(inflate(honest)))
                });
            }
        }
        if self.is_on(Lie::FalseAbsence) {
            proof.account = None;
            proof.nodes.pop();
        }
    }
}

/// Puts another value into the leaf at the end of a path; a path that ends in another node gets its last byte changed.
fn rewrite_leaf(nodes: &mut [Bytes], edit: impl FnOnce(&Vec<u8>) -> Option<Vec<u8>>) {
    let Some(last) = nodes.last_mut() else { return };
    if let Ok(TrieNode::Leaf(LeafNode { key, value })) = TrieNode::decode(&mut last.as_ref())
        && let Some(value) = edit(&value)
    {
        *last = alloy_rlp::encode(LeafNode { key, value }).into();
        return;
    }
    let mut bytes = last.to_vec();
    if let Some(byte) = bytes.last_mut() {
        *byte ^= 1;
    }
    *last = bytes.into();
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_trie::Nibbles;

    #[test]
    fn a_rewritten_leaf_carries_the_false_balance() {
        let account = TrieAccount {
            balance: U256::from(5),
            ..TrieAccount::default()
        };
        let leaf = LeafNode {
            key: Nibbles::from_nibbles([1, 2]),
            value: alloy_rlp::encode(account),
        };
        let mut proof = AccountProof {
            address: Default::default(),
            account: None,
            nodes: vec![alloy_rlp::encode(&leaf).into()],
            storage: Vec::new(),
        };
        let lies = Lies::default();
        lies.set(Lie::WrongBalance, true, 0);
        lies.alter_proof(&mut proof);
        let Ok(TrieNode::Leaf(node)) = TrieNode::decode(&mut proof.nodes[0].as_ref()) else {
            panic!("not a leaf")
        };
        let got = TrieAccount::decode(&mut node.value.as_slice()).unwrap();
        assert_eq!((node.key, got.balance), (leaf.key, inflate(U256::from(5))));
    }
}
