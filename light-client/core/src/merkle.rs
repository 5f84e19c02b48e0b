//! The accounts root: a binary Merkle tree over a block access list's entries, sorted by address (check 10). `docs/wire-format.md` section 1, "Accounts root".
//!
//! ```text
//!                 keccak(2 || count || top)           accounts_root
//!                            |
//!                   keccak(1 || . || .)               top
//!                    /              \
//!          keccak(1 || . || .)      leaf 2            an odd node moves up unchanged
//!            /          \
//!         leaf 0      leaf 1                          keccak(0 || address || keccak(rlp(entry)))
//! ```
//!
//! Three prefixes keep leaves, nodes and the root apart, and the count in the root fixes the tree's shape, so that an index has exactly one path. An account is proven *absent* by the two
//! leaves that stand where it would stand. That holds as far as the sequencer sorted the leaves: clients that see the whole list check it ([`crate::bal`]).

use crate::{
    fault::{Mismatch, Value},
    rlp::{DecodeError, Reader, write_list},
};
use alloc::vec::Vec;
use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, Keccak256, keccak256};
use alloy_rlp::Encodable;
use thiserror::Error;

const LEAF: u8 = 0;
const NODE: u8 = 1;
const ROOT: u8 = 2;

/// Most siblings of a path: a count is 64 bits wide.
const MAX_SIBLINGS: usize = 64;

/// Why a proof under an accounts root is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MerkleError {
    /// The path does not lead to the root.
    #[error("accounts_root: expected {expected}, got {got}")]
    Root {
        /// The root in the header's extension.
        expected: B256,
        /// The root that the path leads to.
        got: B256,
    },
    /// The index is not below the count.
    #[error("index: expected below {expected}, got {got}")]
    Index {
        /// The count.
        expected: u64,
        /// The index.
        got: u64,
    },
    /// Too few or too many siblings for the index and the count.
    #[error("siblings: expected {expected}, got {got}")]
    Siblings {
        /// How many siblings the path of this index has.
        expected: usize,
        /// How many came.
        got: usize,
    },
    /// The neighbours do not stand on both sides of the address, or are not the neighbours that the count demands.
    #[error("neighbours do not enclose {address}: {reason}")]
    NotAdjacent {
        /// The address said to be absent.
        address: Address,
        /// Which rule is broken.
        reason: &'static str,
    },
}

impl MerkleError {
    /// The field, what was expected and what came.
    pub fn mismatch(&self) -> Mismatch {
        match *self {
            Self::Root { expected, got } => Mismatch::new("accounts_root", expected, got),
            Self::Index { expected, got } => Mismatch::new("inclusion.index", expected, got),
            Self::Siblings { expected, got } => Mismatch::new("inclusion.siblings", expected, got),
            Self::NotAdjacent { address, reason } => {
                let (expected, got) = (Value::Address(address), Value::Text(reason));
                Mismatch {
                    field: "absence",
                    expected,
                    got,
                }
            }
        }
    }
}

/// The path of one leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// Position of the leaf.
    pub index: u64,
    /// Number of leaves.
    pub count: u64,
    /// Siblings from the leaf up.
    pub siblings: Vec<B256>,
}

/// A leaf beside the place where an address would stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The neighbour's address.
    pub address: Address,
    /// Keccak-256 of the neighbour's entry.
    pub entry_hash: B256,
    /// Position of the leaf.
    pub index: u64,
    /// Siblings from the leaf up.
    pub siblings: Vec<B256>,
}

/// The leaves on both sides of an address that has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbsenceProof {
    /// Number of leaves.
    pub count: u64,
    /// The last leaf before the address; none when the address is before the first.
    pub left: Option<Neighbour>,
    /// The first leaf after the address; none when the address is after the last.
    pub right: Option<Neighbour>,
}

/// Keccak-256 of one entry's RLP.
pub fn hash_entry(entry: &AccountChanges) -> B256 {
    let mut rlp = Vec::with_capacity(entry.length());
    entry.encode(&mut rlp);
    keccak256(rlp)
}

/// The accounts root of a block access list.
pub fn compute_accounts_root(entries: &[AccountChanges]) -> B256 {
    AccountsTree::new(entries).root()
}

/// The path of the entry at `index`; none when there is no such entry.
pub fn prove_inclusion(entries: &[AccountChanges], index: usize) -> Option<InclusionProof> {
    AccountsTree::new(entries).prove_inclusion(index)
}

/// The leaves around `address`; none when it has an entry.
pub fn prove_absence(entries: &[AccountChanges], address: Address) -> Option<AbsenceProof> {
    AccountsTree::new(entries).prove_absence(address)
}

