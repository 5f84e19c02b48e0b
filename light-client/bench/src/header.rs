//! One signed block on a genesis, for the case "header and signature".

use alloy_consensus::{Header, constants::EMPTY_WITHDRAWALS};
use alloy_eip7928::EMPTY_BLOCK_ACCESS_LIST_HASH;
use alloy_primitives::{Address, B256, keccak256};
use k256::ecdsa::SigningKey;
use sidelight_core::extension::Extension;
use sidelight_core::header::{SignedHeader, VerifiedHeader, compute_base_fee, verify_header};
use sidelight_core::merkle::compute_accounts_root;
use sidelight_core::rules::ChainRules;
use sidelight_core::signature::compute_signing_digest;

const START_S: u64 = 1_700_000_000;

/// A header with all that judging it takes.
#[derive(Debug)]
pub(crate) struct HeaderCase {
    rules: ChainRules,
    parent: VerifiedHeader,
    signed: SignedHeader,
}

impl HeaderCase {
    /// `None` if the chain could not be built.
    pub(crate) fn build() -> Option<Self> {
        let key = SigningKey::from_slice(keccak256([1]).as_slice()).ok()?;
        let genesis = header();
        let point = key.verifying_key().to_encoded_point(false);
        let signer = Address::from_raw_public_key(&point.as_bytes()[1..]);
        let rules = ChainRules::dev(genesis.hash_slow(), signer);
        let parent = VerifiedHeader::genesis(genesis, &rules).ok()?;
        let extension = Extension {
            version: Extension::VERSION,
            accounts_root: compute_accounts_root(&[]),
            frames_root: B256::ZERO,
            rules_hash: rules.hash(),
            next_signer: parent.next_signer(),
        };
        let header = Header {
            parent_hash: parent.hash(),
            number: 1,
            timestamp: START_S + 1,
            base_fee_per_gas: compute_base_fee(parent.header(), &rules),
            extra_data: extension.hash().into(),
            ..header()
        };
        let digest = compute_signing_digest(
            rules.chain_id,
            rules.hash(),
            header.number,
            header.hash_slow(),
        );
        let (signature, id) = key.sign_prehash_recoverable(digest.as_slice()).ok()?;
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + id.to_byte();
        let signed = SignedHeader {
            header,
            extension,
            signature: bytes,
        };
        Some(Self {
            rules,
            parent,
            signed,
        })
    }

    /// Hash, rules, extension and signature.
    pub(crate) fn verify(&self) -> bool {
        verify_header(&self.signed, &self.parent, &self.rules, START_S + 1).is_ok()
    }
}

fn header() -> Header {
    Header {
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
