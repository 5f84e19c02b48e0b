//! Headers below a block that is known: the hash of the last one vouches for all of them. `docs/wire-format.md` section 3.
//!
//! ```text
//! wire    [parent, ...]   [0, ...]   [0, ...]   [0, ...]       each parent hash but the first is left out
//!              first ------> hash ----> hash ----> hash  ==  the known hash
//! ```
//!
//! No signature is needed: a header covers its ancestors by `parent_hash`. A change anywhere changes the last hash, so the run is right or wrong as a whole.

use crate::fault::{Fault, FaultKind, Mismatch};
use alloc::vec::Vec;
use alloy_consensus::Header;
use alloy_primitives::B256;
use thiserror::Error;

/// A header whose hash a trusted block vouches for. It does **not** say who signed it, nor that what it commits to is right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedAncestor {
    header: Header,
    hash: B256,
}

impl VerifiedAncestor {
    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The block hash.
    pub const fn hash(&self) -> B256 {
        self.hash
    }
}

/// Why a run of ancestors is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AncestorError {
    /// More or fewer headers than were asked for.
    #[error("expected {expected} headers, got {got}")]
    Count {
        /// Headers asked for.
        expected: u64,
        /// Headers that came.
        got: u64,
    },
    /// A parent hash that the format leaves out.
    #[error("parent_hash of header {number}: expected zeros, got {got}")]
    ParentHash {
        /// The header's number.
        number: u64,
        /// What stands there.
        got: B256,
    },
    /// A header does not stand where it must.
    #[error("number: expected {expected}, got {got}")]
    Number {
        /// The number at its place in the run.
        expected: u64,
        /// The header's.
        got: u64,
    },
    /// The run does not lead to the known block.
    #[error("hash of the last header: expected {expected}, got {got}")]
    Hash {
        /// The known hash.
        expected: B256,
        /// The last header's.
        got: B256,
    },
}

impl AncestorError {
    /// The fault of whoever sent the run.
    pub fn fault(&self) -> Fault {
        let (kind, mismatch) = match *self {
            Self::Count { expected, got } => (
                FaultKind::WrongResponse,
                Mismatch::new("ancestors.count", expected, got),
            ),
            Self::ParentHash { got, .. } => (
                FaultKind::BadEnvelope,
                Mismatch::new("ancestors.parent_hash", B256::ZERO, got),
            ),
            Self::Number { expected, got } => (
                FaultKind::WrongParent,
                Mismatch::new("header.number", expected, got),
            ),
            Self::Hash { expected, got } => (
                FaultKind::WrongParent,
                Mismatch::new("header.parent_hash", expected, got),
            ),
        };
        Fault::new(kind, mismatch)
    }
}

/// Checks the `count` headers that end with the block `number` and its known `hash`, as they came on the wire.
pub fn verify_ancestors(
    run: Vec<Header>,
    count: u64,
    number: u64,
    hash: B256,
) -> Result<Vec<VerifiedAncestor>, AncestorError> {
    let got = u64::try_from(run.len()).unwrap_or(u64::MAX);
    let below = count
        .checked_sub(1)
        .and_then(|below| number.checked_sub(below));
    let (Some(first), true) = (below, got == count) else {
        return Err(AncestorError::Count {
            expected: count,
            got,
        });
    };
    let mut verified: Vec<VerifiedAncestor> = Vec::with_capacity(run.len());
    for (mut header, expected) in run.into_iter().zip(first..) {
        if header.number != expected {
            let got = header.number;
            return Err(AncestorError::Number { expected, got });
        }
        if let Some(parent) = verified.last() {
            if header.parent_hash != B256::ZERO {
                let got = header.parent_hash;
                return Err(AncestorError::ParentHash {
                    number: expected,
                    got,
                });
            }
            header.parent_hash = parent.hash;
        }
        let hash = header.hash_slow();
        verified.push(VerifiedAncestor { header, hash });
    }
    match verified.last() {
        Some(last) if last.hash != hash => Err(AncestorError::Hash {
            expected: hash,
            got: last.hash,
        }),
        _ => Ok(verified),
    }
}

/// Leaves out what [`verify_ancestors`] computes: the parent hash of every header but the first.
pub fn shorten_ancestors(run: &mut [Header]) {
    for header in run.iter_mut().skip(1) {
        header.parent_hash = B256::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: u64) -> Vec<Header> {
        let mut parent_hash = B256::repeat_byte(9);
        (5..5 + length)
            .map(|number| {
                let header = Header {
                    number,
                    parent_hash,
                    ..Header::default()
                };
                parent_hash = header.hash_slow();
                header
            })
            .collect()
    }

    fn wire(length: u64) -> (Vec<Header>, B256) {
        let mut run = chain(length);
        let hash = run.last().unwrap().hash_slow();
        shorten_ancestors(&mut run);
        (run, hash)
    }

    #[test]
    fn a_run_is_known_by_its_last_hash() {
        for length in [1, 2, 9] {
            let (run, hash) = wire(length);
            let verified = verify_ancestors(run, length, 4 + length, hash).unwrap();
            let headers: Vec<Header> = verified
                .iter()
                .map(|ancestor| ancestor.header().clone())
                .collect();
            assert_eq!(headers, chain(length));
            assert_eq!(verified.last().unwrap().hash(), hash);
        }
    }

    #[test]
    fn no_header_of_a_run_can_be_changed_left_out_or_moved() {
        let (run, hash) = wire(5);
        let check = |run: Vec<Header>| verify_ancestors(run, 5, 9, hash);
        for place in 0..5 {
            let mut other = run.clone();
            other[place].state_root = B256::repeat_byte(1);
            assert!(matches!(check(other), Err(AncestorError::Hash { .. })));
            let mut other = run.clone();
            other.remove(place);
            assert!(matches!(check(other), Err(AncestorError::Count { .. })));
            let mut other = run.clone();
            other[place].number += 1;
            assert!(matches!(check(other), Err(AncestorError::Number { .. })));
        }
        let mut other = run.clone();
        other[3].parent_hash = B256::repeat_byte(1);
        assert!(matches!(
            check(other),
            Err(AncestorError::ParentHash { .. })
        ));
        assert!(verify_ancestors(run.clone(), 4, 9, hash).is_err());
        assert!(verify_ancestors(run, 5, 8, hash).is_err());
        assert!(verify_ancestors(Vec::new(), 0, 9, hash).is_err());
        assert!(verify_ancestors(Vec::new(), 11, 9, hash).is_err());
    }
}
