//! Reading one RLP-encoded trie node in place (Yellow Paper, appendix D). The store holds nodes that this process encoded; what does not decode is corruption, and an error.
//!
//! ```text
//! branch     [c0, c1, .., c15, value]      child = 0x80 | 0xa0 || hash | the child itself, if its RLP is below 32 bytes
//! extension  [compact(path), child]
//! leaf       [compact(path), value]        account leaf: value = rlp([nonce, balance, storage_root, code_hash])
//! ```

use alloy_primitives::{B256, U256};
use alloy_rlp::{Decodable, Header};

use crate::db::{Account, StateError};

/// A child slot of a branch or extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Child<'a> {
    Empty,
    Hash(B256),
    Inline(&'a [u8]),
}

/// One decoded node, borrowing its encoding.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    Branch([Child<'a>; 16]),
    Extension { path: &'a [u8], child: Child<'a> },
    Leaf { path: &'a [u8], value: &'a [u8] },
}

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

impl<'a> Node<'a> {
    pub(crate) fn decode(rlp: &'a [u8]) -> Result<Self, StateError> {
        let mut rest = rlp;
        let mut payload = Header::decode_bytes(&mut rest, true).map_err(|_| StateError::Corrupt)?;
        let mut items: [&[u8]; 17] = [&[]; 17];
        let mut count = 0;
        while !payload.is_empty() {
            *items.get_mut(count).ok_or(StateError::Corrupt)? = take_item(&mut payload)?;
            count += 1;
        }
        match count {
            17 => {
                let mut children = [Child::Empty; 16];
                for (child, item) in children.iter_mut().zip(items) {
                    *child = decode_child(item)?;
                }
                Ok(Node::Branch(children))
            }
            2 => {
                let mut item = items[0];
                let path =
                    Header::decode_bytes(&mut item, false).map_err(|_| StateError::Corrupt)?;
                let flag = *path.first().ok_or(StateError::Corrupt)?;
                if flag & 0x20 == 0 {
                    return Ok(Node::Extension {
                        path,
                        child: decode_child(items[1])?,
                    });
                }
                let mut item = items[1];
                let value =
                    Header::decode_bytes(&mut item, false).map_err(|_| StateError::Corrupt)?;
                Ok(Node::Leaf { path, value })
            }
            _ => Err(StateError::Corrupt),
        }
    }

    /// Calls `f` with every node hash that this one references, a leaf's storage root included, in key order.
    pub(crate) fn for_each_reference(&self, mut f: impl FnMut(B256)) {
        // An inlined node is shorter than a hash, so it references nothing.
        match self {
            Node::Branch(children) => {
                for child in children {
                    if let Child::Hash(hash) = child {
                        f(*hash);
                    }
                }
            }
            Node::Extension {
                child: Child::Hash(hash),
                ..
            } => f(*hash),
            Node::Extension { .. } => {}
            Node::Leaf { value, .. } => {
                if let Some(account) = decode_account_leaf(value)
                    && account.storage_root != EMPTY_ROOT
                {
                    f(account.storage_root);
                }
            }
        }
    }

    /// The code hash of an account leaf.
    pub(crate) fn code_hash(&self) -> Option<B256> {
        match self {
            Node::Leaf { value, .. } => decode_account_leaf(value).map(|account| account.code_hash),
            _ => None,
        }
    }
}

/// Follows `key` (64 nibbles), of which `used` are behind us, through a stored node and whatever is inlined in it.
pub(crate) fn follow<'a>(
    rlp: &'a [u8],
    key: &[u8; 64],
    mut used: usize,
) -> Result<Step<'a>, StateError> {
    let mut rlp = rlp;
    loop {
        let rest = key.get(used..).ok_or(StateError::Corrupt)?;
        let child = match Node::decode(rlp)? {
            Node::Branch(children) => {
                let nibble = *rest.first().ok_or(StateError::Corrupt)?;
                used += 1;
                children[usize::from(nibble)]
            }
            Node::Extension { path, child } => {
                let Some(length) = match_path(path, rest, false) else {
                    return Ok(Step::Absent);
                };
                used += length;
                child
            }
            Node::Leaf { path, value } => {
                return Ok(match match_path(path, rest, true) {
                    Some(_) => Step::Value(value),
                    None => Step::Absent,
                });
            }
        };
        match child {
            Child::Empty => return Ok(Step::Absent),
            Child::Hash(hash) => return Ok(Step::Down(hash, used)),
            Child::Inline(inline) => rlp = inline,
        }
    }
}

/// The account in a leaf's value. Storage leaves hold RLP strings, never lists, so the two cannot be confused.
pub(crate) fn decode_account_leaf(value: &[u8]) -> Option<Account> {
    if value.first().is_none_or(|first| *first < 0xc0) {
        return None;
    }
    let mut rest = value;
    let mut payload = Header::decode_bytes(&mut rest, true).ok()?;
    Some(Account {
        nonce: u64::decode(&mut payload).ok()?,
        balance: U256::decode(&mut payload).ok()?,
        storage_root: B256::decode(&mut payload).ok()?,
        code_hash: B256::decode(&mut payload).ok()?,
    })
}

/// The nibbles of a 32-byte key.
pub(crate) fn to_nibbles(key: B256) -> [u8; 64] {
    let mut nibbles = [0; 64];
    for (pair, byte) in nibbles.chunks_exact_mut(2).zip(key) {
        pair.copy_from_slice(&[byte >> 4, byte & 0x0f]);
    }
    nibbles
}

/// Length of a compact-encoded path if `rest` begins with it (or, for a leaf, equals it).
fn match_path(path: &[u8], rest: &[u8], whole: bool) -> Option<usize> {
    let (flag, bytes) = path.split_first()?;
    let odd = (flag & 0x10 != 0).then_some(flag & 0x0f);
    let nibbles = odd
        .into_iter()
        .chain(bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]));
    let length = usize::from(odd.is_some()) + bytes.len() * 2;
    let fits = if whole {
        rest.len() == length
    } else {
        rest.len() >= length
    };
    (fits && nibbles.eq(rest.get(..length)?.iter().copied())).then_some(length)
}

fn decode_child(item: &[u8]) -> Result<Child<'_>, StateError> {
    match item {
        [0x80] => Ok(Child::Empty),
        [0xa0, hash @ ..] if hash.len() == 32 => Ok(Child::Hash(B256::from_slice(hash))),
        [first, ..] if *first >= 0xc0 => Ok(Child::Inline(item)),
        _ => Err(StateError::Corrupt),
    }
}

/// Splits the next RLP item, header included, off `buf`.
fn take_item<'a>(buf: &mut &'a [u8]) -> Result<&'a [u8], StateError> {
    let mut rest = *buf;
    let header = Header::decode(&mut rest).map_err(|_| StateError::Corrupt)?;
    // A single byte below 0x80 is its own header.
    let length = buf.len() - rest.len() + header.payload_length;
    let (item, after) = buf.split_at_checked(length).ok_or(StateError::Corrupt)?;
    *buf = after;
    Ok(item)
}

/// Root of a trie without keys: `keccak(rlp(""))`.
pub(crate) const EMPTY_ROOT: B256 =
    alloy_primitives::b256!("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
