//! A node in this process with 100,000 token holders and 2,000 senders, and blocks of token transfers and swaps on it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_genesis::GenesisAccount;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, hex, keccak256};
use eyre::{OptionExt, Result, ensure};
use node_lite_exec::{Chain, SealMode, SealedBlock, SequencerConfig, Signer, dev_genesis};

/// Accounts that hold the token, and those of them that send.
const HOLDERS: u64 = 100_000;
pub(crate) const SENDERS: usize = 2_000;
/// Room for a thousand swaps in one block.
const GAS_LIMIT: u64 = 240_000_000;
const TOKEN: Address = Address::repeat_byte(0x70);
const TOKEN_RUNTIME: &str = include_str!("../../evm/testdata/Token.runtime.hex");
const TOKEN_INIT: &str = include_str!("../../evm/testdata/Token.init.hex");

/// The chain and whoever sends on it.
pub(crate) struct World {
    pub(crate) chain: Chain,
    senders: Vec<Signer>,
    nonces: Vec<u64>,
    random: u64,
    router: Option<(Address, [Address; 2])>,
}

impl World {
    pub(crate) fn new() -> Result<Self> {
        let mut genesis = dev_genesis()?;
        genesis.gas_limit = GAS_LIMIT;
        let chain_id = genesis.config.chain_id;
        let senders = (0..SENDERS)
            .map(|index| Signer::new(keccak256(format!("sender {index}")), chain_id, B256::ZERO))
            .collect::<Result<Vec<_>, _>>()?;
        let mut storage = BTreeMap::new();
        let mut accounts = Vec::new();
        let rich = U256::from(10).pow(U256::from(21));
        for sender in &senders {
            storage.insert(balance_slot(sender.address()), B256::from(rich));
            accounts.push((
                sender.address(),
                GenesisAccount::default().with_balance(rich),
            ));
        }
        for index in 0..HOLDERS {
            storage.insert(
                balance_slot(holder(index)),
                B256::from(U256::from(index + 1)),
            );
            let account = GenesisAccount::default().with_balance(U256::from(index + 1));
            accounts.push((holder(index), account));
        }
        let code = Bytes::from(hex::decode(TOKEN_RUNTIME.trim())?);
        let token = GenesisAccount::default()
            .with_nonce(Some(1))
            .with_code(Some(code))
            .with_storage(Some(storage));
        accounts.push((TOKEN, token));
        let config = SequencerConfig {
            seal: SealMode::Manual,
            retain_blocks: 8,
            ..SequencerConfig::default()
        };
        Ok(Self {
            chain: Chain::open(&genesis.extend_accounts(accounts), config)?,
            nonces: vec![0; SENDERS],
            senders,
            random: 0x5eed,
            router: None,
        })
    }

    /// A block of so many token transfers, each from another sender to a holder drawn at random.
    pub(crate) fn transfers(&mut self, count: usize) -> Result<Arc<SealedBlock>> {
        let first = self.draw(SENDERS as u64) as usize;
        for index in 0..count {
            let to = holder(self.draw(HOLDERS));
            let data = call("a9059cbb", &[word(to), U256::ONE.into()]);
            self.send(
                (first + index) % SENDERS,
                TxKind::Call(TOKEN),
                data,
                100_000,
            )?;
        }
        self.seal(count)
    }

    /// A block of so many swaps on one pair of Uniswap V2, each of another sender.
    pub(crate) fn swaps(&mut self, count: usize) -> Result<Arc<SealedBlock>> {
        let (router, [gold, silver]) = self.router.ok_or_eyre("there is no router")?;
        let first = self.draw(SENDERS as u64) as usize;
        for index in 0..count {
            let sender = (first + index) % SENDERS;
            let arguments = [
                U256::from(1_000_000).into(),
                B256::ZERO,
                U256::from(0xa0).into(),
                word(self.senders[sender].address()),
                U256::from(u64::MAX).into(),
                U256::from(2).into(),
                word(gold),
                word(silver),
            ];
            let data = call("38ed1739", &arguments);
            self.send(sender, TxKind::Call(router), data, 220_000)?;
        }
        self.seal(count)
    }

