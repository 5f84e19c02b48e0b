//! The sequencer's key: signs header digests (`docs/wire-format.md`, Signature).

use alloy_consensus::Header;
use alloy_primitives::{Address, B256};
use k256::ecdsa::SigningKey;
use sidelight_core::{
    extension::Extension,
    header::{SignedHeader, compute_signing_digest},
};

use crate::error::ChainError;

/// Holds a secp256k1 key. `Debug` shows the address only.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    address: Address,
    chain_id: u64,
    rules_hash: B256,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// A signer for the chain with these rules.
    pub fn new(key: B256, chain_id: u64, rules_hash: B256) -> Result<Self, ChainError> {
        let key = SigningKey::from_slice(key.as_slice()).map_err(|_| ChainError::SignerKey)?;
        let address = Address::from_public_key(key.verifying_key());
        Ok(Self {
            key,
            address,
            chain_id,
            rules_hash,
        })
    }

    /// Address of the key.
    pub const fn address(&self) -> Address {
        self.address
    }

    /// Signs a header as it is. Whether it is a good one is the caller's business: the lying node signs bad ones.
    pub fn sign(&self, header: Header, extension: Extension) -> Result<SignedHeader, ChainError> {
        let digest = compute_signing_digest(
            self.chain_id,
            self.rules_hash,
            header.number,
            header.hash_slow(),
        );
        let signature = self.sign_digest(digest)?;
        Ok(SignedHeader {
            header,
            extension,
            signature,
        })
    }

    /// Signs a digest: `r || s || v`, low s, v = 27 or 28.
    pub fn sign_digest(&self, digest: B256) -> Result<[u8; 65], ChainError> {
        let (signature, recovery) = self
            .key
            .sign_prehash_recoverable(digest.as_slice())
            .map_err(|_| ChainError::SignerKey)?;
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + recovery.to_byte();
        Ok(bytes)
    }
}
