//! Each class of change to a block access list (EIP-7928) that the header then commits to.

use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};
use alloy_primitives::{Address, Bytes, U256};
use sidelight_core::state::PartialState;

use super::{Expected, Trial};

pub(super) fn attack(trial: &mut Trial<'_>) {
    order(trial);
    doubles(trial);
    no_ops(trial);
    kinds(trial);
    missing(trial);
    values(trial);
}

fn edit(
    trial: &mut Trial<'_>,
    class: &'static str,
    expected: Expected,
    edit: impl FnOnce(&mut Vec<AccountChanges>),
) {
    trial.try_one(class, expected, |subject| edit(&mut subject.bal));
}

/// One account of the list at a time, for some of them.
fn each(
    trial: &mut Trial<'_>,
    class: &'static str,
    expected: Expected,
    change: impl Fn(&mut AccountChanges),
) {
    for at in trial.sample(trial.subject.bal.len()) {
        edit(trial, class, expected, |bal| {
            if let Some(entry) = bal.get_mut(at) {
                change(entry);
            }
        });
    }
}

fn order(trial: &mut Trial<'_>) {
    let class = "list: order";
    edit(trial, class, Expected::BlockInvalid, |bal| bal.reverse());
    for at in trial.sample(trial.subject.bal.len().saturating_sub(1)) {
        edit(trial, class, Expected::BlockInvalid, |bal| {
            bal.swap(at, at + 1)
        });
    }
    let changes: [fn(&mut AccountChanges); 4] = [
        |entry| entry.storage_changes.reverse(),
        |entry| entry.storage_reads.reverse(),
        |entry| entry.balance_changes.reverse(),
        |entry| {
            for slot in &mut entry.storage_changes {
                slot.changes.reverse();
            }
        },
    ];
    for change in changes {
        each(trial, class, Expected::BlockInvalid, change);
    }
}

fn doubles(trial: &mut Trial<'_>) {
    let class = "list: twice";
    for at in trial.sample(trial.subject.bal.len()) {
        edit(trial, class, Expected::BlockInvalid, |bal| {
            if let Some(entry) = bal.get(at).cloned() {
                bal.insert(at, entry);
            }
        });
    }
    let changes: [fn(&mut AccountChanges); 6] = [
        |entry| {
            entry
                .storage_changes
                .extend(entry.storage_changes.last().cloned())
        },
        |entry| {
            entry
                .storage_reads
                .extend(entry.storage_reads.last().copied())
        },
        |entry| {
            entry
                .balance_changes
                .extend(entry.balance_changes.last().cloned())
        },
        |entry| {
            entry
                .nonce_changes
                .extend(entry.nonce_changes.last().cloned())
        },
        |entry| {
            entry
                .code_changes
                .extend(entry.code_changes.last().cloned())
        },
        |entry| {
            if let Some(slot) = entry.storage_changes.last_mut() {
                slot.changes.extend(slot.changes.last().cloned());
            }
        },
    ];
    for change in changes {
        each(trial, class, Expected::BlockInvalid, change);
    }
}

/// Entries that say that something is what it was (ethrex#6995).
fn no_ops(trial: &mut Trial<'_>) {
    let class = "list: no-op";
    let last = BlockAccessIndex::new(last_index(trial));
    let mut state = PartialState::from_root(trial.subject.parent.state_root);
    if state.reveal(&trial.subject.witness.state).is_err() {
        return trial.survive(class, "the witness of a valid block");
    }
    for at in trial.sample(trial.subject.bal.len()) {
        let Some(entry) = trial.subject.bal.get(at) else {
            continue;
        };
        let address = entry.address;
        let before = state.account(address).ok().flatten().unwrap_or_default();
        let balance = entry.balance_post_state().unwrap_or(before.balance);
        let nonce = entry.nonce_post_state().unwrap_or(before.nonce);
        let unread = entry.storage_reads.first().copied();
        let value = unread.and_then(|slot| state.storage(address, slot).ok());
        let is_free = |index: Option<BlockAccessIndex>| index.is_none_or(|index| index < last);
        if is_free(
            entry
                .balance_changes
                .last()
                .map(|change| change.block_access_index),
        ) {
            edit(trial, class, Expected::BlockInvalid, |bal| {
                bal[at]
                    .balance_changes
                    .push(BalanceChange::new(last, balance));
            });
        }
        let entry = &trial.subject.bal[at];
        if is_free(
            entry
                .nonce_changes
                .last()
                .map(|change| change.block_access_index),
        ) {
            edit(trial, class, Expected::BlockInvalid, |bal| {
                bal[at].nonce_changes.push(NonceChange::new(last, nonce));
            });
        }
        if let (Some(slot), Some(value)) = (unread, value) {
            edit(trial, class, Expected::BlockInvalid, |bal| {
                let change = SlotChanges::new(slot, vec![StorageChange::new(last, value)]);
                bal[at].storage_reads.retain(|read| *read != slot);
                bal[at].storage_changes.push(change);
                bal[at].storage_changes.sort_by_key(|change| change.slot);
            });
        }
        each_slot_again(trial, class, at, last);
    }
}

