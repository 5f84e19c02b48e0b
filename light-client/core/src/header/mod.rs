//! Signed headers and the rules that make one follow another (checks 2 and 3). `docs/wire-format.md` section 1.
//!
//! ```text
//!   genesis            block 1                       block 2
//!   (hash in rules) <- parent_hash                <- parent_hash
//!   genesis_signer --> signs 1; next_signer ------>  signs 2; next_signer --> ...
//! ```
//!
//! Only [`verify_header`], [`verify_segment`] and [`VerifiedHeader::genesis`] make a [`VerifiedHeader`], and a checkpoint whose signer the user trusts
//! ([`crate::checkpoint`]).

mod ancestors;
mod error;
mod rules;

pub use self::{
    ancestors::{AncestorError, VerifiedAncestor, shorten_ancestors, verify_ancestors},
    error::HeaderError,
    rules::compute_base_fee,
};
pub use crate::signature::compute_signing_digest;

use crate::{
    extension::Extension,
    limits::{MAX_EXTENSION_BYTES, MAX_HEADER_BYTES},
    rlp::{DecodeError, Reader, check_size, write_list},
    rules::ChainRules,
    signature::{SignatureBytes, recover_signer},
};
use alloc::vec::Vec;
pub use alloy_consensus::Header;
use alloy_primitives::{Address, B256};
use alloy_rlp::Encodable;

/// Largest encoding of a signed header: its parts and their list headers.
pub(crate) const MAX_SIGNED_HEADER_BYTES: usize = MAX_HEADER_BYTES + MAX_EXTENSION_BYTES + 128;

/// A header, the record behind its `extra_data` and a signature, as a peer sent them: untrusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHeader {
    /// Ethereum's header.
    pub header: Header,
    /// The record that `header.extra_data` is the hash of.
    pub extension: Extension,
    /// `r || s || v` over [`compute_signing_digest`].
    pub signature: SignatureBytes,
}

impl SignedHeader {
    /// Keccak-256 of the header's RLP: the block hash.
    pub fn hash(&self) -> B256 {
        self.header.hash_slow()
    }

    /// The canonical RLP.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(&mut out);
        out
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        write_list(out, |out| {
            self.header.encode(out);
            self.extension.encode_into(out);
            self.signature.encode(out);
        });
    }

    /// Reads exactly one signed header.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        check_size("signed_header", MAX_SIGNED_HEADER_BYTES, bytes.len())?;
        let mut list = Reader::open("signed_header", bytes)?;
        let signed = Self::read_fields(&mut list)?;
        list.finish()?;
        Ok(signed)
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::decode(reader.raw("signed_header", MAX_SIGNED_HEADER_BYTES)?)
    }

    fn read_fields(list: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let header = read_header(list.raw("header", MAX_HEADER_BYTES)?)?;
        let extension = Extension::decode(list.raw("extension", MAX_EXTENSION_BYTES)?)?;
        let signature = list.value("signature")?;
        Ok(Self {
            header,
            extension,
            signature,
        })
    }

    /// The address whose key signed this header for the chain of `rules`, whoever that is. It is not checked against anything.
    pub fn recover_signer(&self, rules: &ChainRules) -> Result<Address, HeaderError> {
        self.recover(self.hash(), rules.chain_id, rules.hash())
    }

    fn recover(&self, hash: B256, chain_id: u64, rules_hash: B256) -> Result<Address, HeaderError> {
        let digest = compute_signing_digest(chain_id, rules_hash, self.header.number, hash);
        recover_signer(digest, &self.signature).map_err(HeaderError::Signature)
    }
}

