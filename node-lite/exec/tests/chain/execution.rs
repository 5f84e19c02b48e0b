//! A block executed again by somebody who trusts neither the node nor the sequencer: what each of them may get wrong, and who is blamed.

use alloy_consensus::{Header, TxEnvelope, transaction::SignerRecoverable};
use alloy_eip7928::{AccountChanges, BalanceChange, BlockAccessIndex, SlotChanges, StorageChange};
use alloy_eips::{eip2718::Decodable2718, eip2935::HISTORY_STORAGE_ADDRESS};
use alloy_primitives::{Address, B256, Bloom, Bytes, U256, hex, keccak256};
use alloy_rlp::Decodable;
use node_lite_exec::SealedBlock;
use sidelight_core::{proof::compute_ordered_root, state::PartialState};
use sidelight_executor::{
    BlockError, ChainSpec, ExecutionInput, InputError, Rule, VerifiedExecution, verify_input,
};

use crate::support::{ETHER, Harness, Sender};

/// `sload(0); sstore(1, calldata[0]); log0(0, 0)`
const READ_AND_WRITE: &[u8] = &hex!("60005450" "600035600155" "60006000a0" "00");
const NOBODY: Address = Address::repeat_byte(0xb0);

/// A block, its parent, and what executing it needs.
#[derive(Clone)]
pub(crate) struct Case {
    parent: Header,
    header: Header,
    input: ExecutionInput,
    contract: Address,
}

impl Case {
    /// A transfer, and a call that reads a slot, writes another and logs.
    fn new() -> Self {
        let mut harness = Harness::new();
        let sender = Sender::new(0);
        let contract = harness.deploy(&sender, READ_AND_WRITE);
        let parent = harness.chain.head().header().clone();
        harness.submit(&sender.sign(sender.transfer(NOBODY, ETHER)));
        harness.submit(&sender.sign(sender.call(contract, B256::repeat_byte(7))));
        let block = harness.seal();
        assert_eq!(block.transactions.len(), 2);
        Self {
            parent,
            header: block.header().clone(),
            input: block.execution_input().unwrap(),
            contract,
        }
    }

    /// A block and its parent's header.
    pub(crate) fn of(parent: Header, block: &SealedBlock) -> Self {
        Self {
            parent,
            header: block.header().clone(),
            input: block.execution_input().unwrap(),
            contract: Address::ZERO,
        }
    }

    pub(crate) fn judge(&self) -> Result<VerifiedExecution, InputError> {
        let known = PartialState::from_root(self.parent.state_root);
        let spec = ChainSpec::sidelight(31_337);
        verify_input(&spec, &self.parent, &self.header, self.input.clone(), known)
    }

    pub(crate) fn bal(&self) -> Vec<AccountChanges> {
        Vec::decode(&mut self.input.bal.as_ref()).unwrap()
    }

    /// The block with another access list, which its header commits to: the sequencer's lie.
    pub(crate) fn commit(&self, edit: impl FnOnce(&mut Vec<AccountChanges>)) -> Self {
        let mut case = self.clone();
        let mut bal = self.bal();
        edit(&mut bal);
        case.input.bal = alloy_rlp::encode(&bal).into();
        case.header.block_access_list_hash = Some(keccak256(&case.input.bal));
        assert_ne!(case.input.bal, self.input.bal, "nothing was edited");
        case
    }

    /// The block with one more lie in its header.
    fn claim(&self, edit: impl FnOnce(&mut Header)) -> Self {
        let mut case = self.clone();
        edit(&mut case.header);
        case
    }

    /// The block with something else from the node.
    fn send(&self, edit: impl FnOnce(&mut ExecutionInput)) -> Self {
        let mut case = self.clone();
        edit(&mut case.input);
        assert_ne!(case.input, self.input, "nothing was edited");
        case
    }

    pub(crate) fn is_the_sequencers_fault(&self) -> InputError {
        let error = self.judge().unwrap_err();
        assert!(error.is_block_invalid(), "{error}");
        error
    }

    fn is_the_nodes_fault(&self) -> InputError {
        let error = self.judge().unwrap_err();
        assert!(!error.is_block_invalid(), "{error}");
        error
    }
}

pub(crate) fn entry(bal: &mut [AccountChanges], address: Address) -> &mut AccountChanges {
    let found = bal.iter_mut().find(|changes| changes.address == address);
    found.expect("the account is in the list")
}

