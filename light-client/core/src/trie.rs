//! Hexary Merkle Patricia trie (Yellow Paper, appendix D) of which only a part may be known.
//!
//! A [`SparseTrie`] starts as a root hash and learns nodes from a [`Witness`]. What it has not seen stays *blinded*: present by its hash, unknown by its content.
//!
//! ```text
//!            root                        known, hashed
//!          /   |   \
//!       3f..  [5]  a1..                  3f.. and a1.. are blinded: 32 bytes each
//!            /   \
//!         leaf   77..                    reading the leaf's key: a value
//!                                        reading a key with no child at its nibble: absent, proven
//!                                        reading below 77..: Err(Blinded), because nobody knows
//! ```
//!
//! [`SparseTrie::update`] changes keys and marks the edges above them dirty; [`SparseTrie::root`] hashes the dirty nodes bottom-up, each once.
//! Nothing here recurses: a path has at most 64 nibbles, and walks keep their own stacks.

mod arena;
mod hash;
mod keccak;
pub mod nibbles;
pub mod node;
mod prune;
mod read;
mod reveal;
pub mod rlp;
mod update;
mod witness;

use alloc::vec::Vec;

use alloy_consensus::constants::EMPTY_ROOT_HASH;
use alloy_primitives::{B256, Bytes};

use self::{
    arena::Arena,
    node::{Child, Reference},
};
pub(crate) use self::{arena::check_place, reveal::Reach};
pub use self::{node::NodeError, prune::TrieSize, witness::Witness};

/// Nibbles of a hashed key: nodes from outside must lie on paths of this length.
pub const KEY_NIBBLES: usize = 64;

/// Why a trie could not be read, extended or changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrieError {
    /// The path meets a node of which only the hash is known: the answer is unknown, not "absent".
    #[error("node {hash} at depth {depth} is not known")]
    Blinded {
        /// The missing node's hash.
        hash: B256,
        /// Nibbles from the root.
        depth: usize,
    },
    /// A node that breaks the trie's format.
    #[error("node {hash} is invalid: {error}")]
    Node {
        /// Keccak of its bytes.
        hash: B256,
        /// What is wrong with it.
        error: NodeError,
    },
    /// More nodes than a witness may have.
    #[error("witness has {got} nodes, expected at most {limit}")]
    TooManyNodes {
        /// The limit.
        limit: usize,
        /// Nodes given.
        got: usize,
    },
    /// Nodes that are repeated, inside each other, more often than any honest trie does.
    #[error("witness fills more than {limit} places")]
    TooManyUses {
        /// The limit.
        limit: usize,
    },
    /// A node is given twice.
    #[error("node {hash} is given more than once")]
    DuplicateNode {
        /// The node.
        hash: B256,
    },
    /// A node that no known path reaches.
    #[error("no path reaches node {hash}")]
    UnreachableNode {
        /// The node.
        hash: B256,
    },
    /// A node looked up by one hash has another.
    #[error("node hashes to {got}, expected {expected}")]
    HashMismatch {
        /// The parent's reference.
        expected: B256,
        /// Keccak of the bytes that came.
        got: B256,
    },
    /// The trie was changed and its root not computed since.
    #[error("the trie has changes whose hashes are not computed")]
    Dirty,
    /// The arena contradicts itself. No input leads here.
    #[error("the trie's arena is inconsistent")]
    Corrupt,
}

impl TrieError {
    /// A stable word for the kind of error.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Blinded { .. } => "incomplete",
            Self::Node { .. } => "invalid_node",
            Self::TooManyNodes { .. } => "too_many_nodes",
            Self::TooManyUses { .. } => "too_many_uses",
            Self::DuplicateNode { .. } => "duplicate_node",
            Self::UnreachableNode { .. } => "unreachable_node",
            Self::HashMismatch { .. } => "node_hash",
            Self::Dirty => "dirty",
            Self::Corrupt => "corrupt",
        }
    }
}

