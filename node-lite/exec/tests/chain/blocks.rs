//! What transactions do to blocks, receipts, access lists and state.

use alloy_consensus::{Transaction, TxReceipt};
use alloy_eips::{
    BlockId,
    eip2930::{AccessList, AccessListItem},
    eip7002::{
        WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE,
        WITHDRAWAL_REQUEST_TYPE,
    },
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE},
    eip7685::{EMPTY_REQUESTS_HASH, Requests},
};
use alloy_primitives::{Address, Bytes, TxKind, U256, address, bytes, hex};
use node_lite_exec::{
    ChainError, DEV_GENESIS_HASH, DEV_SIGNER, SIGNER_PREDEPLOY, SealMode, SequencerConfig,
    dev_rules,
};
use tokio::sync::broadcast::error::TryRecvError;

use crate::support::{ETHER, GWEI, Harness, Sender, set_code};

/// `sstore(calldata[0], calldata[1])`
pub(crate) const STORE: &[u8] = &hex!("60203560003555" "00");
/// `log1(0, 32, 7)`, with the caller in memory
const LOG: &[u8] = &hex!("33600052" "6007" "6020" "6000" "a1" "00");
const NOBODY: Address = address!("0x00000000000000000000000000000000000b0b01");

#[test]
fn the_pinned_genesis_hash_and_signer_are_those_of_the_file() {
    let harness = Harness::new();
    assert_eq!(harness.chain.head().hash, DEV_GENESIS_HASH);
    assert_eq!(harness.chain.signer().address(), DEV_SIGNER);
    assert_eq!(*harness.chain.rules(), dev_rules());
    let view = harness.chain.state_at(BlockId::latest()).unwrap();
    assert_eq!(
        view.storage(SIGNER_PREDEPLOY, U256::ZERO).unwrap(),
        U256::from_be_slice(DEV_SIGNER.as_slice())
    );
    let funded = view.account(Sender::new(0).address).unwrap().unwrap();
    assert_eq!(funded.balance, ETHER * U256::from(10_000));
}

#[test]
fn an_empty_block_has_the_system_calls_and_nothing_else() {
    let mut harness = Harness::new();
    let block = harness.seal();
    assert!(block.transactions.is_empty());
    assert_eq!(block.bal.len(), 2, "EIP-2935 and EIP-4788");
    assert!(
        block
            .bal
            .iter()
            .all(|changes| changes.has_storage_changes())
    );
    let next = harness.seal();
    assert_eq!(next.number(), 2);
    assert_eq!(next.header().parent_hash, block.hash);
}

#[test]
fn a_transfer_moves_value_and_pays_the_fee() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let hash = harness.submit(&sender.sign(sender.transfer(NOBODY, ETHER)));
    let block = harness.seal();
    let (located, index) = harness.chain.locate(hash).unwrap();
    assert_eq!((located.hash, index), (block.hash, 0));
    assert_eq!(block.gas_used(0), Some(21_000));
    let price = block.effective_gas_price(0).unwrap();
    assert_eq!(price, u128::from(block.base_fee()) + GWEI);
    let view = harness.chain.state_at(block.hash.into()).unwrap();
    assert_eq!(view.account(NOBODY).unwrap().unwrap().balance, ETHER);
    let left = view.account(sender.address).unwrap().unwrap();
    assert_eq!(
        left.balance,
        ETHER * U256::from(9_999) - U256::from(price * 21_000)
    );
    assert_eq!(
        view.account(block.header().beneficiary)
            .unwrap()
            .unwrap()
            .balance,
        U256::from(GWEI * 21_000)
    );
    // The state before is still there.
    assert_eq!(
        harness
            .chain
            .state_at(BlockId::number(0))
            .unwrap()
            .account(NOBODY)
            .unwrap(),
        None
    );
}

