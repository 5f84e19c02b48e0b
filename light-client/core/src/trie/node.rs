//! Trie nodes: strict decoding to a borrowed view, and the owned form that a [`SparseTrie`](super::SparseTrie) keeps (Yellow Paper, appendix D).
//!
//! ```text
//! leaf       [hex-prefix path, value]
//! extension  [hex-prefix path, child]                    the child is a branch
//! branch     [child 0, .. child f, value]                at least two of the 17 are set
//! child      32-byte hash, or the node itself where its RLP is shorter than 32 bytes, or empty
//! ```

use alloc::vec::Vec;

use alloy_primitives::B256;
use alloy_rlp::{EMPTY_STRING_CODE, length_of_length};

use super::{
    nibbles::{Nibbles, Path},
    rlp::{self, Item},
};
use crate::limits::{MAX_LEAF_BYTES, MAX_NODE_BYTES};

/// Why bytes are not a trie node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Not canonical RLP.
    #[error("not canonical RLP: {0}")]
    Rlp(alloy_rlp::Error),
    /// Neither 2 nor 17 items.
    #[error("node has {got} items, expected 2 or 17")]
    ItemCount {
        /// Items found; more than 17 are not counted.
        got: usize,
    },
    /// Larger than any node of its kind.
    #[error("node of {got} bytes, expected at most {limit}")]
    TooLarge {
        /// The limit for this kind of node.
        limit: usize,
        /// Its length.
        got: usize,
    },
    /// A path whose hex-prefix flags no encoder writes.
    #[error("path has invalid hex-prefix flags")]
    PathFlags,
    /// An extension without a path.
    #[error("extension has an empty path")]
    EmptyPath,
    /// A leaf without a value.
    #[error("leaf has an empty value")]
    EmptyValue,
    /// A child reference that is neither empty, nor a hash, nor a node shorter than 32 bytes.
    #[error("child reference of {got} bytes, expected 0, 32, or a node of less than 32")]
    ChildReference {
        /// Its length.
        got: usize,
    },
    /// A branch that should have collapsed: fewer than two children and value.
    #[error("branch has {got} entries, expected at least 2")]
    SparseBranch {
        /// Children plus value.
        got: usize,
    },
    /// A node of less than 32 bytes that is referenced by its hash.
    #[error("node of {got} bytes is referenced by hash, expected at least 32")]
    TooShort {
        /// Its length.
        got: usize,
    },
    /// An extension or a leaf below an extension, which would have been merged.
    #[error("extension does not lead to a branch")]
    ExtensionChild,
    /// A leaf or branch at a depth that 32-byte keys do not have.
    #[error("node ends at nibble {got}, expected 64 for leaves and less for others")]
    Depth {
        /// Nibbles from the root to the node's end.
        got: usize,
    },
}

impl From<alloy_rlp::Error> for NodeError {
    fn from(error: alloy_rlp::Error) -> Self {
        Self::Rlp(error)
    }
}

/// What a node says about a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildView<'a> {
    /// No child.
    Empty,
    /// The child's RLP has 32 bytes or more, and this hash.
    Hash(&'a B256),
    /// The child's RLP itself.
    Inline(&'a [u8]),
}

/// A decoded node, borrowed from its RLP.
#[allow(
    clippy::large_enum_variant,
    reason = "lives on the stack for one step of a walk"
)]
#[derive(Clone, Copy, Debug)]
pub enum NodeView<'a> {
    /// A key's end and its value.
    Leaf {
        /// What is left of the key.
        path: Path<'a>,
        /// Never empty.
        value: &'a [u8],
    },
    /// A run of nibbles that all keys below share.
    Extension {
        /// Never empty.
        path: Path<'a>,
        /// Never [`ChildView::Empty`].
        child: ChildView<'a>,
    },
    /// One child for each next nibble.
    Branch {
        /// By nibble.
        children: [ChildView<'a>; 16],
        /// The value of the key that ends here, empty for none.
        value: &'a [u8],
    },
}