/// A Merkle Patricia trie of which any part may be blinded.
///
/// Keys are what the trie is sorted by, so for state and storage they are already hashed. Nodes from outside must lie on 32-byte keys; a trie that is built here by
/// [`update`](Self::update) takes keys of any length.
#[derive(Clone, Debug, Default)]
pub struct SparseTrie {
    /// `None` is the empty trie.
    root: Option<Child>,
    arena: Arena,
    /// Stamp of nodes that are touched from now on; see [`prune`](Self::prune).
    epoch: u64,
    /// Edges and depths of the last walk, root first. Kept for its allocation.
    trail: Vec<(arena::Edge, usize)>,
}

impl SparseTrie {
    /// The trie without keys.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A trie of which nothing but the root hash is known.
    pub fn from_root(root: B256) -> Self {
        let blinded = Child {
            reference: Reference::Hash(root),
            node: None,
        };
        Self {
            root: (root != EMPTY_ROOT_HASH).then_some(blinded),
            ..Self::default()
        }
    }

    /// The root hash, if nothing has changed since it was computed.
    pub fn clean_root(&self) -> Option<B256> {
        match self.root {
            None => Some(EMPTY_ROOT_HASH),
            Some(Child {
                reference: Reference::Hash(hash),
                ..
            }) => Some(hash),
            Some(_) => None,
        }
    }

    /// Whether nothing but the root hash is known.
    pub fn is_blinded(&self) -> bool {
        self.root.is_some_and(|root| root.node.is_none())
    }
}

/// Where nodes come from that a walk meets blinded.
pub(crate) trait Resolve {
    /// The RLP of the node with this hash, `depth` nibbles down the path of `key`, if it can be had.
    fn resolve(&mut self, hash: &B256, key: &[u8], depth: usize) -> Option<Bytes>;
}

/// Nothing but what the trie knows.
#[derive(Debug)]
pub(crate) struct KnownOnly;

impl Resolve for KnownOnly {
    fn resolve(&mut self, _: &B256, _: &[u8], _: usize) -> Option<Bytes> {
        None
    }
}

/// What the tests of the trie's modules share.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A key with these nibbles in front and zeros behind.
    pub(crate) fn key(nibbles: &str) -> B256 {
        alloc::format!("{nibbles:0<64}").parse().unwrap()
    }

    /// A value that is too long to be inlined, or to be mistaken for another's.
    pub(crate) fn value(seed: u8) -> Option<Vec<u8>> {
        Some(alloc::vec![seed; 40])
    }

    /// A trie that holds a value at each key, its root, and its nodes.
    pub(crate) fn build(keys: &[&str]) -> (SparseTrie, B256, Vec<Bytes>) {
        let changes: Vec<_> = (1..).zip(keys).map(|(i, k)| (key(k), value(i))).collect();
        let mut trie = SparseTrie::empty();
        trie.update(&changes).unwrap();
        let mut nodes = Vec::new();
        let root = trie.root_with(|_, rlp| nodes.push(Bytes::copy_from_slice(rlp)));
        (trie, root, nodes)
    }

    /// The root over these keys, with the values that `build` would give them.
    pub(crate) fn root_of(keys: &[(&str, u8)]) -> B256 {
        let mut trie = SparseTrie::empty();
        for (k, seed) in keys {
            trie.update(&[(key(k), value(*seed))]).unwrap();
        }
        trie.root()
    }

    /// The RLP of a list of items that are RLP already.
    pub(crate) fn list(items: &[Vec<u8>]) -> Bytes {
        let mut out = Vec::new();
        let header = alloy_rlp::Header {
            list: true,
            payload_length: items.iter().map(Vec::len).sum(),
        };
        header.encode(&mut out);
        out.extend(items.concat());
        out.into()
    }

    /// The RLP of a byte string.
    pub(crate) fn string(bytes: &[u8]) -> Vec<u8> {
        alloy_rlp::encode(bytes)
    }

    /// A client that knows the nodes on the paths of `known` only.
    pub(crate) fn partial(full: &SparseTrie, known: &[&str]) -> SparseTrie {
        let mut nodes: Vec<Bytes> = Vec::new();
        for node in known.iter().flat_map(|k| full.prove(key(k)).unwrap()) {
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        let mut trie = SparseTrie::from_root(full.clean_root().unwrap());
        let mut witness = Witness::new(&nodes).unwrap();
        trie.reveal(&mut witness).unwrap();
        witness.finish().unwrap();
        trie
    }
}
