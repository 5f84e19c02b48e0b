//! One block, verified as far as the client's mode goes (checks 7-10). `docs/wire-format.md` section 2.
//!
//! ```text
//! watch        accounts_root --inclusion / absence--> entry      state_root --nodes--> account, slots
//!                                                       \___________ must agree __________/
//!
//! consistent   parent.state_root --nodes--> partial state --apply(BAL)--> root == header.state_root
//! ```
//!
//! Both take a header that is already verified; a bad body says nothing against its header.

use crate::{
    bal::{BalError, VerifiedBal, verify_bal},
    fault::{Fault, FaultKind, Mismatch},
    header::VerifiedHeader,
    merkle::{MerkleError, verify_absence, verify_inclusion},
    state::{Account, PartialState, StateError},
    wire::{Body, Filter, Mode, Update, Watched},
};
use alloc::vec::Vec;
use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, U256};
use thiserror::Error;

/// Why the body of an update is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The update is about another block than the header.
    #[error("block: expected {expected}, got {got}")]
    Block {
        /// Hash of the verified header.
        expected: B256,
        /// Hash of the update's header.
        got: B256,
    },
    /// The body is of another mode.
    #[error("mode: expected {}, got {}", expected.as_str(), got.as_str())]
    Mode {
        /// The mode asked for.
        expected: Mode,
        /// The mode that came.
        got: Mode,
    },
    /// The header commits to no accounts root: the genesis block has none.
    #[error("block {number} commits to no accounts root")]
    NotCommitted {
        /// The block.
        number: u64,
    },
    /// The watched accounts are not exactly the filter's, in its order.
    #[error("watched account: expected {expected:?}, got {got:?}")]
    Coverage {
        /// The filter's account at the first difference.
        expected: Option<Address>,
        /// The update's account there.
        got: Option<Address>,
    },
    /// An account's entry is not the one under the accounts root.
    #[error("entry of {address}: {error}")]
    Inclusion {
        /// The account.
        address: Address,
        /// Why.
        error: MerkleError,
    },
    /// An account is said to be untouched, and that is not proven.
    #[error("absence of {address}: {error}")]
    Absence {
        /// The account.
        address: Address,
        /// Why.
        error: MerkleError,
    },
    /// The block access list is refused.
    #[error(transparent)]
    Bal(#[from] BalError),
    /// The trie nodes are refused, or one that is needed is missing.
    #[error("witness: {0}")]
    Witness(#[from] StateError),
    /// The partial state is not the parent's.
    #[error("parent state: expected {expected}, got {got}")]
    ParentState {
        /// The parent's state root.
        expected: B256,
        /// The partial state's root.
        got: B256,
    },
    /// Applying the committed list gives another root than the committed one: the sequencer contradicts itself.
    #[error("state_root: expected {expected}, got {got}")]
    StateRootMismatch {
        /// The header's state root.
        expected: B256,
        /// The root that applying the list gives.
        got: B256,
    },
    /// The committed entry and the committed state disagree: the sequencer contradicts itself.
    #[error("{field} of {address}: expected {expected:#x}, got {got:#x}")]
    PostState {
        /// The account.
        address: Address,
        /// Which value.
        field: &'static str,
        /// The entry's last value.
        expected: U256,
        /// The state's value.
        got: U256,
    },
}

impl UpdateError {
    /// The kind of fault.
    pub const fn fault_kind(&self) -> FaultKind {
        match self {
            Self::Block { .. } | Self::Mode { .. } | Self::NotCommitted { .. } => {
                FaultKind::WrongResponse
            }
            Self::Coverage { .. } => FaultKind::OmittedChange,
            Self::Inclusion { .. } => FaultKind::AlteredChange,
            Self::Absence { .. } => FaultKind::FalseAbsence,
            Self::Bal(error) => error.fault_kind(),
            Self::Witness(error) if error.is_incomplete() => FaultKind::IncompleteWitness,
            Self::Witness(_) | Self::ParentState { .. } => FaultKind::BadWitness,
            Self::StateRootMismatch { .. } => FaultKind::StateRootMismatch,
            Self::PostState { .. } => FaultKind::PostStateMismatch,
        }
    }

    /// Whether the peer that sent the body is to blame; otherwise the sequencer contradicts itself, or the caller mixed up its states.
    pub const fn is_peer_fault(&self) -> bool {
        self.fault_kind().is_peer_fault() && !matches!(self, Self::ParentState { .. })
    }

    /// The field, what was expected and what came.
    pub fn mismatch(&self) -> Mismatch {
        match *self {
            Self::Block { expected, got } => Mismatch::new("update.block", expected, got),
            Self::Mode { expected, got } => {
                Mismatch::new("update.mode", expected.as_str(), got.as_str())
            }
            Self::NotCommitted { number } => {
                Mismatch::new("block", "a block with an accounts root", number)
            }
            Self::Coverage { expected, got } => Mismatch::new("update.watched", expected, got),
            Self::Inclusion { ref error, .. } | Self::Absence { ref error, .. } => error.mismatch(),
            Self::Bal(ref error) => error.mismatch(),
            Self::Witness(ref error) => {
                Mismatch::new("update.nodes", "the nodes that are needed", error.kind())
            }
            Self::ParentState { expected, got } => {
                Mismatch::new("parent.state_root", expected, got)
            }
            Self::StateRootMismatch { expected, got } => {
                Mismatch::new("header.state_root", expected, got)
            }
            Self::PostState {
                field,
                expected,
                got,
                ..
            } => Mismatch::new(field, expected, got),
        }
    }

    /// The error as a fault of `header`'s block.
    pub fn fault(&self, header: &VerifiedHeader) -> Fault {
        Fault::new(self.fault_kind(), self.mismatch()).at(header.number(), header.hash())
    }
}

/// What a block did to one watched account.
#[allow(
    clippy::large_enum_variant,
    reason = "at most 256 of them live at a time, and most users want the entry"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WatchedAccount {
    /// Nothing of it changed.
    Unchanged {
        /// The account.
        address: Address,
    },
    /// It changed.
    Changed {
        /// Its entry in the block access list, with every change of the block.
        entry: AccountChanges,
        /// The account after the block; none if it is gone.
        account: Option<Account>,
        /// The filter's slots after the block, as far as the update proves them; changed slots always.
        slots: Vec<(U256, U256)>,
    },
}

impl WatchedAccount {
    /// The account.
    pub const fn address(&self) -> Address {
        match self {
            Self::Unchanged { address } => *address,
            Self::Changed { entry, .. } => entry.address,
        }
    }
}

/// The filter's accounts in one block: complete, as the signed accounts root says it, and equal to the signed state.
///
/// It does **not** say that other accounts did not change, that the block was executed correctly, or, for an absence, that the sequencer sorted the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedWatch {
    accounts: Vec<WatchedAccount>,
}

