//! Lies about headers. The first two need the sequencer's key: they are what a dishonest sequencer, not just a dishonest relay, can do.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, keccak256};
use node_lite_exec::{Chain, SealedBlock, Signer};
use sidelight_core::header::SignedHeader;
use sidelight_core::rules::ChainRules;

use super::diff::commit_to_false_diff;
use super::{Lie, Lies};

/// A key that no chain has scheduled.
const FOREIGN_KEY: B256 = B256::repeat_byte(0x42);

/// Most false headers that are remembered.
const MAX_FALSE_HEADERS: u64 = 1_024;

/// Headers of blocks whose diffs are falsified, by number. They link to each other, as a sequencer that means it would have them.
pub(super) type FalseHeaders = BTreeMap<u64, SignedHeader>;

/// A block's header as the lies have it.
pub(crate) fn alter_header(lies: &Lies, chain: &Chain, block: &SealedBlock) -> SignedHeader {
    let number = block.number();
    let mut signed = block.signed_header.clone();
    if number == 0 {
        return signed;
    }
    if lies.is_committed_at(number) {
        signed = false_header(lies, chain, block).unwrap_or(signed);
    }
    if lies.is_on_after(Lie::WrongParent, number) {
        signed.header.parent_hash = keccak256(signed.header.parent_hash);
        signed = sign_with(chain.signer(), signed);
    }
    if lies.is_on(Lie::ForgedSignature) {
        signed = forge(chain, signed);
    }
    signed
}

impl Lies {
    /// The number of the block whose false header has this hash.
    pub(crate) fn number_of_false(&self, hash: B256) -> Option<u64> {
        let headers = self.committed.lock();
        headers
            .iter()
            .find(|(_, signed)| signed.hash() == hash)
            .map(|(number, _)| *number)
    }
}

/// The header that commits to a block's falsified diff or receipts, with false headers before it as far as the lie goes.
fn false_header(lies: &Lies, chain: &Chain, block: &SealedBlock) -> Option<SignedHeader> {
    let mut headers = lies.committed.lock();
    let number = block.number();
    let oldest = number
        .saturating_sub(MAX_FALSE_HEADERS - 1)
        .max(chain.oldest_number())
        .max(1);
    for next in (oldest..=number).filter(|next| lies.is_committed_at(*next)) {
        if headers.contains_key(&next) {
            continue;
        }
        let honest = chain.block_by_number(next).ok()?;
        let parent = headers
            .get(&(next - 1))
            .map_or(honest.header().parent_hash, SignedHeader::hash);
        let mut signed = honest.signed_header.clone();
        if lies.is_on_after(Lie::AlteredDiffCommitted, next) {
            signed = commit_to_false_diff(&honest, parent);
        }
        signed.header.parent_hash = parent;
        if lies.is_on_after(Lie::InvalidExecution, next) {
            signed.header.receipts_root = keccak256(signed.header.receipts_root);
        }
        headers.insert(next, sign_with(chain.signer(), signed));
    }
    *headers = headers.split_off(&oldest);
    headers.get(&number).cloned()
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
fn sign_with(signer: &Signer, signed: SignedHeader) -> SignedHeader {
    match signer.sign(signed.header.clone(), signed.extension.clone()) {
        Ok(again) => again,
        Err(error) => {
            tracing::error!(%error, "cannot sign the false header");
            signed
        }
    }
}