#[test]
fn a_contract_is_deployed_and_its_storage_set_and_cleared() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let contract = harness.deploy(&sender, STORE);
    assert_eq!(
        harness
            .chain
            .state_at(BlockId::latest())
            .unwrap()
            .code(contract)
            .unwrap(),
        Bytes::from_static(STORE)
    );

    harness.submit(&sender.sign(sender.call(contract, crate::support::words(&[5, 77]))));
    harness.submit(&sender.sign(sender.call(contract, crate::support::words(&[6, 78]))));
    let set = harness.seal();
    harness.submit(&sender.sign(sender.call(contract, crate::support::words(&[5, 0]))));
    harness.submit(&sender.sign(sender.call(contract, crate::support::words(&[6, 0]))));
    let cleared = harness.seal();

    let at = |block: &node_lite_exec::SealedBlock, slot| {
        harness
            .chain
            .state_at(block.hash.into())
            .unwrap()
            .storage(contract, U256::from(slot))
            .unwrap()
    };
    assert_eq!((at(&set, 5), at(&set, 6)), (U256::from(77), U256::from(78)));
    assert_eq!((at(&cleared, 5), at(&cleared, 6)), (U256::ZERO, U256::ZERO));
    let account = harness
        .chain
        .state_at(BlockId::latest())
        .unwrap()
        .account(contract)
        .unwrap()
        .unwrap();
    assert_eq!(account.storage_root, alloy_trie::EMPTY_ROOT_HASH);
}

#[test]
fn a_contract_that_destroys_itself_while_created_leaves_no_account() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    // sstore(1, 1); selfdestruct(caller), as init code, with value.
    let init = bytes!("600160015533ff");
    harness.submit(&sender.sign(sender.tx(TxKind::Create, ETHER, init, 500_000)));
    let block = harness.seal();
    assert!(block.receipts[0].status());
    let contract = block.created_address(0).unwrap();
    assert_eq!(
        harness
            .chain
            .state_at(BlockId::latest())
            .unwrap()
            .account(contract)
            .unwrap(),
        None
    );
}

#[test]
fn a_funded_address_is_emptied_and_removed_by_a_contract_that_destroys_itself_there() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let contract = sender.address.create(1);
    harness.submit(&sender.sign(sender.transfer(contract, ETHER)));
    harness.seal();
    assert!(
        harness
            .chain
            .state_at(BlockId::latest())
            .unwrap()
            .account(contract)
            .unwrap()
            .is_some()
    );
    harness.submit(&sender.sign(sender.deploy(bytes!("600160015533ff"))));
    let block = harness.seal();
    assert_eq!(block.created_address(0), Some(contract));
    assert_eq!(
        harness
            .chain
            .state_at(BlockId::latest())
            .unwrap()
            .account(contract)
            .unwrap(),
        None
    );
}

#[test]
fn failed_transactions_are_included_and_change_nothing_but_the_sender() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    // sstore(1, 1); revert(0, 0)
    let reverting = harness.deploy(&sender, &hex!("60016001555f5ffd"));
    // jumpdest; jump(0)
    let looping = harness.deploy(&sender, &hex!("5b600056"));
    harness.submit(&sender.sign(sender.call(reverting, Bytes::new())));
    harness.submit(&sender.sign(sender.call(looping, Bytes::new())));
    let block = harness.seal();
    assert_eq!(
        block
            .receipts
            .iter()
            .map(|receipt| receipt.status())
            .collect::<Vec<_>>(),
        [false, false]
    );
    assert_eq!(
        block.gas_used(1),
        Some(500_000),
        "out of gas burns the limit"
    );
    let view = harness.chain.state_at(BlockId::latest()).unwrap();
    assert_eq!(view.storage(reverting, U256::from(1)).unwrap(), U256::ZERO);
    assert_eq!(view.account(sender.address).unwrap().unwrap().nonce, 4);
}