impl VerifiedWatch {
    /// One for each address of the filter, in its order.
    pub fn accounts(&self) -> &[WatchedAccount] {
        &self.accounts
    }
}

/// A block whose access list, applied to the parent's signed state, gives the block's signed state: level `consistent`.
///
/// It does **not** say that executing the block's transactions gives this list.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedTransition {
    bal: VerifiedBal,
}

impl VerifiedTransition {
    /// The block's access list.
    pub const fn bal(&self) -> &VerifiedBal {
        &self.bal
    }
}

/// Checks the filter's part of a block: every address of the filter is covered, in order, and nothing else; each entry or absence is proven under the accounts root; and the entries'
/// last values are the ones in the block's state.
pub fn verify_watch(
    update: &Update,
    header: &VerifiedHeader,
    filter: &Filter,
) -> Result<VerifiedWatch, UpdateError> {
    check_block(update, header)?;
    verify_watch_body(&update.body, header, filter)
}

/// Checks a whole block against the parent's state, and moves `state` from the parent's root to the block's. After an error `state` is exactly what it was.
pub fn verify_consistent(
    update: &Update,
    header: &VerifiedHeader,
    parent: &VerifiedHeader,
    state: &mut PartialState,
) -> Result<VerifiedTransition, UpdateError> {
    check_block(update, header)?;
    verify_consistent_body(&update.body, header, parent, state)
}

fn check_block(update: &Update, header: &VerifiedHeader) -> Result<(), UpdateError> {
    let (expected, got) = (header.hash(), update.signed_header.hash());
    if got == expected {
        Ok(())
    } else {
        Err(UpdateError::Block { expected, got })
    }
}