impl<'a> NodeView<'a> {
    /// Decodes one node, which must be canonical and fill `raw`.
    pub fn decode(raw: &'a [u8]) -> Result<Self, NodeError> {
        check_size(raw, MAX_LEAF_BYTES)?;
        let mut items = match rlp::decode_item(raw)? {
            Item::List { payload, .. } => payload,
            Item::Bytes(_) => return Err(alloy_rlp::Error::UnexpectedString.into()),
        };
        let first = rlp::split_item(&mut items)?;
        let second = rlp::split_item(&mut items)?;
        if items.is_empty() {
            return Self::decode_short(raw, first, second);
        }
        check_size(raw, MAX_NODE_BYTES)?;
        let mut children = [ChildView::Empty; 16];
        let mut entries = 0_usize;
        for (index, slot) in children.iter_mut().enumerate() {
            *slot = match index {
                0 => decode_child(first)?,
                1 => decode_child(second)?,
                _ if items.is_empty() => return Err(NodeError::ItemCount { got: index }),
                _ => next_child(&mut items)?,
            };
            if *slot != ChildView::Empty {
                entries = entries.saturating_add(1);
            }
        }
        if items.is_empty() {
            return Err(NodeError::ItemCount { got: 16 });
        }
        let value = match rlp::split_item(&mut items)? {
            Item::Bytes(value) => value,
            Item::List { .. } => return Err(alloy_rlp::Error::UnexpectedList.into()),
        };
        if !items.is_empty() {
            return Err(NodeError::ItemCount { got: 18 });
        }
        let entries = entries.saturating_add(usize::from(!value.is_empty()));
        if entries < 2 {
            return Err(NodeError::SparseBranch { got: entries });
        }
        Ok(Self::Branch { children, value })
    }

    fn decode_short(raw: &[u8], path: Item<'a>, second: Item<'a>) -> Result<Self, NodeError> {
        let Item::Bytes(path) = path else {
            return Err(alloy_rlp::Error::UnexpectedList.into());
        };
        let (path, is_leaf) = Path::from_hex_prefix(path).ok_or(NodeError::PathFlags)?;
        if is_leaf {
            return match second {
                Item::Bytes([]) => Err(NodeError::EmptyValue),
                Item::Bytes(value) => Ok(Self::Leaf { path, value }),
                Item::List { .. } => Err(alloy_rlp::Error::UnexpectedList.into()),
            };
        }
        check_size(raw, MAX_NODE_BYTES)?;
        if path.is_empty() {
            return Err(NodeError::EmptyPath);
        }
        match decode_child(second)? {
            ChildView::Empty => Err(NodeError::ChildReference { got: 0 }),
            child => Ok(Self::Extension { path, child }),
        }
    }
}

fn check_size(raw: &[u8], limit: usize) -> Result<(), NodeError> {
    if raw.len() > limit {
        return Err(NodeError::TooLarge {
            limit,
            got: raw.len(),
        });
    }
    Ok(())
}

/// The two encodings that nearly all children have, without the general decoder.
fn next_child<'a>(items: &mut &'a [u8]) -> Result<ChildView<'a>, NodeError> {
    match *items {
        [0xa0, rest @ ..] => {
            if let Some((hash, rest)) = rest.split_first_chunk::<32>() {
                *items = rest;
                return Ok(ChildView::Hash(hash.into()));
            }
        }
        [EMPTY_STRING_CODE, rest @ ..] => {
            *items = rest;
            return Ok(ChildView::Empty);
        }
        _ => {}
    }
    decode_child(rlp::split_item(items)?)
}

fn decode_child(item: Item<'_>) -> Result<ChildView<'_>, NodeError> {
    match item {
        Item::Bytes([]) => Ok(ChildView::Empty),
        Item::Bytes(bytes) => match <&[u8; 32]>::try_from(bytes) {
            Ok(hash) => Ok(ChildView::Hash(hash.into())),
            Err(_) => Err(NodeError::ChildReference { got: bytes.len() }),
        },
        Item::List { raw, .. } if raw.len() < 32 => Ok(ChildView::Inline(raw)),
        Item::List { raw, .. } => Err(NodeError::ChildReference { got: raw.len() }),
    }
}

/// How a parent refers to a node that the trie keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// Changed since the last root: not known.
    Dirty,
    /// Keccak of its RLP.
    Hash(B256),
    /// Its RLP: the first `len` of `bytes`.
    Inline { len: u8, bytes: [u8; 31] },
}

