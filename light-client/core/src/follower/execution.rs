//! What the driver found when it executed blocks (check 11). Executing is not the core's work; which blocks may be called executed is.
//!
//! ```text
//! signed --body--> consistent --note_executed--> executed
//!                      |
//!                      +-------note_invalid----> conflict: the head stays, nothing from here on is executed
//! ```

use super::Follower;
use crate::{fault::Fault, trust::TrustLevel};
use alloy_primitives::B256;

impl Follower {
    /// The driver has executed this block, and it is valid. False, and nothing changes, unless the block is `consistent`, of the followed branch, and below every contradiction.
    pub fn note_executed(&mut self, hash: B256) -> bool {
        let Some(block) = self.tree.by_hash(hash) else {
            return false;
        };
        let header = block.header.clone();
        let is_contradicted = self
            .conflict
            .as_ref()
            .is_some_and(|fault| fault.number.is_none_or(|from| from <= header.number()));
        let may_be = self.halted.is_none()
            && !is_contradicted
            && block.level >= TrustLevel::Consistent
            && self.tree.is_canonical(&header);
        if may_be {
            self.tree.set_level(&header, TrustLevel::Executed);
        }
        may_be
    }

    /// The driver has executed a block, and whoever sent what that took, it is not valid: a contradiction of the sequencer's. False, and nothing changes, if the followed branch does
    /// not have the block, or for a fault of another kind.
    pub fn note_invalid(&mut self, fault: Fault) -> bool {
        let (Some(number), Some(hash)) = (fault.number, fault.hash) else {
            return false;
        };
        // A block that is too old to be retained is not on another branch.
        let is_left = self
            .tree
            .by_hash(hash)
            .is_some_and(|block| !self.tree.is_canonical(&block.header));
        if is_left || !fault.kind.is_conflict() {
            return false;
        }
        self.tree.cap_levels(number, TrustLevel::Consistent);
        let known = self.conflict.as_ref().and_then(|fault| fault.number);
        if known.is_none_or(|known| number < known) {
            self.conflict = Some(fault);
        }
        true
    }
}
