//! Our execution (revm, behind `sidelight-executor`) against `ethrex-levm`, an EVM that shares no code with it: the same blocks, from the same state, must give the same gas, receipts, state
//! and block access list, byte for byte.

use std::sync::Arc;

use alloy_consensus::Header;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, TxKind, U256, hex, keccak256};
use ethrex_common::{
    H160, H256, NativeCrypto,
    types::{
        AccountState, Block, BlockBody, BlockHeader, ChainConfig, Code, CodeMetadata, Receipt,
        Transaction,
    },
};
use ethrex_levm::{
    db::{Database, gen_db::GeneralizedDatabase},
    errors::{DatabaseError, TxResult},
    vm::VMType,
};
use ethrex_rlp::{decode::RLPDecode, encode::RLPEncode};
use ethrex_vm::backends::levm::LEVM;
use node_lite_exec::{Chain, SealedBlock};
use sidelight_testkit::TestChain;

/// OpenZeppelin's ERC-20, compiled with solc: `light-client/evm/testdata/Token.sol`.
const TOKEN: &str = include_str!("../../evm/testdata/Token.init.hex");

/// The state before a block.
struct Source {
    chain: Chain,
    parent: Header,
    parent_hash: B256,
}

fn failed(error: impl std::fmt::Display) -> DatabaseError {
    DatabaseError::Custom(error.to_string())
}

fn address(of: H160) -> Address {
    Address::from(of.0)
}

fn number(of: U256) -> ethrex_common::U256 {
    ethrex_common::U256::from_big_endian(&of.to_be_bytes::<32>())
}

impl Database for Source {
    fn get_account_state(&self, of: H160) -> Result<AccountState, DatabaseError> {
        let root = self.parent.state_root;
        let account = self.chain.state().account_at(root, address(of));
        let account = account.map_err(failed)?.unwrap_or_default();
        Ok(AccountState {
            nonce: account.nonce,
            balance: number(account.balance),
            storage_root: H256(account.storage_root.0),
            code_hash: H256(account.code_hash.0),
        })
    }

    fn get_storage_value(&self, of: H160, key: H256) -> Result<ethrex_common::U256, DatabaseError> {
        let (root, slot) = (self.parent.state_root, U256::from_be_bytes(key.0));
        let value = self.chain.state().storage_at(root, address(of), slot);
        value.map(number).map_err(failed)
    }

    fn get_block_hash(&self, block_number: u64) -> Result<H256, DatabaseError> {
        if block_number == self.parent.number {
            return Ok(H256(self.parent_hash.0));
        }
        let block = self.chain.block_by_number(block_number).map_err(failed)?;
        Ok(H256(block.hash.0))
    }

    fn get_chain_config(&self) -> Result<ChainConfig, DatabaseError> {
        let zero = Some(0);
        Ok(ChainConfig {
            chain_id: self.chain.chain_id(),
            homestead_block: zero,
            eip150_block: zero,
            eip155_block: zero,
            eip158_block: zero,
            byzantium_block: zero,
            constantinople_block: zero,
            petersburg_block: zero,
            istanbul_block: zero,
            berlin_block: zero,
            london_block: zero,
            merge_netsplit_block: zero,
            shanghai_time: zero,
            cancun_time: zero,
            prague_time: zero,
            osaka_time: zero,
            terminal_total_difficulty: Some(0),
            terminal_total_difficulty_passed: true,
            ..ChainConfig::default()
        })
    }

    fn get_account_code(&self, code_hash: H256) -> Result<Code, DatabaseError> {
        let code = self
            .chain
            .state()
            .code(B256::from(code_hash.0))
            .map_err(failed)?;
        Ok(Code::from_bytecode(code.0, &NativeCrypto))
    }

    fn get_code_metadata(&self, code_hash: H256) -> Result<CodeMetadata, DatabaseError> {
        let length = self.get_account_code(code_hash)?.len() as u64;
        Ok(CodeMetadata { length })
    }
}

