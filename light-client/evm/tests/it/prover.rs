//! A whole chain state that answers what a run is missing, and counts how often it was asked.

use std::collections::HashMap;

use revm::primitives::{KECCAK_EMPTY, hex, keccak256};
use sidelight_evm::{
    Address, B256, BlockContext, Bytes, CallRequest, Estimate, MAX_ROUNDS, Missing, Outcome,
    ProvenAccount, ProvenState, U256, estimate_gas, run_call,
};

pub(crate) const ALICE: Address = Address::repeat_byte(0xa1);
pub(crate) const BOB: Address = Address::repeat_byte(0xb0);
pub(crate) const TOKEN: Address = Address::repeat_byte(0x70);

/// `Token.sol`, compiled with solc 0.8.37.
const RUNTIME: &str = include_str!("../../testdata/Token.runtime.hex");
pub(crate) const INIT: &str = include_str!("../../testdata/Token.init.hex");

pub(crate) fn bytes(text: &str) -> Bytes {
    Bytes::from(hex::decode(text.trim()).unwrap())
}

/// Everything there is at one block.
pub(crate) struct Prover {
    pub(crate) accounts: HashMap<Address, (ProvenAccount, Bytes)>,
    pub(crate) slots: HashMap<(Address, U256), U256>,
    pub(crate) rounds: u32,
    pub(crate) proven: ProvenState,
}

impl Prover {
    /// Alice has 10 ether and 1,000 tokens, the token has code, Bob does not exist.
    pub(crate) fn new() -> Self {
        let mut prover = Self {
            accounts: HashMap::new(),
            slots: HashMap::new(),
            rounds: 0,
            proven: ProvenState::default(),
        };
        prover.account(ALICE, ether(10), Bytes::new());
        prover.account(TOKEN, U256::ZERO, bytes(RUNTIME));
        prover
            .slots
            .insert((TOKEN, mapping_slot(ALICE, 0)), U256::from(1_000));
        prover
            .slots
            .insert((TOKEN, U256::from(2)), U256::from(1_000));
        prover
    }

    pub(crate) fn account(&mut self, address: Address, balance: U256, code: Bytes) {
        let code_hash = if code.is_empty() {
            KECCAK_EMPTY
        } else {
            keccak256(&code)
        };
        let account = ProvenAccount {
            balance,
            nonce: 1,
            code_hash,
            storage_empty: code.is_empty(),
        };
        self.accounts.insert(address, (account, code));
    }

    pub(crate) fn call(&mut self, request: &CallRequest) -> Outcome {
        loop {
            match run_call(&block(), request, &self.proven) {
                Outcome::Missing(missing) => self.prove(&missing),
                done => return done,
            }
        }
    }

    pub(crate) fn estimate(&mut self, request: &CallRequest) -> Estimate {
        loop {
            match estimate_gas(&block(), request, &self.proven) {
                Estimate::Missing(missing) => self.prove(&missing),
                done => return done,
            }
        }
    }

    pub(crate) fn prove(&mut self, missing: &Missing) {
        self.rounds += 1;
        assert!(self.rounds < MAX_ROUNDS, "no progress: {missing:?}");
        assert!(!missing.is_empty());
        for address in &missing.accounts {
            let account = self.accounts.get(address).map(|(account, _)| *account);
            self.proven.insert_account(*address, account).unwrap();
        }
        for (address, slot) in &missing.slots {
            let value = self.slots.get(&(*address, *slot)).copied();
            self.proven
                .insert_slot(*address, *slot, value.unwrap_or_default())
                .unwrap();
        }
        for (address, hash) in &missing.codes {
            let (_, code) = &self.accounts[address];
            assert_eq!(self.proven.insert_code(code.clone()).unwrap(), *hash);
        }
        for number in &missing.block_hashes {
            self.proven
                .insert_block_hash(*number, ancestor(*number))
                .unwrap();
        }
    }
}

pub(crate) fn ancestor(number: u64) -> B256 {
    keccak256(number.to_be_bytes())
}

pub(crate) fn ether(amount: u64) -> U256 {
    U256::from(amount) * U256::from(1_000_000_000_000_000_000_u64)
}

pub(crate) fn mapping_slot(key: Address, slot: u64) -> U256 {
    let mut preimage = [0; 64];
    preimage[12..32].copy_from_slice(key.as_slice());
    preimage[56..].copy_from_slice(&slot.to_be_bytes());
    U256::from_be_bytes(keccak256(preimage).0)
}

pub(crate) fn block() -> BlockContext {
    BlockContext {
        chain_id: 31_337,
        number: 1_000,
        timestamp: 1_800_000_000,
        gas_limit: 30_000_000,
        base_fee: 7,
        beneficiary: Address::repeat_byte(0xcb),
        prevrandao: B256::repeat_byte(0x5a),
        excess_blob_gas: 0,
    }
}

/// A call of the token by Alice: selector and words.
pub(crate) fn token_call(selector: &str, words: &[U256]) -> CallRequest {
    let mut data = hex::decode(selector).unwrap();
    for word in words {
        data.extend(word.to_be_bytes::<32>());
    }
    CallRequest {
        from: ALICE,
        to: Some(TOKEN),
        data: data.into(),
        ..CallRequest::default()
    }
}

pub(crate) fn word(address: Address) -> U256 {
    U256::from_be_slice(address.as_slice())
}

pub(crate) fn returned(outcome: &Outcome) -> U256 {
    match outcome {
        Outcome::Success { output, .. } => U256::from_be_slice(&output[..32]),
        other => panic!("not a success: {other:?}"),
    }
}
