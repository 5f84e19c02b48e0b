//! Two signatures of one key at one height: equivocation, provable to anyone (check 4). `docs/wire-format.md` section 5.
//!
//! ```text
//! digest(chain_id, rules_hash, number, first.hash)  --signature--> signer
//! digest(chain_id, rules_hash, number, second.hash) --signature--> signer     first.hash != second.hash
//! ```
//!
//! The digest contains the height, so no header is needed: the file stays below 1 kB, and a contract can check it with two calls of `ecrecover`.

use crate::{
    header::SignedHeader,
    rlp::{DecodeError, Reader, check_size, check_version, write_list},
    rules::ChainRules,
    signature::{SignatureBytes, SignatureError, compute_signing_digest, recover_signer},
};
use alloc::vec::Vec;
use alloy_primitives::{Address, B256};
use alloy_rlp::Encodable;
use thiserror::Error;

const VERSION: u64 = 1;
const MAX_EVIDENCE_BYTES: usize = 512;

/// A block hash and a signature over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHash {
    /// The block hash.
    pub hash: B256,
    /// `r || s || v` over [`compute_signing_digest`].
    pub signature: SignatureBytes,
}

impl SignedHash {
    /// What `signed` contributes to evidence.
    pub fn of(signed: &SignedHeader) -> Self {
        Self {
            hash: signed.hash(),
            signature: signed.signature,
        }
    }
}

/// A claim that a signer signed two blocks at one height. Untrusted until [`verify_evidence`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Hash of the chain's rules.
    pub rules_hash: B256,
    /// The height.
    pub number: u64,
    /// Who signed both.
    pub signer: Address,
    /// One block.
    pub first: SignedHash,
    /// The other.
    pub second: SignedHash,
}

/// Why evidence proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Both sides are about the same block.
    #[error("both signatures are over the same hash {hash}")]
    SameHash {
        /// The hash.
        hash: B256,
    },
    /// A signature does not recover.
    #[error("{side} signature: {error}")]
    Signature {
        /// `first` or `second`.
        side: &'static str,
        /// Why.
        error: SignatureError,
    },
    /// Somebody else made a signature.
    #[error("{side} signer: expected {expected}, got {got}")]
    Signer {
        /// `first` or `second`.
        side: &'static str,
        /// The accused signer.
        expected: Address,
        /// The recovered signer.
        got: Address,
    },
}

/// Two valid signatures of one key over different blocks at one height of one chain.
///
/// It does **not** say that this key was scheduled to sign at that height, nor which of the blocks, if any, is right.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedEvidence {
    evidence: Evidence,
}

impl VerifiedEvidence {
    /// The evidence, to be shown and passed on.
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Whether it is about the chain with these rules.
    pub fn concerns(&self, rules: &ChainRules) -> bool {
        self.evidence.chain_id == rules.chain_id && self.evidence.rules_hash == rules.hash()
    }
}

/// Checks that one key signed both blocks.
pub fn verify_evidence(evidence: &Evidence) -> Result<VerifiedEvidence, EvidenceError> {
    if evidence.first.hash == evidence.second.hash {
        return Err(EvidenceError::SameHash {
            hash: evidence.first.hash,
        });
    }
    for (side, signed) in [("first", &evidence.first), ("second", &evidence.second)] {
        let Evidence {
            chain_id,
            rules_hash,
            number,
            ..
        } = *evidence;
        let digest = compute_signing_digest(chain_id, rules_hash, number, signed.hash);
        let got = recover_signer(digest, &signed.signature)
            .map_err(|error| EvidenceError::Signature { side, error })?;
        if got != evidence.signer {
            return Err(EvidenceError::Signer {
                side,
                expected: evidence.signer,
                got,
            });
        }
    }
    Ok(VerifiedEvidence {
        evidence: evidence.clone(),
    })
}