/// Ethereum's header: what `alloy-consensus` reads, in a third of the code, and a refusal names the field.
pub(crate) fn read_header(bytes: &[u8]) -> Result<Header, DecodeError> {
    let mut list = Reader::open("header", bytes)?;
    let header = Header {
        parent_hash: list.value("header.parent_hash")?,
        ommers_hash: list.value("header.ommers_hash")?,
        beneficiary: list.value("header.beneficiary")?,
        state_root: list.value("header.state_root")?,
        transactions_root: list.value("header.transactions_root")?,
        receipts_root: list.value("header.receipts_root")?,
        logs_bloom: list.value("header.logs_bloom")?,
        difficulty: list.value("header.difficulty")?,
        number: list.value("header.number")?,
        gas_limit: list.value("header.gas_limit")?,
        gas_used: list.value("header.gas_used")?,
        timestamp: list.value("header.timestamp")?,
        extra_data: list.bytes("header.extra_data", MAX_HEADER_BYTES)?,
        mix_hash: list.value("header.mix_hash")?,
        nonce: list.value("header.nonce")?,
        // Each fork appended fields; a header has those up to its own.
        base_fee_per_gas: list.optional("header.base_fee_per_gas")?,
        withdrawals_root: list.optional("header.withdrawals_root")?,
        blob_gas_used: list.optional("header.blob_gas_used")?,
        excess_blob_gas: list.optional("header.excess_blob_gas")?,
        parent_beacon_block_root: list.optional("header.parent_beacon_block_root")?,
        requests_hash: list.optional("header.requests_hash")?,
        block_access_list_hash: list.optional("header.block_access_list_hash")?,
        slot_number: list.optional("header.slot_number")?,
    };
    list.finish()?;
    Ok(header)
}

/// A header that follows the chain's rules from a trusted start and is covered by the scheduled signer's signature: level `signed`.
///
/// It does **not** say that the state root, the transactions or the receipts are right, nor that the sequencer signed no other header at this height.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedHeader {
    header: Header,
    hash: B256,
    next_signer: Address,
    seal: Option<Seal>,
}

/// What stands beside a header that is not the genesis header.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seal {
    extension: Extension,
    signature: SignatureBytes,
    signer: Address,
}

impl VerifiedHeader {
    /// The genesis header of `rules`. Nobody signs it: its hash is in the rules, and the rules' hash is in every signature.
    pub fn genesis(header: Header, rules: &ChainRules) -> Result<Self, HeaderError> {
        let hash = header.hash_slow();
        if hash != rules.genesis_hash {
            return Err(HeaderError::GenesisHash {
                expected: rules.genesis_hash,
                got: hash,
            });
        }
        if header.number != 0 {
            return Err(HeaderError::GenesisNumber { got: header.number });
        }
        if header.gas_limit < rules.min_gas_limit {
            let (expected, got) = (rules.min_gas_limit, header.gas_limit);
            return Err(HeaderError::GasLimitMinimum { expected, got });
        }
        Ok(Self {
            header,
            hash,
            next_signer: rules.genesis_signer,
            seal: None,
        })
    }

    /// Seals what the checks of this crate have accepted.
    fn accept(signed: &SignedHeader, hash: B256, signer: Address) -> Self {
        let SignedHeader {
            header,
            extension,
            signature,
        } = signed.clone();
        let next_signer = extension.next_signer;
        Self {
            header,
            hash,
            next_signer,
            seal: Some(Seal {
                extension,
                signature,
                signer,
            }),
        }
    }

    /// A header without a parent, signed by a signer that the user trusts.
    pub(crate) fn anchor(
        signed: &SignedHeader,
        signer: Address,
        rules: &ChainRules,
        now_s: u64,
    ) -> Result<Self, HeaderError> {
        let rules_hash = rules.hash();
        rules::check_fields(signed, rules, rules_hash, now_s)?;
        let hash = signed.hash();
        check_signer(signed, hash, signer, rules, rules_hash)?;
        Ok(Self::accept(signed, hash, signer))
    }

    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The block hash.
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// The block number.
    pub const fn number(&self) -> u64 {
        self.header.number
    }

    /// State root after this block, as the sequencer says it.
    pub const fn state_root(&self) -> B256 {
        self.header.state_root
    }

    /// Seconds since 1970.
    pub const fn timestamp(&self) -> u64 {
        self.header.timestamp
    }

    /// The address that must sign the next block.
    pub const fn next_signer(&self) -> Address {
        self.next_signer
    }

    /// The record behind `extra_data`; none for the genesis header.
    pub fn extension(&self) -> Option<&Extension> {
        self.seal.as_ref().map(|seal| &seal.extension)
    }

