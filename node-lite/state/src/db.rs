//! The handle on the store: reads, proofs and witnesses at any retained root, and commits.

use std::sync::Arc;

use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256};
use parking_lot::RwLock;
pub use sidelight_core::state::Account;
use sidelight_core::state::{AccountRules, CurrentRules, PartialState};

use crate::{
    node::EMPTY_ROOT,
    proof::{self, AccountProof},
    store::{NewCode, NewNode, Store},
};

/// Keccak of no bytes.
pub(crate) const EMPTY_CODE_HASH: B256 = KECCAK256_EMPTY;

/// Why the state cannot be read or extended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// No retained block has this state root.
    #[error("state {root} is not retained")]
    UnknownRoot {
        /// The root.
        root: B256,
    },
    /// A node that a retained node references is gone.
    #[error("trie node {hash} is missing")]
    MissingNode {
        /// Its hash.
        hash: B256,
    },
    /// No retained account has code with this hash.
    #[error("code {hash} is missing")]
    MissingCode {
        /// Its hash.
        hash: B256,
    },
    /// A stored node does not decode.
    #[error("the node store is corrupt")]
    Corrupt,
    /// The trie refused the changes.
    #[error(transparent)]
    Trie(sidelight_core::state::StateError),
}

/// How much the store holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateStats {
    /// Trie nodes.
    pub nodes: usize,
    /// Their bytes.
    pub node_bytes: usize,
    /// Contract codes.
    pub codes: usize,
    /// Distinct retained roots.
    pub roots: usize,
}

/// What a commit gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The new state root, retained once.
    pub root: B256,
    /// The pre-state nodes that applying the changes needed, in wire order.
    pub witness: Vec<Bytes>,
    /// These, and the ones that prove everything that the block read, each with its hash.
    pub execution_nodes: Vec<(B256, Bytes)>,
    /// Hashes of the nodes that the block made.
    pub made: Vec<B256>,
}

/// A store of trie nodes shared by all retained states. Cheap to clone.
///
/// Reads at a root that is not retained fail with [`StateError::UnknownRoot`]; they never answer "absent".
#[derive(Clone, Debug, Default)]
pub struct StateDb {
    store: Arc<RwLock<Store>>,
}

impl StateDb {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An account, or `None` if the trie proves that there is none.
    pub fn account_at(&self, root: B256, address: Address) -> Result<Option<Account>, StateError> {
        let store = self.store.read();
        check_retained(&store, root)?;
        proof::read_account(&store, root, address, |_, _| {})
    }

    /// A storage slot; zero if the trie proves that it is not there.
    pub fn storage_at(&self, root: B256, address: Address, slot: U256) -> Result<U256, StateError> {
        let store = self.store.read();
        check_retained(&store, root)?;
        match proof::read_account(&store, root, address, |_, _| {})? {
            Some(account) => proof::read_slot(&store, account.storage_root, slot, |_, _| {}),
            None => Ok(U256::ZERO),
        }
    }

