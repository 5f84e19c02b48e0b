//! Random blocks over random states: whatever the order and whatever collapses, the new root is the one of a full rebuild, and the witness is enough and not more.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

mod common;

use std::collections::BTreeMap;

use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, U256};
use common::model::{Model, NodeStore, Touch};
use proptest::{collection::vec, prelude::*};
use sidelight_core::{
    proof::{verify_account_proof, verify_storage_proof},
    state::{PartialState, StateError},
};

fn address(seed: u8) -> Address {
    Address::with_last_byte(seed)
}

/// Few accounts and slots, so that tries are small and branches lose their second child often. Small values make leaves that are inlined nowhere, zero ones deletions.
fn touch() -> impl Strategy<Value = Touch> {
    let value = prop_oneof![3 => Just(0), 2 => 1..4_u64, 1 => any::<u64>()];
    let slots = prop::collection::btree_map(0..12_u64, vec(value.clone(), 0..3), 0..8);
    let code = prop_oneof![Just(vec![]), vec(any::<u8>(), 1..4)];
    (
        0..24_u8,
        vec(value.clone(), 0..3),
        vec(value, 0..2),
        vec(code, 0..2),
        slots,
        vec(20..30_u64, 0..3),
    )
        .prop_map(|(seed, balances, nonces, codes, slots, reads)| Touch {
            address: address(seed),
            balances,
            nonces,
            codes,
            slots,
            reads,
        })
}

/// An access list: one entry for each address, sorted by it.
fn block(size: usize) -> impl Strategy<Value = Vec<AccountChanges>> {
    vec(touch(), 0..size).prop_map(|touches| {
        let by_address: BTreeMap<Address, Touch> = touches
            .into_iter()
            .map(|touch| (touch.address, touch))
            .collect();
        by_address.values().map(Touch::changes).collect()
    })
}

fn chain() -> impl Strategy<Value = Vec<Vec<AccountChanges>>> {
    (block(24), vec(block(6), 1..6)).prop_map(|(genesis, mut blocks)| {
        blocks.insert(0, genesis);
        blocks
    })
}