#[test]
fn logs_are_in_receipts_and_blooms_and_are_counted_through_the_block() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let contract = harness.deploy(&sender, LOG);
    for _ in 0..3 {
        harness.submit(&sender.sign(sender.call(contract, Bytes::new())));
    }
    let block = harness.seal();
    assert_eq!(
        (0..3)
            .map(|index| block.first_log_index(index))
            .collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(block.receipts[2].logs()[0].address, contract);
    assert!(
        block
            .header()
            .logs_bloom
            .contains_input(alloy_primitives::BloomInput::Raw(contract.as_slice()))
    );
    assert_eq!(
        block.header().logs_bloom,
        *block.receipts.iter().fold(
            &mut Default::default(),
            |bloom: &mut alloy_primitives::Bloom, r| {
                *bloom |= r.bloom();
                bloom
            }
        )
    );
}

#[test]
fn a_delegation_is_set_used_and_cleared() {
    let mut harness = Harness::new();
    let (sender, authority) = (Sender::new(0), Sender::new(1));
    let contract = harness.deploy(&sender, STORE);
    let authorization = authority.authorize(contract, 0);
    let mut transaction = set_code(&sender, authority.address, vec![authorization]);
    transaction.input = crate::support::words(&[9, 99]).into();
    harness.submit(&sender.sign(transaction));
    let block = harness.seal();
    assert!(block.receipts[0].status());
    let view = harness.chain.state_at(BlockId::latest()).unwrap();
    assert_eq!(
        view.code(authority.address).unwrap(),
        [&hex!("ef0100")[..], contract.as_slice()].concat()
    );
    assert_eq!(
        view.storage(authority.address, U256::from(9)).unwrap(),
        U256::from(99)
    );

    // The authority sends on, delegated as it is, and clears the delegation.
    authority.next_nonce();
    harness.submit(&authority.sign(authority.transfer(NOBODY, ETHER)));
    harness.seal();
    let clear = authority.authorize(Address::ZERO, 2);
    harness.submit(&sender.sign(set_code(&sender, NOBODY, vec![clear])));
    harness.seal();
    let view = harness.chain.state_at(BlockId::latest()).unwrap();
    assert_eq!(view.code(authority.address).unwrap(), Bytes::new());
    assert_eq!(view.account(authority.address).unwrap().unwrap().nonce, 3);
}

#[test]
fn a_transaction_that_became_invalid_is_dropped_and_not_in_the_access_list() {
    let mut harness = Harness::new();
    let (poor, rich) = (Sender::new(0), Sender::new(1));
    // The delegation lets a contract take the sender's balance in the middle of a block: call(caller, balance) and stop.
    let drain = harness.deploy(&rich, &hex!("5f5f5f5f47335af100"));
    let authorization = poor.authorize(drain, 0);
    poor.next_nonce();
    harness.submit(&rich.sign(set_code(&rich, NOBODY, vec![authorization])));
    harness.seal();
    // Both are valid when they arrive; the drain pays more, so it comes first.
    let doomed = harness.submit(&poor.sign(poor.transfer(NOBODY, ETHER)));
    let mut first = rich.call(poor.address, Bytes::new());
    first.max_priority_fee_per_gas = 5 * GWEI;
    harness.submit(&rich.sign(first));
    let block = harness.seal();
    assert_eq!(block.transactions.len(), 1);
    assert!(harness.chain.pooled(doomed).is_none());
    assert!(
        !block.bal.iter().any(|changes| changes.address == NOBODY),
        "the dropped transaction's recipient is not listed"
    );
    assert_eq!(
        harness
            .chain
            .state_at(BlockId::latest())
            .unwrap()
            .account(poor.address)
            .unwrap()
            .unwrap()
            .balance,
        U256::ZERO
    );
}

#[test]
fn blocks_take_the_best_tips_first_and_keep_each_senders_order() {
    let mut harness = Harness::new();
    let (a, b) = (Sender::new(0), Sender::new(1));
    let with_tip = |sender: &Sender, tip| {
        let mut transaction = sender.transfer(NOBODY, U256::from(1));
        transaction.max_priority_fee_per_gas = tip * GWEI;
        sender.sign(transaction)
    };
    let order = [
        with_tip(&a, 1),
        with_tip(&a, 9),
        with_tip(&b, 5),
        with_tip(&b, 3),
    ]
    .map(|raw| harness.submit(&raw));
    let block = harness.seal();
    let included: Vec<_> = block
        .transactions
        .iter()
        .map(|transaction| *transaction.tx_hash())
        .collect();
    assert_eq!(included, [order[2], order[3], order[0], order[1]]);
    assert_eq!(
        block
            .rewards()
            .iter()
            .map(|(tip, _)| tip / GWEI)
            .collect::<Vec<_>>(),
        [1, 3, 5, 9]
    );
}

