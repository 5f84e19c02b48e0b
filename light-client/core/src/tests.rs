//! What the tests of this crate share: keys, signatures, small chains and the checks that every decoder must pass.

mod chain;

pub(crate) use self::chain::{ACCOUNTS, TestChain, account};

use crate::{
    extension::Extension,
    header::{SignedHeader, VerifiedHeader, compute_base_fee},
    rlp::DecodeError,
    rules::ChainRules,
    signature::{SignatureBytes, compute_signing_digest},
};
use alloc::vec::Vec;
use alloy_consensus::{Header, constants::EMPTY_WITHDRAWALS};
use alloy_eip7928::EMPTY_BLOCK_ACCESS_LIST_HASH;
use alloy_primitives::{Address, B256, keccak256};
use k256::ecdsa::SigningKey;
use std::fmt::Debug;

/// The time at which test chains begin, in seconds.
pub(crate) const START_S: u64 = 1_700_000_000;

/// A signing key from a seed.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(keccak256([seed]).as_slice()).unwrap()
}

/// The address of a key.
pub(crate) fn address_of(key: &SigningKey) -> Address {
    let point = key.verifying_key().to_encoded_point(false);
    Address::from_raw_public_key(&point.as_bytes()[1..])
}

/// `r || s || v`.
pub(crate) fn sign(key: &SigningKey, digest: B256) -> SignatureBytes {
    let (signature, id) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = 27 + id.to_byte();
    bytes
}

/// The genesis header of test chains with this state root.
pub(crate) fn genesis_header(state_root: B256) -> Header {
    Header {
        state_root,
        gas_limit: 30_000_000,
        timestamp: START_S,
        base_fee_per_gas: Some(1_000_000_000),
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(B256::ZERO),
        block_access_list_hash: Some(EMPTY_BLOCK_ACCESS_LIST_HASH),
        ..Header::default()
    }
}

/// Rules and genesis of a chain whose first signer is `key(1)`.
pub(crate) fn genesis(state_root: B256) -> (ChainRules, VerifiedHeader) {
    let header = genesis_header(state_root);
    let rules = ChainRules::dev(header.hash_slow(), address_of(&key(1)));
    let genesis = VerifiedHeader::genesis(header, &rules).unwrap();
    (rules, genesis)
}

/// An empty block on `parent`, signed by `key` after `edit`. `extra_data` is set after `edit` unless `edit` sets it.
pub(crate) fn child(
    parent: &VerifiedHeader,
    rules: &ChainRules,
    key: &SigningKey,
    edit: impl FnOnce(&mut Header, &mut Extension),
) -> SignedHeader {
    let mut header = Header {
        parent_hash: parent.hash(),
        number: parent.number() + 1,
        timestamp: parent.timestamp() + 1,
        base_fee_per_gas: compute_base_fee(parent.header(), rules),
        gas_limit: parent.header().gas_limit,
        ..genesis_header(parent.state_root())
    };
    let mut extension = Extension {
        version: Extension::VERSION,
        accounts_root: crate::merkle::compute_accounts_root(&[]),
        frames_root: B256::ZERO,
        rules_hash: rules.hash(),
        next_signer: parent.next_signer(),
    };
    edit(&mut header, &mut extension);
    if header.extra_data.is_empty() {
        header.extra_data = extension.hash().into();
    }
    let digest = compute_signing_digest(
        rules.chain_id,
        rules.hash(),
        header.number,
        header.hash_slow(),
    );
    SignedHeader {
        header,
        extension,
        signature: sign(key, digest),
    }
}

/// A decoder reads `largest` bytes and not one more.
#[track_caller]
pub(crate) fn check_largest<T>(
    what: &'static str,
    largest: usize,
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) {
    let error = |bytes| decode(&alloc::vec![0; bytes]).err();
    let expected = DecodeError::TooLarge {
        what,
        expected: largest,
        got: largest + 1,
    };
    assert_eq!(error(largest + 1), Some(expected));
    assert!(!matches!(
        error(largest),
        Some(DecodeError::TooLarge { .. })
    ));
}

/// What every decoder must do: refuse every truncation and every byte after the end, and take a damaged input only if it is another valid object in canonical form. Never panic.
pub(crate) fn check_decoder<E: Debug + PartialEq>(
    bytes: &[u8],
    reencode: impl Fn(&[u8]) -> Result<Vec<u8>, E>,
) {
    assert_eq!(
        reencode(bytes).as_deref(),
        Ok(bytes),
        "a valid input must survive"
    );
    for length in 0..bytes.len() {
        assert!(reencode(&bytes[..length]).is_err(), "truncated to {length}");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert!(reencode(&longer).is_err(), "a byte after the end");
    let mut damaged = bytes.to_vec();
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff, bytes[at], bytes[at] ^ 0xc0] {
            damaged[at] ^= flip;
            if let Ok(other) = reencode(&damaged) {
                assert_eq!(
                    other, damaged,
                    "byte {at} flipped by {flip:#x} has two encodings"
                );
            }
            damaged[at] = bytes[at];
        }
    }
}
