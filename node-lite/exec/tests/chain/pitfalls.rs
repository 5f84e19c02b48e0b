//! What other clients got wrong about block access lists (EIP-7928), each as a test of its own. Those that one test of `execution` or `blocks` covers stand there under their own names:
//!
//! | defect | test |
//! |---|---|
//! | ethrex#6995: a parallel path took no-op entries | `execution::a_no_op_change_in_the_list_is_refused` |
//! | ethrex#6317: a rejected transaction left traces while building | `blocks::a_transaction_that_became_invalid_is_dropped_and_not_in_the_access_list` |
//! | ethrex#7109: reads of system calls were left out | here |
//! | erigon#23541: a storage read was lost over destroy, recreate, revert | here |

use alloy_eips::{
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE},
};
use alloy_primitives::{Bytes, TxKind, U256, hex};

use crate::{
    execution::{Case, entry},
    support::{Harness, Sender},
};

/// Creates, always at the same address, a contract whose constructor writes slot 1 + value and then destroys itself, or reverts if it was sent value:
/// `sstore(1 + callvalue, 5); if callvalue { revert } selfdestruct(caller)`, behind `create2(callvalue, code, 0)`.
const FACTORY: &[u8] = &hex!(
    "71" "6005" "34600101" "55" "34" "15" "600f" "57" "5f5ffd" "5b" "33ff"
    "5f52" "5f" "6012" "600e" "34" "f5" "50" "00"
);

#[test]
fn ethrex_7109_reads_of_system_calls_are_in_the_list_and_may_not_be_left_out() {
    let contracts = [
        (
            WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
            WITHDRAWAL_REQUEST_PREDEPLOY_CODE.clone(),
        ),
        (
            CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
            CONSOLIDATION_REQUEST_PREDEPLOY_CODE.clone(),
        ),
    ];
    let mut harness = Harness::with_contracts(&contracts);
    harness.seal();
    let parent = harness.chain.head().header().clone();
    let block = harness.seal();
    assert!(block.transactions.is_empty());
    let case = Case::of(parent, &block);
    for (address, _) in contracts {
        let mut bal = case.bal();
        let reads = entry(&mut bal, address).storage_reads.clone();
        assert!(!reads.is_empty(), "the system call reads its queue");
        for slot in reads {
            case.commit(|bal| {
                entry(bal, address)
                    .storage_reads
                    .retain(|read| *read != slot)
            })
            .is_the_sequencers_fault();
        }
        case.commit(|bal| bal.retain(|changes| changes.address != address))
            .is_the_sequencers_fault();
    }
}

#[test]
fn erigon_23541_a_read_survives_destroy_recreate_and_revert() {
    let mut harness = Harness::new();
    let sender = Sender::new(0);
    let factory = harness.deploy(&sender, FACTORY);
    let parent = harness.chain.head().header().clone();
    let call = |value: u64| {
        let to = TxKind::Call(factory);
        sender.sign(sender.tx(to, U256::from(value), Bytes::new(), 300_000))
    };
    // Created and destroyed; created again and reverted; created and destroyed once more.
    for value in [0, 1, 0] {
        harness.submit(&call(value));
    }
    let block = harness.seal();
    assert_eq!(block.receipts.len(), 3);
    assert!(block.receipts.iter().all(|receipt| receipt.status()));
    let init = &FACTORY[1..19];
    let child = factory.create2_from_code(U256::ZERO.to_be_bytes::<32>(), init);

    let case = Case::of(parent, &block);
    let mut bal = case.bal();
    let listed = entry(&mut bal, child);
    assert!(!listed.has_changes(), "nothing is left of it: {listed:?}");
    let slots = [U256::from(1), U256::from(2)];
    assert_eq!(listed.storage_reads, slots, "an SSTORE reads its slot");
    for slot in slots {
        case.commit(|bal| entry(bal, child).storage_reads.retain(|read| *read != slot))
            .is_the_sequencers_fault();
    }
    case.commit(|bal| bal.retain(|changes| changes.address != child))
        .is_the_sequencers_fault();
    assert!(case.judge().is_ok());
}