impl Reference {
    /// The reference of a node that is inlined, if it is short enough.
    pub(super) fn inline(rlp: &[u8]) -> Option<Self> {
        let mut bytes = [0; 31];
        bytes.get_mut(..rlp.len())?.copy_from_slice(rlp);
        let len = u8::try_from(rlp.len()).ok()?;
        Some(Self::Inline { len, bytes })
    }

    pub(super) const fn is_dirty(&self) -> bool {
        matches!(self, Self::Dirty)
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Dirty => 1,
            Self::Hash(_) => 33,
            Self::Inline { len, .. } => usize::from(*len),
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Dirty => out.push(EMPTY_STRING_CODE),
            Self::Hash(hash) => {
                out.push(0xa0);
                out.extend_from_slice(hash.as_slice());
            }
            Self::Inline { len, bytes } => {
                out.extend_from_slice(bytes.get(..usize::from(*len)).unwrap_or_default());
            }
        }
    }
}

/// Where a node lies in its trie's arena. Never 0, so that an optional one takes four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(pub(super) core::num::NonZeroU32);

/// An edge of the trie: what the parent's RLP says, and the node itself if it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    pub(super) reference: Reference,
    /// `None` is *blinded*: the node exists and has this hash, but was never seen.
    pub(super) node: Option<NodeId>,
}

/// A node in the arena.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Leaf { path: Nibbles, value: Vec<u8> },
    Extension { path: Nibbles, child: Child },
    Branch { children: Children, value: Vec<u8> },
}

impl Node {
    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Leaf { path, value } => path.heap_bytes().saturating_add(value.capacity()),
            Self::Extension { path, .. } => path.heap_bytes(),
            Self::Branch { children, value } => children
                .list
                .capacity()
                .saturating_mul(size_of::<Child>())
                .saturating_add(value.capacity()),
        }
    }

    /// Appends the node's RLP. The references of its children must be known.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Leaf { path, value } => {
                let length = path_item_len(path).saturating_add(bytes_item_len(value));
                rlp::put_list_header(length, out);
                put_path(path, true, out);
                rlp::put_bytes(value, out);
            }
            Self::Extension { path, child } => {
                let length = path_item_len(path).saturating_add(child.reference.encoded_len());
                rlp::put_list_header(length, out);
                put_path(path, false, out);
                child.reference.put(out);
            }
            Self::Branch { children, value } => {
                let empty = 16_usize.saturating_sub(children.len());
                let length = children
                    .iter()
                    .fold(empty, |sum, (_, child)| {
                        sum.saturating_add(child.reference.encoded_len())
                    })
                    .saturating_add(bytes_item_len(value));
                rlp::put_list_header(length, out);
                let mut next = 0;
                for (nibble, child) in children.iter() {
                    put_empty(nibble.saturating_sub(next), out);
                    child.reference.put(out);
                    next = nibble.saturating_add(1);
                }
                put_empty(16_u8.saturating_sub(next), out);
                rlp::put_bytes(value, out);
            }
        }
    }
}

fn put_empty(count: u8, out: &mut Vec<u8>) {
    for _ in 0..count {
        out.push(EMPTY_STRING_CODE);
    }
}

fn path_item_len(path: &Nibbles) -> usize {
    match path.hex_prefix_len() {
        // The first byte is below 0x40 and stands for itself.
        1 => 1,
        length => length.saturating_add(length_of_length(length)),
    }
}

fn put_path(path: &Nibbles, leaf: bool, out: &mut Vec<u8>) {
    let length = path.hex_prefix_len();
    if length > 1 {
        alloy_rlp::Header {
            list: false,
            payload_length: length,
        }
        .encode(out);
    }
    path.put_hex_prefix(leaf, out);
}

fn bytes_item_len(bytes: &[u8]) -> usize {
    match bytes {
        [byte] if *byte < EMPTY_STRING_CODE => 1,
        bytes => bytes.len().saturating_add(length_of_length(bytes.len())),
    }
}