    /// A contract's code by its hash.
    pub fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        if hash == EMPTY_CODE_HASH {
            return Ok(Bytes::new());
        }
        self.store
            .read()
            .code(&hash)
            .cloned()
            .ok_or(StateError::MissingCode { hash })
    }

    /// EIP-1186 proof of an account and some of its slots.
    pub fn prove(
        &self,
        root: B256,
        address: Address,
        slots: &[U256],
    ) -> Result<AccountProof, StateError> {
        let store = self.store.read();
        check_retained(&store, root)?;
        proof::prove(&store, root, address, slots)
    }

    /// The nodes that prove all of these accounts and slots, or their absence, together: depth first from the root, each once, an account's storage nodes
    /// directly after its leaf (`docs/wire-format.md` section 2).
    pub fn multiproof(
        &self,
        root: B256,
        keys: &[(Address, Vec<U256>)],
    ) -> Result<Vec<Bytes>, StateError> {
        self.check_retained(root)?;
        let mut state = PartialState::from_root(root);
        state
            .reveal_reads_with(|hash| self.node(hash), keys)
            .map_err(StateError::Trie)
    }

    /// The pre-state nodes that applying these changes needs, in wire order.
    pub fn witness(
        &self,
        pre_root: B256,
        changes: &[AccountChanges],
    ) -> Result<Vec<Bytes>, StateError> {
        self.check_known(pre_root)?;
        self.find_witness(pre_root, changes, &CurrentRules)
    }

    /// Applies a block access list to a retained state, stores what is new and retains the new root once. `looked_at` are accounts that the block read beyond its access list; `rules` are the fork's.
    pub fn commit(
        &self,
        pre_root: B256,
        changes: &[AccountChanges],
        looked_at: &[Address],
        rules: &impl AccountRules,
    ) -> Result<Committed, StateError> {
        self.check_known(pre_root)?;
        let witness = self.find_witness(pre_root, changes, rules)?;
        let Applied {
            root,
            nodes,
            execution_nodes,
        } = self.apply(pre_root, changes, looked_at, rules)?;
        let codes = changes
            .iter()
            .filter_map(|account| account.code_post_state());
        let codes = codes
            .filter(|code| !code.is_empty())
            .cloned()
            .map(NewCode::new)
            .collect();
        let made = nodes.iter().map(NewNode::hash).collect();
        self.store.write().insert(root, nodes, codes)?;
        Ok(Committed {
            root,
            witness,
            execution_nodes,
            made,
        })
    }

    /// Retains a retained root once more.
    pub fn retain(&self, root: B256) -> Result<(), StateError> {
        self.store.write().retain(root)
    }

    /// Takes one retention off a root. With the last one, every node that no other retained state shares is dropped.
    pub fn release(&self, root: B256) -> Result<(), StateError> {
        self.store.write().release(root)
    }

    /// Sizes of the store.
    pub fn stats(&self) -> StateStats {
        self.store.read().stats()
    }

    fn check_known(&self, pre_root: B256) -> Result<(), StateError> {
        if pre_root == EMPTY_ROOT {
            return Ok(());
        }
        self.check_retained(pre_root)
    }

    fn find_witness(
        &self,
        pre_root: B256,
        changes: &[AccountChanges],
        rules: &impl AccountRules,
    ) -> Result<Vec<Bytes>, StateError> {
        PartialState::from_root(pre_root)
            .apply_with_under(|hash| self.node(hash), changes, rules)
            .map_err(StateError::Trie)
    }

    /// Runs the same trie code that every client runs, with nodes from the store.
    fn apply(
        &self,
        pre_root: B256,
        changes: &[AccountChanges],
        looked_at: &[Address],
        rules: &impl AccountRules,
    ) -> Result<Applied, StateError> {
        let mut state = PartialState::from_root(pre_root);
        let execution_nodes = state
            .apply_executed_with(|hash| self.node(hash), changes, looked_at, rules)
            .map_err(StateError::Trie)?;
        let mut nodes = Vec::new();
        let root = state.root_with(|hash, rlp| nodes.push(NewNode::new(hash, rlp)));
        let nodes = nodes.into_iter().collect::<Result<_, _>>()?;
        Ok(Applied {
            root,
            nodes,
            execution_nodes,
        })
    }

    /// A node of any retained state. Locks per node, so that neither a long proof nor a large commit keeps others waiting.
    pub fn node(&self, hash: &B256) -> Option<Bytes> {
        self.store.read().node(hash).cloned()
    }

    /// Whether the state with this root can be read.
    pub fn is_retained(&self, root: B256) -> bool {
        self.check_retained(root).is_ok()
    }

    fn check_retained(&self, root: B256) -> Result<(), StateError> {
        check_retained(&self.store.read(), root)
    }
}

struct Applied {
    root: B256,
    nodes: Vec<NewNode>,
    execution_nodes: Vec<(B256, Bytes)>,
}

