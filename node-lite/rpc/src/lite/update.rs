//! What a subscriber gets of one block (`docs/wire-format.md` section 2).

use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, U256};
use node_lite_exec::{Chain, SealedBlock};
use sidelight_core::merkle::AccountsTree;
use sidelight_core::wire::{Body, FailureCode, Filter, Mode, Watched};

use super::server::Refusal;

/// The honest body of a block for one mode and filter.
pub(crate) fn build_body(
    chain: &Chain,
    block: &SealedBlock,
    mode: Mode,
    filter: &Filter,
) -> Result<Body, Refusal> {
    match mode {
        Mode::Headers => Ok(Body::Headers),
        Mode::Watch => build_watch(chain, block, filter),
        Mode::Consistent => Ok(Body::Consistent {
            bal: block.bal_raw.clone(),
            nodes: block.witness.clone(),
        }),
        _ => Err(Refusal::new(FailureCode::NotSupported, "unknown mode")),
    }
}

fn build_watch(chain: &Chain, block: &SealedBlock, filter: &Filter) -> Result<Body, Refusal> {
    let addresses = filter.accounts().iter().map(|account| account.address);
    let unsorted = || {
        let text = "the block access list is not sorted";
        Refusal::new(FailureCode::NotSupported, text)
    };
    let watched = prove_watched(&block.bal, addresses).ok_or_else(unsorted)?;
    let changed: Vec<(Address, Vec<U256>)> = watched
        .iter()
        .filter_map(|item| changed_keys(item, filter))
        .collect();
    let nodes = if changed.is_empty() {
        Vec::new()
    } else {
        chain.state().multiproof(block.state_root(), &changed)?
    };
    Ok(Body::Watch { watched, nodes })
}

/// Each account's entry or its absence, with the proof under the accounts root of `entries`.
pub(crate) fn prove_watched(
    entries: &[AccountChanges],
    addresses: impl Iterator<Item = Address>,
) -> Option<Vec<Watched>> {
    let tree = AccountsTree::new(entries);
    let prove = |address| match entries.binary_search_by_key(&address, |entry| entry.address) {
        Ok(index) => Some(Watched::Present {
            entry: entries.get(index)?.clone(),
            proof: tree.prove_inclusion(index)?,
        }),
        Err(_) => Some(Watched::Absent {
            address,
            proof: tree.prove_absence(address)?,
        }),
    };
    addresses.map(prove).collect()
}

/// The keys whose post-state is proven: an account that changed, and all of its watched slots if its storage did.
fn changed_keys(item: &Watched, filter: &Filter) -> Option<(Address, Vec<U256>)> {
    let Watched::Present { entry, .. } = item else {
        return None;
    };
    let slots = if entry.has_storage_changes() {
        filter.slots(entry.address).unwrap_or_default()
    } else {
        &[]
    };
    entry.has_changes().then(|| (entry.address, slots.to_vec()))
}
