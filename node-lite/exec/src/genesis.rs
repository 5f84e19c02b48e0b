//! Genesis: a geth-style JSON file becomes block 0, its state and the chain's rules.

use alloy_consensus::{Header, constants::EMPTY_ROOT_HASH};
use alloy_eip7928::{
    AccountChanges, BalanceChange, BlockAccessIndex, CodeChange, NonceChange, SlotChanges,
    StorageChange,
};
use alloy_eips::{eip4895::Withdrawals, eip7685::EMPTY_REQUESTS_HASH};
use alloy_genesis::{Genesis, GenesisAccount};
use alloy_primitives::{Address, B64, B256, Bytes, U256, address, b256};
use node_lite_state::StateDb;
use sidelight_core::{
    extension::Extension, header::SignedHeader, merkle::compute_accounts_root, rules::ChainRules,
    state::CurrentRules,
};

use crate::{
    block::{self, SealedBlock},
    error::GenesisError,
};

/// Chain id of the development chain.
pub const DEV_CHAIN_ID: u64 = 31_337;
/// Hash of the development chain's genesis header. A test computes it from [`DEV_GENESIS_JSON`].
pub const DEV_GENESIS_HASH: B256 =
    b256!("0x714bc6be4044e4bd8d1dfe0e0351b529213206011c65384480492de6a8a8e093");
/// Address of [`DEV_SIGNER_KEY`].
pub const DEV_SIGNER: Address = address!("0x0f12e3ea7f45c92aaf2c5f3a43718db61e5de5bf");
/// The development sequencer's key: `keccak("sidelight dev sequencer")`. Known to everyone, so it signs nothing that matters; it is none of the funded accounts.
pub const DEV_SIGNER_KEY: B256 =
    b256!("0xff2e00b7b8247deb243b2ee9fe7fe9a6fd09d6dec290fbffcffb4dc8a1fcd0e4");
/// Where the state names the signer of the next block: slot 0 of this account.
pub const SIGNER_PREDEPLOY: Address = address!("0x5161000000000000000000000000000000000001");
/// `contracts/DecisionRegistry.sol`: batches of decisions, in its slot 0.
pub const DECISION_PREDEPLOY: Address = address!("0x5161000000000000000000000000000000000002");
/// `contracts/ModelRegistry.sol`: models in its slot 0, runtimes in its slot 1.
pub const MODEL_PREDEPLOY: Address = address!("0x5161000000000000000000000000000000000003");
/// The development chain's genesis file.
pub const DEV_GENESIS_JSON: &str = include_str!("../genesis/dev.json");

/// The base fee of a genesis file that names none, in wei; London's initial one.
const INITIAL_BASE_FEE: u64 = 1_000_000_000;

/// The development chain's genesis.
pub fn dev_genesis() -> Result<Genesis, GenesisError> {
    parse_genesis(DEV_GENESIS_JSON)
}

/// The development chain's rules, for clients that pin them.
pub fn dev_rules() -> ChainRules {
    ChainRules::dev(DEV_GENESIS_HASH, DEV_SIGNER)
}

/// Reads a geth-style genesis file.
pub fn parse_genesis(json: &str) -> Result<Genesis, GenesisError> {
    Ok(serde_json::from_str(json)?)
}

/// What a chain starts from.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) rules: ChainRules,
    pub(crate) block: SealedBlock,
}

/// Builds the genesis state in `state` and block 0 over it.
pub(crate) fn build(genesis: &Genesis, state: &StateDb) -> Result<Start, GenesisError> {
    check(genesis)?;
    let committed = state.commit(EMPTY_ROOT_HASH, &to_changes(genesis), &[], &CurrentRules)?;
    let signer = state.storage_at(committed.root, SIGNER_PREDEPLOY, U256::ZERO)?;
    let signer = Address::from_word(signer.into());
    if signer.is_zero() {
        return Err(GenesisError::NoSigner {
            predeploy: SIGNER_PREDEPLOY,
        });
    }
    let header = to_header(genesis, committed.root)?;
    let hash = header.hash_slow();
    let rules = ChainRules {
        chain_id: genesis.config.chain_id,
        ..ChainRules::dev(hash, signer)
    };
    let extension = Extension {
        version: Extension::VERSION,
        accounts_root: compute_accounts_root(&[]),
        frames_root: B256::ZERO,
        rules_hash: rules.hash(),
        next_signer: signer,
    };
    let block = SealedBlock {
        size: block::compute_size(&header, &[], &[], Some(&Withdrawals::default())),
        // Nobody signs block 0: its hash is in the rules.
        signed_header: SignedHeader {
            header,
            extension,
            signature: [0; 65],
        },
        hash,
        transactions: Vec::new(),
        senders: Vec::new(),
        receipts: Vec::new(),
        ommers: Vec::new(),
        withdrawals: Some(Withdrawals::default()),
        bal_raw: Bytes::from_static(&[alloy_rlp::EMPTY_LIST_CODE]),
        bal: Vec::new(),
        witness: Vec::new(),
        execution: None,
        held_since: (Vec::new(), Vec::new()),
    };
    Ok(Start { rules, block })
}