/// The children of a branch: a bit for each nibble that has one, and these in order.
///
/// Most branches of a state trie are either full and near the root, or have two or three children, so that sixteen slots would mostly be air.
#[derive(Clone, Debug, Default)]
pub(super) struct Children {
    mask: u16,
    list: Vec<Child>,
}

impl Children {
    pub(super) const fn new() -> Self {
        Self {
            mask: 0,
            list: Vec::new(),
        }
    }

    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            mask: 0,
            list: Vec::with_capacity(capacity),
        }
    }

    /// Adds a child behind all others.
    pub(super) fn push(&mut self, nibble: u8, child: Child) {
        self.mask |= bit(nibble);
        self.list.push(child);
    }

    pub(super) const fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn get(&self, nibble: u8) -> Option<&Child> {
        self.list.get(self.position(nibble)?)
    }

    pub(super) fn get_mut(&mut self, nibble: u8) -> Option<&mut Child> {
        let position = self.position(nibble)?;
        self.list.get_mut(position)
    }

    /// Sets the child at `nibble`.
    pub(super) fn insert(&mut self, nibble: u8, child: Child) {
        if let Some(old) = self.get_mut(nibble) {
            *old = child;
            return;
        }
        let position = self.rank(nibble).min(self.list.len());
        self.mask |= bit(nibble);
        self.list.insert(position, child);
    }

    pub(super) fn remove(&mut self, nibble: u8) -> Option<Child> {
        let position = self.position(nibble)?;
        self.mask &= !bit(nibble);
        (position < self.list.len()).then(|| self.list.remove(position))
    }

    /// The children with their nibbles, in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u8, &Child)> {
        let mask = self.mask;
        NibblesOf { mask }.zip(&self.list)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Child> {
        self.list.iter_mut()
    }

    /// The first child at or after `from` that has changed since the last root.
    pub(super) fn next_dirty(&self, from: u8) -> Option<(u8, Option<NodeId>)> {
        let rank = self.rank(from);
        let mask = self.mask & !bit(from).wrapping_sub(1);
        NibblesOf { mask }
            .zip(self.list.iter().skip(rank))
            .find(|(_, child)| child.reference.is_dirty())
            .map(|(nibble, child)| (nibble, child.node))
    }

    fn position(&self, nibble: u8) -> Option<usize> {
        (self.mask & bit(nibble) != 0).then(|| self.rank(nibble))
    }

    /// How many children stand before `nibble`.
    fn rank(&self, nibble: u8) -> usize {
        let before = self.mask & bit(nibble).wrapping_sub(1);
        usize::try_from(before.count_ones()).unwrap_or(0)
    }
}

/// The nibbles of a mask, in order.
struct NibblesOf {
    mask: u16,
}

impl Iterator for NibblesOf {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let lowest = u8::try_from(self.mask.trailing_zeros()).ok()?;
        self.mask &= !bit(lowest);
        (lowest < 16).then_some(lowest)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.len();
        (count, Some(count))
    }
}

impl DoubleEndedIterator for NibblesOf {
    fn next_back(&mut self) -> Option<u8> {
        let highest = 15_u32.checked_sub(self.mask.leading_zeros())?;
        let highest = u8::try_from(highest).ok()?;
        self.mask &= !bit(highest);
        Some(highest)
    }
}

impl ExactSizeIterator for NibblesOf {
    fn len(&self) -> usize {
        usize::try_from(self.mask.count_ones()).unwrap_or(0)
    }
}

