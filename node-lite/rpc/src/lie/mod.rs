//! The lying node: every falsehood that a light client must catch, told at the border of the light protocol and of JSON-RPC. The chain behind it stays honest, so that taking a lie back
//! restores the truth.
//!
//! ```text
//!  honest chain --> LiteServer --> [ header | body | proof | code | bytes ] --> client
//!                                      ^ one of the lies below, or several
//! ```

mod diff;
mod frame;
mod header;
mod lists;
mod proof;

use std::collections::BTreeMap;

use parking_lot::{Mutex, RwLock};

pub(crate) use diff::alter_update;
pub(crate) use frame::alter_frame;
pub(crate) use header::{alter_header, sibling, swap_checkpoint};
pub(crate) use lists::{alter_ancestors, alter_body, alter_index, alter_receipts};
pub(crate) use proof::{alter_code, inflate};

macro_rules! lies {
    ($($variant:ident = $name:literal, $text:literal;)+) => {
        /// One way to lie.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Lie {
            $(#[doc = $text] $variant,)+
        }

        impl Lie {
            /// Every lie.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word by which `dev_setLie` knows it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it does, in one line.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

lies! {
    AlteredDiffValue = "altered_diff_value", "A value in the block's diff is changed; the signed header is left as it is.";
    AlteredDiffCommitted = "altered_diff_committed", "The sequencer signs a header that commits to a false diff but keeps the honest state root.";
    OmittedChange = "omitted_change", "A changed account is left out of the diff, although it is watched.";
    FalseAbsence = "false_absence", "An account that the block changed, or that exists, is reported as absent.";
    InvalidExecution = "invalid_execution", "The sequencer signs a header with receipts that executing the block does not give; diff and state root are honest.";
    OtherBlockDiff = "other_block_diff", "The valid diff of another block is sent with this block's header.";
    WrongParent = "wrong_parent", "The sequencer signs a header that does not extend the chain.";
    ForgedSignature = "forged_signature", "Headers are signed with a key that is not the sequencer's.";
    Equivocation = "equivocation", "The sequencer signs two headers at one height.";
    StaleHead = "stale_head", "The node stops at the present head and replays it.";
    WrongCode = "wrong_code", "A contract's code is replaced by other code.";
    WrongBalance = "wrong_balance", "Balances, and the proofs that carry them, are too high.";
    WrongStorage = "wrong_storage", "Storage values, and the proofs that carry them, are too high.";
    TruncatedFrame = "truncated_frame", "Messages end in the middle.";
    OversizedFrame = "oversized_frame", "Messages declare more bytes than any message may have.";
    DecompressionBomb = "decompression_bomb", "A message of a few kilobytes inflates to 32 MiB.";
    OmittedLog = "omitted_log", "The last log of a block is left out of its receipts.";
    MislabelledLog = "mislabelled_log", "Receipts change places, so that logs seem to be of other transactions and have other positions.";
    OtherBlockReceipts = "other_block_receipts", "The valid receipts of another block are sent.";
    OtherBlockBody = "other_block_body", "The valid transactions of another block are sent.";
    WrongIndex = "wrong_index", "Transactions are said to stand at another place of their block.";
    WithheldReceipts = "withheld_receipts", "Receipts are said not to be there.";
    WrongAncestor = "wrong_ancestor", "Old headers have another state root; what links them is left as it is.";
    SwappedCheckpoint = "swapped_checkpoint", "The checkpoint is one of another chain, signed with another key.";
}

impl Lie {
    /// Whether it stands in headers that the sequencer signs, each on the false one before.
    const fn is_committed(self) -> bool {
        matches!(self, Self::AlteredDiffCommitted | Self::InvalidExecution)
    }

    /// The lie with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|lie| lie.name() == name)
    }
}

/// Which lies are told, and from which height on. None at first.
#[derive(Debug, Default)]
pub struct Lies {
    /// The head when each lie began.
    since: RwLock<BTreeMap<Lie, u64>>,
    /// Headers that commit to false diffs.
    committed: Mutex<header::FalseHeaders>,
}

impl Lies {
    /// Switches a lie. `head` is the height at which [`Lie::StaleHead`] stops and after which lies that need the sequencer's key begin: what was signed
    /// honestly before is not signed again.
    pub fn set(&self, lie: Lie, on: bool, head: u64) {
        let mut since = self.since.write();
        if on {
            since.entry(lie).or_insert(head);
        } else {
            since.remove(&lie);
        }
        if !since.keys().any(|lie| lie.is_committed()) {
            self.committed.lock().clear();
        }
    }

    /// Tells the truth again.
    pub fn clear(&self) {
        self.since.write().clear();
        self.committed.lock().clear();
    }

    /// Whether a lie is told.
    #[must_use]
    pub fn is_on(&self, lie: Lie) -> bool {
        self.since.read().contains_key(&lie)
    }

    /// Whether a lie is told about the block with this number, which the sequencer has not signed honestly in public before.
    pub(crate) fn is_on_after(&self, lie: Lie, number: u64) -> bool {
        self.since
            .read()
            .get(&lie)
            .is_some_and(|since| number > *since)
    }

    /// Whether the sequencer signs a false header at this height, for a diff or an execution.
    fn is_committed_at(&self, number: u64) -> bool {
        let since = self.since.read();
        let mut since = since.iter();
        since.any(|(lie, since)| lie.is_committed() && number > *since)
    }

    /// Where the chain seems to end, if the head is stale.
    #[must_use]
    pub fn frozen_head(&self) -> Option<u64> {
        self.since.read().get(&Lie::StaleHead).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lie_has_its_own_name_and_switch() {
        let lies = Lies::default();
        for lie in Lie::ALL {
            assert_eq!(Lie::from_name(lie.name()), Some(*lie));
            assert!(!lies.is_on(*lie), "{}", lie.name());
            lies.set(*lie, true, 7);
        }
        assert_eq!(lies.frozen_head(), Some(7));
        lies.set(Lie::StaleHead, true, 8);
        assert_eq!(lies.frozen_head(), Some(7));
        lies.set(Lie::StaleHead, false, 8);
        assert_eq!(lies.frozen_head(), None);
        assert!(lies.is_on(Lie::SwappedCheckpoint));
        lies.clear();
        assert!(Lie::ALL.iter().all(|lie| !lies.is_on(*lie)));
    }
}
