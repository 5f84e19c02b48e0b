//! A development chain whose transactions come from a seed. It seals when it is told to.

use std::sync::Arc;

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, b256, bytes};
use node_lite_exec::{Chain, SealMode, SealedBlock, SequencerConfig, Signer, dev_genesis};

use crate::rng::Rng;

/// Keys of the first accounts of the usual test mnemonic.
const KEYS: [B256; 3] = [
    b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    b256!("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    b256!("0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
];
/// How many accounts the test chain sends from.
pub const ACCOUNTS: usize = KEYS.len();

/// Stores the second word of the call data in the slot that the first word names:
/// `PUSH1 20 CALLDATALOAD PUSH0 CALLDATALOAD SSTORE STOP`, behind a constructor that returns it.
const STORE: Bytes = bytes!("0x666020355f3555005f5260076019f3");
/// Reverts with the call data: `CALLDATASIZE PUSH0 PUSH0 CALLDATACOPY CALLDATASIZE PUSH0 REVERT`, likewise.
const REVERT: Bytes = bytes!("0x66365f5f37365ffd5f5260076019f3");
/// Logs nothing under the topic 42: `PUSH1 2a PUSH0 PUSH0 LOG1 STOP`, likewise.
const LOGGER: Bytes = bytes!("0x65602a5f5fa1005f526006601af3");

/// A chain with senders.
#[derive(Debug)]
pub struct TestChain {
    chain: Chain,
    signers: Vec<Signer>,
    nonces: Vec<u64>,
    rng: Rng,
    store: Option<Address>,
}

impl TestChain {
    /// A chain at genesis. The same seed gives the same transactions.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_config(
            seed,
            SequencerConfig {
                seal: SealMode::Manual,
                ..SequencerConfig::default()
            },
        )
    }

    /// As [`Self::new`], with other settings than the defaults.
    #[must_use]
    pub fn with_config(seed: u64, config: SequencerConfig) -> Self {
        let chain = Chain::open(&dev_genesis().unwrap(), config).unwrap();
        let signers = KEYS
            .iter()
            .map(|key| Signer::new(*key, chain.chain_id(), B256::ZERO).unwrap())
            .collect();
        Self {
            chain,
            signers,
            nonces: vec![0; ACCOUNTS],
            rng: Rng::new(seed),
            store: None,
        }
    }

    /// The chain itself.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// Address of a sender.
    #[must_use]
    pub fn account(&self, index: usize) -> Address {
        self.signers[index].address()
    }

    /// Seals what waits.
    pub fn seal(&self) -> Arc<SealedBlock> {
        self.chain.seal().unwrap()
    }

    /// A signed transaction with the sender's next nonce, not submitted.
    pub fn sign(
        &mut self,
        from: usize,
        to: TxKind,
        value: U256,
        input: Bytes,
        gas_limit: u64,
    ) -> Bytes {
        let nonce = self.nonces[from];
        self.nonces[from] += 1;
        let transaction = TxEip1559 {
            chain_id: self.chain.chain_id(),
            nonce,
            gas_limit,
            max_fee_per_gas: 50_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to,
            value,
            input,
            ..TxEip1559::default()
        };
        let signature = self.signers[from]
            .sign_digest(transaction.signature_hash())
            .unwrap();
        let signature = Signature::from_raw_array(&signature).unwrap();
        TxEnvelope::from(transaction.into_signed(signature))
            .encoded_2718()
            .into()
    }

    /// Sends ether; the transaction waits for [`Self::seal`].
    pub fn transfer(&mut self, from: usize, to: Address, wei: u64) -> B256 {
        let raw = self.sign(
            from,
            TxKind::Call(to),
            U256::from(wei),
            Bytes::new(),
            21_000,
        );
        self.chain.submit(&raw).unwrap()
    }

    /// The contract that [`Self::write`] writes to; deployed, and sealed, when it is first needed.
    pub fn store(&mut self) -> Address {
        if let Some(store) = self.store {
            return store;
        }
        let store = self.deploy(STORE);
        self.store = Some(store);
        store
    }

    /// Deploys, and seals, a contract that reverts with whatever it is called with.
    pub fn reverter(&mut self) -> Address {
        self.deploy(REVERT)
    }

    /// Deploys, and seals, a contract that emits a log with the topic 42 and no data whenever it is called.
    pub fn logger(&mut self) -> Address {
        self.deploy(LOGGER)
    }

    /// Writes a storage slot of [`Self::store`]; zero deletes it. Waits for [`Self::seal`].
    pub fn write(&mut self, slot: u64, value: u64) -> B256 {
        let store = self.store();
        let words = [
            U256::from(slot).to_be_bytes::<32>(),
            U256::from(value).to_be_bytes(),
        ]
        .concat();
        let raw = self.sign(0, TxKind::Call(store), U256::ZERO, words.into(), 100_000);
        self.chain.submit(&raw).unwrap()
    }

    /// Seals a block with a few transfers, to old and new accounts, and writes and deletions of storage.
    pub fn busy_block(&mut self) -> Arc<SealedBlock> {
        self.store();
        for _ in 0..=self.rng.below(6) {
            match self.rng.below(4) {
                0 => {
                    let to = Address::from_word(U256::from(self.rng.next_u64()).into());
                    self.transfer(1, to, 1_000);
                }
                1 => {
                    let to = self.account(2);
                    let wei = self.rng.below(1_000_000);
                    self.transfer(1, to, wei);
                }
                2 => {
                    let (slot, value) = (self.rng.below(16), self.rng.next_u64());
                    self.write(slot, value);
                }
                _ => {
                    let slot = self.rng.below(16);
                    self.write(slot, 0);
                }
            }
        }
        self.seal()
    }

    fn deploy(&mut self, code: Bytes) -> Address {
        let raw = self.sign(0, TxKind::Create, U256::ZERO, code, 200_000);
        let hash = self.chain.submit(&raw).unwrap();
        let block = self.seal();
        let (_, index) = self.chain.locate(hash).unwrap();
        assert!(block.receipts[index].status(), "the deployment failed");
        block.created_address(index).unwrap()
    }
}