/// The nibble's bit; none above 15.
fn bit(nibble: u8) -> u16 {
    1_u16.checked_shl(u32::from(nibble)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{list, string};
    use super::*;
    use alloc::vec;
    use alloy_primitives::Bytes;

    const EMPTY: &[u8] = &[];

    fn refusal(raw: &[u8]) -> Option<NodeError> {
        NodeView::decode(raw).err()
    }

    /// A branch with so many children, all by hash, and this value.
    fn branch(children: usize, value: &[u8]) -> Bytes {
        let mut items = vec![string(EMPTY); 16];
        items[..children].fill(string(&[9; 32]));
        items.push(string(value));
        list(&items)
    }

    #[test]
    fn a_node_has_two_items_or_seventeen() {
        for got in (3..17).chain([18]) {
            let node = list(&vec![string(EMPTY); got]);
            assert_eq!(refusal(&node), Some(NodeError::ItemCount { got }));
        }
        for few in 0..2 {
            let node = list(&vec![string(EMPTY); few]);
            assert!(matches!(refusal(&node), Some(NodeError::Rlp(_))));
        }
        assert_eq!(refusal(&branch(16, EMPTY)), None);
        assert_eq!(refusal(&list(&[vec![0x20], vec![1]])), None);
    }

    #[test]
    fn a_branch_has_at_least_two_entries() {
        for (children, value) in [(0, EMPTY), (0, &[1]), (1, EMPTY)] {
            let got = children + value.len();
            let error = refusal(&branch(children, value));
            assert_eq!(error, Some(NodeError::SparseBranch { got }));
        }
        for (children, value) in [(1, &[1][..]), (2, EMPTY), (2, &[1])] {
            assert_eq!(refusal(&branch(children, value)), None);
        }
    }

    #[test]
    fn leaves_and_extensions_are_not_empty() {
        let hash = string(&[9; 32]);
        let error = refusal(&list(&[vec![0x20], string(EMPTY)]));
        assert_eq!(error, Some(NodeError::EmptyValue));
        let error = refusal(&list(&[vec![0x00], hash]));
        assert_eq!(error, Some(NodeError::EmptyPath));
        let error = refusal(&list(&[vec![0x11], string(EMPTY)]));
        assert_eq!(error, Some(NodeError::ChildReference { got: 0 }));
    }

    #[test]
    fn a_child_is_a_hash_or_a_node_of_less_than_32_bytes() {
        let inline = |length: usize| list(&[string(&vec![7; length - 2])]).to_vec();
        let extension = |child| list(&[vec![0x11], child]);
        for good in [string(&[9; 32]), inline(31), inline(4)] {
            assert_eq!(refusal(&extension(good)), None);
        }
        for got in [32, 33, 50] {
            let error = refusal(&extension(inline(got)));
            assert_eq!(error, Some(NodeError::ChildReference { got }));
        }
        for got in [1, 31, 33] {
            let error = refusal(&extension(string(&vec![9; got])));
            assert_eq!(error, Some(NodeError::ChildReference { got }));
        }
    }

    #[test]
    fn nodes_are_bounded_by_kind() {
        let leaf = |value: usize| list(&[vec![0x20], string(&vec![7; value])]);
        let extension = |path: usize| list(&[string(&vec![0; path]), string(&[9; 32])]);
        for (limit, largest, larger) in [
            (65_536, leaf(65_529), leaf(65_530)),
            (1_024, extension(985), extension(986)),
            (1_024, branch(2, &[7; 938]), branch(2, &[7; 939])),
        ] {
            assert_eq!((largest.len(), refusal(&largest)), (limit, None));
            let got = limit + 1;
            let error = Some(NodeError::TooLarge { limit, got });
            assert_eq!(refusal(&larger), error);
        }
    }

    #[test]
    fn nibbles_of_a_mask_come_in_order_from_both_ends() {
        for (mask, nibbles) in [(0, &[][..]), (0x8421, &[0, 5, 10, 15]), (0x0180, &[7, 8])] {
            let all = NibblesOf { mask };
            assert_eq!(all.size_hint(), (nibbles.len(), Some(nibbles.len())));
            assert!(all.eq(nibbles.iter().copied()));
            assert!(NibblesOf { mask }.rev().eq(nibbles.iter().rev().copied()));
        }
    }

    #[test]
    fn leaves_survive_a_round_trip() {
        for nibbles in [0, 1, 2, 63, 64] {
            for value in [&[0x00][..], &[0x7f], &[0x80], &[0xff], &[1; 55], &[1; 56]] {
                let node = Node::Leaf {
                    path: Nibbles::join(&[Path::of_key(&[0x5a; 32]).take(nibbles)]),
                    value: value.to_vec(),
                };
                let mut rlp = Vec::new();
                node.encode(&mut rlp);
                match NodeView::decode(&rlp) {
                    Ok(NodeView::Leaf { path, value: read }) => {
                        assert_eq!((path.len(), read), (nibbles, value));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