/// As [`verify_watch`], for a body that came without its header.
pub(crate) fn verify_watch_body(
    body: &Body,
    header: &VerifiedHeader,
    filter: &Filter,
) -> Result<VerifiedWatch, UpdateError> {
    let Body::Watch { watched, nodes } = body else {
        return Err(UpdateError::Mode {
            expected: Mode::Watch,
            got: body.mode(),
        });
    };
    let number = header.number();
    let accounts_root = header
        .extension()
        .ok_or(UpdateError::NotCommitted { number })?
        .accounts_root;
    check_coverage(watched, filter)?;
    watched
        .iter()
        .try_for_each(|watched| check_membership(watched, accounts_root))?;

    let mut state = PartialState::from_root(header.state_root());
    state.reveal(nodes)?;
    let accounts = watched
        .iter()
        .zip(filter.accounts())
        .map(|(watched, wanted)| match watched {
            Watched::Present { entry, .. } if entry.has_changes() => {
                read_changed(entry, &wanted.slots, &state)
            }
            other => Ok(WatchedAccount::Unchanged {
                address: other.address(),
            }),
        });
    Ok(VerifiedWatch {
        accounts: accounts.collect::<Result<_, _>>()?,
    })
}

/// The update's addresses are the filter's: none missing, none added, the same order.
fn check_coverage(watched: &[Watched], filter: &Filter) -> Result<(), UpdateError> {
    let mut got = watched.iter().map(Watched::address);
    let mut expected = filter.accounts().iter().map(|account| account.address);
    loop {
        match (expected.next(), got.next()) {
            (None, None) => return Ok(()),
            (expected, got) if expected == got => {}
            (expected, got) => return Err(UpdateError::Coverage { expected, got }),
        }
    }
}

fn check_membership(watched: &Watched, accounts_root: B256) -> Result<(), UpdateError> {
    let address = watched.address();
    match watched {
        Watched::Absent { proof, .. } => verify_absence(accounts_root, address, proof)
            .map_err(|error| UpdateError::Absence { address, error }),
        Watched::Present { entry, proof } => verify_inclusion(accounts_root, entry, proof)
            .map_err(|error| UpdateError::Inclusion { address, error }),
    }
}

/// Reads a changed account from the block's state and holds it against its entry.
fn read_changed(
    entry: &AccountChanges,
    wanted: &[U256],
    state: &PartialState,
) -> Result<WatchedAccount, UpdateError> {
    let address = entry.address;
    let account = state.account(address)?;
    let post = account.unwrap_or_default();
    let check = |field, expected: Option<U256>, got: U256| match expected {
        Some(expected) if expected != got => Err(UpdateError::PostState {
            address,
            field,
            expected,
            got,
        }),
        _ => Ok(()),
    };
    check("account.balance", entry.balance_post_state(), post.balance)?;
    check(
        "account.nonce",
        entry.nonce_post_state().map(U256::from),
        U256::from(post.nonce),
    )?;
    let code_hash = entry.code_hash_post_state().map(Into::into);
    check("account.code_hash", code_hash, post.code_hash.into())?;

    let mut slots = Vec::with_capacity(wanted.len());
    for &slot in wanted {
        let change = entry
            .storage_changes
            .iter()
            .find(|change| change.slot == slot);
        let last = change.and_then(|change| change.changes.last());
        match (state.storage(address, slot), last) {
            (Ok(value), last) => {
                check(
                    "account.storage",
                    last.map(|change| change.new_value),
                    value,
                )?;
                slots.push((slot, value));
            }
            // A slot that did not change need not be proven again.
            (Err(error), None) if error.is_incomplete() => {}
            (Err(error), _) => return Err(error.into()),
        }
    }
    Ok(WatchedAccount::Changed {
        entry: entry.clone(),
        account,
        slots,
    })
}

/// As [`verify_consistent`], for a body that came without its header.
pub(crate) fn verify_consistent_body(
    body: &Body,
    header: &VerifiedHeader,
    parent: &VerifiedHeader,
    state: &mut PartialState,
) -> Result<VerifiedTransition, UpdateError> {
    let Body::Consistent { bal, nodes } = body else {
        return Err(UpdateError::Mode {
            expected: Mode::Consistent,
            got: body.mode(),
        });
    };
    if header.header().parent_hash != parent.hash() {
        let (expected, got) = (header.header().parent_hash, parent.hash());
        return Err(UpdateError::Block { expected, got });
    }
    let bal = verify_bal(bal, header, None)?;

    let mut next = state.clone();
    let (expected, got) = (parent.state_root(), next.root());
    if got != expected {
        return Err(UpdateError::ParentState { expected, got });
    }
    next.set_epoch(header.number());
    next.reveal(nodes)?;
    next.apply(bal.changes())?;
    let (expected, got) = (header.state_root(), next.root());
    if got != expected {
        return Err(UpdateError::StateRootMismatch { expected, got });
    }
    *state = next;
    Ok(VerifiedTransition { bal })
}

#[cfg(test)]
mod tests;
