//! Block access lists ([EIP-7928](https://eips.ethereum.org/EIPS/eip-7928)): from raw bytes to a [`VerifiedBal`] (check 6).
//!
//! ```text
//! size cap -> keccak(raw) == header -> count items -> decode -> canonical -> structure -> gas -> accounts root
//! ```
//!
//! The hash is checked before the first byte is parsed, so a peer cannot feed the decoder anything that the sequencer did not commit to. What fails after it is the sequencer's doing.

use crate::{
    fault::{FaultKind, Mismatch, Value},
    header::VerifiedHeader,
    limits::{MAX_BAL_BYTES, MAX_BLOCK_TRANSACTIONS},
    merkle::compute_accounts_root,
    rlp::{DecodeError, Reader},
};
use alloc::vec::Vec;
use alloy_eip7928::{
    AccountChanges, BlockAccessListValidationError, constants::ITEM_COST,
    validate_block_access_list,
};
use alloy_primitives::{B256, Bytes, keccak256};
use thiserror::Error;

/// Bytes of a BAL that one gas can pay for, as a divisor: the cheapest byte is one of a 32-byte slot key at 1,900 gas (access list) plus 100 (warm read), 60 gas; a factor of two is left for
/// list headers and later repricing.
const GAS_PER_BYTE: u64 = 32;
/// Room for what system calls touch without paying gas.
const SYSTEM_BYTES: usize = 64 << 10;

/// Why a block access list is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BalError {
    /// The genesis block has no list, and a header before EIP-7928 neither.
    #[error("block {number} commits to no block access list")]
    NotCommitted {
        /// The block.
        number: u64,
    },
    /// More bytes than the block's gas limit can pay for.
    #[error("block access list: expected at most {expected} bytes, got {got}")]
    Size {
        /// The limit in bytes.
        expected: usize,
        /// The size in bytes.
        got: usize,
    },
    /// The bytes are not the ones that the header commits to.
    #[error("block_access_list_hash: expected {expected}, got {got}")]
    Hash {
        /// The header's hash.
        expected: B256,
        /// Keccak-256 of the bytes that came.
        got: B256,
    },
    /// More items than the gas limit allows.
    #[error("block access list: expected at most {expected} items, got {got}")]
    Items {
        /// `gas_limit / 2000`.
        expected: u64,
        /// Accounts and storage keys that came; the first count above the limit.
        got: u64,
    },
    /// The committed bytes are not an RLP block access list.
    #[error("block access list: {0}")]
    Decode(DecodeError),
    /// The committed bytes are not the one encoding of the list that they hold.
    #[error("block access list is not canonical")]
    NotCanonical,
    /// The list breaks EIP-7928's order, uniqueness or index rules.
    #[error("block access list: {0}")]
    Structure(BlockAccessListValidationError),
    /// The accounts root in the header's extension is not the list's.
    #[error("accounts_root: expected {expected}, got {got}")]
    AccountsRoot {
        /// The root in the extension.
        expected: B256,
        /// The root of the list.
        got: B256,
    },
}

impl BalError {
    /// Whether the peer that sent the bytes is at fault; otherwise the sequencer committed to a bad list.
    pub const fn is_peer_fault(&self) -> bool {
        matches!(self, Self::Size { .. } | Self::Hash { .. })
    }

    /// The kind of fault.
    pub const fn fault_kind(&self) -> FaultKind {
        match self {
            Self::Size { .. } => FaultKind::Oversized,
            Self::Hash { .. } => FaultKind::BadBalHash,
            _ => FaultKind::BadBal,
        }
    }

    /// The field, what was expected and what came.
    pub fn mismatch(&self) -> Mismatch {
        match *self {
            Self::NotCommitted { number } => Mismatch::new("block", "a block with a list", number),
            Self::Size { expected, got } => Mismatch::new("bal.bytes", expected, got),
            Self::Hash { expected, got } => {
                Mismatch::new("header.block_access_list_hash", expected, got)
            }
            Self::Items { expected, got } => Mismatch::new("bal.items", expected, got),
            Self::Decode(_) => Mismatch::new("bal", "a block access list", "not RLP of one"),
            Self::NotCanonical => Mismatch::new("bal", "canonical RLP", "another encoding"),
            Self::Structure(_) => Mismatch::new("bal", "EIP-7928 order", Value::None),
            Self::AccountsRoot { expected, got } => {
                Mismatch::new("extension.accounts_root", expected, got)
            }
        }
    }
}

