//! `eth_call`.

use revm::primitives::{address, b256, hex, keccak256};
use sidelight_evm::{
    AccessListEntry, Address, Bytes, CallRequest, DEFAULT_GAS_CAP, Fees, Outcome, U256, run_call,
};

use crate::prover::{
    ALICE, BOB, INIT, Prover, TOKEN, ancestor, block, bytes, ether, mapping_slot, returned,
    token_call, word,
};

const BALANCE_OF: &str = "70a08231";
const TRANSFER: &str = "a9059cbb";
const SUM: &str = "188b85b4";

#[test]
fn a_balance_needs_three_rounds() {
    let mut prover = Prover::new();
    let outcome = prover.call(&token_call(BALANCE_OF, &[word(ALICE)]));
    assert_eq!(returned(&outcome), U256::from(1_000));
    // Sender and token, its code, the slot.
    assert_eq!(prover.rounds, 3);
}

#[test]
fn what_is_proven_once_is_not_asked_for_again() {
    let mut prover = Prover::new();
    let request = token_call(BALANCE_OF, &[word(ALICE)]);
    prover.call(&request);
    prover.call(&request);
    assert_eq!(prover.rounds, 3);
    prover.call(&token_call(BALANCE_OF, &[word(BOB)]));
    assert_eq!(prover.rounds, 4);
}

#[test]
fn an_access_list_saves_the_slots_round() {
    let mut prover = Prover::new();
    let mut request = token_call(BALANCE_OF, &[word(ALICE)]);
    request.access_list.push(AccessListEntry {
        address: TOKEN,
        slots: vec![mapping_slot(ALICE, 0).into()],
    });
    assert_eq!(returned(&prover.call(&request)), U256::from(1_000));
    assert_eq!(prover.rounds, 2);
}

#[test]
fn independent_slots_are_asked_for_together() {
    let mut prover = Prover::new();
    let elements = U256::from_be_bytes(keccak256(U256::from(5).to_be_bytes::<32>()).0);
    prover.slots.insert((TOKEN, U256::from(5)), U256::from(40));
    for i in 0..40 {
        let slot = (TOKEN, elements + U256::from(i));
        prover.slots.insert(slot, U256::from(i));
    }
    // Solidity checks each index against the length, which is one unknown slot; then all forty are found in one run.
    let outcome = prover.call(&token_call(SUM, &[U256::from(40)]));
    assert_eq!(returned(&outcome), U256::from(780));
    assert_eq!(prover.rounds, 4);
}

#[test]
fn a_missing_slot_is_never_read_as_zero() {
    let mut prover = Prover::new();
    let request = token_call(BALANCE_OF, &[word(ALICE)]);
    let (account, code) = prover.accounts[&TOKEN].clone();
    let alice = prover.accounts[&ALICE].0;
    prover.proven.insert_account(ALICE, Some(alice)).unwrap();
    prover.proven.insert_account(TOKEN, Some(account)).unwrap();
    prover.proven.insert_code(code).unwrap();
    let Outcome::Missing(missing) = run_call(&block(), &request, &prover.proven) else {
        panic!("ran without the slot");
    };
    assert_eq!(missing.slots, [(TOKEN, mapping_slot(ALICE, 0))]);
}

#[test]
fn code_with_another_hash_does_not_satisfy_the_account() {
    let mut prover = Prover::new();
    let request = token_call(BALANCE_OF, &[word(ALICE)]);
    for address in [ALICE, TOKEN] {
        let account = prover.accounts[&address].0;
        prover
            .proven
            .insert_account(address, Some(account))
            .unwrap();
    }
    prover
        .proven
        .insert_code(Bytes::from_static(&[0x00]))
        .unwrap();
    let Outcome::Missing(missing) = run_call(&block(), &request, &prover.proven) else {
        panic!("ran foreign code");
    };
    assert_eq!(missing.codes.len(), 1);
}