#[test]
fn a_full_block_leaves_the_rest_for_the_next_one_and_raises_the_base_fee() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let burner = harness.deploy(&sender, &hex!("5b600056"));
    for _ in 0..5 {
        harness.submit(&sender.sign(sender.tx(
            TxKind::Call(burner),
            U256::ZERO,
            Bytes::new(),
            16_000_000,
        )));
    }
    let full = harness.seal();
    assert_eq!(
        (full.transactions.len(), full.header().gas_used),
        (3, 48_000_000)
    );
    let rest = harness.seal();
    assert_eq!(rest.transactions.len(), 2);
    assert!(rest.base_fee() > full.base_fee());
}

/// Writes `calldata[2]` to the slots from `calldata[0]` to `calldata[1]`, and reads those from `calldata[3]` to `calldata[4]`.
const SWEEP: &[u8] = &hex!(
    "5f35" "5b" "80602035" "11" "15" "6019" "57" "604035" "81" "55" "600101" "600256" "0000"
    "5b50" "606035" "5b" "80608035" "11" "15" "6033" "57" "805450" "600101" "601e56" "0000" "5b00"
);

#[test]
fn the_access_list_never_costs_more_than_the_gas_limit_covers() {
    const ITEMS: u64 = 1_000;
    const CLEARED: u64 = 100;
    const TRANSACTIONS: u64 = 34;
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let contract = harness.deploy(&sender, SWEEP);
    let sweep = |words: &[u64], gas| {
        sender.tx(
            TxKind::Call(contract),
            U256::ZERO,
            crate::support::words(words),
            gas,
        )
    };
    // Each transaction later clears a hundred of these slots, and reads nine hundred others.
    for first in (0..TRANSACTIONS * CLEARED).step_by(500) {
        let last = (first + 500).min(TRANSACTIONS * CLEARED);
        harness.submit(&sender.sign(sweep(&[first, last, 1, 0, 0], 16_000_000)));
    }
    while harness.chain.pool_status().pending > 0 {
        assert!(
            harness
                .seal()
                .receipts
                .iter()
                .all(|receipt| receipt.status())
        );
    }
    // With listed slots and refunds, an item costs less gas than the 2,000 that EIP-7928 counts for it.
    for index in 0..TRANSACTIONS {
        let (clear, read) = (index * CLEARED, 1_000_000 + index * ITEMS);
        let (clear_end, read_end) = (clear + CLEARED, read + ITEMS - CLEARED);
        let mut transaction = sweep(&[clear, clear_end, 0, read, read_end], 2_500_000);
        let storage_keys = (clear..clear_end).chain(read..read_end);
        let storage_keys = storage_keys.map(|slot| U256::from(slot).into()).collect();
        transaction.access_list = AccessList(vec![AccessListItem {
            address: contract,
            storage_keys,
        }]);
        harness.submit(&sender.sign(transaction));
    }
    let block = harness.seal();
    assert!(block.receipts.iter().all(|receipt| receipt.status()));
    let items = alloy_eip7928::total_bal_items(&block.bal);
    let header = block.header();
    assert!(items * 2_000 <= header.gas_limit, "{items} items");
    assert!(
        (items + ITEMS) * 2_000 > header.gas_limit,
        "one more would be too many: {items}"
    );
    assert!(
        header.gas_used + 2_500_000 <= header.gas_limit,
        "gas was left: {}",
        header.gas_used
    );
    let rest = harness.seal();
    assert_eq!(
        block.transactions.len() + rest.transactions.len(),
        TRANSACTIONS as usize
    );
}