/// A block access list whose raw bytes the signed header commits to, in EIP-7928's canonical form.
///
/// It does **not** say that the values are right: only applying it to the parent's state and comparing the root does ([`crate::update::verify_consistent`]), and that still does not say that
/// executing the block gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct VerifiedBal {
    raw: Bytes,
    changes: Vec<AccountChanges>,
}

impl VerifiedBal {
    /// The bytes that the header's hash covers.
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// The entries, sorted by address.
    pub fn changes(&self) -> &[AccountChanges] {
        &self.changes
    }

    /// The entries, sorted by address.
    pub fn into_changes(self) -> Vec<AccountChanges> {
        self.changes
    }
}

/// Checks that `raw` is the block access list of `header`'s block. With `tx_count` the highest block access index is exact; without, it is only bounded by what a block can hold.
pub fn verify_bal(
    raw: &[u8],
    header: &VerifiedHeader,
    tx_count: Option<usize>,
) -> Result<VerifiedBal, BalError> {
    let number = header.number();
    let (Some(committed), Some(extension)) =
        (header.header().block_access_list_hash, header.extension())
    else {
        return Err(BalError::NotCommitted { number });
    };
    let gas_limit = header.header().gas_limit;
    let max_bytes = max_bal_bytes(gas_limit);
    if raw.len() > max_bytes {
        return Err(BalError::Size {
            expected: max_bytes,
            got: raw.len(),
        });
    }
    let hash = keccak256(raw);
    if hash != committed {
        return Err(BalError::Hash {
            expected: committed,
            got: hash,
        });
    }
    let max_items = gas_limit.checked_div(item_cost()).unwrap_or(0);
    check_item_count(raw, max_items)?;

    let changes: Vec<AccountChanges> = alloy_rlp::decode_exact(raw)
        .map_err(|error| BalError::Decode(DecodeError::Rlp { what: "bal", error }))?;
    let mut canonical = Vec::with_capacity(raw.len());
    alloy_rlp::encode_list(&changes, &mut canonical);
    if canonical != raw {
        return Err(BalError::NotCanonical);
    }
    let tx_count = tx_count.unwrap_or(MAX_BLOCK_TRANSACTIONS);
    validate_block_access_list(&changes, tx_count).map_err(BalError::Structure)?;

    let accounts_root = compute_accounts_root(&changes);
    if accounts_root != extension.accounts_root {
        let (expected, got) = (extension.accounts_root, accounts_root);
        return Err(BalError::AccountsRoot { expected, got });
    }
    Ok(VerifiedBal {
        raw: Bytes::copy_from_slice(raw),
        changes,
    })
}

/// Most bytes that a block with this gas limit can put into its list.
fn max_bal_bytes(gas_limit: u64) -> usize {
    let paid = gas_limit.checked_div(GAS_PER_BYTE).unwrap_or(0);
    usize::try_from(paid)
        .unwrap_or(usize::MAX)
        .saturating_add(SYSTEM_BYTES)
        .min(MAX_BAL_BYTES)
}

fn item_cost() -> u64 {
    u64::try_from(ITEM_COST).unwrap_or(u64::MAX)
}

/// Counts accounts and storage keys as EIP-7928 does, without allocating.
fn check_item_count(raw: &[u8], max: u64) -> Result<(), BalError> {
    let mut items = 0_u64;
    let mut add_item = || {
        items = items.saturating_add(1);
        if items > max {
            Err(BalError::Items {
                expected: max,
                got: items,
            })
        } else {
            Ok(())
        }
    };
    let mut accounts = Reader::open("bal", raw).map_err(BalError::Decode)?;
    while !accounts.is_empty() {
        add_item()?;
        let mut account = accounts.list("bal.account").map_err(BalError::Decode)?;
        account.raw("bal.address", 21).map_err(BalError::Decode)?;
        for what in ["bal.storage_changes", "bal.storage_reads"] {
            let mut slots = account.list(what).map_err(BalError::Decode)?;
            while !slots.is_empty() {
                add_item()?;
                slots.raw(what, usize::MAX).map_err(BalError::Decode)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
