//! Ethereum's mempool rules and their texts.

use alloy_consensus::{TxEip2930, TxLegacy};
use alloy_primitives::{Address, Bytes, TxKind, U256, address};
use node_lite_exec::PoolError;

use crate::support::{ETHER, GWEI, Harness, Sender, set_code};

const NOBODY: Address = address!("0x00000000000000000000000000000000000b0b01");

#[test]
fn wallets_get_the_texts_that_they_match_on() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let edit = |edit: fn(&mut alloy_consensus::TxEip1559)| {
        let mut transaction = sender.transfer(NOBODY, U256::from(1));
        transaction.nonce = 1;
        edit(&mut transaction);
        harness.refuse(&sender.sign(transaction)).to_string()
    };
    assert_eq!(
        edit(|tx| tx.gas_limit = 20_999),
        "intrinsic gas too low: gas 20999, minimum needed 21000"
    );
    assert_eq!(
        edit(|tx| tx.value = ETHER * U256::from(10_000)),
        "insufficient funds for gas * price + value: balance 10000000000000000000000, tx cost 10000000420000000000000"
    );
    assert_eq!(
        edit(|tx| tx.chain_id = 1),
        "invalid chain id for signer: have 1 want 31337"
    );
    assert_eq!(
        edit(|tx| tx.gas_limit = 60_000_001),
        "exceeds block gas limit"
    );
    assert_eq!(
        edit(|tx| tx.gas_limit = 16_777_217),
        "transaction gas limit too high (cap: 16777216, tx: 16777217)"
    );
    assert_eq!(edit(|tx| tx.nonce = u64::MAX), "nonce has max value");
    assert_eq!(
        edit(|tx| (tx.max_fee_per_gas, tx.max_priority_fee_per_gas) = (1, 1)),
        "max fee per gas less than block base fee: maxFeePerGas: 1, baseFee: 875000000"
    );
    assert!(
        edit(|tx| tx.max_priority_fee_per_gas = tx.max_fee_per_gas + 1)
            .starts_with("max priority fee per gas higher than max fee per gas")
    );
    assert!(
        edit(|tx| (tx.to, tx.input, tx.gas_limit) =
            (TxKind::Create, Bytes::from(vec![0; 49_153]), 5_000_000))
        .starts_with("max initcode size exceeded")
    );
    assert!(
        edit(|tx| (tx.input, tx.gas_limit) = (Bytes::from(vec![1; 131_072]), 6_000_000))
            .starts_with("oversized data")
    );

    let first = Sender::new(1);
    let raw = first.sign(first.transfer(NOBODY, U256::from(1)));
    harness.submit(&raw);
    assert_eq!(harness.refuse(&raw), PoolError::AlreadyKnown);
    harness.seal();
    assert_eq!(
        harness.refuse(&raw).to_string(),
        "nonce too low: next nonce 1, tx nonce 0"
    );
}

#[test]
fn a_gap_queues_and_its_filling_makes_both_executable() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let (first, second) = (
        sender.transfer(NOBODY, U256::from(1)),
        sender.transfer(NOBODY, U256::from(2)),
    );
    harness.submit(&sender.sign(second));
    assert_eq!(
        (
            harness.chain.pool_status().pending,
            harness.chain.pool_status().queued
        ),
        (0, 1)
    );
    assert!(harness.seal().transactions.is_empty());
    assert_eq!(harness.chain.pending_nonce(sender.address).unwrap(), 0);
    harness.submit(&sender.sign(first));
    assert_eq!(harness.chain.pending_nonce(sender.address).unwrap(), 2);
    assert_eq!(harness.seal().transactions.len(), 2);
    assert_eq!(harness.chain.pool_status(), Default::default());
}

#[test]
fn a_replacement_must_raise_both_fees_by_a_tenth() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let original = sender.transfer(NOBODY, U256::from(1));
    let old = harness.submit(&sender.sign(original.clone()));
    let mut replacement = original;
    replacement.value = U256::from(2);
    replacement.max_fee_per_gas = 22 * GWEI;
    assert_eq!(
        harness.refuse(&sender.sign(replacement.clone())),
        PoolError::ReplacementUnderpriced,
        "the tip did not rise"
    );
    replacement.max_priority_fee_per_gas = GWEI * 11 / 10 - 1;
    assert_eq!(
        harness.refuse(&sender.sign(replacement.clone())),
        PoolError::ReplacementUnderpriced
    );
    replacement.max_priority_fee_per_gas = GWEI * 11 / 10;
    let new = harness.submit(&sender.sign(replacement));
    assert!(harness.chain.pooled(old).is_none());
    let block = harness.seal();
    assert_eq!(
        block
            .transactions
            .iter()
            .map(|tx| *tx.tx_hash())
            .collect::<Vec<_>>(),
        [new]
    );
}