#[test]
fn request_contracts_are_called_after_the_transactions_where_a_genesis_deploys_them() {
    let withdrawals = (
        WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
        WITHDRAWAL_REQUEST_PREDEPLOY_CODE.clone(),
    );
    let consolidations = (
        CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
        CONSOLIDATION_REQUEST_PREDEPLOY_CODE.clone(),
    );
    let mut harness = Harness::with_contracts(&[withdrawals, consolidations]);
    let empty = harness.seal();
    assert_eq!(empty.header().requests_hash, Some(EMPTY_REQUESTS_HASH));
    assert_eq!(empty.bal.len(), 4);

    let sender = Sender::new(0);
    let request = [&[7; 48][..], &5_u64.to_be_bytes()].concat();
    let to = TxKind::Call(WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS);
    harness.submit(&sender.sign(sender.tx(to, U256::from(1), request.clone(), 500_000)));
    let block = harness.seal();
    assert!(block.receipts[0].status());
    // Type, source address, public key, and the amount in little-endian (EIP-7002).
    let mut expected = Requests::default();
    let amount = 5_u64.to_le_bytes();
    let data = [sender.address.as_slice(), &request[..48], &amount].concat();
    expected.push_request_with_type(WITHDRAWAL_REQUEST_TYPE, data);
    assert_eq!(block.header().requests_hash, Some(expected.requests_hash()));
}

#[test]
fn block_hashes_are_readable_in_the_evm() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    // sstore(0, blockhash(number - 1))
    let contract = harness.deploy(&sender, &hex!("60014303405f5500"));
    harness.submit(&sender.sign(sender.call(contract, Bytes::new())));
    let block = harness.seal();
    let stored = harness
        .chain
        .state_at(BlockId::latest())
        .unwrap()
        .storage(contract, U256::ZERO)
        .unwrap();
    assert_eq!(stored, U256::from_be_bytes(block.header().parent_hash.0));
}

#[test]
fn subscribers_see_blocks_and_pending_transactions() {
    let mut harness = Harness::new();
    let (mut blocks, mut pending) = (harness.chain.subscribe(), harness.chain.subscribe_pending());
    let sender = Sender::new(0);
    let hash = harness.submit(&sender.sign(sender.transfer(NOBODY, ETHER)));
    assert_eq!(pending.try_recv().unwrap().hash, hash);
    assert!(matches!(blocks.try_recv(), Err(TryRecvError::Empty)));
    let block = harness.seal();
    assert_eq!(blocks.try_recv().unwrap().hash, block.hash);
    assert_eq!(block.transactions[0].value(), ETHER);
}

#[test]
fn automine_seals_when_a_transaction_arrives() {
    let harness = Harness::with(|config| config.seal = SealMode::Automine);
    let mut blocks = harness.chain.subscribe();
    let sequencer = harness.chain.start_sequencer();
    let sender = Sender::new(0);
    for number in 1..=3 {
        let hash = harness.submit(&sender.sign(sender.transfer(NOBODY, ETHER)));
        let block = blocks.blocking_recv().unwrap();
        assert_eq!(
            (block.number(), *block.transactions[0].tx_hash()),
            (number, hash)
        );
    }
    sequencer.stop();
    assert_eq!(harness.chain.head().number(), 3);
}

#[test]
fn an_interval_sequencer_seals_until_it_is_stopped() {
    let harness =
        Harness::with(|config| config.seal = SealMode::Interval(SequencerConfig::MIN_INTERVAL));
    let mut blocks = harness.chain.subscribe();
    let sequencer = harness.chain.start_sequencer();
    for number in 1..=3 {
        assert_eq!(blocks.blocking_recv().unwrap().number(), number);
    }
    drop(sequencer);
    let head = harness.chain.head().number();
    assert_eq!(
        harness.chain.block_by_number(head).unwrap().hash,
        harness.chain.head().hash
    );
    assert!(matches!(
        harness.chain.block_by_number(head + 1),
        Err(ChainError::UnknownBlock)
    ));
}
