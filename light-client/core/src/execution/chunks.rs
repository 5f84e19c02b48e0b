//! An input in chunks, each held against its hash before the next one is asked for.
//!
//! ```text
//! answer   [policy, since, length, [hash 0, hash 1, ...], chunk 0]          hash i = keccak(chunk i)
//!                             \__________________/
//!                                the commitment: binds who answers, and nobody else
//! ```
//! Nobody signs the commitment, and nobody has to: what the chunks make up is held against the header, byte for byte. It says early, and of which chunk, that a sender contradicts
//! itself; and a chunk that one node has sent need not be asked of the next one, if that commits to the same (docs/adr/0011).

use alloc::{vec, vec::Vec};

use alloy_primitives::{B256, Bytes, keccak256};

use crate::{
    fault::{Fault, FaultKind, Mismatch},
    limits::MAX_EXECUTION_BYTES,
};

/// Bytes of a chunk, but for the last, which may be shorter: a quarter of a second on a 10 Mb/s line, before compression.
pub const CHUNK_BYTES: usize = 256 << 10;

/// Why a commitment or a chunk is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkError {
    /// Nothing, or more than an input may be.
    #[error("input of {got} bytes, expected 1 to {expected}")]
    Length {
        /// Most.
        expected: usize,
        /// Committed to.
        got: usize,
    },
    /// Another number of chunks than the length makes.
    #[error("{got} chunks, expected {expected}")]
    Count {
        /// By the length.
        expected: usize,
        /// Committed to.
        got: usize,
    },
    /// A chunk that is not committed to.
    #[error("chunk {index}: expected {expected}, got {got}")]
    Hash {
        /// Which chunk.
        index: usize,
        /// Committed to.
        expected: B256,
        /// Of the chunk.
        got: B256,
    },
    /// A chunk of another length than its place has.
    #[error("chunk {index} of {got} bytes, expected {expected}")]
    ChunkLength {
        /// Which chunk.
        index: usize,
        /// By its place.
        expected: usize,
        /// Its length.
        got: usize,
    },
}

impl ChunkError {
    /// The error as a fault of whoever sent it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let (kind, mismatch) = match *self {
            Self::Length { expected, got } => (
                FaultKind::Oversized,
                Mismatch::new("witness.length", expected, got),
            ),
            Self::Count { expected, got } => (
                FaultKind::BadWitness,
                Mismatch::new("witness.chunks", expected, got),
            ),
            Self::Hash { expected, got, .. } => (
                FaultKind::BadWitness,
                Mismatch::new("witness.chunk", expected, got),
            ),
            Self::ChunkLength { expected, got, .. } => (
                FaultKind::BadWitness,
                Mismatch::new("witness.chunk.length", expected, got),
            ),
        };
        Fault::new(kind, mismatch)
    }
}

/// The commitment to an input: the hash of each chunk.
#[must_use]
pub fn hash_chunks(input: &[u8]) -> Vec<B256> {
    input.chunks(CHUNK_BYTES).map(keccak256).collect()
}

/// A chunk of an input.
#[must_use]
pub fn chunk(input: &[u8], index: usize) -> Option<&[u8]> {
    input.chunks(CHUNK_BYTES).nth(index)
}

/// An input of which some chunks have come. Memory is taken as chunks come, not as they are announced.
#[derive(Debug)]
#[must_use]
pub struct Assembly {
    length: usize,
    hashes: Vec<B256>,
    chunks: Vec<Option<Bytes>>,
}

impl Assembly {
    /// Takes a commitment.
    pub fn new(length: u64, hashes: Vec<B256>) -> Result<Self, ChunkError> {
        let got = usize::try_from(length).unwrap_or(usize::MAX);
        let expected = MAX_EXECUTION_BYTES;
        if got == 0 || got > expected {
            return Err(ChunkError::Length { expected, got });
        }
        let count = got.div_ceil(CHUNK_BYTES);
        if hashes.len() != count {
            return Err(ChunkError::Count {
                expected: count,
                got: hashes.len(),
            });
        }
        Ok(Self {
            length: got,
            hashes,
            chunks: vec![None; count],
        })
    }

    /// The first chunk that has not come.
    #[must_use]
    pub fn missing(&self) -> Option<usize> {
        self.chunks.iter().position(Option::is_none)
    }