/// Refuses what this chain's blocks could not continue.
fn check(genesis: &Genesis) -> Result<(), GenesisError> {
    let empty = genesis.alloc.iter().find(|(_, account)| is_empty(account));
    if let Some((address, _)) = empty {
        return Err(GenesisError::EmptyAccount { address: *address });
    }
    let config = &genesis.config;
    require(
        "config.osakaTime",
        config.osaka_time == Some(0),
        "0",
        config.osaka_time,
    )?;
    require(
        "config.amsterdamTime",
        config.amsterdam_time.is_none(),
        "none",
        config.amsterdam_time,
    )?;
    require(
        "config.depositContractAddress",
        config.deposit_contract_address.is_none(),
        "none",
        config.deposit_contract_address,
    )?;
    require(
        "number",
        genesis.number.unwrap_or_default() == 0,
        "0",
        genesis.number,
    )?;
    require(
        "parentHash",
        genesis.parent_hash.unwrap_or_default().is_zero(),
        "zero",
        genesis.parent_hash,
    )?;
    require(
        "difficulty",
        genesis.difficulty.is_zero(),
        "0",
        genesis.difficulty,
    )?;
    require("nonce", genesis.nonce == 0, "0", genesis.nonce)?;
    require(
        "blobGasUsed",
        genesis.blob_gas_used.unwrap_or_default() == 0,
        "0",
        genesis.blob_gas_used,
    )?;
    require(
        "excessBlobGas",
        genesis.excess_blob_gas.unwrap_or_default() == 0,
        "0",
        genesis.excess_blob_gas,
    )?;
    require(
        "extraData",
        genesis.extra_data.len() <= 32,
        "at most 32 bytes",
        &genesis.extra_data,
    )
}

fn require(
    field: &'static str,
    holds: bool,
    expected: &str,
    got: impl std::fmt::Debug,
) -> Result<(), GenesisError> {
    if holds {
        Ok(())
    } else {
        Err(GenesisError::Field {
            field,
            expected: expected.to_owned(),
            got: format!("{got:?}"),
        })
    }
}

/// The base fee in wei; London's initial one if the file names none.
pub(crate) fn base_fee(genesis: &Genesis) -> Result<u64, GenesisError> {
    let base_fee = genesis
        .base_fee_per_gas
        .unwrap_or(u128::from(INITIAL_BASE_FEE));
    u64::try_from(base_fee).map_err(|_| GenesisError::Field {
        field: "baseFeePerGas",
        expected: "below 2^64".to_owned(),
        got: base_fee.to_string(),
    })
}

fn to_header(genesis: &Genesis, state_root: B256) -> Result<Header, GenesisError> {
    let base_fee = base_fee(genesis)?;
    Ok(Header {
        beneficiary: genesis.coinbase,
        state_root,
        gas_limit: genesis.gas_limit,
        timestamp: genesis.timestamp,
        extra_data: genesis.extra_data.clone(),
        mix_hash: genesis.mix_hash,
        nonce: B64::ZERO,
        base_fee_per_gas: Some(base_fee),
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        block_access_list_hash: Some(alloy_eip7928::constants::EMPTY_BLOCK_ACCESS_LIST_HASH),
        ..Header::default()
    })
}