#[test]
fn an_honest_block_is_executed() {
    let case = Case::new();
    let verified = case.judge().unwrap();
    assert_eq!(verified.executed().receipts.len(), 2);
    let state = verified.into_state();
    assert_eq!(state.clean_root(), Some(case.header.state_root));
}

#[test]
fn a_no_op_change_in_the_list_is_refused() {
    let case = Case::new();
    // The slot is zero before and after.
    case.commit(|bal| {
        let contract = entry(bal, case.contract);
        contract.storage_reads.clear();
        let change = StorageChange::new(BlockAccessIndex::new(2), U256::ZERO);
        contract
            .storage_changes
            .insert(0, SlotChanges::new(U256::ZERO, vec![change]));
    })
    .is_the_sequencers_fault();
    case.commit(|bal| {
        let nobody = entry(bal, NOBODY);
        let again = BalanceChange::new(BlockAccessIndex::new(2), ETHER);
        nobody.balance_changes.push(again);
    })
    .is_the_sequencers_fault();
}

#[test]
fn a_system_call_that_the_list_leaves_out_is_refused() {
    let case = Case::new();
    let error = case
        .commit(|bal| bal.retain(|changes| changes.address != HISTORY_STORAGE_ADDRESS))
        .is_the_sequencers_fault();
    assert!(error.to_string().contains("EIP-2935") || error.to_string().contains("access"));
    case.commit(|bal| entry(bal, HISTORY_STORAGE_ADDRESS).storage_changes.clear())
        .is_the_sequencers_fault();
}

#[test]
fn a_read_that_the_list_leaves_out_is_refused() {
    let case = Case::new();
    let error = case
        .commit(|bal| entry(bal, case.contract).storage_reads.clear())
        .is_the_sequencers_fault();
    assert!(
        matches!(error, InputError::Block(BlockError::OutsideAccessList(_))),
        "{error}"
    );
}

#[test]
fn a_read_that_never_happened_is_refused() {
    let case = Case::new();
    let error = case
        .commit(|bal| {
            let contract = entry(bal, case.contract);
            contract.storage_reads.push(U256::from(5));
        })
        .judge()
        .unwrap_err();
    // The honest node's witness does not show the slot that the list names, or the list is another one.
    assert!(matches!(error, InputError::Block(_)), "{error}");
    let error = case
        .commit(|bal| bal.push(AccountChanges::new(Address::repeat_byte(0xff))))
        .judge()
        .unwrap_err();
    assert!(matches!(error, InputError::Block(_)), "{error}");
}

#[test]
fn a_write_shown_as_a_read_is_refused() {
    let case = Case::new();
    case.commit(|bal| {
        let contract = entry(bal, case.contract);
        let written = contract.storage_changes.remove(0);
        contract.storage_reads.push(written.slot);
    })
    .is_the_sequencers_fault();
}

#[test]
fn an_altered_value_or_index_is_refused() {
    let case = Case::new();
    case.commit(|bal| {
        entry(bal, case.contract).storage_changes[0].changes[0].new_value += U256::ONE;
    })
    .is_the_sequencers_fault();
    for index in [0, 1, 3, 9] {
        case.commit(|bal| {
            let change = &mut entry(bal, case.contract).storage_changes[0].changes[0];
            change.block_access_index = BlockAccessIndex::new(index);
        })
        .is_the_sequencers_fault();
    }
    case.commit(|bal| entry(bal, NOBODY).balance_changes[0].post_balance += U256::ONE)
        .is_the_sequencers_fault();
}

#[test]
fn a_list_in_another_order_is_refused() {
    let case = Case::new();
    case.commit(|bal| bal.reverse()).is_the_sequencers_fault();
    case.commit(|bal| bal.push(bal[0].clone()))
        .is_the_sequencers_fault();
}

#[test]
fn each_claim_of_the_header_about_execution_is_checked() {
    let case = Case::new();
    type Claim = fn(&mut Header);
    let claims: [(Rule, Claim); 5] = [
        (Rule::GasUsed, |header| header.gas_used += 1),
        (Rule::ReceiptsRoot, |header| {
            header.receipts_root = B256::ZERO
        }),
        (Rule::LogsBloom, |header| header.logs_bloom = Bloom::ZERO),
        (Rule::RequestsHash, |header| {
            header.requests_hash = Some(B256::ZERO)
        }),
        (Rule::StateRoot, |header| header.state_root = B256::ZERO),
    ];
    for (rule, claim) in claims {
        match case.claim(claim).is_the_sequencers_fault() {
            InputError::Block(error) if rule == Rule::LogsBloom => {
                // The log of this block has neither topics nor data, but its address is in the bloom.
                assert_eq!(error.rule(), Some(rule));
            }
            InputError::Block(error) => assert_eq!(error.rule(), Some(rule), "{error}"),
            other => panic!("{rule}: {other}"),
        }
    }
}