    /// Takes a chunk, if it is the one that was committed to.
    pub fn take(&mut self, index: usize, chunk: Bytes) -> Result<(), ChunkError> {
        let count = self.hashes.len();
        let (Some(expected), Some(place)) = (self.hashes.get(index), self.chunks.get_mut(index))
        else {
            return Err(ChunkError::Count {
                expected: count,
                got: index.saturating_add(1),
            });
        };
        let before = index.saturating_mul(CHUNK_BYTES);
        let length = self.length.saturating_sub(before).min(CHUNK_BYTES);
        if chunk.len() != length {
            return Err(ChunkError::ChunkLength {
                index,
                expected: length,
                got: chunk.len(),
            });
        }
        let got = keccak256(&chunk);
        if got != *expected {
            return Err(ChunkError::Hash {
                index,
                expected: *expected,
                got,
            });
        }
        *place = Some(chunk);
        Ok(())
    }

    /// Takes over the chunks of another assembly that are committed to here as well.
    pub fn reuse(&mut self, other: &Self) {
        for (index, place) in self.chunks.iter_mut().enumerate() {
            let same = other.hashes.get(index) == self.hashes.get(index);
            if let (true, Some(chunk)) = (same && place.is_none(), other.chunks.get(index)) {
                place.clone_from(chunk);
            }
        }
    }

    /// The input, once every chunk is there.
    #[must_use]
    pub fn finish(&self) -> Option<Vec<u8>> {
        let mut input = Vec::new();
        for chunk in &self.chunks {
            input.extend_from_slice(chunk.as_ref()?);
        }
        Some(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(length: usize) -> Vec<u8> {
        (0..length)
            .map(|at| u8::try_from(at % 251).unwrap())
            .collect()
    }

    fn part(input: &[u8], index: usize) -> Bytes {
        Bytes::copy_from_slice(chunk(input, index).unwrap())
    }

    #[test]
    fn chunks_in_any_order_make_up_the_input() {
        for length in [
            1,
            CHUNK_BYTES - 1,
            CHUNK_BYTES,
            CHUNK_BYTES + 1,
            3 * CHUNK_BYTES,
        ] {
            let input = input(length);
            let hashes = hash_chunks(&input);
            let mut assembly = Assembly::new(length as u64, hashes.clone()).unwrap();
            for index in (0..hashes.len()).rev() {
                assert_eq!(assembly.finish(), None);
                assembly.take(index, part(&input, index)).unwrap();
            }
            assert_eq!(assembly.missing(), None);
            assert_eq!(assembly.finish(), Some(input));
        }
    }

    #[test]
    fn a_chunk_that_is_not_committed_to_is_refused_when_it_comes() {
        let input = input(2 * CHUNK_BYTES + 5);
        let mut assembly = Assembly::new(input.len() as u64, hash_chunks(&input)).unwrap();
        let refused =
            |assembly: &mut Assembly, index, chunk| assembly.take(index, chunk).unwrap_err();
        let swapped = part(&input, 0);
        let error = refused(&mut assembly, 1, swapped);
        assert!(matches!(error, ChunkError::Hash { index: 1, .. }));
        let error = refused(&mut assembly, 2, part(&input, 1));
        assert!(matches!(error, ChunkError::ChunkLength { index: 2, .. }));
        let error = refused(&mut assembly, 3, part(&input, 2));
        assert!(matches!(error, ChunkError::Count { .. }));
        assert!(error.fault().kind.is_peer_fault());
        assert_eq!(assembly.missing(), Some(0));
    }

    #[test]
    fn a_commitment_of_another_size_than_it_says_is_refused_before_memory_is_taken() {
        for (length, count) in [(0, 0), (0, 1), (1, 0), (1, 2), (CHUNK_BYTES as u64 + 1, 1)] {
            assert!(Assembly::new(length, vec![B256::ZERO; count]).is_err());
        }
        for length in [MAX_EXECUTION_BYTES as u64 + 1, u64::MAX] {
            let error = Assembly::new(length, vec![B256::ZERO; 97]).unwrap_err();
            assert!(matches!(error, ChunkError::Length { .. }));
        }
    }

    #[test]
    fn chunks_of_another_sender_are_used_where_both_commit_to_them() {
        let first = input(3 * CHUNK_BYTES);
        let mut second = first.clone();
        second[CHUNK_BYTES] ^= 1;
        let mut from_first = Assembly::new(first.len() as u64, hash_chunks(&first)).unwrap();
        for index in 0..2 {
            from_first.take(index, part(&first, index)).unwrap();
        }
        let mut assembly = Assembly::new(second.len() as u64, hash_chunks(&second)).unwrap();
        assembly.reuse(&from_first);
        assert_eq!(assembly.missing(), Some(1));
        assembly.take(1, part(&second, 1)).unwrap();
        assembly.take(2, part(&second, 2)).unwrap();
        assert_eq!(assembly.finish(), Some(second));
    }
}