/// The allocation as changes to the empty state, so that one piece of trie code makes every state.
pub(crate) fn to_changes(genesis: &Genesis) -> Vec<AccountChanges> {
    // A `BTreeMap` iterates by address, as EIP-7928 wants.
    let accounts = genesis.alloc.iter();
    accounts
        .map(|(address, account)| to_account_changes(*address, account))
        .collect()
}

/// Whether EIP-161 would not let the account be.
fn is_empty(account: &GenesisAccount) -> bool {
    account.nonce.unwrap_or_default() == 0
        && account.balance.is_zero()
        && account.non_empty_code().is_none()
}

fn to_account_changes(address: Address, account: &GenesisAccount) -> AccountChanges {
    let at = BlockAccessIndex::PRE_EXECUTION;
    let nonce = account.nonce.unwrap_or_default();
    let code = account.non_empty_code();
    let mut changes = AccountChanges::new(address);
    if nonce != 0 {
        changes = changes.with_nonce_change(NonceChange::new(at, nonce));
    }
    // For an empty account the change to nothing says that it is there.
    if !account.balance.is_zero() || is_empty(account) {
        changes = changes.with_balance_change(BalanceChange::new(at, account.balance));
    }
    if let Some(code) = code {
        changes = changes.with_code_change(CodeChange::new(at, code.clone()));
    }
    for (slot, value) in account
        .storage_slots()
        .filter(|(_, value)| !value.is_zero())
    {
        changes = changes.with_storage_change(SlotChanges::new(
            slot.into(),
            vec![StorageChange::new(at, value)],
        ));
    }
    changes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use alloy_trie::{TrieAccount, root::state_root_unhashed};

    use super::*;

    fn build_edited(edit: impl FnOnce(&mut Genesis)) -> Result<Start, GenesisError> {
        let mut genesis = dev_genesis().unwrap();
        edit(&mut genesis);
        build(&genesis, &StateDb::new())
    }

    #[test]
    fn the_state_root_is_what_alloy_computes_from_the_allocation() {
        let genesis = dev_genesis().unwrap();
        let accounts = genesis
            .alloc
            .iter()
            .map(|(address, account)| (*address, TrieAccount::from(account.clone())));
        let start = build(&genesis, &StateDb::new()).unwrap();
        assert_eq!(start.block.state_root(), state_root_unhashed(accounts));
        assert_eq!(start.block.hash, DEV_GENESIS_HASH);
        assert_eq!(start.rules, dev_rules());
    }

    #[test]
    fn the_dev_signer_is_not_funded_and_its_key_is_the_documented_one() {
        let genesis = dev_genesis().unwrap();
        assert_eq!(
            alloy_primitives::keccak256("sidelight dev sequencer"),
            DEV_SIGNER_KEY
        );
        assert!(!genesis.alloc.contains_key(&DEV_SIGNER));
        assert_eq!(
            genesis.alloc.len(),
            25,
            "twenty funded accounts and five contracts"
        );
    }

    #[test]
    fn refuses_a_genesis_that_blocks_could_not_continue() {
        let field = |edit: fn(&mut Genesis)| match build_edited(edit) {
            Err(GenesisError::Field { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            field(|genesis| genesis.config.osaka_time = None),
            "config.osakaTime"
        );
        assert_eq!(
            field(|genesis| genesis.config.amsterdam_time = Some(9)),
            "config.amsterdamTime"
        );
        assert_eq!(
            field(|genesis| genesis.difficulty = U256::from(1)),
            "difficulty"
        );
        assert_eq!(field(|genesis| genesis.number = Some(1)), "number");
        assert_eq!(
            field(|genesis| genesis.base_fee_per_gas = Some(u128::MAX)),
            "baseFeePerGas"
        );
        assert_eq!(
            field(|genesis| genesis.extra_data = vec![0; 33].into()),
            "extraData"
        );
        let no_signer = build_edited(|genesis| drop(genesis.alloc.remove(&SIGNER_PREDEPLOY)));
        assert!(matches!(no_signer, Err(GenesisError::NoSigner { .. })));
        let empty = build_edited(|genesis| {
            drop(
                genesis
                    .alloc
                    .insert(Address::ZERO, GenesisAccount::default()),
            )
        });
        assert!(matches!(
            empty,
            Err(GenesisError::EmptyAccount {
                address: Address::ZERO
            })
        ));
        assert!(matches!(parse_genesis("{"), Err(GenesisError::Json(_))));
    }
}