impl Evidence {
    /// The canonical RLP: `[1, chain_id, rules_hash, number, signer, [hash, signature], [hash, signature]]`.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write_list(&mut out, |out| {
            VERSION.encode(out);
            self.chain_id.encode(out);
            self.rules_hash.encode(out);
            self.number.encode(out);
            self.signer.encode(out);
            for signed in [&self.first, &self.second] {
                write_list(out, |out| {
                    signed.hash.encode(out);
                    signed.signature.encode(out);
                });
            }
        });
        out
    }

    /// Reads exactly one evidence record.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_size("evidence", MAX_EVIDENCE_BYTES, bytes.len())?;
        let mut reader = Reader::open("evidence", bytes)?;
        check_version("evidence", VERSION, reader.value("evidence.version")?)?;
        let evidence = Self {
            chain_id: reader.value("evidence.chain_id")?,
            rules_hash: reader.value("evidence.rules_hash")?,
            number: reader.value("evidence.number")?,
            signer: reader.value("evidence.signer")?,
            first: read_signed_hash(&mut reader)?,
            second: read_signed_hash(&mut reader)?,
        };
        reader.finish()?;
        Ok(evidence)
    }
}

fn read_signed_hash(reader: &mut Reader<'_>) -> Result<SignedHash, DecodeError> {
    let mut list = reader.list("evidence.signed_hash")?;
    let signed = SignedHash {
        hash: list.value("evidence.hash")?,
        signature: list.value("evidence.signature")?,
    };
    list.finish()?;
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{address_of, child, genesis, key};

    fn equivocation() -> Evidence {
        let (rules, genesis) = genesis(B256::ZERO);
        let first = child(&genesis, &rules, &key(1), |_, _| {});
        let second = child(&genesis, &rules, &key(1), |header, _| header.gas_used = 1);
        Evidence {
            chain_id: rules.chain_id,
            rules_hash: rules.hash(),
            number: 1,
            signer: address_of(&key(1)),
            first: SignedHash::of(&first),
            second: SignedHash::of(&second),
        }
    }

    #[test]
    fn two_signatures_at_one_height_are_evidence() {
        let evidence = equivocation();
        let verified = verify_evidence(&evidence).unwrap();
        assert_eq!(verified.evidence(), &evidence);
        let (rules, _) = genesis(B256::ZERO);
        assert!(verified.concerns(&rules));
        let other = ChainRules {
            min_gas_limit: rules.min_gas_limit + 1,
            ..rules.clone()
        };
        assert!(
            !verified.concerns(&other),
            "the chain's id under other rules"
        );
        assert!(!verified.concerns(&ChainRules {
            chain_id: 1,
            ..rules
        }));
    }

    #[test]
    fn one_block_signed_once_or_twice_is_no_evidence() {
        let mut evidence = equivocation();
        evidence.second = evidence.first.clone();
        let hash = evidence.first.hash;
        assert_eq!(
            verify_evidence(&evidence),
            Err(EvidenceError::SameHash { hash })
        );
    }

    #[test]
    fn every_field_is_bound() {
        let edits: [fn(&mut Evidence); 7] = [
            |e| e.chain_id += 1,
            |e| e.rules_hash.0[0] ^= 1,
            |e| e.number += 1,
            |e| e.signer.0[0] ^= 1,
            |e| e.first.hash.0[0] ^= 1,
            |e| e.second.signature[5] ^= 1,
            |e| e.second.signature[64] ^= 7,
        ];
        for (at, edit) in edits.iter().enumerate() {
            let mut evidence = equivocation();
            edit(&mut evidence);
            assert!(verify_evidence(&evidence).is_err(), "edit {at}");
        }
    }

    #[test]
    fn damaged_evidence_is_refused_or_is_other_evidence() {
        let bytes = equivocation().encode();
        assert!(bytes.len() < 400);
        crate::tests::check_decoder(&bytes, |bytes| Evidence::decode(bytes).map(|e| e.encode()));
    }
}