fn check_retained(store: &Store, root: B256) -> Result<(), StateError> {
    if store.is_retained(&root) {
        Ok(())
    } else {
        Err(StateError::UnknownRoot { root })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::collections::{BTreeMap, BTreeSet, VecDeque};

    use alloy_eip7928::{
        BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges, StorageChange,
    };
    use alloy_primitives::{keccak256, map::B256Set};
    use alloy_trie::root::{state_root_unhashed, storage_root_unhashed};
    use sidelight_core::proof::{verify_account_proof, verify_storage_proof};

    use super::*;

    const AT: BlockAccessIndex = BlockAccessIndex::new(1);

    /// What the state should be, kept without any trie.
    #[derive(Clone, Debug, Default)]
    struct Model(BTreeMap<Address, Plain>);

    #[derive(Clone, Debug, Default)]
    struct Plain {
        nonce: u64,
        balance: U256,
        code: Bytes,
        slots: BTreeMap<U256, U256>,
    }

    impl Plain {
        fn account(&self) -> Account {
            let slots = self
                .slots
                .iter()
                .map(|(slot, value)| ((*slot).into(), *value));
            Account {
                nonce: self.nonce,
                balance: self.balance,
                storage_root: storage_root_unhashed(slots),
                code_hash: keccak256(&self.code),
            }
        }

        /// Everything as changes, for an account that does not exist.
        fn changes(&self, address: Address) -> AccountChanges {
            let mut changes = AccountChanges::new(address)
                .with_nonce_change(NonceChange::new(AT, self.nonce))
                .with_balance_change(BalanceChange::new(AT, self.balance));
            if !self.code.is_empty() {
                changes = changes.with_code_change(CodeChange::new(AT, self.code.clone()));
            }
            self.slots.iter().fold(changes, |changes, (slot, value)| {
                changes.with_storage_change(write(*slot, *value))
            })
        }
    }

    impl Model {
        fn root(&self) -> B256 {
            state_root_unhashed(
                self.0
                    .iter()
                    .map(|(address, plain)| (*address, plain.account())),
            )
        }

        /// A store that never held anything but this state.
        fn rebuild(&self) -> (StateDb, B256) {
            let db = StateDb::new();
            let changes: Vec<_> = self
                .0
                .iter()
                .map(|(address, plain)| plain.changes(*address))
                .collect();
            let root = db
                .commit(EMPTY_ROOT, &changes, &[], &CurrentRules)
                .unwrap()
                .root;
            (db, root)
        }

        /// One random block: transfers, storage writes and clears, deployments, and accounts that are emptied.
        fn step(&mut self, random: &mut Random) -> Vec<AccountChanges> {
            let before = self.clone();
            for _ in 0..random.below(12) {
                let plain = self
                    .0
                    .entry(Address::with_last_byte(random.below(40) as u8))
                    .or_default();
                match random.below(6) {
                    0 if plain.code.is_empty() => *plain = Plain::default(),
                    1 => {
                        plain.nonce += 1;
                        plain.code = vec![random.below(5) as u8 + 1; 40].into();
                    }
                    2 | 3 if !plain.code.is_empty() => {
                        for _ in 0..random.below(6) {
                            let value = random.below(2) * random.below(1 << 40);
                            plain
                                .slots
                                .insert(U256::from(random.below(26)), U256::from(value));
                        }
                        plain.slots.retain(|_, value| !value.is_zero());
                    }
                    _ => plain.balance += U256::from(random.below(1_000) + 1),
                }
            }
            self.0
                .retain(|_, plain| plain.nonce != 0 || !plain.balance.is_zero());
            before.diff(self)
        }

        fn diff(&self, after: &Self) -> Vec<AccountChanges> {
            let none = Plain::default();
            let addresses: BTreeSet<_> = self.0.keys().chain(after.0.keys()).copied().collect();
            let diff = addresses.into_iter().map(|address| {
                let old = self.0.get(&address).unwrap_or(&none);
                let new = after.0.get(&address).unwrap_or(&none);
                let mut changes = AccountChanges::new(address);
                if old.nonce != new.nonce {
                    changes = changes.with_nonce_change(NonceChange::new(AT, new.nonce));
                }
                if old.balance != new.balance {
                    changes = changes.with_balance_change(BalanceChange::new(AT, new.balance));
                }
                if old.code != new.code {
                    changes = changes.with_code_change(CodeChange::new(AT, new.code.clone()));
                }
                let slots: BTreeSet<_> =
                    old.slots.keys().chain(new.slots.keys()).copied().collect();
                let value =
                    |plain: &Plain, slot| plain.slots.get(&slot).copied().unwrap_or_default();
                let changed = slots
                    .into_iter()
                    .filter(|slot| value(old, *slot) != value(new, *slot));
                changed.fold(changes, |changes, slot| {
                    changes.with_storage_change(write(slot, value(new, slot)))
                })
            });
            diff.filter(|changes| !changes.is_empty()).collect()
        }
    }

    fn write(slot: U256, value: U256) -> SlotChanges {
        SlotChanges::new(slot, vec![StorageChange::new(AT, value)])
    }

    /// Steele and Vigna's splitmix64.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % bound
        }
    }

    #[test]
    fn every_retained_state_reads_and_proves_as_the_model_and_released_ones_leave_nothing() {
        const RETAIN: usize = 8;
        let db = StateDb::new();
        let mut random = Random(7);
        let mut model = Model::default();
        let mut window: VecDeque<(B256, Model)> = VecDeque::new();
        let mut root = EMPTY_ROOT;
        for block in 0..300 {
            let changes = model.step(&mut random);
            let committed = db.commit(root, &changes, &[], &CurrentRules).unwrap();
            assert_eq!(committed.root, model.root(), "block {block}");
            if root != EMPTY_ROOT {
                assert_eq!(db.witness(root, &changes).unwrap(), committed.witness);
            }
            root = committed.root;
            window.push_back((root, model.clone()));
            if window.len() > RETAIN {
                db.release(window.pop_front().unwrap().0).unwrap();
            }
            for (root, model) in &window {
                check_reads(&db, *root, model);
            }
        }
        assert!(model.0.len() > 10 && model.0.values().any(|plain| plain.slots.len() > 5));
        for (root, _) in window.drain(..RETAIN - 1) {
            db.release(root).unwrap();
        }
        let (rebuilt, rebuilt_root) = model.rebuild();
        assert_eq!(rebuilt_root, root);
        assert_eq!(
            db.stats(),
            rebuilt.stats(),
            "what is left is what this state alone needs"
        );
        db.release(root).unwrap();
        assert_eq!(db.stats(), StateStats::default());
    }

    fn check_reads(db: &StateDb, root: B256, model: &Model) {
        for byte in 0..41 {
            let address = Address::with_last_byte(byte);
            let plain = model.0.get(&address);
            let account = db.account_at(root, address).unwrap();
            assert_eq!(account, plain.map(Plain::account));
            let slots: Vec<_> = (0..26).step_by(5).map(U256::from).collect();
            let proof = db.prove(root, address, &slots).unwrap();
            assert_eq!(
                verify_account_proof(root, address, &proof.nodes).unwrap(),
                account
            );
            for slot in &proof.storage {
                let value = plain
                    .and_then(|plain| plain.slots.get(&slot.slot))
                    .copied()
                    .unwrap_or_default();
                assert_eq!(slot.value, value);
                assert_eq!(db.storage_at(root, address, slot.slot).unwrap(), value);
                if let Some(account) = &account {
                    assert_eq!(
                        verify_storage_proof(account.storage_root, slot.slot.into(), &slot.nodes)
                            .unwrap(),
                        value
                    );
                }
            }
            if let Some(account) = account {
                assert_eq!(db.code(account.code_hash).unwrap(), plain.unwrap().code);
            }
        }
    }

    #[test]
    fn a_multiproof_proves_present_and_absent_keys_with_each_node_once() {
        let mut model = Model::default();
        let mut random = Random(3);
        for _ in 0..60 {
            model.step(&mut random);
        }
        let (db, root) = model.rebuild();
        let keys: Vec<_> = (0..60)
            .step_by(3)
            .map(|byte| {
                (
                    Address::with_last_byte(byte),
                    vec![U256::from(1), U256::from(99)],
                )
            })
            .collect();
        let nodes = db.multiproof(root, &keys).unwrap();
        let distinct: B256Set = nodes.iter().map(keccak256).collect();
        assert_eq!(distinct.len(), nodes.len());
        assert_eq!(keccak256(&nodes[0]), root);
        let mut client = PartialState::from_root(root);
        client.reveal(&nodes).unwrap();
        for (address, slots) in &keys {
            assert_eq!(
                client.account(*address).unwrap(),
                db.account_at(root, *address).unwrap()
            );
            for slot in slots {
                assert_eq!(
                    client.storage(*address, *slot).unwrap(),
                    db.storage_at(root, *address, *slot).unwrap()
                );
            }
        }
    }

    #[test]
    fn a_root_committed_twice_must_be_released_twice() {
        let db = StateDb::new();
        let changes = [AccountChanges::new(Address::with_last_byte(1))
            .with_balance_change(BalanceChange::new(AT, U256::from(1)))];
        let root = db
            .commit(EMPTY_ROOT, &changes, &[], &CurrentRules)
            .unwrap()
            .root;
        assert_eq!(db.commit(root, &[], &[], &CurrentRules).unwrap().root, root);
        db.retain(root).unwrap();
        db.release(root).unwrap();
        db.release(root).unwrap();
        assert!(
            db.account_at(root, Address::with_last_byte(1))
                .unwrap()
                .is_some()
        );
        db.release(root).unwrap();
        assert_eq!(db.release(root), Err(StateError::UnknownRoot { root }));
        assert_eq!(db.stats(), StateStats::default());
    }

    #[test]
    fn an_unretained_root_is_an_error_and_never_an_empty_state() {
        let db = StateDb::new();
        let root = B256::repeat_byte(7);
        let unknown = StateError::UnknownRoot { root };
        let address = Address::with_last_byte(1);
        assert_eq!(db.account_at(root, address), Err(unknown.clone()));
        assert_eq!(
            db.storage_at(root, address, U256::ZERO),
            Err(unknown.clone())
        );
        assert_eq!(db.prove(root, address, &[]), Err(unknown.clone()));
        assert_eq!(
            db.multiproof(root, &[(address, vec![])]),
            Err(unknown.clone())
        );
        assert_eq!(db.commit(root, &[], &[], &CurrentRules), Err(unknown));
        assert_eq!(db.code(root), Err(StateError::MissingCode { hash: root }));
    }
}
