//! Executions from witnesses, whole and as deltas, and what must be refused of them.

use alloc::{vec, vec::Vec};

use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, CodeChange, SlotChanges, StorageChange,
};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256, map::B256Map};
use proptest::prelude::*;

use super::*;
use crate::{
    fault::FaultKind,
    state::{CurrentRules, PartialState},
};

const AT: BlockAccessIndex = BlockAccessIndex::new(1);

fn codec_input() -> ExecutionInput {
    ExecutionInput {
        bal: vec![1, 2].into(),
        transactions: vec![vec![3; 60].into()],
        state: vec![vec![4; 40].into(), vec![5; 70].into()],
        codes: vec![vec![6].into()],
        headers: vec![vec![7; 600].into()],
        held_codes: vec![B256::repeat_byte(8)],
    }
}

#[test]
fn inputs_survive_the_wire_and_nothing_else_decodes() {
    let input = codec_input();
    let bytes = input.encode();
    assert_eq!(ExecutionInput::decode(&bytes).unwrap(), input);
    for end in 0..bytes.len() {
        assert!(ExecutionInput::decode(&bytes[..end]).is_err());
    }
    assert!(ExecutionInput::decode(&[bytes, vec![0]].concat()).is_err());
}

/// A chain of states without headers: a node that keeps every trie node, and its own account of what clients hold.
struct World {
    nodes: B256Map<Bytes>,
    root: B256,
    number: u64,
    retained: Retained<()>,
}

/// A block: the full input, and for each node and code the newest block that touched it.
struct Made {
    target: Target,
    full: ExecutionInput,
    nodes: Vec<Option<u64>>,
    codes: Vec<Option<u64>>,
}

impl Made {
    fn delta(&self, since: u64) -> ExecutionInput {
        self.full.without(&self.nodes, &self.codes, since)
    }
}

impl World {
    fn new(accounts: u8) -> Self {
        let mut state = PartialState::empty();
        let changes: Vec<AccountChanges> = (1..=accounts).map(|n| balance(n, 1_000)).collect();
        state.apply(&changes).unwrap();
        let mut nodes = B256Map::default();
        let root = state.root_with(|hash, rlp| {
            nodes.insert(hash, Bytes::copy_from_slice(rlp));
        });
        Self {
            nodes,
            root,
            number: 0,
            retained: Retained::default(),
        }
    }

    fn block(&mut self, changes: &[AccountChanges], codes: &[Bytes]) -> Made {
        let mut state = PartialState::from_root(self.root);
        let lookup = |hash: &B256| self.nodes.get(hash).cloned();
        let full = state
            .apply_executed_with(lookup, changes, &REQUEST_CONTRACTS, &CurrentRules)
            .unwrap();
        let known = |hash: &B256| self.retained.newest(hash);
        let newest_of_nodes = full.iter().map(|(hash, _)| known(hash)).collect();
        let newest_of_codes = codes.iter().map(|code| known(&keccak256(code))).collect();
        let bal = Bytes::from(alloy_rlp::encode(changes.to_vec()));
        let target = Target {
            number: self.number + 1,
            parent_state_root: self.root,
            block_access_list_hash: keccak256(&bal),
        };
        let mut made = Vec::new();
        self.root = state.root_with(|hash, rlp| made.push((hash, Bytes::copy_from_slice(rlp))));
        self.number += 1;
        let hashes = full.iter().chain(&made).map(|(hash, _)| *hash);
        let touched = touched_hashes(hashes, codes.iter().map(keccak256), changes);
        self.retained
            .push(self.number, touched.map(|hash| (hash, ())));
        self.nodes.extend(made);
        Made {
            target,
            full: ExecutionInput {
                bal,
                state: full.into_iter().map(|(_, rlp)| rlp).collect(),
                codes: codes.to_vec(),
                ..ExecutionInput::default()
            },
            nodes: newest_of_nodes,
            codes: newest_of_codes,
        }
    }
}

/// The order of nodes does not matter to who executes.
fn canonical(mut input: ExecutionInput) -> ExecutionInput {
    input.state.sort_unstable();
    input
}

fn address(account: u8) -> Address {
    Address::repeat_byte(account)
}

fn balance(account: u8, wei: u64) -> AccountChanges {
    AccountChanges::new(address(account))
        .with_balance_change(BalanceChange::new(AT, U256::from(wei)))
}

fn write(account: u8, slot: u64, value: u64) -> AccountChanges {
    let change = StorageChange::new(AT, U256::from(value));
    let mut changes = balance(account, value + 1);
    changes
        .storage_changes
        .push(SlotChanges::new(U256::from(slot), vec![change]));
    changes
}

#[test]
fn a_delta_made_whole_is_the_full_input_and_is_much_smaller() {
    let mut world = World::new(60);
    let mut held = Held::default();
    let code = Bytes::from_static(&[0xfe; 900]);
    let create = balance(70, 1).with_code_change(CodeChange::new(AT, code.clone()));
    let first = world.block(&[balance(3, 5), write(9, 1, 7), create], &[]);
    assert_eq!(held.since(1), None);
    held.complete(&first.target, first.full.clone()).unwrap();
    assert_eq!(held.since(2), Some(1));
    // The same accounts, and the code that the block before made.
    let second = world.block(&[balance(3, 6), write(9, 2, 8)], &[code]);
    let delta = second.delta(1);
    assert!(delta.state.is_empty() && delta.codes.is_empty());
    assert_eq!(delta.held_codes.len(), 1);
    assert!(delta.encode().len() * 4 < second.full.encode().len());
    let whole = held.complete(&second.target, delta).unwrap();
    assert_eq!(canonical(whole), canonical(second.full));
}