/// Executes a sealed block in the other machine, and holds everything that it gives against what we have signed.
fn compare(chain: &Chain, sealed: &SealedBlock) {
    let parent = chain.block_by_number(sealed.number() - 1).unwrap();
    let at = sealed.number();
    let source = Source {
        chain: chain.clone(),
        parent: parent.header().clone(),
        parent_hash: parent.hash,
    };
    let header = BlockHeader::decode(&alloy_rlp::encode(sealed.header())).unwrap();
    let transactions = sealed
        .transactions
        .iter()
        .map(|transaction| Transaction::decode_canonical(&transaction.encoded_2718()).unwrap());
    let body = BlockBody {
        transactions: transactions.collect(),
        ommers: Vec::new(),
        withdrawals: Some(Vec::new()),
    };
    let block = Block::new(header, body);
    assert_eq!(block.hash().0, sealed.hash.0, "block {at}: the same header");

    let crypto = NativeCrypto;
    let mut db = GeneralizedDatabase::new(Arc::new(source));
    db.enable_bal_recording();
    db.set_bal_index(0);
    LEVM::prepare_block(&block, &mut db, VMType::L1, &crypto).unwrap();
    let mut gas = 0;
    let mut index = 0;
    for (transaction, ours) in block.body.transactions.iter().zip(&sealed.receipts) {
        let sender = transaction.sender(&crypto).unwrap();
        assert_eq!(address(sender), sealed.senders[index], "block {at}: sender");
        index += 1;
        db.set_bal_index(index as u32);
        if let Some(recorder) = db.bal_recorder_mut() {
            recorder.record_touched_address(sender);
        }
        let header = &block.header;
        let report = LEVM::execute_tx(
            transaction,
            sender,
            header,
            &mut db,
            VMType::L1,
            &crypto,
            None,
        )
        .unwrap_or_else(|error| panic!("block {at}, transaction {index}: {error:?}"));
        gas += report.gas_spent;
        let succeeded = matches!(report.result, TxResult::Success);
        let receipt = Receipt::new(transaction.tx_type(), succeeded, gas, report.logs);
        assert_eq!(
            Bytes::from(receipt.encode_inner_with_bloom(&crypto)),
            Bytes::from(ours.encoded_2718()),
            "block {at}, transaction {index}: receipt"
        );
    }
    assert_eq!(gas, sealed.header().gas_used, "block {at}: gas");
    db.set_bal_index(index as u32 + 1);

    let bal = db.take_bal().unwrap();
    assert_eq!(
        Bytes::from(bal.encode_to_vec()),
        sealed.bal_raw,
        "block {at}: access list\ntheirs: {bal:#?}\nours: {:#?}",
        sealed.bal
    );
    let after = chain.state_at(sealed.hash.into()).unwrap();
    for update in db.get_state_transitions().unwrap() {
        let of = address(update.address);
        let account = after.account(of).unwrap();
        if update.removed {
            assert_eq!(account, None, "block {at}: {of} is gone");
            continue;
        }
        let account = account.unwrap_or_default();
        if let Some(info) = update.info {
            assert_eq!(info.nonce, account.nonce, "block {at}: nonce of {of}");
            assert_eq!(
                info.balance,
                number(account.balance),
                "block {at}: balance of {of}"
            );
            assert_eq!(
                info.code_hash.0, account.code_hash.0,
                "block {at}: code of {of}"
            );
        }
        for (key, value) in update.added_storage {
            let ours = after.storage(of, U256::from_be_bytes(key.0)).unwrap();
            assert_eq!(value, number(ours), "block {at}: slot {key:?} of {of}");
        }
    }
}

fn call(selector: &str, words: &[U256]) -> Bytes {
    let mut data = keccak256(selector)[..4].to_vec();
    for word in words {
        data.extend(word.to_be_bytes::<32>());
    }
    data.into()
}

#[test]
fn generated_blocks_give_the_same_in_both_machines() {
    for seed in 0..8 {
        let mut chain = TestChain::new(seed);
        for _ in 0..24 {
            chain.busy_block();
        }
        let inner = chain.chain();
        for number in 1..=inner.head().number() {
            compare(inner, &inner.block_by_number(number).unwrap());
        }
    }
}

#[test]
fn contracts_calls_reverts_and_logs_give_the_same_in_both_machines() {
    let mut chain = TestChain::new(99);
    let init: Bytes = hex::decode(TOKEN.trim()).unwrap().into();
    let deploy = chain.sign(1, TxKind::Create, U256::ZERO, init, 5_000_000);
    let hash = chain.chain().submit(&deploy).unwrap();
    chain.seal();
    let (block, index) = chain.chain().locate(hash).unwrap();
    assert!(block.receipts[index].status());
    let token = block.created_address(index).unwrap();
    let (logger, reverter) = (chain.logger(), chain.reverter());
    for round in 0..20_u64 {
        let to = U256::from_be_slice(chain.account(2).as_slice()) + U256::from(round % 5);
        let calls = [
            (
                token,
                call("transfer(address,uint256)", &[to, U256::from(round)]),
            ),
            (
                token,
                call("approve(address,uint256)", &[to, U256::from(round % 3)]),
            ),
            (token, call("transfer(address,uint256)", &[to, U256::MAX])),
            (token, call("nested(uint256)", &[U256::from(round % 2)])),
            (token, call("clear()", &[])),
            (logger, Bytes::new()),
            (reverter, Bytes::from_static(b"no")),
            // A precompile, and an account that is not there.
            (Address::with_last_byte(2), Bytes::from_static(b"hash me")),
            (Address::repeat_byte(0x77), Bytes::new()),
        ];
        for (to, data) in calls {
            let raw = chain.sign(1, TxKind::Call(to), U256::ZERO, data, 300_000);
            chain.chain().submit(&raw).unwrap();
        }
        chain.busy_block();
    }
    let inner = chain.chain();
    let mut transactions = 0;
    for number in 1..=inner.head().number() {
        let block = inner.block_by_number(number).unwrap();
        transactions += block.transactions.len();
        compare(inner, &block);
    }
    assert!(transactions > 180, "{transactions}");
}
