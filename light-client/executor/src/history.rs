//! When an account goes, by the rules of each fork (EIP-161, EIP-6780).
//!
//! EIP-7928 is younger than these forks. For their blocks the access list is built all the same, and read so:
//!
//! * Before Cancun an account is *destroyed* where its nonce becomes zero or its code becomes empty: nothing else does that. Its storage goes with it.
//! * Before Spurious Dragon an account may be there and be empty. One that comes into being so is listed with a balance of zero at the end of the block, which is no change and
//!   which no later list has.

use alloy_eip7928::{AccountChanges, BalanceChange, BlockAccessIndex};
use alloy_primitives::U256;
use revm::{database::BundleState, primitives::hardfork::SpecId};
use sidelight_core::state::{
    Account, AccountAfter, AccountRules, CurrentRules, is_empty, with_changes,
};

/// The rules of a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForkRules(pub(crate) SpecId);

impl AccountRules for ForkRules {
    fn after(&self, old: Option<&Account>, change: &AccountChanges) -> AccountAfter {
        if self.0.is_enabled_in(SpecId::CANCUN) {
            return CurrentRules.after(old, change);
        }
        let account = with_changes(old, change);
        let wiped_at = find_destruction(change);
        let stays = if self.0.is_enabled_in(SpecId::SPURIOUS_DRAGON) {
            !is_empty(&account)
        } else {
            stays_empty(old, change, wiped_at) || !is_empty(&account)
        };
        AccountAfter {
            account: stays.then_some(account),
            wiped_at,
        }
    }
}

/// The index at which the account was destroyed last.
fn find_destruction(change: &AccountChanges) -> Option<BlockAccessIndex> {
    let nonces = change.nonce_changes.iter();
    let nonces = nonces.filter(|nonce| nonce.new_nonce == 0);
    let codes = change.code_changes.iter();
    let codes = codes.filter(|code| code.new_code.is_empty());
    nonces
        .map(|nonce| nonce.block_access_index)
        .chain(codes.map(|code| code.block_access_index))
        .max()
}

/// Whether an account that ends empty is there nevertheless: it was there empty, or it came into being after it was destroyed, or for the first time.
fn stays_empty(
    old: Option<&Account>,
    change: &AccountChanges,
    destroyed: Option<BlockAccessIndex>,
) -> bool {
    let last = change.balance_changes.last();
    let last = last.map(|balance| balance.block_access_index);
    match (old, destroyed) {
        (_, Some(destroyed)) => last > Some(destroyed),
        (Some(old), None) => is_empty(old),
        (None, None) => true,
    }
}

/// Lists the accounts that came into being empty, before Spurious Dragon.
pub(crate) fn mark_created_empty(
    bal: &mut [AccountChanges],
    bundle: &BundleState,
    at: BlockAccessIndex,
) {
    for change in bal {
        let Some(account) = bundle.state.get(&change.address) else {
            continue;
        };
        let is_empty_now = account.info.as_ref().is_some_and(|info| info.is_empty());
        let was_empty = account
            .original_info
            .as_ref()
            .is_some_and(|info| info.is_empty());
        let last = change.balance_changes.last();
        let is_marked = last.is_some_and(|balance| balance.block_access_index == at);
        let came_to_be = !was_empty || account.was_destroyed();
        if is_empty_now && came_to_be && !is_marked {
            change
                .balance_changes
                .push(BalanceChange::new(at, U256::ZERO));
        }
    }
}
