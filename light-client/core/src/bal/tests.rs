//! Lists that a peer alters, and lists that the sequencer should not have committed to.

use super::*;
use crate::tests::{TestChain, account, child, key};
use alloy_eip7928::{BalanceChange, BlockAccessIndex, SlotChanges, StorageChange};
use alloy_primitives::U256;

fn encode(list: &[AccountChanges]) -> Vec<u8> {
    let mut raw = Vec::new();
    alloy_rlp::encode_list(list, &mut raw);
    raw
}

/// A header that commits to these bytes with this accounts root and gas limit, whatever they are.
fn commit(raw: &[u8], accounts_root: B256) -> VerifiedHeader {
    let chain = TestChain::new();
    let signed = child(chain.tip(), &chain.rules, &key(1), |header, extension| {
        header.block_access_list_hash = Some(keccak256(raw));
        extension.accounts_root = accounts_root;
    });
    crate::header::verify_header(&signed, chain.tip(), &chain.rules, chain.now_s()).unwrap()
}

fn verify_committed(raw: &[u8]) -> Result<VerifiedBal, BalError> {
    let list: Vec<AccountChanges> = alloy_rlp::decode_exact(raw).unwrap_or_default();
    verify_bal(raw, &commit(raw, compute_accounts_root(&list)), None)
}

fn entry(seed: u8) -> AccountChanges {
    let at = BlockAccessIndex::new(1);
    let mut entry = AccountChanges::new(account(seed));
    entry
        .balance_changes
        .push(BalanceChange::new(at, U256::from(seed)));
    let change = StorageChange::new(at, U256::from(1));
    entry
        .storage_changes
        .push(SlotChanges::new(U256::from(3), alloc::vec![change]));
    entry.storage_reads.push(U256::from(5));
    entry
}

fn sorted(seeds: impl IntoIterator<Item = u8>) -> Vec<AccountChanges> {
    let mut list: Vec<_> = seeds.into_iter().map(entry).collect();
    list.sort_by_key(|entry| entry.address);
    list
}

#[test]
fn accepts_what_the_header_commits_to() {
    let list = sorted(0..9);
    let raw = encode(&list);
    let verified = verify_committed(&raw).unwrap();
    assert_eq!(verified.changes(), list);
    assert_eq!(verified.raw().as_ref(), raw);
    assert!(verify_committed(&encode(&[])).is_ok());
}

#[test]
fn any_other_byte_is_caught_by_the_hash_before_decoding() {
    let raw = encode(&sorted(0..2));
    let header = commit(&raw, B256::ZERO);
    for at in 0..raw.len() {
        let mut bad = raw.clone();
        bad[at] ^= 1;
        assert!(matches!(
            verify_bal(&bad, &header, None),
            Err(BalError::Hash { .. })
        ));
        assert!(matches!(
            verify_bal(&raw[..at], &header, None),
            Err(BalError::Hash { .. })
        ));
    }
    let mut long = raw;
    long.push(0);
    let error = verify_bal(&long, &header, None).unwrap_err();
    assert!(matches!(error, BalError::Hash { .. }));
    assert!(error.is_peer_fault());
}

#[test]
fn the_list_of_another_block_is_refused() {
    let chain = TestChain::with_blocks(2);
    let error = verify_bal(&chain.blocks[1].raw, &chain.headers[1], None).unwrap_err();
    let expected = chain.headers[1].header().block_access_list_hash.unwrap();
    assert_eq!(
        error,
        BalError::Hash {
            expected,
            got: keccak256(&chain.blocks[1].raw)
        }
    );
}

#[test]
fn more_bytes_than_gas_can_pay_for_are_not_even_hashed() {
    let header = commit(&[0xc0], B256::ZERO);
    let limit = max_bal_bytes(header.header().gas_limit);
    let raw = alloc::vec![0; limit + 1];
    let error = verify_bal(&raw, &header, None).unwrap_err();
    assert_eq!(
        error,
        BalError::Size {
            expected: limit,
            got: limit + 1
        }
    );
    assert_eq!(error.fault_kind(), FaultKind::Oversized);
    assert!(error.is_peer_fault());
    let error = verify_bal(&raw[..limit], &header, None).unwrap_err();
    assert_eq!(error.fault_kind(), FaultKind::BadBalHash);
    assert_eq!(limit, 30_000_000 / 32 + 65_536);
    assert_eq!(max_bal_bytes(u64::MAX), MAX_BAL_BYTES);
}

#[test]
fn more_items_than_gas_can_pay_for_are_not_decoded() {
    let mut list = sorted(0..1);
    list[0].storage_reads = (10..20_000_u64).map(U256::from).collect();
    let raw = encode(&list);
    let got = 30_000_000 / 2_000 + 1;
    assert_eq!(
        verify_committed(&raw),
        Err(BalError::Items {
            expected: got - 1,
            got
        })
    );
    list[0].storage_reads.truncate(14_998);
    assert!(
        verify_committed(&encode(&list)).is_ok(),
        "one account, one change, 14,998 reads"
    );
}

#[test]
fn the_genesis_block_has_no_list() {
    let chain = TestChain::new();
    let error = verify_bal(&[0xc0], chain.tip(), None).unwrap_err();
    assert_eq!(error, BalError::NotCommitted { number: 0 });
}

#[test]
fn a_malformed_list_is_the_sequencers_fault() {
    let mut swapped = sorted(0..3);
    swapped.swap(0, 1);
    let mut doubled = sorted(0..2);
    doubled[1] = doubled[0].clone();
    let mut read_and_written = sorted(0..1);
    read_and_written[0].storage_reads = alloc::vec![U256::from(3)];
    let mut hollow = sorted(0..1);
    hollow[0].storage_changes[0].changes.clear();
    let mut late = sorted(0..1);
    late[0].balance_changes[0].block_access_index = BlockAccessIndex::new(100_000);
    for list in [swapped, doubled, read_and_written, hollow, late] {
        let error = verify_committed(&encode(&list)).unwrap_err();
        assert!(matches!(error, BalError::Structure(_)), "{error}");
        assert!(!error.is_peer_fault());
    }
    for raw in [
        &[][..],
        &[0x80],
        &[0xc1, 0x80],
        &[0xc2, 0xc1, 0x80],
        &[0xc0, 0xc0],
    ] {
        let error = verify_committed(raw).unwrap_err();
        assert!(matches!(error, BalError::Decode(_)), "{raw:?}: {error}");
    }
}

#[test]
fn the_highest_index_follows_from_the_transactions() {
    let mut list = sorted(0..1);
    list[0].balance_changes[0].block_access_index = BlockAccessIndex::new(4);
    let raw = encode(&list);
    let header = commit(&raw, compute_accounts_root(&list));
    assert!(verify_bal(&raw, &header, Some(3)).is_ok());
    assert!(matches!(
        verify_bal(&raw, &header, Some(2)),
        Err(BalError::Structure(_))
    ));
}

#[test]
fn the_accounts_root_is_the_lists() {
    let list = sorted(0..4);
    let raw = encode(&list);
    let header = commit(&raw, B256::ZERO);
    let got = compute_accounts_root(&list);
    assert_eq!(
        verify_bal(&raw, &header, None),
        Err(BalError::AccountsRoot {
            expected: B256::ZERO,
            got
        })
    );
}
