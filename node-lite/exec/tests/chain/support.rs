//! A chain that seals on demand, funded senders, and the checks that every block must pass.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use alloy_consensus::{
    EthereumTypedTransaction, SignableTransaction, TxEip1559, TxEip4844Variant, TxEip7702,
    TxEnvelope,
};
use alloy_eips::{
    eip2718::Encodable2718,
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, b256};
use k256::ecdsa::SigningKey;
use node_lite_exec::{
    Chain, Genesis, PoolError, SealMode, SealedBlock, SequencerConfig, dev_genesis,
};
use sidelight_core::{
    bal::verify_bal,
    header::{VerifiedHeader, verify_header},
    merkle::compute_accounts_root,
    proof::{compute_ordered_root, verify_account_proof, verify_storage_proof},
    state::PartialState,
};
use sidelight_executor::{ChainSpec, ExecutionInput, verify_input};

/// The first three accounts of the usual test mnemonic.
const KEYS: [B256; 3] = [
    b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    b256!("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
    b256!("0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a"),
];
pub(crate) const GWEI: u128 = 1_000_000_000;
pub(crate) const ETHER: U256 = U256::from_limbs([1_000_000_000_000_000_000, 0, 0, 0]);

/// An account that signs. Counts its own nonces.
pub(crate) struct Sender {
    key: SigningKey,
    pub(crate) address: Address,
    nonce: AtomicU64,
}

impl Sender {
    pub(crate) fn new(index: usize) -> Self {
        let key = SigningKey::from_slice(KEYS[index].as_slice()).unwrap();
        Self {
            address: Address::from_public_key(key.verifying_key()),
            key,
            nonce: AtomicU64::new(0),
        }
    }

    pub(crate) fn next_nonce(&self) -> u64 {
        self.nonce.fetch_add(1, Ordering::Relaxed)
    }

    /// An EIP-1559 transaction with the next nonce.
    pub(crate) fn tx(
        &self,
        to: TxKind,
        value: U256,
        input: impl Into<Bytes>,
        gas_limit: u64,
    ) -> TxEip1559 {
        TxEip1559 {
            chain_id: 31_337,
            nonce: self.next_nonce(),
            gas_limit,
            max_fee_per_gas: 20 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to,
            value,
            input: input.into(),
            access_list: Default::default(),
        }
    }

    pub(crate) fn transfer(&self, to: Address, value: U256) -> TxEip1559 {
        self.tx(TxKind::Call(to), value, Bytes::new(), 21_000)
    }

    pub(crate) fn call(&self, to: Address, input: impl Into<Bytes>) -> TxEip1559 {
        self.tx(TxKind::Call(to), U256::ZERO, input, 500_000)
    }

    pub(crate) fn deploy(&self, init_code: impl Into<Bytes>) -> TxEip1559 {
        self.tx(TxKind::Create, U256::ZERO, init_code, 1_000_000)
    }

    /// EIP-2718 encoding of the signed transaction.
    pub(crate) fn sign(
        &self,
        transaction: impl Into<EthereumTypedTransaction<TxEip4844Variant>>,
    ) -> Vec<u8> {
        self.envelope(transaction).encoded_2718()
    }

    pub(crate) fn envelope(
        &self,
        transaction: impl Into<EthereumTypedTransaction<TxEip4844Variant>>,
    ) -> TxEnvelope {
        let transaction = transaction.into();
        let signature = self.sign_hash(transaction.signature_hash());
        transaction.into_envelope(signature)
    }

    pub(crate) fn authorize(&self, address: Address, nonce: u64) -> SignedAuthorization {
        let authorization = Authorization {
            chain_id: U256::from(31_337),
            address,
            nonce,
        };
        let signature = self.sign_hash(authorization.signature_hash());
        authorization.into_signed(signature)
    }

    pub(crate) fn sign_hash(&self, hash: B256) -> Signature {
        let (signature, recovery) = self.key.sign_prehash_recoverable(hash.as_slice()).unwrap();
        Signature::from((signature, recovery))
    }
}

pub(crate) fn set_code(
    sender: &Sender,
    to: Address,
    authorization_list: Vec<SignedAuthorization>,
) -> TxEip7702 {
    TxEip7702 {
        chain_id: 31_337,
        nonce: sender.next_nonce(),
        gas_limit: 200_000,
        max_fee_per_gas: 20 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to,
        value: U256::ZERO,
        input: Bytes::new(),
        access_list: Default::default(),
        authorization_list,
    }
}

/// A development chain, and the follower that checks each of its blocks as a client would.
pub(crate) struct Harness {
    pub(crate) chain: Chain,
    head: VerifiedHeader,
    pre_state: B256,
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(edit: impl FnOnce(&mut SequencerConfig)) -> Self {
        let mut config = SequencerConfig {
            seal: SealMode::Manual,
            ..SequencerConfig::default()
        };
        edit(&mut config);
        Self::open(&dev_genesis().unwrap(), config)
    }

    /// A chain whose genesis deploys more than the default one.
    pub(crate) fn with_contracts(contracts: &[(Address, Bytes)]) -> Self {
        let account = |code: &Bytes| {
            GenesisAccount::default()
                .with_nonce(Some(1))
                .with_code(Some(code.clone()))
        };
        let contracts = contracts
            .iter()
            .map(|(address, code)| (*address, account(code)));
        let genesis = dev_genesis().unwrap().extend_accounts(contracts);
        Self::open(
            &genesis,
            SequencerConfig {
                seal: SealMode::Manual,
                ..SequencerConfig::default()
            },
        )
    }

    fn open(genesis: &Genesis, config: SequencerConfig) -> Self {
        let chain = Chain::open(genesis, config).unwrap();
        let genesis = chain.head();
        let head = VerifiedHeader::genesis(genesis.header().clone(), chain.rules()).unwrap();
        Self {
            chain,
            head,
            pre_state: genesis.state_root(),
        }
    }

    pub(crate) fn submit(&self, raw: &[u8]) -> B256 {
        self.chain.submit(raw).unwrap()
    }

    pub(crate) fn refuse(&self, raw: &[u8]) -> PoolError {
        self.chain.submit(raw).unwrap_err()
    }

    /// Seals a block and checks everything that a client checks, and more.
    pub(crate) fn seal(&mut self) -> Arc<SealedBlock> {
        let block = self.chain.seal().unwrap();
        let header = block.header();
        self.check_execution(&block);
        self.head = verify_header(
            &block.signed_header,
            &self.head,
            self.chain.rules(),
            header.timestamp,
        )
        .unwrap();
        let bal = verify_bal(&block.bal_raw, &self.head, Some(block.transactions.len())).unwrap();
        assert_eq!(bal.changes(), block.bal);
        assert_eq!(
            alloy_rlp::encode(&block.bal),
            block.bal_raw,
            "the list is canonical"
        );
        assert_eq!(
            compute_accounts_root(&block.bal),
            block.signed_header.extension.accounts_root
        );
        assert_eq!(
            compute_ordered_root(&block.encoded_transactions()),
            header.transactions_root
        );
        assert_eq!(
            compute_ordered_root(&block.encoded_receipts()),
            header.receipts_root
        );
        assert_eq!(
            block
                .receipts
                .last()
                .map_or(0, |receipt| receipt.cumulative_gas_used()),
            header.gas_used
        );

        // The witness is enough, and nothing in it is superfluous.
        let mut client = PartialState::from_root(self.pre_state);
        client.reveal(&block.witness).unwrap();
        client.apply(&block.bal).unwrap();
        assert_eq!(
            client.root(),
            header.state_root,
            "witness and list give the state root"
        );
        assert_eq!(
            block.witness,
            self.chain
                .state()
                .witness(self.pre_state, &block.bal)
                .unwrap()
        );
        self.pre_state = header.state_root;
        self.check_proofs(&block);
        block
    }

    /// The block can be executed again from what the node captured, and from nothing less.
    fn check_execution(&self, block: &SealedBlock) {
        let spec = ChainSpec::sidelight(self.chain.chain_id());
        let encoded = block.execution_input().expect("a witness").encode();
        let input = ExecutionInput::decode(&encoded).unwrap();
        let check = |input| {
            let known = PartialState::from_root(self.pre_state);
            verify_input(&spec, self.head.header(), block.header(), input, known)
        };
        let verified = check(input.clone()).unwrap();
        assert_eq!(verified.executed().senders, block.senders);
        assert_eq!(verified.executed().receipts, block.receipts);
        // Of a large witness, a few nodes from all over it.
        for at in (0..input.state.len()).step_by(input.state.len().div_ceil(20).max(1)) {
            let mut less = input.clone();
            less.state.remove(at);
            let error = check(less).unwrap_err();
            assert!(!error.is_block_invalid(), "node {at}: {error}");
        }
        for at in 0..input.codes.len() {
            let mut less = input.clone();
            less.codes.remove(at);
            assert!(!check(less).unwrap_err().is_block_invalid());
        }
        let mut more = input.clone();
        more.codes.push(Bytes::from_static(&[0xfe]));
        assert!(!check(more).unwrap_err().is_block_invalid());
        if !input.transactions.is_empty() {
            let mut less = input;
            less.transactions.pop();
            assert!(!check(less).unwrap_err().is_block_invalid());
        }
    }

    /// EIP-1186 proofs of everything in the list verify, and say what the list says.
    fn check_proofs(&self, block: &SealedBlock) {
        let view = self.chain.state_at(block.hash.into()).unwrap();
        for changes in &block.bal {
            let slots: Vec<_> = changes.storage_slots().collect();
            let proof = view.prove(changes.address, &slots).unwrap();
            let account =
                verify_account_proof(block.state_root(), changes.address, &proof.nodes).unwrap();
            assert_eq!(account, proof.account);
            assert_eq!(account, view.account(changes.address).unwrap());
            if let Some(balance) = changes.balance_post_state() {
                assert_eq!(
                    account
                        .as_ref()
                        .map_or(U256::ZERO, |account| account.balance),
                    balance
                );
            }
            if let Some(nonce) = changes.nonce_post_state() {
                assert_eq!(account.as_ref().map_or(0, |account| account.nonce), nonce);
            }
            let posts: Vec<_> = changes.storage_post_states().collect();
            for slot in &proof.storage {
                let value = match &account {
                    Some(account) => {
                        verify_storage_proof(account.storage_root, slot.slot.into(), &slot.nodes)
                            .unwrap()
                    }
                    None => U256::ZERO,
                };
                assert_eq!(value, slot.value);
                assert_eq!(value, view.storage(changes.address, slot.slot).unwrap());
                if let Some((_, post)) = posts.iter().find(|(key, _)| *key == slot.slot) {
                    assert_eq!(value, *post);
                }
            }
        }
    }

    /// Deploys runtime code and returns its address.
    pub(crate) fn deploy(&mut self, sender: &Sender, runtime: &[u8]) -> Address {
        self.submit(&sender.sign(sender.deploy(init_code(runtime))));
        let block = self.seal();
        assert!(block.receipts[0].status());
        block.created_address(0).unwrap()
    }
}

/// Init code that returns `runtime`.
pub(crate) fn init_code(runtime: &[u8]) -> Vec<u8> {
    let length = u8::try_from(runtime.len()).unwrap();
    // PUSH1 length, DUP1, PUSH1 11, PUSH0, CODECOPY, PUSH0, RETURN
    let mut code = vec![0x60, length, 0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3, 0x00];
    code.extend_from_slice(runtime);
    code
}

/// Calldata of 32-byte words.
pub(crate) fn words(values: &[u64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| U256::from(*value).to_be_bytes::<32>())
        .collect()
}