#[test]
fn whoever_holds_less_than_it_said_gets_incomplete_and_never_a_wrong_answer() {
    let mut world = World::new(60);
    let code = Bytes::from_static(&[0xfe; 90]);
    let create = balance(70, 1).with_code_change(CodeChange::new(AT, code.clone()));
    let first = world.block(&[balance(3, 5), create], &[]);
    let second = world.block(&[balance(3, 6), balance(4, 1)], &[code]);
    // Nothing at all, and then all but the code.
    let error = Held::default()
        .complete(&second.target, second.delta(1))
        .unwrap_err();
    assert!(error.is_incomplete(), "{error}");
    assert_eq!(error.fault().kind, FaultKind::IncompleteWitness);
    let mut delta = second.delta(1);
    delta.state = second.full.state.clone();
    let error = Held::default().complete(&second.target, delta).unwrap_err();
    assert!(matches!(error, CompleteError::MissingCode { .. }));
    assert!(error.is_incomplete());
    // The full input serves it, and from there on it holds a run.
    let mut held = Held::default();
    held.complete(&second.target, second.full.clone()).unwrap();
    assert_eq!(held.since(3), Some(2));
    assert_eq!(held.since(2), None);
    held.complete(&first.target, first.full).unwrap();
    assert_eq!(held.since(3), None, "another run");
}

#[test]
fn codes_that_came_and_codes_that_were_left_out_are_one_ascending_list() {
    let mut world = World::new(60);
    let codes = [1, 2, 3, 4, 5].map(|byte| Bytes::from(vec![byte; 3]));
    let known = [codes[1].clone(), codes[3].clone()];
    let first = world.block(&[balance(3, 5)], &known);
    let second = world.block(&[balance(3, 6)], &codes);
    let mut held = Held::default();
    held.complete(&first.target, first.full.clone()).unwrap();
    let delta = second.delta(1);
    assert_eq!((delta.codes.len(), delta.held_codes.len()), (3, 2));
    let refuse = |held: &mut Held, edit: &dyn Fn(&mut ExecutionInput)| {
        let mut input = delta.clone();
        edit(&mut input);
        let error = held.complete(&second.target, input).unwrap_err();
        assert!(matches!(error, CompleteError::Unordered { .. }), "{error}");
    };
    refuse(&mut held, &|input| input.codes.swap(0, 1));
    refuse(&mut held, &|input| input.held_codes.swap(0, 1));
    // Left out, and there all the same.
    refuse(&mut held, &|input| input.codes.insert(1, codes[1].clone()));
    let whole = held.complete(&second.target, delta.clone()).unwrap();
    assert_eq!(whole.codes, codes);
}

#[test]
fn inputs_that_do_not_fit_their_block_are_refused_and_change_nothing() {
    let mut world = World::new(60);
    let first = world.block(&[balance(3, 5)], &[Bytes::from_static(&[1])]);
    let other = world.block(&[balance(8, 5)], &[]);
    let mut held = Held::default();
    let mut refuse = |edit: &dyn Fn(&mut ExecutionInput), kind| {
        let mut input = first.full.clone();
        edit(&mut input);
        let error = held.complete(&first.target, input).unwrap_err();
        assert_eq!(error.fault().kind, kind, "{error}");
        let is_incomplete = kind == FaultKind::IncompleteWitness;
        assert_eq!(error.is_incomplete(), is_incomplete, "{error}");
        assert_eq!(held.bytes(), 0);
    };
    refuse(
        &|input| input.bal = other.full.bal.clone(),
        FaultKind::BadBalHash,
    );
    refuse(
        &|input| drop(input.state.pop()),
        FaultKind::IncompleteWitness,
    );
    refuse(
        &|input| input.state.push(other.full.state[0].clone()),
        FaultKind::BadWitness,
    );
    refuse(
        &|input| input.state.push(input.state[0].clone()),
        FaultKind::BadWitness,
    );
    refuse(
        &|input| input.codes.push(input.codes[0].clone()),
        FaultKind::BadWitness,
    );
}

#[derive(Clone, Debug)]
enum Step {
    Balance(u8, u64),
    Write(u8, u64, u64),
}

fn steps() -> impl Strategy<Value = Vec<Vec<Step>>> {
    let step = prop_oneof![
        (1_u8..90, 0_u64..3).prop_map(|(account, wei)| Step::Balance(account, wei)),
        (1_u8..20, 0_u64..12, 0_u64..3)
            .prop_map(|(account, slot, value)| Step::Write(account, slot, value)),
    ];
    prop::collection::vec(prop::collection::vec(step, 1..8), 1..20)
}

fn changes(steps: &[Step]) -> Vec<AccountChanges> {
    let mut changes: Vec<AccountChanges> = Vec::new();
    for step in steps {
        let change = match *step {
            Step::Balance(account, wei) => balance(account, wei),
            Step::Write(account, slot, value) => write(account, slot, value),
        };
        if changes.iter().all(|other| other.address != change.address) {
            changes.push(change);
        }
    }
    changes.sort_unstable_by_key(|change| change.address);
    changes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the blocks do, creations, deletions and collapsing branches among it, and wherever the client began: it holds what the node leaves out.
    #[test]
    fn one_delta_serves_every_client_of_the_policy(blocks in steps(), begin in 0_usize..20) {
        let mut world = World::new(40);
        let mut held = Held::default();
        for (at, steps) in blocks.iter().enumerate() {
            let made = world.block(&changes(steps), &[]);
            if at < begin.min(blocks.len() / 2) {
                continue;
            }
            let input = match held.since(made.target.number) {
                Some(since) => made.delta(since),
                None => made.full.clone(),
            };
            let whole = held.complete(&made.target, input).unwrap();
            prop_assert_eq!(canonical(whole), canonical(made.full));
        }
    }
}
