//! Verified headers of the retained depth, and the branch that is followed.
//!
//! ```text
//!  oldest                     fork                tip
//!    o----o----o----o----o----o----o----o----o----o      canonical: number -> hash
//!                              \----o----o               side branches, only under Reorgs::Follow
//! ```

use crate::{header::VerifiedHeader, sorted::SortedMap, trust::TrustLevel};
use alloc::{boxed::Box, vec::Vec};
use alloy_primitives::B256;

/// A verified header and how far its block was checked.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) header: VerifiedHeader,
    pub(super) level: TrustLevel,
}

#[derive(Clone, Debug)]
pub(super) struct Tree {
    // At most `has_room` entries, 4,096, of a few words each.
    blocks: SortedMap<(u64, B256), Box<Block>>,
    numbers: SortedMap<B256, u64>,
    canonical: SortedMap<u64, B256>,
    tip: VerifiedHeader,
    retain: u64,
}

/// What adopting another branch changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    /// The newest block that both branches have.
    pub(super) ancestor: u64,
    pub(super) old_tip: VerifiedHeader,
}

impl Tree {
    pub(super) fn new(start: VerifiedHeader, retain: u64) -> Self {
        let mut tree = Self {
            blocks: SortedMap::new(),
            numbers: SortedMap::new(),
            canonical: SortedMap::new(),
            tip: start.clone(),
            retain,
        };
        tree.canonical.insert(start.number(), start.hash());
        tree.put(start);
        tree
    }

    pub(super) const fn tip(&self) -> &VerifiedHeader {
        &self.tip
    }

    /// Number of the oldest retained block of the followed branch.
    pub(super) fn oldest(&self) -> u64 {
        let first = self.canonical.keys().next();
        first.copied().unwrap_or(self.tip.number())
    }

    pub(super) fn get(&self, number: u64, hash: B256) -> Option<&Block> {
        self.blocks.get(&(number, hash)).map(Box::as_ref)
    }

    pub(super) fn by_hash(&self, hash: B256) -> Option<&Block> {
        self.get(*self.numbers.get(&hash)?, hash)
    }

    /// The followed branch's block at `number`.
    pub(super) fn at(&self, number: u64) -> Option<&Block> {
        self.get(number, *self.canonical.get(&number)?)
    }

    pub(super) fn is_canonical(&self, header: &VerifiedHeader) -> bool {
        self.canonical.get(&header.number()) == Some(&header.hash())
    }

    /// Whether another block fits. Side branches are signed by the sequencer, who may sign without end.
    pub(super) fn has_room(&self) -> bool {
        let most = usize::try_from(self.retain)
            .unwrap_or(usize::MAX)
            .saturating_mul(4);
        self.blocks.len() < most.max(16)
    }

    pub(super) fn set_level(&mut self, header: &VerifiedHeader, level: TrustLevel) {
        if let Some(block) = self.blocks.get_mut(&(header.number(), header.hash())) {
            block.level = block.level.max(level);
        }
    }

    /// Takes back what was said beyond `most` of the followed branch from `number` on.
    pub(super) fn cap_levels(&mut self, number: u64, most: TrustLevel) {
        for (at, hash) in self.canonical.iter().filter(|(at, _)| **at >= number) {
            if let Some(block) = self.blocks.get_mut(&(*at, *hash)) {
                block.level = block.level.min(most);
            }
        }
    }

    /// Replaces a header by the same header with another signature.
    pub(super) fn replace(&mut self, header: VerifiedHeader) {
        if let Some(block) = self.blocks.get_mut(&(header.number(), header.hash())) {
            block.header = header;
        }
    }

    /// Takes a header whose parent is here. It becomes the tip if it follows the tip.
    pub(super) fn insert(&mut self, header: VerifiedHeader) {
        if header.header().parent_hash == self.tip.hash() {
            self.canonical.insert(header.number(), header.hash());
            self.tip = header.clone();
        }
        self.put(header);
        self.prune();
    }

    /// Makes the branch that ends in `header` the followed one. None if it does not meet the followed one within what is retained.
    pub(super) fn adopt(&mut self, header: &VerifiedHeader) -> Option<Switch> {
        let mut branch: Vec<(u64, B256)> = Vec::new();
        let mut at = header;
        while !self.is_canonical(at) {
            branch.push((at.number(), at.hash()));
            at = &self
                .get(at.number().checked_sub(1)?, at.header().parent_hash)?
                .header;
        }
        let ancestor = at.number();
        self.canonical.truncate_at(&ancestor.saturating_add(1));
        for (number, hash) in branch.into_iter().rev() {
            self.canonical.insert(number, hash);
        }
        let old_tip = core::mem::replace(&mut self.tip, header.clone());
        self.prune();
        Some(Switch { ancestor, old_tip })
    }

    fn put(&mut self, header: VerifiedHeader) {
        let (number, hash) = (header.number(), header.hash());
        self.numbers.insert(hash, number);
        let level = TrustLevel::Signed;
        self.blocks
            .insert((number, hash), Box::new(Block { header, level }));
    }

    fn prune(&mut self) {
        let oldest = self.tip.number().saturating_sub(self.retain);
        for ((_, hash), _) in self.blocks.remove_below(&(oldest, B256::ZERO)) {
            self.numbers.remove(&hash);
        }
        drop(self.canonical.remove_below(&oldest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::TestChain;

    /// Branches of `lengths` on the genesis, all in one tree with the first as the followed one.
    fn tree(retain: u64, lengths: [u64; 2]) -> (Tree, [Vec<VerifiedHeader>; 2]) {
        let start = TestChain::new().headers[0].clone();
        let mut tree = Tree::new(start, retain);
        let branches = [0, 1].map(|salt| {
            let mut chain = TestChain::new();
            chain.salt = salt;
            (0..lengths[usize::from(salt)]).for_each(|_| chain.push_empty());
            chain.headers[1..].to_vec()
        });
        branches
            .iter()
            .flatten()
            .for_each(|header| tree.insert(header.clone()));
        (tree, branches)
    }

    #[test]
    fn adopting_a_branch_rewrites_the_numbers_above_the_fork() {
        let (mut tree, [old, new]) = tree(100, [3, 5]);
        assert_eq!(tree.tip(), &old[2]);
        let switch = tree.adopt(&new[4]).unwrap();
        assert_eq!(
            switch,
            Switch {
                ancestor: 0,
                old_tip: old[2].clone()
            }
        );
        for header in &new {
            assert!(tree.is_canonical(header));
        }
        for header in &old {
            assert!(!tree.is_canonical(header));
            assert!(tree.by_hash(header.hash()).is_some());
        }
        let switch = tree.adopt(&old[1]).unwrap();
        assert_eq!(switch.ancestor, 0);
        assert!(
            tree.at(3).is_none(),
            "nothing is left above a shorter branch"
        );
    }

    #[test]
    fn only_the_retained_depth_stays() {
        let (tree, [old, _]) = tree(3, [10, 0]);
        assert_eq!(tree.oldest(), 7);
        assert!(tree.by_hash(old[5].hash()).is_none());
        assert!(tree.by_hash(old[6].hash()).is_some());
        assert_eq!(tree.blocks.len(), 4);
        assert_eq!(tree.numbers.len(), 4);
        assert_eq!(tree.canonical.len(), 4);
    }

    #[test]
    fn a_branch_that_begins_below_what_is_retained_is_not_adopted() {
        let (mut tree, [_, new]) = tree(3, [10, 2]);
        assert_eq!(tree.adopt(&new[1]), None);
    }
}
