//! One block and the parts of judging it.

use alloy_consensus::{Header, TxEnvelope};
use alloy_eip7928::AccountChanges;
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Bytes, keccak256};
use alloy_rlp::Decodable;
use revm::primitives::hardfork::SpecId;
use sidelight_core::state::PartialState;
use sidelight_executor::{ExecutionInput, judge, recover_sender};

/// The parts, in the order of their numbers.
pub const PARTS: [&str; 6] = ["total", "decode", "witness", "recover", "root", "rebuild"];

/// A block, from bytes.
#[derive(Debug)]
pub struct Case {
    chain_id: u64,
    parent: Bytes,
    header: Bytes,
    encoded: Bytes,
    pre_state: alloy_primitives::B256,
    input: ExecutionInput,
    bal: Vec<AccountChanges>,
    transactions: Vec<TxEnvelope>,
    revealed: PartialState,
    states: Vec<PartialState>,
}

impl Case {
    /// Reads `[chain id, parent, header, input]`. None if that is not what it is.
    #[must_use]
    pub fn read(mut bytes: &[u8]) -> Option<Self> {
        let items: Vec<Bytes> = Decodable::decode(&mut bytes).ok()?;
        let [chain_id, parent, header, encoded] = <[Bytes; 4]>::try_from(items).ok()?;
        let chain_id = u64::from_be_bytes(chain_id.as_ref().try_into().ok()?);
        let pre_state = Header::decode(&mut parent.as_ref()).ok()?.state_root;
        let (input, bal, transactions) = decode(&encoded)?;
        let mut revealed = PartialState::from_root(pre_state);
        revealed.reveal(&input.state).ok()?;
        Some(Self {
            chain_id,
            parent,
            header,
            encoded,
            pre_state,
            input,
            bal,
            transactions,
            revealed,
            states: Vec::new(),
        })
    }

    /// The bytes that [`Self::read`] takes.
    #[must_use]
    pub fn write(
        chain_id: u64,
        parent: &Header,
        header: &Header,
        input: &ExecutionInput,
    ) -> Vec<u8> {
        let items: Vec<Bytes> = vec![
            chain_id.to_be_bytes().to_vec().into(),
            alloy_rlp::encode(parent).into(),
            alloy_rlp::encode(header).into(),
            input.encode().into(),
        ];
        alloy_rlp::encode(items)
    }

    /// Gas that the block used.
    #[must_use]
    pub fn gas_used(&self) -> u64 {
        Header::decode(&mut self.header.as_ref()).map_or(0, |header| header.gas_used)
    }

    /// Makes what `runs` runs of a part use up, outside the clock.
    pub fn prepare(&mut self, part: usize, runs: usize) {
        self.states.clear();
        if part == 4 {
            self.states.resize(runs, self.revealed.clone());
        }
    }

    /// Runs a part that often: whether it did what it should.
    pub fn run(&mut self, part: usize, runs: usize) -> bool {
        (0..runs).all(|_| match part {
            0 => judge(self.chain_id, &self.parent, &self.header, &self.encoded).is_ok(),
            1 => decode(&self.encoded).is_some(),
            2 => PartialState::from_root(self.pre_state)
                .reveal(&self.input.state)
                .is_ok(),
            3 => self.transactions.iter().all(|transaction| {
                recover_sender(transaction, self.chain_id, SpecId::OSAKA).is_ok()
            }),
            4 => self
                .states
                .pop()
                .is_some_and(|mut state| state.apply(&self.bal).is_ok() && !state.root().is_zero()),
            5 => keccak256(alloy_rlp::encode(&self.bal)) == keccak256(&self.input.bal),
            _ => false,
        })
    }
}

fn decode(encoded: &[u8]) -> Option<(ExecutionInput, Vec<AccountChanges>, Vec<TxEnvelope>)> {
    let input = ExecutionInput::decode(encoded).ok()?;
    let bal = Decodable::decode(&mut input.bal.as_ref()).ok()?;
    let transactions = input
        .transactions
        .iter()
        .map(|bytes| TxEnvelope::decode_2718(&mut bytes.as_ref()).ok())
        .collect::<Option<_>>()?;
    Some((input, bal, transactions))
}
