//! What this crate's unit tests share: a small signed chain.

use alloy_consensus::{Header, constants::EMPTY_WITHDRAWALS};
use alloy_eip7928::EMPTY_BLOCK_ACCESS_LIST_HASH;
use alloy_primitives::{Address, B256, keccak256};
use k256::ecdsa::SigningKey;
use sidelight_core::{
    extension::Extension,
    header::{
        SignedHeader, VerifiedHeader, compute_base_fee, compute_signing_digest, verify_header,
    },
    merkle::compute_accounts_root,
    rules::ChainRules,
};

/// The time at which test chains begin, in seconds.
pub(crate) const START_S: u64 = 1_700_000_000;

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_slice(keccak256([seed]).as_slice()).unwrap()
}

pub(crate) fn address_of(key: &SigningKey) -> Address {
    let point = key.verifying_key().to_encoded_point(false);
    Address::from_slice(&keccak256(&point.as_bytes()[1..])[12..])
}

fn genesis_header(state_root: B256) -> Header {
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

/// An empty block on `parent`, signed by `key` after `edit`.
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
        accounts_root: compute_accounts_root(&[]),
        frames_root: B256::ZERO,
        rules_hash: rules.hash(),
        next_signer: parent.next_signer(),
    };
    edit(&mut header, &mut extension);
    header.extra_data = extension.hash().into();
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

pub(crate) fn sign(key: &SigningKey, digest: B256) -> [u8; 65] {
    let (signature, id) = key.sign_prehash_recoverable(digest.as_slice()).unwrap();
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = 27 + id.to_byte();
    bytes
}

/// `length` empty blocks over genesis; the signer changes to `key(n)` from the block after each `(number, n)`.
pub(crate) fn chain(length: u64, rotations: &[(u64, u8)]) -> (ChainRules, Vec<VerifiedHeader>) {
    let (rules, genesis) = genesis(B256::repeat_byte(3));
    let mut headers = vec![genesis];
    let mut signer = key(1);
    for number in 1..=length {
        let next = rotations
            .iter()
            .find(|(at, _)| *at == number)
            .map(|(_, seed)| key(*seed));
        let parent = headers.last().unwrap();
        let signed = child(parent, &rules, &signer, |_, extension| {
            if let Some(next) = &next {
                extension.next_signer = address_of(next);
            }
        });
        headers.push(verify_header(&signed, parent, &rules, START_S + 1_000_000).unwrap());
        signer = next.unwrap_or(signer);
    }
    (rules, headers)
}
