//! Lies about headers. The first two need the sequencer's key: they are what a dishonest sequencer, not just a dishonest relay, can do.

use alloy_primitives::{B256, Bytes, keccak256};
use node_lite_exec::{Chain, Signer};
use sidelight_core::header::SignedHeader;
use sidelight_core::rules::ChainRules;

use super::{Lie, Lies};

/// A key that no chain has scheduled.
const FOREIGN_KEY: B256 = B256::repeat_byte(0x42);

/// The header as the lies have it.
pub(crate) fn alter_header(lies: &Lies, chain: &Chain, mut signed: SignedHeader) -> SignedHeader {
    if signed.header.number == 0 {
        return signed;
    }
    if lies.is_on(Lie::WrongParent) {
        signed.header.parent_hash = keccak256(signed.header.parent_hash);
        signed = sign_with(chain.signer(), signed);
    }
    if lies.is_on(Lie::ForgedSignature) {
        signed = forge(chain, signed);
    }
    signed
}

/// Another header at the same height that follows every rule and that the sequencer signed as well.
pub(crate) fn sibling(chain: &Chain, mut signed: SignedHeader) -> SignedHeader {
    signed.header.mix_hash = keccak256(signed.header.mix_hash);
    sign_with(chain.signer(), signed)
}

/// The same header with the signature of somebody else.
fn forge(chain: &Chain, signed: SignedHeader) -> SignedHeader {
    match Signer::new(FOREIGN_KEY, chain.chain_id(), chain.rules().hash()) {
        Ok(foreign) => sign_with(&foreign, signed),
        Err(_) => signed,
    }
}

/// Rules and header of a chain that has another genesis and another signer.
pub(crate) fn swap_checkpoint(
    chain: &Chain,
    mut rules: ChainRules,
    mut signed: SignedHeader,
) -> (ChainRules, SignedHeader) {
    rules.genesis_hash = keccak256(rules.genesis_hash);
    let Ok(foreign) = Signer::new(FOREIGN_KEY, chain.chain_id(), rules.hash()) else {
        return (rules, signed);
    };
    rules.genesis_signer = foreign.address();
    signed.extension.rules_hash = rules.hash();
    signed.extension.next_signer = foreign.address();
    signed.header.extra_data = Bytes::copy_from_slice(signed.extension.hash().as_slice());
    match Signer::new(FOREIGN_KEY, chain.chain_id(), rules.hash()) {
        Ok(foreign) => (rules, sign_with(&foreign, signed)),
        Err(_) => (rules, signed),
    }
}

/// Signs what is there; a header that cannot be signed stays as it was, which the client refuses as well.
pub(super) fn sign_with(signer: &Signer, signed: SignedHeader) -> SignedHeader {
    match signer.sign(signed.header.clone(), signed.extension.clone()) {
        Ok(again) => again,
        Err(error) => {
            tracing::error!(%error, "cannot sign the false header");
            signed
        }
    }
}