/// A slot's last value, written once more at the end of the block.
fn each_slot_again(trial: &mut Trial<'_>, class: &'static str, at: usize, last: BlockAccessIndex) {
    edit(trial, class, Expected::BlockInvalid, |bal| {
        let slot = bal[at].storage_changes.first_mut();
        if let Some(slot) = slot
            && let Some(change) = slot.changes.last().cloned()
            && change.block_access_index < last
        {
            slot.changes
                .push(StorageChange::new(last, change.new_value));
        }
    });
}

fn kinds(trial: &mut Trial<'_>) {
    // A slot that is written is no read, and the other way round. The value, which execution may want to read, goes with it.
    each(
        trial,
        "list: write as read",
        Expected::BlockInvalid,
        |entry| {
            if !entry.storage_changes.is_empty() {
                let slot = entry.storage_changes.remove(0).slot;
                entry.storage_reads.push(slot);
                entry.storage_reads.sort_unstable();
            }
        },
    );
    each(trial, "list: read as write", Expected::Refused, |entry| {
        if !entry.storage_reads.is_empty() {
            let slot = entry.storage_reads.remove(0);
            let change = StorageChange::new(BlockAccessIndex::new(1), U256::from(0x5eed));
            entry
                .storage_changes
                .push(SlotChanges::new(slot, vec![change]));
            entry.storage_changes.sort_by_key(|change| change.slot);
        }
    });
    each(trial, "list: both", Expected::BlockInvalid, |entry| {
        if let Some(change) = entry.storage_changes.first() {
            entry.storage_reads.push(change.slot);
            entry.storage_reads.sort_unstable();
        }
    });
}

fn missing(trial: &mut Trial<'_>) {
    for at in trial.sample(trial.subject.bal.len()) {
        edit(
            trial,
            "list: account left out",
            Expected::BlockInvalid,
            |bal| {
                drop(bal.remove(at));
            },
        );
    }
    each(
        trial,
        "list: read left out",
        Expected::BlockInvalid,
        |entry| {
            entry.storage_reads.pop();
        },
    );
    let changes: [fn(&mut AccountChanges); 5] = [
        |entry| drop(entry.storage_changes.pop()),
        |entry| {
            entry.balance_changes.pop();
        },
        |entry| {
            entry.nonce_changes.pop();
        },
        |entry| drop(entry.code_changes.pop()),
        |entry| {
            if let Some(slot) = entry.storage_changes.last_mut() {
                slot.changes.pop();
            }
        },
    ];
    for change in changes {
        each(trial, "list: change left out", Expected::Refused, change);
    }
    // Accesses that never happened; nothing needs a witness for them.
    each(trial, "list: read added", Expected::BlockInvalid, |entry| {
        entry.storage_reads.push(U256::MAX);
    });
    for byte in [0, 0xff] {
        edit(
            trial,
            "list: account added",
            Expected::BlockInvalid,
            |bal| {
                let address = Address::repeat_byte(byte);
                if !bal.iter().any(|entry| entry.address == address) {
                    bal.push(AccountChanges::new(address));
                    bal.sort_by_key(|entry| entry.address);
                }
            },
        );
    }
}

/// Values and indices. A false value may send the execution anywhere, also where the witness has nothing to show.
fn values(trial: &mut Trial<'_>) {
    let changes: [fn(&mut AccountChanges); 4] = [
        |entry| {
            if let Some(change) = entry.balance_changes.last_mut() {
                change.post_balance ^= U256::ONE;
            }
        },
        |entry| {
            if let Some(change) = entry.nonce_changes.last_mut() {
                change.new_nonce ^= 1;
            }
        },
        |entry| {
            if let Some(change) = entry.code_changes.last_mut() {
                change.new_code = Bytes::from_static(&[0xfe]);
            }
        },
        |entry| {
            let slot = entry.storage_changes.last_mut();
            if let Some(change) = slot.and_then(|slot| slot.changes.last_mut()) {
                change.new_value ^= U256::ONE;
            }
        },
    ];
    for change in changes {
        each(trial, "list: other value", Expected::Refused, change);
    }
    let past = BlockAccessIndex::new(last_index(trial) + 1);
    each(
        trial,
        "list: index past the end",
        Expected::Refused,
        move |entry| {
            let slot = entry.storage_changes.last_mut();
            if let Some(change) = slot.and_then(|slot| slot.changes.last_mut()) {
                change.block_access_index = past;
            } else if let Some(change) = entry.balance_changes.last_mut() {
                change.block_access_index = past;
            } else if let Some(change) = entry.nonce_changes.last_mut() {
                change.block_access_index = past;
            }
        },
    );
    each(
        trial,
        "list: index past the end",
        Expected::BlockInvalid,
        move |entry| {
            if entry.code_changes.is_empty() {
                entry
                    .code_changes
                    .push(CodeChange::new(past, Bytes::from_static(&[1])));
            }
        },
    );
}

/// The index of what happens after the last transaction.
fn last_index(trial: &Trial<'_>) -> u64 {
    trial.subject.decoded.block.body.transactions.len() as u64 + 1
}
