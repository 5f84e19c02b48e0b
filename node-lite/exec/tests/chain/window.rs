//! The retained window: old blocks and their states go, and nothing else does.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use alloy_consensus::Transaction;
use alloy_eips::BlockId;
use alloy_primitives::{Address, TxKind, U256, address};
use alloy_rpc_types_eth::TransactionRequest;
use node_lite_exec::{CallError, CallOverrides, ChainError, StateError};

use crate::{
    blocks::STORE,
    support::{ETHER, Harness, Sender, init_code, words},
};

const NOBODY: Address = address!("0x00000000000000000000000000000000000b0b01");

#[test]
fn old_blocks_keep_their_lists_and_lose_their_witness_and_their_state() {
    let mut harness = Harness::with(|config| config.retain_blocks = 4);
    let sender = Sender::new(0);
    let contract = harness.deploy(&sender, STORE);
    let old = harness.chain.head();
    for round in 0..40_u64 {
        // The same slots over and over, so that the live state stays the same size.
        harness.submit(&sender.sign(sender.call(contract, words(&[round % 4, round + 1]))));
        harness.seal();
    }
    assert_eq!(harness.chain.oldest_number(), 38);
    let kept = harness.chain.block_by_hash(old.hash).unwrap();
    assert_eq!(
        (kept.hash, &kept.transactions, &kept.receipts),
        (old.hash, &old.transactions, &old.receipts)
    );
    assert!(old.has_witness() && !kept.has_witness() && kept.execution_input().is_none());
    let (located, index) = harness
        .chain
        .locate(*old.transactions[0].tx_hash())
        .unwrap();
    assert_eq!((located.hash, index), (old.hash, 0));
    assert_eq!(harness.chain.block_by_number(0).unwrap().number(), 0);
    assert!(matches!(
        harness.chain.block_by_number(1_000),
        Err(ChainError::UnknownBlock)
    ));
    assert!(matches!(
        harness.chain.state().account_at(old.state_root(), contract),
        Err(StateError::UnknownRoot { .. })
    ));
    // Four blocks, and the state before the oldest.
    assert_eq!(harness.chain.state().stats().roots, 5);
    let oldest = harness.chain.block_by_number(38).unwrap();
    assert_eq!(
        oldest.witness,
        harness
            .chain
            .state()
            .witness(pre_state_of(&oldest), &oldest.bal)
            .unwrap()
    );

    let settled = harness.chain.state().stats();
    for round in 0..40_u64 {
        harness.submit(&sender.sign(sender.call(contract, words(&[round % 4, round + 100]))));
        harness.seal();
    }
    let later = harness.chain.state().stats();
    // The history contract's ring gains a slot a block (its own and the beacon roots'); a leaf and a part of a branch each.
    assert!(
        later.nodes < settled.nodes + 40 * 4,
        "{settled:?} {later:?}"
    );
    assert_eq!(later.roots, settled.roots);
}

/// The first node of a block's witness is the root of the state before it.
fn pre_state_of(block: &node_lite_exec::SealedBlock) -> alloy_primitives::B256 {
    alloy_primitives::keccak256(&block.witness[0])
}

#[test]
fn two_hundred_blocks_of_a_random_workload_stay_consistent() {
    let mut harness = Harness::with(|config| config.retain_blocks = 16);
    let senders = [Sender::new(0), Sender::new(1), Sender::new(2)];
    let mut random = Random(0x5eed);
    let mut contracts: Vec<Address> = Vec::new();
    let mut balances: BTreeMap<Address, U256> = BTreeMap::new();
    let mut slots: BTreeMap<(Address, u64), u64> = BTreeMap::new();
    for _ in 0..200 {
        for _ in 0..random.below(8) {
            let sender = &senders[random.below(3) as usize];
            let raw = match random.below(8) {
                0 => sender.sign(sender.deploy(init_code(STORE))),
                1 => sender.sign(sender.deploy(alloy_primitives::bytes!("600160015533ff"))),
                2..=5 if !contracts.is_empty() => {
                    let contract = contracts[random.below(contracts.len() as u64) as usize];
                    // Small domains, so that slots are overwritten and cleared often.
                    sender.sign(sender.call(contract, words(&[random.below(6), random.below(3)])))
                }
                _ => {
                    let mut to = NOBODY;
                    to.0[0] = random.below(5) as u8;
                    sender.sign(
                        sender
                            .transfer(to, U256::from(random.below(3)) * ETHER / U256::from(1_000)),
                    )
                }
            };
            harness.submit(&raw);
        }
        let block = harness.seal();
        assert_eq!(harness.chain.pool_status().pending, 0);
        // An independent account of what should have happened.
        for (index, transaction) in block.transactions.iter().enumerate() {
            assert!(block.receipts[index].status());
            match transaction.kind() {
                TxKind::Create if transaction.input().len() > 7 => {
                    contracts.push(block.created_address(index).unwrap())
                }
                TxKind::Create => {}
                TxKind::Call(to) if transaction.input().is_empty() => {
                    *balances.entry(to).or_default() += transaction.value()
                }
                TxKind::Call(to) => {
                    let word = |at: usize| {
                        U256::from_be_slice(&transaction.input()[at..at + 32]).to::<u64>()
                    };
                    slots.insert((to, word(0)), word(32));
                }
            }
        }
        let view = harness.chain.state_at(BlockId::latest()).unwrap();
        for (address, balance) in &balances {
            assert_eq!(
                view.account(*address)
                    .unwrap()
                    .map_or(U256::ZERO, |account| account.balance),
                *balance
            );
        }
        for ((address, slot), value) in &slots {
            assert_eq!(
                view.storage(*address, U256::from(*slot)).unwrap(),
                U256::from(*value)
            );
        }
    }
    assert_eq!(harness.chain.head().number(), 200);
    assert!(
        contracts.len() > 20
            && slots.values().any(|value| *value == 0)
            && slots.values().any(|value| *value != 0)
    );
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
fn readers_beside_the_sequencer_see_one_whole_block_or_a_typed_error() {
    let harness = Harness::with(|config| config.retain_blocks = 2);
    let sender = Sender::new(0);
    let read = |chain: &node_lite_exec::Chain| -> Result<(u64, U256), ChainError> {
        let head = chain.head();
        let view = chain.state_at(head.hash.into())?;
        let balance = view
            .account(NOBODY)?
            .map_or(U256::ZERO, |account| account.balance);
        let request = TransactionRequest::default().to(NOBODY);
        match chain.call(&request, head.hash.into(), &CallOverrides::default()) {
            Ok(_) => Ok((head.number(), balance)),
            Err(CallError::Block(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = [(); 3].map(|()| {
            scope.spawn(|| {
                let mut seen = 0;
                while !done.load(Ordering::Acquire) {
                    match read(&harness.chain) {
                        // One wei a block, so the number says what the balance must be.
                        Ok((number, balance)) => assert_eq!(balance, U256::from(number)),
                        Err(
                            ChainError::UnknownBlock
                            | ChainError::Pruned { .. }
                            | ChainError::State(StateError::UnknownRoot { .. }),
                        ) => continue,
                        Err(error) => panic!("{error}"),
                    }
                    seen += 1;
                }
                seen
            })
        });
        for _ in 0..150 {
            harness.submit(&sender.sign(sender.transfer(NOBODY, U256::from(1))));
            assert_eq!(harness.chain.seal().unwrap().transactions.len(), 1);
        }
        done.store(true, Ordering::Release);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
}
