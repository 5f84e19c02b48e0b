//! Lies about what a block changed.

use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use node_lite_exec::{Chain, SealedBlock};
use sidelight_core::header::SignedHeader;
use sidelight_core::merkle::{
    AbsenceProof, Neighbour, compute_accounts_root, hash_entry, prove_inclusion,
};
use sidelight_core::wire::{Body, Filter, Update, Watched};

use super::header::alter_header;
use super::{Lie, Lies};
use crate::lite::{build_body, prove_watched};

/// The update as the lies have it.
pub(crate) fn alter_update(
    lies: &Lies,
    chain: &Chain,
    block: &SealedBlock,
    filter: &Filter,
    mut update: Update,
) -> Update {
    if lies.is_on(Lie::OtherBlockDiff) {
        update = take_other_diff(chain, block, filter, update);
    }
    if lies.is_on_after(Lie::AlteredDiffCommitted, block.number()) {
        take_false_diff(block, &mut update.body);
    }
    if lies.is_on(Lie::AlteredDiffValue) {
        edit_entry(&mut update.body, block, alter_value);
    }
    if lies.is_on(Lie::OmittedChange) {
        omit_account(&mut update.body, block);
    }
    if lies.is_on(Lie::FalseAbsence) {
        hide_account(&mut update.body, block);
    }
    update.signed_header = alter_header(lies, chain, block);
    update
}

/// Puts the diff of the block before under this block's header.
fn take_other_diff(chain: &Chain, block: &SealedBlock, filter: &Filter, update: Update) -> Update {
    let other = block
        .number()
        .checked_sub(1)
        .and_then(|number| chain.block_by_number(number).ok());
    let body = other.and_then(|other| build_body(chain, &other, update.mode(), filter).ok());
    Update {
        body: body.unwrap_or(update.body),
        ..update
    }
}

/// The block's diff with one value of every changed account changed.
fn false_diff(block: &SealedBlock) -> Vec<AccountChanges> {
    let mut entries = block.bal.clone();
    for entry in &mut entries {
        alter_value(entry);
    }
    entries
}

/// The block's header, unsigned, with `parent` as its parent and a commitment to the false diff; the state root stays the honest one.
pub(super) fn commit_to_false_diff(block: &SealedBlock, parent: B256) -> SignedHeader {
    let entries = false_diff(block);
    let mut signed = block.signed_header.clone();
    signed.extension.accounts_root = compute_accounts_root(&entries);
    signed.header.parent_hash = parent;
    signed.header.block_access_list_hash = Some(keccak256(encode(&entries)));
    signed.header.extra_data = Bytes::copy_from_slice(signed.extension.hash().as_slice());
    signed
}

/// The body that goes with [`commit_to_false_diff`].
fn take_false_diff(block: &SealedBlock, body: &mut Body) {
    let entries = false_diff(block);
    match body {
        Body::Consistent { bal, .. } => *bal = encode(&entries),
        Body::Watch { watched, .. } => {
            let addresses = watched.iter().map(Watched::address);
            if let Some(again) = prove_watched(&entries, addresses) {
                *watched = again;
            }
        }
        _ => {}
    }
}

/// Lets `edit` falsify one entry of the diff: the first one on which it succeeds.
fn edit_entry(body: &mut Body, block: &SealedBlock, edit: fn(&mut AccountChanges) -> bool) {
    match body {
        Body::Watch { watched, .. } => {
            let mut present = watched.iter_mut().filter_map(|item| match item {
                Watched::Present { entry, .. } => Some(entry),
                _ => None,
            });
            present.any(edit);
        }
        Body::Consistent { bal, .. } => {
            let mut entries = block.bal.clone();
            if entries.iter_mut().rev().any(edit) {
                *bal = encode(&entries);
            }
        }
        _ => {}
    }
}

/// Adds one to the last balance, or to the last value written to storage.
fn alter_value(entry: &mut AccountChanges) -> bool {
    if let Some(change) = entry.balance_changes.last_mut() {
        change.post_balance = change.post_balance.wrapping_add(U256::ONE);
        return true;
    }
    let Some(change) = entry
        .storage_changes
        .last_mut()
        .and_then(|slot| slot.changes.last_mut())
    else {
        return false;
    };
    change.new_value = change.new_value.wrapping_add(U256::ONE);
    true
}

/// Leaves out a changed account, as if it had not been asked for.
fn omit_account(body: &mut Body, block: &SealedBlock) {
    match body {
        Body::Watch { watched, .. } => {
            let changed = |item: &Watched| matches!(item, Watched::Present { entry, .. } if entry.has_changes());
            if let Some(index) = watched.iter().position(changed) {
                watched.remove(index);
            }
        }
        Body::Consistent { bal, .. } => {
            if let Some(raw) = encode_without_last(&block.bal) {
                *bal = raw;
            }
        }
        _ => {}
    }
}

/// Says of a changed account that it was not touched: by its neighbours' proofs in a watch update, by dropping its entry otherwise.
fn hide_account(body: &mut Body, block: &SealedBlock) {
    match body {
        Body::Watch { watched, .. } => {
            for item in watched.iter_mut() {
                let Watched::Present { entry, .. } = item else {
                    continue;
                };
                let address = entry.address;
                if let Some(proof) = enclose(&block.bal, address) {
                    *item = Watched::Absent { address, proof };
                    return;
                }
            }
        }
        Body::Consistent { bal, .. } => {
            if let Some(raw) = encode_without_last(&block.bal) {
                *bal = raw;
            }
        }
        _ => {}
    }
}

/// The proof of absence that one would like to have for an address that has an entry: true neighbours that are not adjacent.
fn enclose(entries: &[AccountChanges], address: Address) -> Option<AbsenceProof> {
    let index = entries
        .binary_search_by_key(&address, |entry| entry.address)
        .ok()?;
    let neighbour = |index: usize| {
        let entry = entries.get(index)?;
        let proof = prove_inclusion(entries, index)?;
        Some(Neighbour {
            address: entry.address,
            entry_hash: hash_entry(entry),
            index: proof.index,
            siblings: proof.siblings,
        })
    };
    Some(AbsenceProof {
        count: entries.len() as u64,
        left: index.checked_sub(1).and_then(neighbour),
        right: index.checked_add(1).and_then(neighbour),
    })
}

/// The list without its last changed account.
fn encode_without_last(entries: &[AccountChanges]) -> Option<Bytes> {
    let index = entries.iter().rposition(AccountChanges::has_changes)?;
    let mut entries = entries.to_vec();
    entries.remove(index);
    Some(encode(&entries))
}

fn encode(entries: &[AccountChanges]) -> Bytes {
    let mut raw = Vec::new();
    alloy_rlp::encode_list(entries, &mut raw);
    raw.into()
}