/// The whole tree of one block, hashed once, for a prover that answers for many addresses.
#[derive(Clone, Debug)]
pub struct AccountsTree<'a> {
    entries: &'a [AccountChanges],
    /// From the leaves up; the last row has at most one node.
    rows: Vec<Vec<B256>>,
}

impl<'a> AccountsTree<'a> {
    /// The tree over `entries`, which are sorted by address.
    pub fn new(entries: &'a [AccountChanges]) -> Self {
        let leaves = hash_leaves(entries);
        let above = |row: &Vec<B256>| (row.len() > 1).then(|| hash_row(row));
        let rows = core::iter::successors(Some(leaves), above).collect();
        Self { entries, rows }
    }

    /// The accounts root.
    pub fn root(&self) -> B256 {
        let top = self.rows.last().and_then(|row| row.first());
        hash_root(count_of(self.entries), top.copied().unwrap_or_default())
    }

    /// The path of the entry at `index`; none when there is no such entry.
    pub fn prove_inclusion(&self, index: usize) -> Option<InclusionProof> {
        Some(InclusionProof {
            index: u64::try_from(index).ok()?,
            count: count_of(self.entries),
            siblings: self.siblings(index)?,
        })
    }

    /// The leaves around `address`; none when it has an entry.
    pub fn prove_absence(&self, address: Address) -> Option<AbsenceProof> {
        let by_address = |entry: &AccountChanges| entry.address;
        let right = self.entries.binary_search_by_key(&address, by_address);
        let right = right.err()?;
        Some(AbsenceProof {
            count: count_of(self.entries),
            left: right.checked_sub(1).and_then(|left| self.neighbour(left)),
            right: self.neighbour(right),
        })
    }

    fn neighbour(&self, index: usize) -> Option<Neighbour> {
        let entry = self.entries.get(index)?;
        Some(Neighbour {
            address: entry.address,
            entry_hash: hash_entry(entry),
            index: u64::try_from(index).ok()?,
            siblings: self.siblings(index)?,
        })
    }

    fn siblings(&self, mut index: usize) -> Option<Vec<B256>> {
        self.entries.get(index)?;
        let mut siblings = Vec::new();
        for row in &self.rows {
            siblings.extend(row.get(index ^ 1));
            index >>= 1;
        }
        Some(siblings)
    }
}

/// Checks that `entry` is the entry of its address under `accounts_root`.
pub fn verify_inclusion(
    accounts_root: B256,
    entry: &AccountChanges,
    proof: &InclusionProof,
) -> Result<(), MerkleError> {
    let leaf = hash_leaf(entry.address, hash_entry(entry));
    verify_path(
        accounts_root,
        leaf,
        proof.index,
        proof.count,
        &proof.siblings,
    )
}

/// Checks that no entry under `accounts_root` has `address`, if the sequencer sorted them.
pub fn verify_absence(
    accounts_root: B256,
    address: Address,
    proof: &AbsenceProof,
) -> Result<(), MerkleError> {
    let not_adjacent = |reason| Err(MerkleError::NotAdjacent { address, reason });
    match (&proof.left, &proof.right) {
        (None, None) if proof.count != 0 => return not_adjacent("no neighbours, but leaves"),
        (None, None) => {
            let got = hash_root(0, B256::ZERO);
            return check_root(accounts_root, got);
        }
        (None, Some(right)) if right.index != 0 => return not_adjacent("right is not the first"),
        (Some(left), None) if left.index.checked_add(1) != Some(proof.count) => {
            return not_adjacent("left is not the last");
        }
        (Some(left), Some(right)) if left.index.checked_add(1) != Some(right.index) => {
            return not_adjacent("the neighbours are not adjacent");
        }
        _ => {}
    }
    if proof
        .left
        .as_ref()
        .is_some_and(|left| left.address >= address)
    {
        return not_adjacent("left is not before the address");
    }
    if proof
        .right
        .as_ref()
        .is_some_and(|right| right.address <= address)
    {
        return not_adjacent("right is not after the address");
    }
    for side in proof.left.iter().chain(&proof.right) {
        let leaf = hash_leaf(side.address, side.entry_hash);
        verify_path(accounts_root, leaf, side.index, proof.count, &side.siblings)?;
    }
    Ok(())
}

