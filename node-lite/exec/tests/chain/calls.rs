//! `eth_call`, `eth_estimateGas` and `eth_createAccessList`.

use alloy_eips::BlockId;
use alloy_primitives::{Address, Bytes, TxKind, U256, address, hex};
use alloy_rpc_types_eth::{BlockOverrides, TransactionRequest, state::StateOverridesBuilder};
use node_lite_exec::{CallError, CallOverrides};

use crate::{
    blocks::STORE,
    support::{ETHER, Harness, Sender, words},
};

const NOBODY: Address = address!("0x00000000000000000000000000000000000b0b01");
/// Returns `sload(calldata[0])`.
const LOAD: &[u8] = &hex!("5f35545f5260205ff3");

fn word(value: u64) -> Bytes {
    words(&[value]).into()
}

fn request(to: Address, input: Vec<u8>) -> TransactionRequest {
    TransactionRequest::default()
        .to(to)
        .input(Bytes::from(input).into())
}

#[test]
fn a_call_reads_the_state_of_the_block_it_names() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    // With calldata of one word it loads, with two it stores.
    let contract = harness.deploy(
        &sender,
        &hex!("602036116010" "57" "5f35545f5260205ff3" "5b" "60203560003555" "00"),
    );
    let before = harness.chain.head();
    harness.submit(&sender.sign(sender.call(contract, words(&[1, 42]))));
    harness.seal();
    let call = |at| {
        harness
            .chain
            .call(
                &request(contract, words(&[1])),
                at,
                &CallOverrides::default(),
            )
            .unwrap()
    };
    assert_eq!(call(BlockId::latest()), word(42));
    assert_eq!(call(before.hash.into()), word(0));
}

#[test]
fn overrides_change_what_a_call_sees() {
    let harness = Harness::new();
    let state = StateOverridesBuilder::default()
        .with_code(NOBODY, Bytes::from_static(LOAD))
        .build();
    let mut state = state;
    state.get_mut(&NOBODY).unwrap().state_diff = Some(
        [(U256::from(3).into(), U256::from(33).into())]
            .into_iter()
            .collect(),
    );
    let overrides = CallOverrides {
        state: Some(state),
        block: None,
    };
    let output = harness
        .chain
        .call(&request(NOBODY, words(&[3])), BlockId::latest(), &overrides)
        .unwrap();
    assert_eq!(output, word(33));

    // return(number)
    let state = StateOverridesBuilder::default()
        .with_code(NOBODY, Bytes::from_static(&hex!("435f5260205ff3")))
        .build();
    let block = BlockOverrides {
        number: Some(U256::from(1_234)),
        ..Default::default()
    };
    let overrides = CallOverrides {
        state: Some(state),
        block: Some(block),
    };
    let output = harness
        .chain
        .call(&request(NOBODY, vec![]), BlockId::latest(), &overrides)
        .unwrap();
    assert_eq!(output, word(1_234));
}

#[test]
fn reverts_carry_their_data_and_reason() {
    let harness = Harness::new();
    // revert with the calldata
    let state = StateOverridesBuilder::default()
        .with_code(NOBODY, Bytes::from_static(&hex!("365f5f37365ffd")))
        .build();
    let overrides = CallOverrides {
        state: Some(state),
        block: None,
    };
    let call = |input: Vec<u8>| {
        harness
            .chain
            .call(&request(NOBODY, input), BlockId::latest(), &overrides)
            .unwrap_err()
    };
    let mut error = hex!("08c379a0").to_vec();
    error.extend(words(&[32, 4]));
    error.extend(b"nope");
    error.extend([0; 28]);
    let CallError::Reverted { output, reason } = call(error.clone()) else {
        panic!("not a revert")
    };
    assert_eq!((output, reason.as_deref()), (error.into(), Some("nope")));
    let panic = [&hex!("4e487b71")[..], &words(&[0x11])].concat();
    assert_eq!(
        call(panic).to_string(),
        "execution reverted: arithmetic underflow or overflow"
    );
    assert_eq!(call(vec![]).to_string(), "execution reverted");
    assert_eq!(
        call(hex!("08c379a0ff").to_vec()).to_string(),
        "execution reverted",
        "a malformed reason is none"
    );
}

