//! Round trips, and every way to forge a proof that came to mind.

use super::*;
use crate::tests::check_decoder;
use alloy_eip7928::{BalanceChange, BlockAccessIndex};
use alloy_primitives::U256;
use proptest::{collection::btree_set, prelude::*};

fn address(seed: u16) -> Address {
    let [high, low] = seed.to_be_bytes();
    let mut address = Address::ZERO;
    address.0[0] = high;
    address.0[1] = low;
    address
}

fn entry(seed: u16) -> AccountChanges {
    let mut entry = AccountChanges::new(address(seed));
    let at = BlockAccessIndex::new(1);
    entry
        .balance_changes
        .push(BalanceChange::new(at, U256::from(seed) + U256::from(1)));
    entry
}

fn entries(seeds: impl IntoIterator<Item = u16>) -> Vec<AccountChanges> {
    seeds.into_iter().map(entry).collect()
}

/// Even seeds are in the list, odd ones are not.
fn evens(count: u16) -> Vec<AccountChanges> {
    entries((0..count).map(|i| i * 2))
}

#[test]
fn every_entry_is_included_and_every_gap_is_absent() {
    for count in 0..40 {
        let list = evens(count);
        let root = compute_accounts_root(&list);
        for (index, entry) in list.iter().enumerate() {
            let proof = prove_inclusion(&list, index).unwrap();
            assert_eq!(
                verify_inclusion(root, entry, &proof),
                Ok(()),
                "{index} of {count}"
            );
            assert_eq!(prove_absence(&list, entry.address), None);
        }
        assert_eq!(prove_inclusion(&list, list.len()), None);
        for odd in (1..count * 2 + 2).step_by(2) {
            let proof = prove_absence(&list, address(odd)).unwrap();
            assert_eq!(
                verify_absence(root, address(odd), &proof),
                Ok(()),
                "{odd} of {count}"
            );
        }
    }
}

#[test]
fn a_proof_is_good_for_one_place_in_one_tree() {
    let list = evens(11);
    let root = compute_accounts_root(&list);
    for (index, entry) in list.iter().enumerate() {
        let good = prove_inclusion(&list, index).unwrap();
        for other in (0..20).filter(|other| *other != good.index) {
            let moved = InclusionProof {
                index: other,
                ..good.clone()
            };
            assert!(
                verify_inclusion(root, entry, &moved).is_err(),
                "{index} moved to {other}"
            );
        }
        for count in (0..40).filter(|count| *count != good.count) {
            let resized = InclusionProof {
                count,
                ..good.clone()
            };
            assert!(
                verify_inclusion(root, entry, &resized).is_err(),
                "{index} of {count}"
            );
        }
        for at in 0..good.siblings.len() {
            let mut forged = good.clone();
            forged.siblings[at].0[3] ^= 1;
            assert!(matches!(
                verify_inclusion(root, entry, &forged),
                Err(MerkleError::Root { .. })
            ));
            let mut short = good.clone();
            short.siblings.remove(at);
            assert!(matches!(
                verify_inclusion(root, entry, &short),
                Err(MerkleError::Siblings { .. })
            ));
        }
    }
}

#[test]
fn an_altered_entry_is_not_included() {
    let list = evens(7);
    let root = compute_accounts_root(&list);
    let proof = prove_inclusion(&list, 3).unwrap();
    let mut altered = list[3].clone();
    altered.balance_changes[0].post_balance += U256::from(1);
    assert!(matches!(
        verify_inclusion(root, &altered, &proof),
        Err(MerkleError::Root { .. })
    ));
    let mut renamed = list[3].clone();
    renamed.address = address(7);
    assert!(matches!(
        verify_inclusion(root, &renamed, &proof),
        Err(MerkleError::Root { .. })
    ));
}

/// A neighbour with a true path, of whatever entry.
fn neighbour(list: &[AccountChanges], index: usize) -> Option<Neighbour> {
    let InclusionProof {
        index: position,
        siblings,
        ..
    } = prove_inclusion(list, index)?;
    let entry = &list[index];
    let (address, entry_hash) = (entry.address, hash_entry(entry));
    Some(Neighbour {
        address,
        entry_hash,
        index: position,
        siblings,
    })
}

#[test]
fn a_present_account_cannot_be_proven_absent() {
    for count in 1..12_u16 {
        let list = evens(count);
        let root = compute_accounts_root(&list);
        let sides: Vec<Option<Neighbour>> = (0..=usize::from(count))
            .map(|index| neighbour(&list, index).filter(|_| index < usize::from(count)))
            .collect();
        for entry in &list {
            for left in &sides {
                for right in &sides {
                    let proof = AbsenceProof {
                        count: u64::from(count),
                        left: left.clone(),
                        right: right.clone(),
                    };
                    assert!(verify_absence(root, entry.address, &proof).is_err());
                }
            }
            let empty = AbsenceProof {
                count: 0,
                left: None,
                right: None,
            };
            assert!(verify_absence(root, entry.address, &empty).is_err());
        }
    }
}