#[test]
fn every_transaction_type_but_blobs_is_taken() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let to = TxKind::Call(NOBODY);
    let value = U256::from(1);
    let legacy = TxLegacy {
        chain_id: Some(31_337),
        nonce: sender.next_nonce(),
        gas_price: 2 * GWEI,
        gas_limit: 21_000,
        to,
        value,
        input: Bytes::new(),
    };
    harness.submit(&sender.sign(legacy.clone()));
    let access_list = Default::default();
    let with_list = TxEip2930 {
        chain_id: 31_337,
        nonce: sender.next_nonce(),
        gas_price: 2 * GWEI,
        gas_limit: 21_000,
        to,
        value,
        input: Bytes::new(),
        access_list,
    };
    harness.submit(&sender.sign(with_list));
    harness.submit(&sender.sign(sender.transfer(NOBODY, value)));
    assert_eq!(harness.seal().transactions.len(), 3);

    let unprotected = TxLegacy {
        chain_id: None,
        ..legacy
    };
    assert_eq!(
        harness.refuse(&sender.sign(unprotected)),
        PoolError::Unprotected
    );
    assert_eq!(harness.refuse(&[0x03, 0xc0]), PoolError::TypeNotSupported);
    assert_eq!(harness.refuse(&[0x05, 0xc0]), PoolError::TypeNotSupported);
    assert_eq!(
        harness.refuse(&sender.sign(set_code(&sender, NOBODY, vec![]))),
        PoolError::EmptyAuthorizations
    );
    assert!(matches!(harness.refuse(&[]), PoolError::Decode(_)));
    assert!(matches!(harness.refuse(&[0xc0]), PoolError::Decode(_)));
    let mut trailing = sender.sign(sender.transfer(NOBODY, value));
    trailing.push(0);
    assert!(matches!(harness.refuse(&trailing), PoolError::Decode(_)));
}

#[test]
fn no_single_byte_flip_of_a_transaction_is_accepted_for_its_sender() {
    let harness = Harness::new();
    let sender = Sender::new(0);
    let raw = sender.sign(sender.transfer(NOBODY, U256::from(1)));
    for index in 0..raw.len() {
        let mut flipped = raw.clone();
        flipped[index] ^= 1;
        // Another signature recovers another sender, who has no money.
        assert!(harness.chain.submit(&flipped).is_err(), "byte {index}");
    }
}

#[test]
fn the_pool_is_bounded_and_prefers_better_tips() {
    let mut harness = Harness::with(|config| {
        config.pool.transactions = 4;
        config.pool.per_sender = 3;
    });
    let (a, b, c) = (Sender::new(0), Sender::new(1), Sender::new(2));
    for _ in 0..3 {
        harness.submit(&a.sign(a.transfer(NOBODY, U256::from(1))));
    }
    assert!(matches!(
        harness.refuse(&a.sign(a.transfer(NOBODY, U256::from(1)))),
        PoolError::AccountLimit {
            expected: 3,
            got: 3
        }
    ));
    harness.submit(&b.sign(b.transfer(NOBODY, U256::from(1))));
    let mut transaction = c.transfer(NOBODY, U256::from(1));
    assert_eq!(
        harness.refuse(&c.sign(transaction.clone())),
        PoolError::Full
    );
    transaction.max_priority_fee_per_gas = 2 * GWEI;
    harness.submit(&c.sign(transaction));
    let status = harness.chain.pool_status();
    assert_eq!(
        (status.pending, status.queued),
        (4, 0),
        "the newest of the cheapest made room, without a gap"
    );
    assert_eq!(harness.seal().transactions.len(), 4);
    assert_eq!(harness.chain.pool_status(), Default::default());
}

#[test]
fn transactions_that_wait_for_a_nonce_make_room_for_executable_ones() {
    let mut harness = Harness::with(|config| config.pool.transactions = 3);
    let (hoarder, sender) = (Sender::new(0), Sender::new(1));
    hoarder.next_nonce();
    for _ in 0..3 {
        let mut transaction = hoarder.transfer(NOBODY, U256::from(1));
        transaction.max_priority_fee_per_gas = 10 * GWEI;
        harness.submit(&hoarder.sign(transaction));
    }
    let mut queued = sender.transfer(NOBODY, U256::from(1));
    queued.nonce = 7;
    assert_eq!(
        harness.refuse(&sender.sign(queued.clone())),
        PoolError::Full
    );
    queued.nonce = 0;
    harness.submit(&sender.sign(queued));
    assert_eq!(
        (
            harness.chain.pool_status().pending,
            harness.chain.pool_status().queued
        ),
        (1, 2)
    );
    assert_eq!(harness.seal().transactions.len(), 1);
}

#[test]
fn the_balance_must_cover_all_pooled_transactions_of_the_sender() {
    let harness = Harness::new();
    let sender = Sender::new(0);
    harness.submit(&sender.sign(sender.transfer(NOBODY, ETHER * U256::from(6_000))));
    assert!(matches!(
        harness.refuse(&sender.sign(sender.transfer(NOBODY, ETHER * U256::from(6_000)))),
        PoolError::InsufficientFunds { .. }
    ));
}

#[test]
fn far_nonces_are_refused() {
    let harness = Harness::new();
    let sender = Sender::new(0);
    let mut transaction = sender.transfer(NOBODY, U256::from(1));
    transaction.nonce = 1_025;
    assert_eq!(
        harness.refuse(&sender.sign(transaction)),
        PoolError::NonceTooHigh {
            expected: 0,
            got: 1_025
        }
    );
}
