//! What a client starts from when it does not start from genesis (check 12). `docs/wire-format.md` section 5.
//!
//! A checkpoint is a header that the user, or this client in an earlier run, has seen. It has no parent here, so its signer must be known from elsewhere: the caller names it. A checkpoint in local
//! storage is verified again whenever it is opened, because storage can be poisoned.

use crate::{
    fault::{Fault, FaultKind, Mismatch},
    header::{HeaderError, MAX_SIGNED_HEADER_BYTES, SignedHeader, VerifiedHeader},
    rlp::{DecodeError, Reader, check_size, check_version, write_list},
    rules::ChainRules,
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use alloy_rlp::Encodable;
use thiserror::Error;

const VERSION: u64 = 1;
const MAX_RULES_BYTES: usize = 512;
/// Largest encoding: rules, a signed header, a time.
const MAX_CHECKPOINT_BYTES: usize = MAX_SIGNED_HEADER_BYTES + MAX_RULES_BYTES + 64;

/// A header to start from. Untrusted until [`verify_checkpoint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The chain.
    pub rules: ChainRules,
    /// The block.
    pub signed_header: SignedHeader,
    /// When it was taken, in seconds since 1970.
    pub time_s: u64,
}

/// How old a checkpoint may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointPolicy {
    /// Most seconds since the checkpoint was taken. A key that has rotated out long ago may have leaked since.
    pub max_age_s: u64,
}

impl Default for CheckpointPolicy {
    /// Thirty days.
    fn default() -> Self {
        Self {
            max_age_s: 30 * 24 * 3600,
        }
    }
}

/// Why a checkpoint is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The checkpoint is of another chain, or of the same chain under other rules.
    #[error("rules_hash: expected {expected}, got {got}")]
    Rules {
        /// Hash of the client's rules.
        expected: B256,
        /// Hash of the checkpoint's rules.
        got: B256,
    },
    /// The checkpoint was taken in the future.
    #[error("time: expected at most {expected}, got {got}")]
    InFuture {
        /// The clock and the allowed drift, in seconds.
        expected: u64,
        /// When the checkpoint says that it was taken.
        got: u64,
    },
    /// The checkpoint is too old to trust its signer.
    #[error("age: expected at most {expected} s, got {got} s")]
    TooOld {
        /// The policy's limit in seconds.
        expected: u64,
        /// The age in seconds.
        got: u64,
    },
    /// The header breaks a rule or is not signed by the expected signer.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl CheckpointError {
    /// The error as a fault; the caller adds the block.
    pub fn fault(&self) -> Fault {
        let mismatch = match *self {
            Self::Rules { expected, got } => Mismatch::new("checkpoint.rules", expected, got),
            Self::InFuture { expected, got } => Mismatch::new("checkpoint.time", expected, got),
            Self::TooOld { expected, got } => Mismatch::new("checkpoint.age", expected, got),
            Self::Header(ref error) => error.mismatch(),
        };
        Fault::new(FaultKind::BadCheckpoint, mismatch)
    }
}

/// Checks a checkpoint against the chain that the client expects, the signer that it trusts for this header, the clock (`now_s`, seconds) and the age policy.
///
/// The result trusts `signer` for one header. It does **not** show that this header is on the chain: only following the chain from genesis, or a second source, does.
pub fn verify_checkpoint(
    checkpoint: &Checkpoint,
    rules: &ChainRules,
    signer: Address,
    now_s: u64,
    policy: CheckpointPolicy,
) -> Result<VerifiedHeader, CheckpointError> {
    let (expected, got) = (rules.hash(), checkpoint.rules.hash());
    if got != expected {
        return Err(CheckpointError::Rules { expected, got });
    }
    let latest = now_s.saturating_add(rules.max_clock_drift_s);
    if checkpoint.time_s > latest {
        return Err(CheckpointError::InFuture {
            expected: latest,
            got: checkpoint.time_s,
        });
    }
    let age = now_s.saturating_sub(checkpoint.time_s);
    if age > policy.max_age_s {
        return Err(CheckpointError::TooOld {
            expected: policy.max_age_s,
            got: age,
        });
    }
    // Not after the checkpoint was taken, and so not after now either.
    Ok(verify_anchor(
        &checkpoint.signed_header,
        signer,
        rules,
        checkpoint.time_s,
    )?)
}

/// Checks every rule for a header that does not need its parent, and that `signer` signed it. `now_s` bounds its timestamp, in seconds.
///
/// What [`verify_checkpoint`] says about trust holds here too: the caller vouches for `signer`.
pub fn verify_anchor(
    signed: &SignedHeader,
    signer: Address,
    rules: &ChainRules,
    now_s: u64,
) -> Result<VerifiedHeader, HeaderError> {
    VerifiedHeader::anchor(signed, signer, rules, now_s)
}

