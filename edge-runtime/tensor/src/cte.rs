//! Canonical tensor encoding CTE-1: one NaN per type, and the root over the bytes.
//!
//! ```text
//!                 node(node(l0, l1), l2)         an odd node moves up unchanged
//!                  /                \
//!           node(l0, l1)            l2           node(a, b)  = keccak(1 || a || b)
//!             /     \
//!           l0      l1                           leaf i      = keccak(0 || u32be(i) || chunk i)
//! ```
//!
//! Chunks have 1,024 bytes, the last one what is left; no bytes at all are one empty chunk. The index in the leaf fixes a chunk's place, so that one chunk can be opened without the others.

use alloc::vec::Vec;
use tiny_keccak::{Hasher, Keccak};

use crate::dtype::DType;

/// A keccak-256 hash.
pub type Root = [u8; 32];

/// Bytes of a chunk: one keccak block costs little more than a call, and a path stays below 1 kB.
pub const CHUNK: usize = 1024;

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// The root over the elements of a tensor.
pub fn compute_root(bytes: &[u8]) -> Root {
    let mut hasher = RootHasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// The root of bytes that arrive in pieces.
///
/// Holds one hash for each height at which a subtree waits for its right sibling.
#[derive(Clone, Debug)]
pub struct RootHasher {
    chunk: Vec<u8>,
    index: u32,
    waiting: Vec<(u32, Root)>,
}

impl Default for RootHasher {
    fn default() -> Self {
        Self {
            chunk: Vec::with_capacity(CHUNK),
            index: 0,
            waiting: Vec::new(),
        }
    }
}

impl RootHasher {
    /// Adds bytes. Tensors end far below the 4 TiB at which the index would wrap.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.chunk.len() == CHUNK {
                self.close_chunk();
            }
            let room = CHUNK.saturating_sub(self.chunk.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.chunk.extend_from_slice(now);
            bytes = later;
        }
    }

    /// The root over everything that was added.
    pub fn finish(mut self) -> Root {
        self.close_chunk();
        let mut subtrees = self.waiting.into_iter().rev().map(|(_, hash)| hash);
        let last = subtrees.next().unwrap_or_default();
        subtrees.fold(last, |right, left| hash_node(&left, &right))
    }

    fn close_chunk(&mut self) {
        let mut hash = hash_leaf(self.index, &self.chunk);
        let mut height = 0_u32;
        self.chunk.clear();
        self.index = self.index.wrapping_add(1);
        while let Some(&(top, left)) = self.waiting.last() {
            if top != height {
                break;
            }
            self.waiting.pop();
            hash = hash_node(&left, &hash);
            height = height.saturating_add(1);
        }
        self.waiting.push((height, hash));
    }
}

/// Siblings of chunk `index`, from the leaf up; `None` when there is no such chunk.
pub fn prove_chunk(bytes: &[u8], index: u32) -> Option<Vec<Root>> {
    let mut position = usize::try_from(index).ok()?;
    let mut level: Vec<Root> = if bytes.is_empty() {
        [hash_leaf(0, &[])].into()
    } else {
        (0_u32..)
            .zip(bytes.chunks(CHUNK))
            .map(|(at, chunk)| hash_leaf(at, chunk))
            .collect()
    };
    level.get(position)?;
    let mut path = Vec::new();
    while level.len() > 1 {
        path.extend(level.get(position ^ 1));
        position /= 2;
        level = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(hash_node(left, right)),
                [odd] => Some(*odd),
                _ => None,
            })
            .collect();
    }
    Some(path)
}

/// Whether `chunk` stands at `index` of a tensor of `byte_length` bytes with this root. Exactly the siblings of that place are accepted.
pub fn verify_chunk(
    root: &Root,
    byte_length: u64,
    index: u32,
    chunk: &[u8],
    path: &[Root],
) -> bool {
    const SIZE: u64 = 1024;
    let count = byte_length.div_ceil(SIZE).max(1);
    let at = u64::from(index);
    if at >= count {
        return false;
    }
    let rest = byte_length
        .saturating_sub(at.saturating_mul(SIZE))
        .min(SIZE);
    if u64::try_from(chunk.len()) != Ok(rest) {
        return false;
    }
    let (mut position, mut width) = (at, count);
    let mut siblings = path.iter();
    let mut hash = hash_leaf(index, chunk);
    while width > 1 {
        let is_odd_one = position % 2 == 0 && position.saturating_add(1) == width;
        if !is_odd_one {
            let Some(sibling) = siblings.next() else {
                return false;
            };
            hash = if position % 2 == 0 {
                hash_node(&hash, sibling)
            } else {
                hash_node(sibling, &hash)
            };
        }
        position /= 2;
        width = width.div_ceil(2);
    }
    siblings.next().is_none() && hash == *root
}

