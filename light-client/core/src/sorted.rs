//! A map as a sorted list, for what limits keep small.
//!
//! ```text
//!   [(1, a), (4, b), (9, c)]     look up: binary search    insert, remove: move what follows
//! ```
//!
//! It is a fraction of a B-tree's code. What follows moves when something is inserted: each use says why its entries are few or small.

use alloc::vec::Vec;

/// Values by key, ascending.
#[derive(Clone, Debug)]
pub(crate) struct SortedMap<K, V>(Vec<(K, V)>);

/// Keys, ascending, each once.
pub(crate) type SortedSet<K> = SortedMap<K, ()>;

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> SortedMap<K, V> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let (_, value) = self.0.get(self.search(key).ok()?)?;
        Some(value)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.search(key).ok()?;
        let (_, value) = self.0.get_mut(at)?;
        Some(value)
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.search(key).is_ok()
    }

    /// Puts `value` in the place of what was there. True if nothing was.
    pub(crate) fn insert(&mut self, key: K, value: V) -> bool {
        let place = self.search(&key);
        match place {
            Ok(at) => {
                if let Some((_, old)) = self.0.get_mut(at) {
                    *old = value;
                }
            }
            Err(at) => self.0.insert(at, (key, value)),
        }
        place.is_err()
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let at = self.search(key).ok()?;
        Some(self.0.remove(at).1)
    }

    /// Takes out everything below `key`, in one move of what stays.
    pub(crate) fn remove_below(&mut self, key: &K) -> impl Iterator<Item = (K, V)> {
        self.0.drain(..self.place(key))
    }

    /// Forgets `key` and everything above it.
    pub(crate) fn truncate_at(&mut self, key: &K) {
        self.0.truncate(self.place(key));
    }

    fn search(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(at, _)| at.cmp(key))
    }

    /// Where `key` is or would be.
    fn place(&self, key: &K) -> usize {
        self.search(key).unwrap_or_else(|at| at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{collections::BTreeMap, vec};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn does_what_a_b_tree_does(steps in prop::collection::vec((0_u8..6, 0_u8..24, any::<u16>()), 0..200)) {
            let (mut ours, mut model) = (SortedMap::new(), BTreeMap::new());
            for (step, key, value) in steps {
                match step {
                    0..=2 => prop_assert_eq!(ours.insert(key, value), model.insert(key, value).is_none()),
                    3 => prop_assert_eq!(ours.remove(&key), model.remove(&key)),
                    4 => {
                        let removed: Vec<_> = ours.remove_below(&key).collect();
                        let kept = model.split_off(&key);
                        prop_assert_eq!(removed, core::mem::replace(&mut model, kept).into_iter().collect::<Vec<_>>());
                    }
                    _ => {
                        ours.truncate_at(&key);
                        let _ = model.split_off(&key);
                    }
                }
                prop_assert_eq!(ours.get(&key), model.get(&key));
                prop_assert_eq!(ours.get_mut(&key), model.get_mut(&key));
                prop_assert_eq!(ours.contains_key(&key), model.contains_key(&key));
                prop_assert!(ours.iter().eq(model.iter()));
                prop_assert_eq!(ours.len(), model.len());
                prop_assert_eq!(ours.is_empty(), model.is_empty());
            }
        }
    }

    #[test]
    fn retain_sees_keys_and_values() {
        let mut map = SortedMap::new();
        for (key, value) in [(3, 'c'), (1, 'a'), (2, 'b')] {
            assert!(map.insert(key, value));
        }
        map.retain(|key, value| *key != 1 && *value != 'c');
        assert_eq!(map.keys().copied().collect::<Vec<_>>(), vec![2]);
        assert_eq!(map.values().copied().collect::<Vec<_>>(), vec!['b']);
        map.clear();
        assert!(map.is_empty());
    }
}
