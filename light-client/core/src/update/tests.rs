//! Honest bodies, and bodies with one lie each.

use super::*;
use crate::{
    merkle::{prove_absence, prove_inclusion},
    state::hash_slot,
    tests::{ACCOUNTS, TestChain, account},
    trie::SparseTrie,
};
use alloy_eip7928::{BalanceChange, BlockAccessIndex};
use alloy_primitives::{Bytes, keccak256};

/// Every account of the chain and one that does not exist, with slots that blocks write and one that they do not.
fn filter() -> Filter {
    let slots = [1, 2, 3, 4, 100, 101, 102, 103, 7_777].map(U256::from);
    Filter::new((0..=ACCOUNTS).map(|seed| (account(seed), slots.to_vec()))).unwrap()
}

fn verify(
    chain: &TestChain,
    update: &Update,
    filter: &Filter,
) -> Result<VerifiedWatch, UpdateError> {
    let number = update.signed_header.header.number as usize;
    verify_watch(update, &chain.headers[number], filter)
}

fn watched(update: &mut Update) -> (&mut Vec<Watched>, &mut Vec<Bytes>) {
    match &mut update.body {
        Body::Watch { watched, nodes } => (watched, nodes),
        other => panic!("{other:?}"),
    }
}

fn bal_and_nodes(update: &mut Update) -> (&mut Bytes, &mut Vec<Bytes>) {
    match &mut update.body {
        Body::Consistent { bal, nodes } => (bal, nodes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_honest_watch_update_covers_the_filter() {
    let chain = TestChain::with_blocks(6);
    let filter = filter();
    for number in 1..=6 {
        let update = chain.watch_update(number, &filter);
        let verified = verify(&chain, &update, &filter).unwrap();
        assert_eq!(verified.accounts().len(), filter.accounts().len());
        let changed: Vec<_> = verified
            .accounts()
            .iter()
            .filter_map(|account| match account {
                WatchedAccount::Changed {
                    entry,
                    account,
                    slots,
                } => Some((entry, account, slots)),
                WatchedAccount::Unchanged { .. } => None,
            })
            .collect();
        assert_eq!(changed.len(), 3, "three accounts change in each block");
        for (entry, account, slots) in changed {
            let balance = account.as_ref().unwrap().balance;
            assert_eq!(Some(balance), entry.balance_post_state());
            assert!(slots.len() > 2);
        }
    }
}

#[test]
fn an_empty_filter_is_covered_by_nothing() {
    let chain = TestChain::with_blocks(1);
    let none = Filter::default();
    assert!(
        verify(&chain, &chain.watch_update(1, &none), &none)
            .unwrap()
            .accounts()
            .is_empty()
    );
}

#[test]
fn an_account_left_out_is_noticed() {
    let chain = TestChain::with_blocks(1);
    let filter = filter();
    let good = chain.watch_update(1, &filter);
    for at in 0..filter.accounts().len() {
        let mut update = good.clone();
        watched(&mut update).0.remove(at);
        let error = verify(&chain, &update, &filter).unwrap_err();
        let expected = Some(filter.accounts()[at].address);
        let got = filter.accounts().get(at + 1).map(|account| account.address);
        assert_eq!(error, UpdateError::Coverage { expected, got });
        assert_eq!(error.fault_kind(), FaultKind::OmittedChange);

        let mut update = good.clone();
        let twice = watched(&mut update).0[at].clone();
        watched(&mut update).0.insert(at, twice);
        let error = verify(&chain, &update, &filter).unwrap_err();
        assert!(matches!(error, UpdateError::Coverage { .. }));
    }
    let mut update = good;
    watched(&mut update).0.swap(0, 1);
    let error = verify(&chain, &update, &filter).unwrap_err();
    assert!(matches!(error, UpdateError::Coverage { .. }));
}

/// The place of an account that changes in block 1.
fn changed(update: &mut Update) -> usize {
    let is_changed =
        |item: &Watched| matches!(item, Watched::Present { entry, .. } if entry.has_changes());
    watched(update).0.iter().position(is_changed).unwrap()
}

#[test]
fn an_altered_value_is_noticed() {
    let chain = TestChain::with_blocks(1);
    let filter = filter();
    let mut update = chain.watch_update(1, &filter);
    let at = changed(&mut update);
    let Watched::Present { entry, .. } = &mut watched(&mut update).0[at] else {
        panic!()
    };
    entry.balance_changes[0].post_balance += U256::from(1);
    let error = verify(&chain, &update, &filter).unwrap_err();
    assert_eq!(error.fault_kind(), FaultKind::AlteredChange);
    assert!(
        matches!(error, UpdateError::Inclusion { address, .. } if address == filter.accounts()[at].address)
    );
}

#[test]
fn an_omitted_slot_is_noticed() {
    let chain = TestChain::with_blocks(1);
    let filter = filter();
    let mut update = chain.watch_update(1, &filter);
    let at = changed(&mut update);
    let Watched::Present { entry, .. } = &mut watched(&mut update).0[at] else {
        panic!()
    };
    entry.storage_changes.pop();
    let error = verify(&chain, &update, &filter).unwrap_err();
    assert_eq!(error.fault_kind(), FaultKind::AlteredChange);
}

#[test]
fn a_changed_account_reported_untouched_is_noticed() {
    let chain = TestChain::with_blocks(1);
    let filter = filter();
    let good = chain.watch_update(1, &filter);
    let bal = &chain.blocks[0].bal;
    for entry in bal {
        let at = filter
            .accounts()
            .iter()
            .position(|a| a.address == entry.address)
            .unwrap();
        for stranger in (ACCOUNTS + 1)..(ACCOUNTS + 40) {
            // A true absence proof, of another address.
            let proof = prove_absence(bal, account(stranger)).unwrap();
            let mut update = good.clone();
            watched(&mut update).0[at] = Watched::Absent {
                address: entry.address,
                proof,
            };
            let error = verify(&chain, &update, &filter).unwrap_err();
            assert_eq!(error.fault_kind(), FaultKind::FalseAbsence);
        }
    }
}

#[test]
fn each_watch_node_is_needed_and_none_may_be_added_or_altered() {
    let chain = TestChain::with_blocks(1);
    let filter = filter();
    let good = chain.watch_update(1, &filter);
    let count = watched(&mut good.clone()).1.len();
    for at in 0..count {
        let mut update = good.clone();
        watched(&mut update).1.remove(at);
        let kind = verify(&chain, &update, &filter)
            .err()
            .map(|error| error.fault_kind());
        // Nodes of slots that did not change may be missing; then what hangs below them is unreachable.
        assert!(
            matches!(
                kind,
                None | Some(FaultKind::IncompleteWitness | FaultKind::BadWitness)
            ),
            "{kind:?}"
        );
        if at == 0 {
            assert!(kind.is_some(), "the root is needed");
        }
        let mut update = good.clone();
        let mut node = watched(&mut update).1[at].to_vec();
        *node.last_mut().unwrap() ^= 1;
        watched(&mut update).1[at] = node.into();
        let error = verify(&chain, &update, &filter).unwrap_err();
        assert!(matches!(
            error.fault_kind(),
            FaultKind::IncompleteWitness | FaultKind::BadWitness
        ));
    }
    let mut update = good;
    watched(&mut update)
        .1
        .push(Bytes::from_static(&[0xc2, 0x20, 0x01]));
    let error = verify(&chain, &update, &filter).unwrap_err();
    assert_eq!(error.fault_kind(), FaultKind::BadWitness);
}

#[test]
fn changed_slots_must_be_proven_and_others_need_not_be() {
    let chain = TestChain::with_blocks(1);
    let mut entries = chain.blocks[0].bal.iter();
    let entry = entries.find(|entry| entry.has_changes()).unwrap();
    let changed: Vec<_> = entry.storage_changes.iter().map(|slot| slot.slot).collect();
    let unchanged = (20..30).map(U256::from);
    let slots = changed.iter().copied().chain(unchanged).collect();
    let filter = Filter::new([(entry.address, slots)]).unwrap();
    let root = chain.headers[1].state_root();
    let mut update = chain.watch_update(1, &filter);
    *watched(&mut update).1 = chain.multiproof(root, &[(entry.address, changed.clone())]);
    let verified = verify(&chain, &update, &filter).unwrap();
    let [WatchedAccount::Changed { slots, .. }] = verified.accounts() else {
        panic!("{verified:?}")
    };
    assert!(slots.len() < filter.accounts()[0].slots.len());
    for slot in changed {
        assert!(slots.iter().any(|(proven, _)| *proven == slot));
    }

    *watched(&mut update).1 = chain.multiproof(root, &[(entry.address, Vec::new())]);
    let error = verify(&chain, &update, &filter).unwrap_err();
    assert_eq!(error.fault_kind(), FaultKind::IncompleteWitness);
}

#[test]
fn a_malformed_value_is_refused_even_where_nothing_changed() {
    // The sequencer commits to a storage trie that holds a zero.
    let (address, slot) = (account(0), U256::from(7));
    let mut nodes = Vec::new();
    let mut storage = SparseTrie::empty();
    storage.update(&[(hash_slot(slot), Some([0x80]))]).unwrap();
    let post = Account {
        balance: U256::from(5),
        storage_root: storage.root_with(|_, rlp| nodes.push(Bytes::copy_from_slice(rlp))),
        ..Account::default()
    };
    let mut accounts = SparseTrie::empty();
    accounts
        .update(&[(keccak256(address), Some(alloy_rlp::encode(post)))])
        .unwrap();
    let state_root = accounts.root_with(|_, rlp| nodes.push(Bytes::copy_from_slice(rlp)));

    let at = BlockAccessIndex::new(1);
    let entry =
        AccountChanges::new(address).with_balance_change(BalanceChange::new(at, post.balance));
    let proof = prove_inclusion(core::slice::from_ref(&entry), 0).unwrap();
    let mut chain = TestChain::new();
    chain.push_with(alloc::vec![entry.clone()], |header, _| {
        header.state_root = state_root
    });
    let watched = alloc::vec![Watched::Present { entry, proof }];
    let update = Update {
        signed_header: chain.signed(1),
        body: Body::Watch { watched, nodes },
    };
    let filter = Filter::new([(address, alloc::vec![slot])]).unwrap();
    let error = verify(&chain, &update, &filter).unwrap_err();
    assert!(matches!(
        error,
        UpdateError::Witness(StateError::Value { .. })
    ));
    assert_eq!(error.fault_kind(), FaultKind::BadWitness);
}

#[test]
fn an_entry_that_contradicts_the_state_is_the_sequencers_fault() {
    // The sequencer commits to a list that says 1 and a state that says 1,000,010.
    let mut chain = TestChain::new();
    let mut bal = chain.changes_for(1);
    let honest = bal.clone();
    let at = bal.iter().position(AccountChanges::has_changes).unwrap();
    let address = bal[at].address;
    bal[at].balance_changes[0].post_balance = U256::from(1);
    let root = crate::merkle::compute_accounts_root(&bal);
    chain.push_with(honest, |_, extension| extension.accounts_root = root);
    chain.blocks[0].bal = bal;

    let filter = Filter::new([(address, Vec::new())]).unwrap();
    let error = verify(&chain, &chain.watch_update(1, &filter), &filter).unwrap_err();
    assert!(
        matches!(error, UpdateError::PostState { field: "account.balance", expected, .. } if expected == U256::from(1))
    );
    assert!(!error.is_peer_fault());
}

/// Follows every block of a chain with one partial state.
fn follow(chain: &TestChain, state: &mut PartialState, upto: usize) {
    for number in 1..=upto {
        let update = chain.consistent_update(number as u64);
        let (header, parent) = (&chain.headers[number], &chain.headers[number - 1]);
        let verified = verify_consistent(&update, header, parent, state).unwrap();
        assert_eq!(verified.bal().changes(), chain.blocks[number - 1].bal);
        assert_eq!(state.root(), header.state_root());
    }
}

#[test]
fn consistent_updates_move_the_state_from_root_to_root() {
    let chain = TestChain::with_blocks(60);
    let mut state = PartialState::from_root(chain.headers[0].state_root());
    follow(&chain, &mut state, 60);
    let last = &chain.blocks[59].bal;
    let entry = last.iter().find(|entry| entry.has_changes()).unwrap();
    let account = state.account(entry.address).unwrap().unwrap();
    assert_eq!(Some(account.balance), entry.balance_post_state());
}

/// A block's update and headers, and the state before it.
fn block_three() -> (TestChain, PartialState, Update) {
    let chain = TestChain::with_blocks(4);
    let mut state = PartialState::from_root(chain.headers[0].state_root());
    follow(&chain, &mut state, 2);
    let update = chain.consistent_update(3);
    (chain, state, update)
}

#[test]
fn a_failed_update_leaves_the_state_bit_identical() {
    let (chain, state, good) = block_three();
    let (header, parent) = (&chain.headers[3], &chain.headers[2]);
    let mut lies: Vec<Update> = Vec::new();
    for at in 0..bal_and_nodes(&mut good.clone()).1.len() {
        let mut lie = good.clone();
        let nodes = bal_and_nodes(&mut lie).1;
        let mut node = nodes[at].to_vec();
        node[1] ^= 1;
        nodes[at] = node.into();
        lies.push(lie);
    }
    let mut lie = good.clone();
    *bal_and_nodes(&mut lie).0 = chain.blocks[3].raw.clone();
    lies.push(lie);
    let mut lie = good.clone();
    bal_and_nodes(&mut lie)
        .1
        .push(Bytes::from_static(&[0xc2, 0x20, 0x01]));
    lies.push(lie);

    let before = std::format!("{state:?}");
    for lie in lies {
        let mut state = state.clone();
        assert!(verify_consistent(&lie, header, parent, &mut state).is_err());
        assert_eq!(std::format!("{state:?}"), before);
    }
    let mut state = state;
    assert!(verify_consistent(&good, header, parent, &mut state).is_ok());
}

#[test]
fn a_missing_node_is_incomplete_and_never_absent() {
    let (chain, _, good) = block_three();
    let (header, parent) = (&chain.headers[3], &chain.headers[2]);
    let fresh = || PartialState::from_root(parent.state_root());
    assert!(verify_consistent(&good, header, parent, &mut fresh()).is_ok());
    for at in 0..bal_and_nodes(&mut good.clone()).1.len() {
        let mut lie = good.clone();
        bal_and_nodes(&mut lie).1.remove(at);
        let error = verify_consistent(&lie, header, parent, &mut fresh()).unwrap_err();
        assert!(
            matches!(
                error.fault_kind(),
                FaultKind::IncompleteWitness | FaultKind::BadWitness
            ),
            "node {at}: {error}"
        );
        assert!(error.is_peer_fault());
    }
}

#[test]
fn the_diff_of_another_block_is_refused() {
    let (chain, mut state, mut update) = block_three();
    *bal_and_nodes(&mut update).0 = chain.blocks[3].raw.clone();
    let error =
        verify_consistent(&update, &chain.headers[3], &chain.headers[2], &mut state).unwrap_err();
    assert_eq!(error.fault_kind(), FaultKind::BadBalHash);
}

#[test]
fn a_committed_diff_that_does_not_give_the_root_names_both_roots() {
    let mut chain = TestChain::with_blocks(1);
    let bal = chain.changes_for(2);
    let mut got = B256::ZERO;
    chain.push_with(bal, |header, _| {
        got = header.state_root;
        header.state_root = B256::repeat_byte(0xbb);
    });
    let parent = &chain.headers[1];
    let mut state = PartialState::from_root(parent.state_root());
    let update = chain.consistent_update(2);
    let error = verify_consistent(&update, &chain.headers[2], parent, &mut state).unwrap_err();
    assert_eq!(
        error,
        UpdateError::StateRootMismatch {
            expected: B256::repeat_byte(0xbb),
            got
        }
    );
    assert!(!error.is_peer_fault());
    let fault = error.fault(&chain.headers[2]);
    assert_eq!(
        (fault.kind(), fault.number),
        ("state_root_mismatch", Some(2))
    );
}

#[test]
fn an_update_is_checked_against_its_own_header_and_parent() {
    let (chain, mut state, update) = block_three();
    let headers = &chain.headers;
    let error = verify_consistent(&update, &headers[2], &headers[1], &mut state).unwrap_err();
    assert!(matches!(error, UpdateError::Block { .. }));
    let error = verify_consistent(&update, &headers[3], &headers[1], &mut state).unwrap_err();
    assert!(matches!(error, UpdateError::Block { .. }));
    let mut elsewhere = PartialState::from_root(headers[0].state_root());
    let error = verify_consistent(&update, &headers[3], &headers[2], &mut elsewhere).unwrap_err();
    assert!(matches!(error, UpdateError::ParentState { .. }));
    let error = verify_watch(&update, &headers[3], &filter()).unwrap_err();
    assert_eq!(
        error,
        UpdateError::Mode {
            expected: Mode::Watch,
            got: Mode::Consistent
        }
    );
}