/// Replaces every NaN by the quiet one of its type without sign or payload. Minus zero stays.
pub(crate) fn canonicalise_nan(dtype: DType, bytes: &mut [u8]) {
    match dtype {
        DType::F32 => replace(
            bytes,
            |b| is_nan(u64::from(u32::from_le_bytes(b)), 0x7f80_0000, 0x7fff_ffff),
            0x7fc0_0000_u32.to_le_bytes(),
        ),
        DType::F64 => {
            let quiet = 0x7ff8_0000_0000_0000_u64.to_le_bytes();
            replace(
                bytes,
                |b| {
                    is_nan(
                        u64::from_le_bytes(b),
                        0x7ff0_0000_0000_0000,
                        0x7fff_ffff_ffff_ffff,
                    )
                },
                quiet,
            );
        }
        DType::F16 => replace(
            bytes,
            |b| is_nan(u64::from(u16::from_le_bytes(b)), 0x7c00, 0x7fff),
            0x7e00_u16.to_le_bytes(),
        ),
        DType::Bf16 => replace(
            bytes,
            |b| is_nan(u64::from(u16::from_le_bytes(b)), 0x7f80, 0x7fff),
            0x7fc0_u16.to_le_bytes(),
        ),
        _ => {}
    }
}

/// All exponent bits set, and any of the mantissa.
const fn is_nan(bits: u64, infinity: u64, without_sign: u64) -> bool {
    bits & without_sign > infinity
}

fn replace<const N: usize>(bytes: &mut [u8], is_nan: impl Fn([u8; N]) -> bool, quiet: [u8; N]) {
    let (elements, _) = bytes.as_chunks_mut::<N>();
    for element in elements {
        if is_nan(*element) {
            *element = quiet;
        }
    }
}

fn hash_leaf(index: u32, chunk: &[u8]) -> Root {
    keccak(&[&[LEAF], &index.to_be_bytes(), chunk])
}

fn hash_node(left: &Root, right: &Root) -> Root {
    keccak(&[&[NODE], left, right])
}

fn keccak(parts: &[&[u8]]) -> Root {
    let mut hasher = Keccak::v256();
    for part in parts {
        hasher.update(part);
    }
    let mut hash = Root::default();
    hasher.finalize(&mut hash);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn sample(length: usize) -> Vec<u8> {
        (0..length)
            .map(|at| (at.wrapping_mul(31) >> 3) as u8)
            .collect()
    }

    /// The definition, level by level.
    fn naive(bytes: &[u8]) -> Root {
        let mut level: Vec<Root> = (0..)
            .zip(bytes.chunks(CHUNK))
            .map(|(at, chunk)| hash_leaf(at, chunk))
            .collect();
        if level.is_empty() {
            level.push(hash_leaf(0, &[]));
        }
        while level.len() > 1 {
            level = level
                .chunks(2)
                .map(|pair| {
                    if pair.len() == 2 {
                        hash_node(&pair[0], &pair[1])
                    } else {
                        pair[0]
                    }
                })
                .collect();
        }
        level[0]
    }

    #[test]
    fn the_streamed_root_is_the_defined_one_however_the_bytes_arrive() {
        for length in [
            0,
            1,
            1023,
            1024,
            1025,
            2048,
            3000,
            5 * 1024,
            6 * 1024 + 1,
            7 * 1024,
            13 * 1024 + 5,
        ] {
            let bytes = sample(length);
            assert_eq!(compute_root(&bytes), naive(&bytes), "{length}");
            let mut hasher = RootHasher::default();
            bytes.chunks(97).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), naive(&bytes), "{length}");
        }
    }

    #[test]
    fn every_chunk_opens_and_only_at_its_place() {
        for length in [0, 10, 1024, 5 * 1024 + 3, 7 * 1024] {
            let bytes = sample(length);
            let (root, size) = (compute_root(&bytes), length as u64);
            let count = length.div_ceil(CHUNK).max(1) as u32;
            for index in 0..count {
                let chunk = bytes.chunks(CHUNK).nth(index as usize).unwrap_or_default();
                let path = prove_chunk(&bytes, index).unwrap();
                assert!(verify_chunk(&root, size, index, chunk, &path));
                assert!(!verify_chunk(&root, size, index ^ 1, chunk, &path));
                assert!(!verify_chunk(&root, size + 1, index, chunk, &path) || count > 1);
                let longer = [path.clone(), vec![root]].concat();
                assert!(!verify_chunk(&root, size, index, chunk, &longer));
                if let Some((_, shorter)) = path.split_first() {
                    assert!(!verify_chunk(&root, size, index, chunk, shorter));
                }
            }
            assert!(prove_chunk(&bytes, count).is_none());
        }
    }

    #[test]
    fn every_nan_becomes_the_one_of_its_type_and_minus_zero_stays() {
        let mut bytes: Vec<u8> = [0xffc0_0001_u32, 0x7f80_0001, 0x8000_0000, 0xff80_0000]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        canonicalise_nan(DType::F32, &mut bytes);
        let expected: Vec<u8> = [0x7fc0_0000_u32, 0x7fc0_0000, 0x8000_0000, 0xff80_0000]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        assert_eq!(bytes, expected);
        let mut half = [0x01, 0xfc, 0x00, 0x7c];
        canonicalise_nan(DType::F16, &mut half);
        assert_eq!(half, [0x00, 0x7e, 0x00, 0x7c]);
        let mut brain = [0xff, 0xff, 0x80, 0xff];
        canonicalise_nan(DType::Bf16, &mut brain);
        assert_eq!(brain, [0xc0, 0x7f, 0x80, 0xff]);
        let mut double = f64::from_bits(0xfff0_0000_0000_0001).to_le_bytes();
        canonicalise_nan(DType::F64, &mut double);
        assert_eq!(u64::from_le_bytes(double), 0x7ff8_0000_0000_0000);
    }
}