#[test]
fn neighbours_must_enclose_the_address() {
    let list = evens(8);
    let root = compute_accounts_root(&list);
    let good = prove_absence(&list, address(7)).unwrap();
    assert_eq!(verify_absence(root, address(7), &good), Ok(()));
    let reasons = |proof: &AbsenceProof, address| match verify_absence(root, address, proof) {
        Err(MerkleError::NotAdjacent { reason, .. }) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reasons(&good, address(3)), "left is not before the address");
    assert_eq!(
        reasons(&good, address(11)),
        "right is not after the address"
    );
    let gap = AbsenceProof {
        right: neighbour(&list, 5),
        ..good.clone()
    };
    assert_eq!(reasons(&gap, address(7)), "the neighbours are not adjacent");
    let open_left = AbsenceProof {
        left: None,
        ..good.clone()
    };
    assert_eq!(reasons(&open_left, address(7)), "right is not the first");
    let open_right = AbsenceProof {
        right: None,
        ..good.clone()
    };
    assert_eq!(reasons(&open_right, address(7)), "left is not the last");
    let bare = AbsenceProof {
        left: None,
        right: None,
        ..good
    };
    assert_eq!(reasons(&bare, address(7)), "no neighbours, but leaves");
    let mut forged = good;
    forged.left.as_mut().unwrap().address = address(5);
    assert!(matches!(
        verify_absence(root, address(7), &forged),
        Err(MerkleError::Root { .. })
    ));
}

#[test]
fn indices_at_the_end_of_the_range_do_not_overflow() {
    let list = evens(2);
    let root = compute_accounts_root(&list);
    let far = InclusionProof {
        index: u64::MAX - 1,
        count: u64::MAX,
        siblings: Vec::new(),
    };
    assert!(matches!(
        verify_inclusion(root, &list[0], &far),
        Err(MerkleError::Siblings {
            expected: 64 | 63,
            got: 0
        })
    ));
    let mut left = neighbour(&list, 1).unwrap();
    left.index = u64::MAX;
    let proof = AbsenceProof {
        count: 0,
        left: Some(left),
        right: None,
    };
    assert!(verify_absence(root, address(9), &proof).is_err());
}

#[test]
fn a_node_is_no_leaf_and_no_root() {
    // Without prefixes and count, the tree over two leaves would share its root with other shapes.
    let two = evens(2);
    let four = evens(4);
    assert_ne!(
        compute_accounts_root(&two),
        compute_accounts_root(&four[..1])
    );
    assert_ne!(compute_accounts_root(&[]), B256::ZERO);
    let pair = hash_node(
        hash_leaf(two[0].address, hash_entry(&two[0])),
        hash_leaf(two[1].address, hash_entry(&two[1])),
    );
    assert_eq!(compute_accounts_root(&two), hash_root(2, pair));
}

#[test]
fn damaged_proofs_are_refused_or_are_other_proofs() {
    let list = evens(6);
    let mut bytes = Vec::new();
    prove_inclusion(&list, 4).unwrap().encode_into(&mut bytes);
    check_decoder(&bytes, |bytes| {
        reencode(bytes, InclusionProof::read, InclusionProof::encode_into)
    });
    for odd in [1, 5, 13] {
        let mut bytes = Vec::new();
        prove_absence(&list, address(odd))
            .unwrap()
            .encode_into(&mut bytes);
        check_decoder(&bytes, |bytes| {
            reencode(bytes, AbsenceProof::read, AbsenceProof::encode_into)
        });
    }
}

/// Reads one item that fills the input, inside a list made for it.
fn reencode<T>(
    bytes: &[u8],
    read: impl Fn(&mut Reader<'_>) -> Result<T, DecodeError>,
    write: impl Fn(&T, &mut Vec<u8>),
) -> Result<Vec<u8>, DecodeError> {
    let mut wrapped = Vec::new();
    write_list(&mut wrapped, |out| out.extend_from_slice(bytes));
    let mut list = Reader::open("test", &wrapped)?;
    let value = read(&mut list)?;
    list.finish()?;
    let mut out = Vec::new();
    write(&value, &mut out);
    Ok(out)
}

proptest! {
    #[test]
    fn inclusion_or_absence_and_never_both(
        seeds in btree_set(any::<u16>(), 0..80),
        asked in any::<u16>(),
    ) {
        let list = entries(seeds.iter().copied());
        let root = compute_accounts_root(&list);
        match list.binary_search_by_key(&address(asked), |entry| entry.address) {
            Ok(index) => {
                prop_assert!(prove_absence(&list, address(asked)).is_none());
                let proof = prove_inclusion(&list, index).unwrap();
                prop_assert_eq!(verify_inclusion(root, &list[index], &proof), Ok(()));
            }
            Err(_) => {
                let proof = prove_absence(&list, address(asked)).unwrap();
                prop_assert_eq!(verify_absence(root, address(asked), &proof), Ok(()));
            }
        }
    }

    #[test]
    fn the_root_commits_to_every_entry(
        seeds in btree_set(any::<u16>(), 1..40),
        place in any::<prop::sample::Index>(),
    ) {
        let list = entries(seeds);
        let root = compute_accounts_root(&list);
        let at = place.index(list.len());
        let mut altered = list.clone();
        altered[at].nonce_changes.push(alloy_eip7928::NonceChange::new(BlockAccessIndex::new(1), 9));
        prop_assert_ne!(compute_accounts_root(&altered), root);
        let mut shorter = list;
        shorter.remove(at);
        prop_assert_ne!(compute_accounts_root(&shorter), root);
    }
}