#[test]
fn calls_fail_with_gethts_texts() {
    let harness = Harness::new();
    let none = CallOverrides::default();
    let poor = TransactionRequest::default()
        .from(NOBODY)
        .to(NOBODY)
        .value(ETHER);
    let error = harness
        .chain
        .call(&poor, BlockId::latest(), &none)
        .unwrap_err();
    assert!(
        error.to_string().starts_with("insufficient funds"),
        "{error}"
    );
    let state = StateOverridesBuilder::default()
        .with_code(NOBODY, Bytes::from_static(&hex!("5b600056")))
        .build();
    let overrides = CallOverrides {
        state: Some(state),
        block: None,
    };
    let error = harness
        .chain
        .call(&request(NOBODY, vec![]), BlockId::latest(), &overrides)
        .unwrap_err();
    assert_eq!(error.to_string(), "out of gas");
    let error = harness
        .chain
        .estimate_gas(&request(NOBODY, vec![]), BlockId::latest(), &overrides)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "gas required exceeds allowance (16777216)"
    );
    let underpriced = TransactionRequest {
        max_fee_per_gas: Some(1),
        ..request(NOBODY, vec![])
    };
    let error = harness
        .chain
        .call(&underpriced, BlockId::latest(), &none)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "max fee per gas less than block base fee"
    );
    let error = harness
        .chain
        .call(&poor, BlockId::number(9), &none)
        .unwrap_err();
    assert_eq!(error.to_string(), "unknown block");
}

#[test]
fn an_estimate_is_enough_and_not_much_more_than_needed() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let none = CallOverrides::default();
    let estimate = |harness: &Harness, request: TransactionRequest| {
        harness
            .chain
            .estimate_gas(&request.from(sender.address), BlockId::latest(), &none)
            .unwrap()
    };
    let transfer = TransactionRequest::default().to(NOBODY).value(ETHER);
    assert_eq!(estimate(&harness, transfer), 21_000);

    let init = crate::support::init_code(STORE);
    let deploy = TransactionRequest {
        to: Some(TxKind::Create),
        input: Bytes::from(init.clone()).into(),
        ..Default::default()
    };
    let gas = estimate(&harness, deploy);
    harness.submit(&sender.sign(sender.tx(TxKind::Create, U256::ZERO, init, gas)));
    let block = harness.seal();
    assert!(block.receipts[0].status());
    assert!(gas < block.gas_used(0).unwrap() * 102 / 100, "{gas}");
    let contract = block.created_address(0).unwrap();

    harness.submit(&sender.sign(sender.call(contract, words(&[1, 42]))));
    harness.seal();
    // Clearing a slot is refunded, but must be paid first.
    let gas = estimate(&harness, request(contract, words(&[1, 0])));
    harness.submit(&sender.sign(sender.tx(
        TxKind::Call(contract),
        U256::ZERO,
        words(&[1, 0]),
        gas,
    )));
    let block = harness.seal();
    assert!(block.receipts[0].status());
    assert!(gas > block.gas_used(0).unwrap());
}

#[test]
fn an_access_list_names_what_is_touched_beyond_sender_and_recipient() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let inner = harness.deploy(&sender, LOAD);
    // staticcall(calldata[0] as address), which loads slot 0, and sload(7)
    let outer = harness.deploy(&sender, &hex!("5f5f5f5f5f355afa50600754" "00"));
    let input = U256::from_be_slice(inner.as_slice()).to_be_bytes_vec();
    let request = request(outer, input).from(sender.address);
    let outcome = harness
        .chain
        .create_access_list(&request, BlockId::latest(), &CallOverrides::default())
        .unwrap();
    assert_eq!(outcome.error, None);
    let mut items: Vec<_> = outcome
        .access_list
        .0
        .iter()
        .map(|item| (item.address, item.storage_keys.len()))
        .collect();
    items.sort_unstable();
    let mut expected = vec![(inner, 1), (outer, 1)];
    expected.sort_unstable();
    assert_eq!(items, expected);
    assert!(outcome.gas_used > 21_000);
}
