//! Verified headers of the followed branch, for reads of older blocks.

use std::collections::BTreeMap;

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

/// By number, without a gap.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    entries: BTreeMap<u64, Entry>,
    numbers: BTreeMap<B256, u64>,
}

impl Archive {
    /// Adds the next block, or one that takes the place of a block and of all above it.
    pub(crate) fn push(&mut self, header: VerifiedHeader, level: TrustLevel) {
        let number = header.number();
        self.truncate_from(number);
        if number
            .checked_sub(1)
            .is_some_and(|below| !self.entries.is_empty() && !self.entries.contains_key(&below))
        {
            self.truncate_from(0);
        }
        self.numbers.insert(header.hash(), number);
        self.entries.insert(number, Entry { header, level });
        while self.entries.len() > KEPT {
            if let Some((_, oldest)) = self.entries.pop_first() {
                self.numbers.remove(&oldest.header.hash());
            }
        }
    }

    /// Drops this number and all above it.
    pub(crate) fn truncate_from(&mut self, number: u64) {
        for (_, entry) in self.entries.split_off(&number) {
            self.numbers.remove(&entry.header.hash());
        }
    }

    pub(crate) fn at(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    pub(crate) fn by_hash(&self, hash: B256) -> Option<&Entry> {
        self.at(*self.numbers.get(&hash)?)
    }

    pub(crate) fn head(&self) -> Option<&Entry> {
        self.entries.last_key_value().map(|(_, entry)| entry)
    }

    pub(crate) fn oldest(&self) -> Option<u64> {
        self.entries.first_key_value().map(|(number, _)| *number)
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