    /// Puts Uniswap V2, as its npm packages in this folder ship it, on the chain, with a pair that every sender may swap on.
    pub(crate) fn deploy_swaps(&mut self, packages: &Path) -> Result<()> {
        let code = |path: &str| -> Result<Vec<u8>> {
            let text = std::fs::read_to_string(packages.join(path))?;
            let artefact: serde_json::Value = serde_json::from_str(&text)?;
            let code = artefact["bytecode"].as_str().ok_or_eyre("no bytecode")?;
            Ok(hex::decode(code)?)
        };
        let owner = self.senders[0].address();
        let token = hex::decode(TOKEN_INIT.trim())?;
        let gold = self.create(token.clone())?;
        let silver = self.create(token)?;
        let mut factory = code("@uniswap/v2-core/build/UniswapV2Factory.json")?;
        factory.extend(word(owner));
        let factory = self.create(factory)?;
        let mut router = code("@uniswap/v2-periphery/build/UniswapV2Router02.json")?;
        router.extend([word(factory), word(gold)].concat());
        let router = self.create(router)?;
        let much = U256::from(10).pow(U256::from(23)).into();
        let all = B256::repeat_byte(0xff);
        self.send(
            0,
            TxKind::Call(factory),
            call("c9c65396", &[word(gold), word(silver)]),
            5_000_000,
        )?;
        for token in [gold, silver] {
            self.send(
                0,
                TxKind::Call(token),
                call("095ea7b3", &[word(router), all]),
                100_000,
            )?;
        }
        let liquidity = [
            word(gold),
            word(silver),
            much,
            much,
            B256::ZERO,
            B256::ZERO,
            word(owner),
            U256::from(u64::MAX).into(),
        ];
        self.send(
            0,
            TxKind::Call(router),
            call("e8e33700", &liquidity),
            5_000_000,
        )?;
        self.seal(4)?;
        for batch in (1..SENDERS).collect::<Vec<_>>().chunks(500) {
            for sender in batch {
                let to = word(self.senders[*sender].address());
                let wei = U256::from(10).pow(U256::from(18)).into();
                self.send(0, TxKind::Call(gold), call("a9059cbb", &[to, wei]), 100_000)?;
                self.send(
                    *sender,
                    TxKind::Call(gold),
                    call("095ea7b3", &[word(router), all]),
                    100_000,
                )?;
            }
            self.seal(2 * batch.len())?;
        }
        self.router = Some((router, [gold, silver]));
        Ok(())
    }

    fn create(&mut self, code: Vec<u8>) -> Result<Address> {
        self.send(0, TxKind::Create, code.into(), 8_000_000)?;
        let block = self.seal(1)?;
        block.created_address(0).ok_or_eyre("nothing was created")
    }

    fn send(&mut self, sender: usize, to: TxKind, input: Bytes, gas_limit: u64) -> Result<()> {
        let transaction = TxEip1559 {
            chain_id: self.chain.chain_id(),
            nonce: self.nonces[sender],
            gas_limit,
            max_fee_per_gas: 500_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to,
            input,
            ..TxEip1559::default()
        };
        self.nonces[sender] += 1;
        let signature = self.senders[sender].sign_digest(transaction.signature_hash())?;
        let signed = transaction.into_signed(Signature::from_raw_array(&signature)?);
        self.chain
            .submit(&TxEnvelope::from(signed).encoded_2718())?;
        Ok(())
    }

    fn seal(&self, count: usize) -> Result<Arc<SealedBlock>> {
        let block = self.chain.seal()?;
        ensure!(
            block.transactions.len() == count,
            "{} of {count} fit",
            block.transactions.len()
        );
        ensure!(
            block.receipts.iter().all(|receipt| receipt.status()),
            "a transaction failed"
        );
        Ok(block)
    }

    /// The same numbers on every run (splitmix64).
    fn draw(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

fn holder(index: u64) -> Address {
    Address::from_word(keccak256(index.to_be_bytes()))
}

/// OpenZeppelin's ERC-20 keeps its balances in the mapping at slot 0.
fn balance_slot(holder: Address) -> B256 {
    keccak256([word(holder), B256::ZERO].concat())
}

fn word(address: Address) -> B256 {
    address.into_word()
}

fn call(selector: &str, words: &[B256]) -> Bytes {
    let mut data = hex::decode(selector).unwrap_or_default();
    words.iter().for_each(|word| data.extend(word));
    data.into()
}