fn is_incomplete<T>(result: Result<T, StateError>) -> bool {
    result.is_err_and(|error| error.is_incomplete())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_block_gives_the_root_of_a_full_rebuild(blocks in chain()) {
        let (mut model, mut store) = (Model::default(), NodeStore::default());
        let mut full = PartialState::empty();
        for changes in &blocks {
            model.apply(changes);
            full.apply(changes).unwrap();
            prop_assert_eq!(store.keep(&mut full), model.root());
        }
    }

    #[test]
    fn witness_of_a_block_is_sufficient_minimal_and_ordered(blocks in chain()) {
        let (mut model, mut store) = (Model::default(), NodeStore::default());
        let mut root = PartialState::empty().root();
        for changes in &blocks {
            model.apply(changes);
            // The node: executes over its store and gets the witness as a by-product.
            let mut node = PartialState::from_root(root);
            let witness = node.apply_with(store.lookup(), changes).unwrap();
            prop_assert_eq!(store.keep(&mut node), model.root());
            let mut dry = PartialState::from_root(root);
            prop_assert_eq!(&dry.reveal_with(store.lookup(), changes).unwrap(), &witness);
            prop_assert_eq!(dry.root(), root);

            // The client: learns the witness, applies, and has the same root.
            let mut client = PartialState::from_root(root);
            client.reveal(&witness).unwrap();
            prop_assert_eq!(client.root(), root);
            client.apply(changes).unwrap();
            prop_assert_eq!(client.root(), model.root());

            // Without any one node the answer is unknown, and never another root.
            for index in 0..witness.len() {
                let mut fewer = witness.clone();
                fewer.remove(index);
                let mut client = PartialState::from_root(root);
                match client.reveal(&fewer) {
                    Ok(()) => prop_assert!(is_incomplete(client.apply(changes))),
                    Err(error) => prop_assert_eq!(error.kind(), "unreachable_node"),
                }
            }
            // Depth-first: each node is reached by those before it.
            for end in 0..witness.len() {
                PartialState::from_root(root).reveal(&witness[..end]).unwrap();
            }
            root = model.root();
        }
    }

    #[test]
    fn a_client_that_keeps_its_state_follows_and_prunes(blocks in chain(), window in 0..4_u64) {
        let (mut model, mut store) = (Model::default(), NodeStore::default());
        let mut client = PartialState::empty();
        let mut full = PartialState::empty();
        for (number, changes) in (1..).zip(&blocks) {
            let root = store.keep(&mut full);
            client.set_epoch(number);
            // Full witnesses and those that leave out what the client has do equally well.
            let witness = if number % 2 == 0 {
                PartialState::from_root(root).reveal_with(store.lookup(), changes).unwrap()
            } else {
                client.clone().reveal_with(store.lookup(), changes).unwrap()
            };
            client.reveal(&witness).unwrap();
            client.apply(changes).unwrap();
            model.apply(changes);
            full.apply(changes).unwrap();
            prop_assert_eq!(client.root(), model.root());
            client.prune(number.saturating_sub(window));
            prop_assert_eq!(client.root(), model.root());
        }
        // What was forgotten is unknown; what is known is right.
        for seed in 0..24 {
            let expected = model.0.get(&address(seed)).map(|account| account.trie_account());
            match client.account(address(seed)) {
                Ok(account) => prop_assert_eq!(account, expected),
                Err(error) => prop_assert!(error.is_incomplete()),
            }
        }
        prop_assert_eq!(client.prune(u64::MAX).nodes, 0);
        prop_assert_eq!(client.root(), model.root());
    }

    #[test]
    fn reads_are_proven_and_what_is_not_proven_is_unknown(
        genesis in block(24),
        targets in vec((0..32_u8, vec(0..16_u64, 0..4)), 0..6),
    ) {
        let (mut model, mut store) = (Model::default(), NodeStore::default());
        model.apply(&genesis);
        let mut full = PartialState::empty();
        full.apply(&genesis).unwrap();
        let root = store.keep(&mut full);

        let reads: Vec<(Address, Vec<U256>)> = targets
            .iter()
            .map(|(seed, slots)| (address(*seed), slots.iter().map(|s| U256::from(*s)).collect()))
            .collect();
        let mut node = PartialState::from_root(root);
        let multiproof = node.reveal_reads_with(store.lookup(), &reads).unwrap();
        let mut client = PartialState::from_root(root);
        client.reveal(&multiproof).unwrap();
        for (address, slots) in &reads {
            let account = model.0.get(address);
            let trie_account = account.map(|account| account.trie_account());
            prop_assert_eq!(client.account(*address).unwrap(), trie_account);
            let proof = node.prove_account(*address).unwrap();
            prop_assert_eq!(verify_account_proof(root, *address, &proof).unwrap(), trie_account);
            for slot in slots {
                let value = account.and_then(|account| account.storage.get(slot)).copied();
                let value = value.unwrap_or_default();
                prop_assert_eq!(client.storage(*address, *slot).unwrap(), value);
                let proof = node.prove_storage(*address, *slot).unwrap();
                let storage_root = trie_account.unwrap_or_default().storage_root;
                let proven = verify_storage_proof(storage_root, B256::from(*slot), &proof);
                prop_assert_eq!(proven.unwrap(), value);
            }
        }
        for seed in 0..32 {
            match client.account(address(seed)) {
                Ok(account) => {
                    let expected = model.0.get(&address(seed)).map(|a| a.trie_account());
                    prop_assert_eq!(account, expected);
                }
                Err(error) => prop_assert!(error.is_incomplete()),
            }
        }
    }

    #[test]
    fn changed_witness_nodes_are_refused(
        blocks in (block(24), block(6)),
        place in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        pattern in 1..=255_u8,
    ) {
        let (genesis, changes) = blocks;
        let mut store = NodeStore::default();
        let mut full = PartialState::empty();
        full.apply(&genesis).unwrap();
        let root = store.keep(&mut full);
        let mut node = PartialState::from_root(root);
        let mut witness = node.reveal_with(store.lookup(), &changes).unwrap();
        prop_assume!(!witness.is_empty());
        let place = place.index(witness.len());

        let mut twice = witness.clone();
        twice.push(witness[place].clone());
        let error = PartialState::from_root(root).reveal(&twice).unwrap_err();
        prop_assert_eq!(error.kind(), "duplicate_node");

        let mut bytes = witness[place].to_vec();
        let byte = byte.index(bytes.len());
        bytes[byte] ^= pattern;
        witness[place] = bytes.into();
        let error = PartialState::from_root(root).reveal(&witness).unwrap_err();
        prop_assert_eq!(error.kind(), "unreachable_node");
    }
}