    /// The scheduled signer of this header; none for the genesis header.
    pub fn signer(&self) -> Option<Address> {
        self.seal.as_ref().map(|seal| seal.signer)
    }

    /// The header as it came, for storing, proving and passing on; none for the genesis header.
    ///
    /// Inside a verified segment the signature may be anything, see [`verify_segment`].
    pub fn signed(&self) -> Option<SignedHeader> {
        let Seal {
            extension,
            signature,
            ..
        } = self.seal.clone()?;
        Some(SignedHeader {
            header: self.header.clone(),
            extension,
            signature,
        })
    }
}

/// Checks that `signed` follows `parent` under `rules` at the time `now_s` (seconds), and that the signer whom `parent` names signed it.
pub fn verify_header(
    signed: &SignedHeader,
    parent: &VerifiedHeader,
    rules: &ChainRules,
    now_s: u64,
) -> Result<VerifiedHeader, HeaderError> {
    let rules_hash = rules.hash();
    let header = link_header(signed, parent, rules, rules_hash, now_s)?;
    check_signer(signed, header.hash, parent.next_signer, rules, rules_hash)?;
    Ok(header)
}

/// Links a run of headers to `parent` and checks one signature for each run of the same signer, the last one always.
///
/// A signature covers its ancestors: it is over the header's hash, that hash covers `parent_hash`, and so on down. A header that is not signed by itself is therefore signed by the
/// next header *if the same key signed that one*, which is why the last header of each signer's run is checked: it is the one that names the next signer, and only the outgoing
/// signer may do that. A forged header in the middle would need a second preimage of Keccak-256 or a signature of the same key.
///
/// What is lost: the signatures inside a run may be garbage. They are not evidence of anything until [`crate::evidence`] has checked them.
pub fn verify_segment(
    segment: &[SignedHeader],
    parent: &VerifiedHeader,
    rules: &ChainRules,
    now_s: u64,
) -> Result<Vec<VerifiedHeader>, HeaderError> {
    link_segment(segment, parent, rules, now_s).map_err(|(_, error)| error)
}

/// As [`verify_segment`], and says which header is refused.
pub(crate) fn link_segment(
    segment: &[SignedHeader],
    parent: &VerifiedHeader,
    rules: &ChainRules,
    now_s: u64,
) -> Result<Vec<VerifiedHeader>, (usize, HeaderError)> {
    let rules_hash = rules.hash();
    let mut verified: Vec<VerifiedHeader> = Vec::with_capacity(segment.len());
    let mut later = segment.iter().skip(1);
    for (at, signed) in segment.iter().enumerate() {
        let parent = verified.last().unwrap_or(parent);
        let signer = parent.next_signer;
        let header =
            link_header(signed, parent, rules, rules_hash, now_s).map_err(|error| (at, error))?;
        let is_covered_by_next = later.next().is_some() && header.next_signer == signer;
        if !is_covered_by_next {
            check_signer(signed, header.hash, signer, rules, rules_hash)
                .map_err(|error| (at, error))?;
        }
        verified.push(header);
    }
    Ok(verified)
}

/// Every rule but the signature.
fn link_header(
    signed: &SignedHeader,
    parent: &VerifiedHeader,
    rules: &ChainRules,
    rules_hash: B256,
    now_s: u64,
) -> Result<VerifiedHeader, HeaderError> {
    rules::check_fields(signed, rules, rules_hash, now_s)?;
    rules::check_link(&signed.header, &parent.header, parent.hash, rules)?;
    Ok(VerifiedHeader::accept(
        signed,
        signed.hash(),
        parent.next_signer,
    ))
}

fn check_signer(
    signed: &SignedHeader,
    hash: B256,
    expected: Address,
    rules: &ChainRules,
    rules_hash: B256,
) -> Result<(), HeaderError> {
    let got = signed.recover(hash, rules.chain_id, rules_hash)?;
    if got == expected {
        Ok(())
    } else {
        Err(HeaderError::Signer { expected, got })
    }
}

#[cfg(test)]
mod tests;