impl Checkpoint {
    /// The canonical RLP: `[1, rules, signed_header, time]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_list(&mut out, |out| {
            VERSION.encode(out);
            out.extend_from_slice(&self.rules.encode());
            self.signed_header.encode_into(out);
            self.time_s.encode(out);
        });
        out
    }

    /// Reads exactly one checkpoint.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_size("checkpoint", MAX_CHECKPOINT_BYTES, bytes.len())?;
        let mut reader = Reader::open("checkpoint", bytes)?;
        check_version("checkpoint", VERSION, reader.value("checkpoint.version")?)?;
        let checkpoint = Self {
            rules: ChainRules::decode(reader.raw("checkpoint.rules", MAX_RULES_BYTES)?)?,
            signed_header: SignedHeader::read(&mut reader)?,
            time_s: reader.value("checkpoint.time")?,
        };
        reader.finish()?;
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{START_S, address_of, child, genesis, key};

    const NOW: u64 = START_S + 100;

    fn checkpoint() -> (ChainRules, Checkpoint) {
        let (rules, genesis) = genesis(B256::repeat_byte(7));
        let signed_header = child(&genesis, &rules, &key(1), |_, _| {});
        let checkpoint = Checkpoint {
            rules: rules.clone(),
            signed_header,
            time_s: START_S + 10,
        };
        (rules, checkpoint)
    }

    fn verify(
        checkpoint: &Checkpoint,
        rules: &ChainRules,
    ) -> Result<VerifiedHeader, CheckpointError> {
        let policy = CheckpointPolicy { max_age_s: 200 };
        verify_checkpoint(checkpoint, rules, address_of(&key(1)), NOW, policy)
    }

    #[test]
    fn a_fresh_checkpoint_of_the_expected_signer_is_a_start() {
        let (rules, checkpoint) = checkpoint();
        let header = verify(&checkpoint, &rules).unwrap();
        assert_eq!(header.hash(), checkpoint.signed_header.hash());
        assert_eq!(header.signer(), Some(address_of(&key(1))));
    }

    #[test]
    fn each_reason_to_refuse_has_its_own_error() {
        let (rules, good) = checkpoint();
        let other = ChainRules {
            min_gas_limit: 6_000,
            ..rules
        };
        let (expected, got) = (other.hash(), rules.hash());
        assert_eq!(
            verify(&good, &other),
            Err(CheckpointError::Rules { expected, got })
        );

        let latest = Checkpoint {
            time_s: NOW + 15,
            ..good.clone()
        };
        assert!(verify(&latest, &rules).is_ok());
        let future = Checkpoint {
            time_s: NOW + 16,
            ..good.clone()
        };
        let (expected, got) = (NOW + 15, NOW + 16);
        assert_eq!(
            verify(&future, &rules),
            Err(CheckpointError::InFuture { expected, got })
        );

        let old = Checkpoint {
            time_s: NOW - 201,
            ..good.clone()
        };
        let error = CheckpointError::TooOld {
            expected: 200,
            got: 201,
        };
        assert_eq!(verify(&old, &rules), Err(error));

        let early = Checkpoint {
            time_s: START_S - 100,
            ..good.clone()
        };
        let (expected, got) = (START_S - 85, START_S + 1);
        let error = HeaderError::TimestampInFuture { expected, got };
        assert_eq!(verify(&early, &rules), Err(CheckpointError::Header(error)));

        let policy = CheckpointPolicy::default();
        let (expected, got) = (address_of(&key(2)), address_of(&key(1)));
        assert_eq!(
            verify_checkpoint(&good, &rules, expected, NOW, policy),
            Err(CheckpointError::Header(HeaderError::Signer {
                expected,
                got
            }))
        );

        let mut swapped = good;
        swapped.signed_header.header.state_root = B256::ZERO;
        assert!(matches!(
            verify(&swapped, &rules),
            Err(CheckpointError::Header(
                HeaderError::Signer { .. } | HeaderError::Signature(_)
            ))
        ));
    }

    #[test]
    fn a_checkpoint_has_a_largest_size() {
        crate::tests::check_largest(
            "checkpoint",
            2_048 + 256 + 128 + 512 + 64,
            Checkpoint::decode,
        );
    }

    #[test]
    fn damaged_checkpoints_are_refused_or_are_other_checkpoints() {
        let (_, checkpoint) = checkpoint();
        crate::tests::check_decoder(&checkpoint.encode(), |bytes| {
            Checkpoint::decode(bytes).map(|checkpoint| checkpoint.encode())
        });
    }
}