#[test]
fn a_transfer_succeeds_and_too_large_a_one_reverts_with_its_error() {
    let mut prover = Prover::new();
    let done = prover.call(&token_call(TRANSFER, &[word(BOB), U256::from(10)]));
    assert_eq!(returned(&done), U256::ONE);

    let refused = prover.call(&token_call(TRANSFER, &[word(BOB), U256::from(1_001)]));
    let Outcome::Revert { output, reason, .. } = refused else {
        panic!("{refused:?}");
    };
    // ERC20InsufficientBalance(sender, balance, needed)
    assert_eq!(output[..4], hex!("e450d38c"));
    assert_eq!(U256::from_be_slice(&output[36..68]), U256::from(1_000));
    assert_eq!(reason, None);
}

#[test]
fn a_solidity_panic_is_named() {
    let mut prover = Prover::new();
    let outcome = prover.call(&token_call(SUM, &[U256::from(1)]));
    let Outcome::Revert { reason, .. } = outcome else {
        panic!("{outcome:?}");
    };
    assert!(reason.unwrap().starts_with("out-of-bounds access"));
}

#[test]
fn an_endless_loop_runs_out_of_gas() {
    let mut prover = Prover::new();
    let mut request = token_call("f0acd7d5", &[]);
    request.gas = Some(1_000_000);
    let outcome = prover.call(&request);
    let Outcome::Halt {
        out_of_gas,
        gas_used,
        ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(out_of_gas);
    assert_eq!(gas_used, 1_000_000);
}

#[test]
fn no_request_gets_more_than_the_gas_cap() {
    let mut prover = Prover::new();
    let mut request = token_call("f0acd7d5", &[]);
    request.gas = Some(u64::MAX);
    let Outcome::Halt { gas_used, .. } = prover.call(&request) else {
        panic!("did not halt");
    };
    assert_eq!(gas_used, DEFAULT_GAS_CAP);
}

#[test]
fn block_hashes_are_asked_for_and_used() {
    let mut prover = Prover::new();
    let outcome = prover.call(&token_call("c37a8da9", &[U256::from(999)]));
    assert_eq!(returned(&outcome), U256::from_be_bytes(ancestor(999).0));
    // Out of BLOCKHASH's 256 blocks: zero, and nothing to ask for.
    let rounds = prover.rounds;
    let outcome = prover.call(&token_call("c37a8da9", &[U256::from(1)]));
    assert_eq!(returned(&outcome), U256::ZERO);
    assert_eq!(prover.rounds, rounds);
}

#[test]
fn a_balance_of_somebody_else_is_proven_first() {
    let mut prover = Prover::new();
    let outcome = prover.call(&token_call("21114904", &[word(BOB)]));
    assert_eq!(returned(&outcome), U256::ZERO);
    prover.account(BOB, ether(3), Bytes::new());
    let mut prover = Prover {
        proven: Default::default(),
        rounds: 0,
        ..prover
    };
    let outcome = prover.call(&token_call("21114904", &[word(BOB)]));
    assert_eq!(returned(&outcome), ether(3));
}

#[test]
fn the_environment_is_the_blocks_and_free_calls_see_no_base_fee() {
    let mut prover = Prover::new();
    let mut request = token_call("74e2b63c", &[]);
    let words = |outcome: &Outcome| match outcome {
        Outcome::Success { output, .. } => output
            .chunks(32)
            .map(U256::from_be_slice)
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let free = words(&prover.call(&request));
    let b = block();
    assert_eq!(free[0], U256::from(b.chain_id));
    assert_eq!(free[1], U256::from(b.number));
    assert_eq!(free[2], U256::from(b.timestamp));
    assert_eq!(free[3], U256::ZERO);
    assert_eq!(free[4], word(b.beneficiary));
    assert_eq!(free[5], U256::from_be_bytes(b.prevrandao.0));

    request.gas = Some(100_000);
    request.fees = Some(Fees {
        max_fee: 100,
        priority_fee: Some(1),
    });
    assert_eq!(words(&prover.call(&request))[3], U256::from(b.base_fee));
}

#[test]
fn only_requests_that_name_a_price_must_have_the_money() {
    let mut prover = Prover::new();
    let poor = CallRequest {
        from: BOB,
        ..token_call(BALANCE_OF, &[word(ALICE)])
    };
    assert_eq!(returned(&prover.call(&poor)), U256::from(1_000));
    let priced = CallRequest {
        fees: Some(Fees {
            max_fee: 1_000_000_000,
            priority_fee: None,
        }),
        ..poor
    };
    let Outcome::Invalid { reason, .. } = prover.call(&priced) else {
        panic!("ran without money");
    };
    assert!(reason.starts_with("insufficient funds"), "{reason}");
}

#[test]
fn value_that_the_sender_does_not_have_is_refused() {
    let mut prover = Prover::new();
    let request = CallRequest {
        from: ALICE,
        to: Some(BOB),
        value: ether(11),
        ..CallRequest::default()
    };
    let outcome = prover.call(&request);
    assert!(
        matches!(&outcome, Outcome::Halt { reason, .. } if reason == "insufficient balance for transfer"),
        "{outcome:?}"
    );
}

#[test]
fn a_request_for_another_chain_is_invalid() {
    let mut prover = Prover::new();
    let request = CallRequest {
        chain_id: Some(1),
        ..token_call(BALANCE_OF, &[word(ALICE)])
    };
    assert!(matches!(prover.call(&request), Outcome::Invalid { .. }));
}

#[test]
fn a_creation_returns_the_deployed_code() {
    let mut prover = Prover::new();
    let request = CallRequest {
        from: ALICE,
        data: bytes(INIT),
        ..CallRequest::default()
    };
    let Outcome::Success { output, .. } = prover.call(&request) else {
        panic!("constructor failed");
    };
    assert_eq!(output, prover.accounts[&TOKEN].1);
}

#[test]
fn a_delegated_account_runs_its_delegates_code() {
    let mut prover = Prover::new();
    let designation = [&hex!("ef0100")[..], TOKEN.as_slice()].concat();
    prover.account(BOB, U256::ZERO, designation.into());
    prover
        .slots
        .insert((BOB, mapping_slot(ALICE, 0)), U256::from(77));
    let request = CallRequest {
        to: Some(BOB),
        ..token_call(BALANCE_OF, &[word(ALICE)])
    };
    assert_eq!(returned(&prover.call(&request)), U256::from(77));
}

#[test]
fn every_precompile_of_osaka_is_there() {
    let precompile = |address: Address, data: Vec<u8>| CallRequest {
        from: ALICE,
        to: Some(address),
        data: data.into(),
        gas: Some(1_000_000),
        ..CallRequest::default()
    };
    let at = |n: u16| {
        let mut bytes = [0; 20];
        bytes[18..].copy_from_slice(&n.to_be_bytes());
        Address::from(bytes)
    };
    let mut prover = Prover::new();

    // An address without code succeeds for free; a precompile charges or refuses malformed input.
    let plain = prover.call(&precompile(at(0x12), vec![]));
    let Outcome::Success { gas_used: base, .. } = plain else {
        panic!("{plain:?}");
    };
    for n in (0x01..=0x11).chain([0x100]) {
        let outcome = prover.call(&precompile(at(n), vec![]));
        match outcome {
            Outcome::Success { gas_used, .. } => assert!(gas_used > base, "0x{n:x} did not run"),
            Outcome::Halt { reason, .. } => assert_eq!(reason, "precompile failed", "0x{n:x}"),
            other => panic!("0x{n:x}: {other:?}"),
        }
    }

    // SHA-256 of nothing, and the recovery vector of the yellow paper's test suite.
    let sha = prover.call(&precompile(at(2), vec![]));
    let empty = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(returned(&sha), U256::from_be_bytes(empty.0));
    let recover = hex!(
        "18c547e4f7b0f325ad1e56f57e26c745b09a3e503d86e00e5255ff7f715d3d1c"
        "000000000000000000000000000000000000000000000000000000000000001c"
        "73b1693892219d736caba55bdb67216e485557ea6b6af75f37096c9aa6a5a75f"
        "eeb940b1d03b21e36b0e47e79769f095fe2ab855bd91e3a38756b7d75a9c4549"
    );
    let recovered = prover.call(&precompile(at(1), recover.to_vec()));
    let signer = address!("a94f5374fce5edbc8e2a8697c15331677e6ebf0b");
    assert_eq!(returned(&recovered), word(signer));
}