/// Climbs from a leaf to the root; index and count say at which rows there is a sibling.
fn verify_path(
    root: B256,
    leaf: B256,
    index: u64,
    count: u64,
    siblings: &[B256],
) -> Result<(), MerkleError> {
    if index >= count {
        return Err(MerkleError::Index {
            expected: count,
            got: index,
        });
    }
    let expected = path_sides(index, count).flatten().count();
    if siblings.len() != expected {
        return Err(MerkleError::Siblings {
            expected,
            got: siblings.len(),
        });
    }
    let sides = path_sides(index, count).flatten();
    let top = sides
        .zip(siblings)
        .fold(leaf, |node, (side, sibling)| match side {
            Side::Left => hash_node(*sibling, node),
            Side::Right => hash_node(node, *sibling),
        });
    check_root(root, hash_root(count, top))
}

fn check_root(expected: B256, got: B256) -> Result<(), MerkleError> {
    if got == expected {
        Ok(())
    } else {
        Err(MerkleError::Root { expected, got })
    }
}

/// On which side of the path's node its sibling stands.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// One item for each row from the leaves up: the sibling's side, or none where the node is the odd one at the end.
fn path_sides(index: u64, count: u64) -> impl Iterator<Item = Option<Side>> {
    let rows = core::iter::successors(Some((index, count)), |&(position, width)| {
        Some((position >> 1, width.div_ceil(2)))
    });
    rows.take_while(|&(_, width)| width > 1)
        .map(|(position, width)| {
            if position & 1 == 1 {
                Some(Side::Left)
            } else if position.checked_add(1) == Some(width) {
                None
            } else {
                Some(Side::Right)
            }
        })
}

fn hash_leaves(entries: &[AccountChanges]) -> Vec<B256> {
    entries
        .iter()
        .map(|entry| hash_leaf(entry.address, hash_entry(entry)))
        .collect()
}

fn hash_row(row: &[B256]) -> Vec<B256> {
    row.chunks(2)
        .filter_map(|pair| match pair {
            [left, right] => Some(hash_node(*left, *right)),
            odd => odd.first().copied(),
        })
        .collect()
}

fn hash_leaf(address: Address, entry_hash: B256) -> B256 {
    hash(LEAF, address.as_slice(), entry_hash.as_slice())
}

fn hash_node(left: B256, right: B256) -> B256 {
    hash(NODE, left.as_slice(), right.as_slice())
}

fn hash_root(count: u64, top: B256) -> B256 {
    hash(ROOT, &count.to_be_bytes(), top.as_slice())
}

fn hash(prefix: u8, first: &[u8], second: &[u8]) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update([prefix]);
    hasher.update(first);
    hasher.update(second);
    hasher.finalize()
}

fn count_of(entries: &[AccountChanges]) -> u64 {
    u64::try_from(entries.len()).unwrap_or(u64::MAX)
}

impl InclusionProof {
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            self.index.encode(out);
            self.count.encode(out);
            write_hashes(out, &self.siblings);
        });
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut list = reader.list("inclusion")?;
        let proof = Self {
            index: list.value("inclusion.index")?,
            count: list.value("inclusion.count")?,
            siblings: read_hashes(&mut list)?,
        };
        list.finish()?;
        Ok(proof)
    }
}

impl AbsenceProof {
    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            self.count.encode(out);
            for side in [&self.left, &self.right] {
                write_list(out, |out| {
                    if let Some(neighbour) = side {
                        neighbour.address.encode(out);
                        neighbour.entry_hash.encode(out);
                        neighbour.index.encode(out);
                        write_hashes(out, &neighbour.siblings);
                    }
                });
            }
        });
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut list = reader.list("absence")?;
        let count = list.value("absence.count")?;
        let left = read_neighbour(&mut list)?;
        let right = read_neighbour(&mut list)?;
        list.finish()?;
        Ok(Self { count, left, right })
    }
}

fn read_neighbour(reader: &mut Reader<'_>) -> Result<Option<Neighbour>, DecodeError> {
    let mut list = reader.list("neighbour")?;
    if list.is_empty() {
        return Ok(None);
    }
    let neighbour = Neighbour {
        address: list.value("neighbour.address")?,
        entry_hash: list.value("neighbour.entry_hash")?,
        index: list.value("neighbour.index")?,
        siblings: read_hashes(&mut list)?,
    };
    list.finish()?;
    Ok(Some(neighbour))
}

fn write_hashes(out: &mut Vec<u8>, hashes: &[B256]) {
    write_list(out, |out| hashes.iter().for_each(|hash| hash.encode(out)));
}

fn read_hashes(reader: &mut Reader<'_>) -> Result<Vec<B256>, DecodeError> {
    reader.items("siblings", MAX_SIBLINGS, |item| item.value("sibling"))
}

#[cfg(test)]
mod tests;
