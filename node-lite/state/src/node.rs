//! What a stored node refers to, and where a key leads from it. The verifier's own decoder reads the nodes; what does not decode here is corruption, and an error.
//!
//! ```text
//! branch, extension    children by hash                        a child below 32 bytes is inlined, and too short to refer to anything
//! account leaf         storage root, code hash                 value = rlp([nonce, balance, storage_root, code_hash])
//! storage leaf         nothing                                 value = rlp(number)
//! ```

use alloy_primitives::B256;
use alloy_rlp::Decodable;
use sidelight_core::{
    state::Account,
    trie::{
        nibbles::Path,
        node::{ChildView, NodeView},
    },
};

use crate::db::StateError;

/// Root of a trie without keys: `keccak(rlp(""))`.
pub(crate) const EMPTY_ROOT: B256 =
    alloy_primitives::b256!("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// Where a key leads from a node that is stored by its hash.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// The key's value.
    Value(&'a [u8]),
    /// The trie has no such key.
    Absent,
    /// On to this node, with this many nibbles of the key used so far.
    Down(B256, usize),
}

/// Calls `on_node` with every node hash that a node refers to, an account's storage root included, and `on_code` with an account's code hash.
pub(crate) fn for_each_link(
    rlp: &[u8],
    mut on_node: impl FnMut(B256),
    mut on_code: impl FnMut(B256),
) -> Result<(), StateError> {
    let mut on_child = |child| {
        if let ChildView::Hash(hash) = child {
            on_node(*hash);
        }
    };
    match decode(rlp)? {
        NodeView::Branch { children, .. } => children.into_iter().for_each(on_child),
        NodeView::Extension { child, .. } => on_child(child),
        NodeView::Leaf { value, .. } => {
            if let Some(account) = decode_account(value)? {
                if account.storage_root != EMPTY_ROOT {
                    on_node(account.storage_root);
                }
                on_code(account.code_hash);
            }
        }
    }
    Ok(())
}

/// Follows a 32-byte key, of which `used` nibbles are behind us, through a stored node and whatever is inlined in it.
pub(crate) fn follow<'a>(
    mut rlp: &'a [u8],
    key: &B256,
    mut used: usize,
) -> Result<Step<'a>, StateError> {
    let key = Path::of_key(key.as_slice());
    loop {
        let rest = key.skip(used);
        let child = match decode(rlp)? {
            NodeView::Leaf { path, value }
                if path.len() == rest.len() && path.is_prefix_of(rest) =>
            {
                return Ok(Step::Value(value));
            }
            NodeView::Extension { path, child } if path.is_prefix_of(rest) => {
                used += path.len();
                child
            }
            NodeView::Leaf { .. } | NodeView::Extension { .. } => return Ok(Step::Absent),
            NodeView::Branch { children, .. } => {
                let nibble = if rest.is_empty() {
                    None
                } else {
                    children.get(usize::from(rest.at(0)))
                };
                used += 1;
                *nibble.ok_or(StateError::Corrupt)?
            }
        };
        match child {
            ChildView::Empty => return Ok(Step::Absent),
            ChildView::Hash(hash) => return Ok(Step::Down(*hash, used)),
            ChildView::Inline(inline) => rlp = inline,
        }
    }
}

/// The account in a leaf's value; `None` for a storage value, which is a string and never a list.
pub(crate) fn decode_account(mut value: &[u8]) -> Result<Option<Account>, StateError> {
    match value.first() {
        Some(0xc0..) => Account::decode(&mut value)
            .map(Some)
            .map_err(|_| StateError::Corrupt),
        _ => Ok(None),
    }
}

fn decode(rlp: &[u8]) -> Result<NodeView<'_>, StateError> {
    NodeView::decode(rlp).map_err(|_| StateError::Corrupt)
}
