//! Verified headers of the followed branch, for reads of older blocks.

use std::collections::VecDeque;

use alloy_primitives::B256;
use sidelight_core::{header::VerifiedHeader, trust::TrustLevel};

/// Headers that are kept: 2.3 hours of one-second blocks, about 8 MB.
const KEPT: usize = 8_192;

/// A header and how far its block was checked.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) header: VerifiedHeader,
    pub(crate) level: TrustLevel,
}

/// Ascending by number, without a gap.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    entries: VecDeque<Entry>,
}

impl Archive {
    /// Adds the next block, or one that takes the place of a block and of all above it.
    pub(crate) fn push(&mut self, header: VerifiedHeader, level: TrustLevel) {
        let number = header.number();
        self.truncate_from(number);
        let last = self.entries.back().map(|entry| entry.header.number());
        if last.is_some_and(|last| last.saturating_add(1) != number) {
            self.entries.clear();
        }
        self.entries.push_back(Entry { header, level });
        if self.entries.len() > KEPT {
            self.entries.pop_front();
        }
    }

    /// Drops this number and all above it.
    pub(crate) fn truncate_from(&mut self, number: u64) {
        let below = number.saturating_sub(self.oldest().unwrap_or(0));
        self.entries
            .truncate(usize::try_from(below).unwrap_or(usize::MAX));
    }

    /// This block was executed.
    pub(crate) fn note_executed(&mut self, hash: B256) {
        let mut entries = self.entries.iter_mut().rev();
        if let Some(entry) = entries.find(|entry| entry.header.hash() == hash) {
            entry.level = entry.level.max(TrustLevel::Executed);
        }
    }

    /// Nothing from this number on was executed.
    pub(crate) fn cap_levels(&mut self, number: u64) {
        let above = self
            .entries
            .iter_mut()
            .rev()
            .take_while(|entry| entry.header.number() >= number);
        above.for_each(|entry| entry.level = entry.level.min(TrustLevel::Consistent));
    }

    /// The newest block that was executed.
    pub(crate) fn executed(&self) -> Option<&Entry> {
        let mut entries = self.entries.iter().rev();
        entries.find(|entry| entry.level >= TrustLevel::Executed)
    }

    pub(crate) fn at(&self, number: u64) -> Option<&Entry> {
        let place = number.checked_sub(self.oldest()?)?;
        self.entries.get(usize::try_from(place).ok()?)
    }

    pub(crate) fn by_hash(&self, hash: B256) -> Option<&Entry> {
        // Reads are mostly of new blocks.
        self.entries
            .iter()
            .rev()
            .find(|entry| entry.header.hash() == hash)
    }

    pub(crate) fn head(&self) -> Option<&Entry> {
        self.entries.back()
    }

    pub(crate) fn first(&self) -> Option<&Entry> {
        self.entries.front()
    }

    pub(crate) fn oldest(&self) -> Option<u64> {
        self.entries.front().map(|entry| entry.header.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::chain;

    #[test]
    fn a_replaced_block_takes_all_above_it_along() {
        let (_, headers) = chain(5, &[]);
        let mut archive = Archive::default();
        headers
            .iter()
            .for_each(|header| archive.push(header.clone(), TrustLevel::Signed));
        assert_eq!(archive.head().unwrap().header, headers[5]);
        archive.push(headers[3].clone(), TrustLevel::Consistent);
        assert!(archive.by_hash(headers[5].hash()).is_none());
        assert_eq!(archive.head().unwrap().header, headers[3]);
        assert_eq!(archive.oldest(), Some(0));
    }

    #[test]
    fn a_jump_leaves_no_gap() {
        let (_, headers) = chain(5, &[]);
        let mut archive = Archive::default();
        archive.push(headers[0].clone(), TrustLevel::Signed);
        archive.push(headers[4].clone(), TrustLevel::Signed);
        assert_eq!(archive.oldest(), Some(4));
    }
}