#[test]
fn a_list_that_is_not_the_headers_is_the_nodes_fault() {
    let case = Case::new();
    let error = case
        .send(|input| input.bal = Bytes::from_static(&[0xc0]))
        .is_the_nodes_fault();
    assert!(matches!(error, InputError::AccessListHash { .. }));
}

#[test]
fn transactions_that_are_not_the_headers_are_the_nodes_fault() {
    let case = Case::new();
    case.send(|input| drop(input.transactions.pop()))
        .is_the_nodes_fault();
    case.send(|input| input.transactions.reverse())
        .is_the_nodes_fault();
    case.send(|input| input.transactions[0] = Bytes::from_static(&[2, 0xc0]))
        .is_the_nodes_fault();
}

#[test]
fn a_malleated_signature_is_refused_even_if_the_header_commits_to_it() {
    let case = Case::new();
    let mut raw = case.input.transactions[0].as_ref();
    let honest = TxEnvelope::decode_2718(&mut raw).unwrap();
    let TxEnvelope::Eip1559(signed) = &honest else {
        panic!("{honest:?}")
    };
    let (transaction, signature, _) = signed.clone().into_parts();
    let order = U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    );
    let high = alloy_primitives::Signature::new(
        signature.r(),
        order.unwrap() - signature.s(),
        !signature.v(),
    );
    let envelope = TxEnvelope::Eip1559(alloy_consensus::Signed::new_unhashed(transaction, high));
    assert_eq!(
        envelope.recover_signer_unchecked().unwrap(),
        honest.recover_signer().unwrap(),
        "the other signature of the same key"
    );
    let mut forged = case.send(|input| {
        input.transactions[0] = alloy_eips::eip2718::Encodable2718::encoded_2718(&envelope).into();
    });
    forged.is_the_nodes_fault();
    forged.header.transactions_root = compute_ordered_root(&forged.input.transactions);
    let error = forged.is_the_sequencers_fault();
    assert!(error.to_string().contains("signature"), "{error}");
}

#[test]
fn each_way_to_spoil_a_witness_is_the_nodes_fault() {
    let case = Case::new();
    let nodes = case.input.state.len();
    for at in 0..nodes {
        case.send(|input| drop(input.state.remove(at)))
            .is_the_nodes_fault();
        case.send(|input| input.state.push(input.state[at].clone()))
            .is_the_nodes_fault();
        case.send(|input| {
            let mut node = input.state[at].to_vec();
            let last = node.len() - 1;
            node[last] ^= 1;
            input.state[at] = node.into();
        })
        .is_the_nodes_fault();
    }
    case.send(|input| input.state.push(Bytes::from_static(&[0xc2, 0x20, 1])))
        .is_the_nodes_fault();
    for at in 0..case.input.codes.len() {
        case.send(|input| drop(input.codes.remove(at)))
            .is_the_nodes_fault();
        case.send(|input| input.codes[at] = Bytes::from_static(&[0]))
            .is_the_nodes_fault();
    }
    case.send(|input| input.codes.push(Bytes::from_static(&[0xfe])))
        .is_the_nodes_fault();
    let parent = Bytes::from(alloy_rlp::encode(&case.parent));
    case.send(|input| input.headers.push(parent.clone()))
        .is_the_nodes_fault();
    case.send(|input| input.headers.push(Bytes::from_static(&[0xc0])))
        .is_the_nodes_fault();
}

#[test]
fn the_order_of_a_witness_does_not_matter() {
    let case = Case::new();
    let shuffled = case.send(|input| {
        input.state.reverse();
        input.codes.reverse();
    });
    assert!(shuffled.judge().is_ok());
}

#[test]
fn an_input_is_read_as_it_was_written_and_nothing_else_is_one() {
    let case = Case::new();
    let bytes = case.input.encode();
    assert_eq!(ExecutionInput::decode(&bytes).unwrap(), case.input);
    for end in 0..bytes.len() {
        assert!(ExecutionInput::decode(&bytes[..end]).is_err());
    }
    let mut longer = bytes.clone();
    longer.push(0x80);
    assert!(ExecutionInput::decode(&longer).is_err());
}
