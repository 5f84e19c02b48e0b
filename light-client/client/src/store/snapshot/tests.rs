//! A store is believed only as far as the pinned trust root vouches for it.

use alloy_primitives::B256;

use super::*;
use crate::{
    store::{Backend, MemoryStore},
    testing::{START_S, chain, child, key},
};

const NOW: u64 = START_S + 1_000_000;

fn trust(rules: &ChainRules) -> TrustRoot {
    TrustRoot {
        rules: rules.clone(),
        checkpoint: None,
    }
}

/// The records after following these headers.
fn records(rules: &ChainRules, headers: &[VerifiedHeader]) -> Records {
    let mut snapshot = Snapshot::new(&headers[0]);
    headers.iter().for_each(|header| snapshot.push(header));
    apply(Vec::new(), snapshot.changes(&trust(rules)))
}

fn apply(mut records: Records, changes: Changes) -> Records {
    for (name, bytes) in changes {
        records.retain(|(known, _)| *known != name);
        records.extend(bytes.map(|bytes| (name, bytes)));
    }
    records
}

fn restored(opened: Opened) -> Vec<VerifiedHeader> {
    match opened {
        Opened::Restored { headers, .. } => headers,
        other => panic!("{other:?}"),
    }
}

fn refused(opened: Opened) -> Fault {
    match opened {
        Opened::Refused(fault) => fault,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_was_followed_is_restored_through_every_back_end() {
    let (rules, headers) = chain(150, &[]);
    assert_eq!(
        restored(open(&records(&rules, &headers), &trust(&rules), NOW)),
        headers[1..]
    );
}

#[tokio::test]
async fn a_store_that_is_written_block_by_block_holds_the_same() {
    let (rules, headers) = chain(150, &[(70, 2)]);
    let store = MemoryStore::default();
    let mut snapshot = Snapshot::new(&headers[0]);
    for header in &headers {
        snapshot.push(header);
        store.write(snapshot.changes(&trust(&rules))).await.unwrap();
        assert!(!snapshot.is_dirty());
    }
    assert_eq!(
        restored(open(&store.load().await.unwrap(), &trust(&rules), NOW)),
        headers[1..]
    );
}

#[test]
fn only_the_newest_thousand_are_kept_and_handovers_still_vouch_for_them() {
    let (rules, headers) = chain(1_300, &[(10, 2), (1_250, 3)]);
    let records = records(&rules, &headers);
    let kept = restored(open(&records, &trust(&rules), NOW));
    assert!(
        kept.len() >= KEPT_HEADERS && kept.len() <= KEPT_HEADERS + 64,
        "{}",
        kept.len()
    );
    assert_eq!(kept.last(), headers.last());
    // Without the first handover nobody knows who was due.
    let without: Records = records
        .into_iter()
        .filter(|(name, _)| name != HANDOVERS)
        .collect();
    let fault = refused(open(&without, &trust(&rules), NOW));
    assert_eq!(
        (fault.kind(), fault.mismatch.field),
        ("bad_checkpoint", "signer")
    );
}

#[test]
fn a_reorganisation_replaces_what_was_above_it() {
    let (rules, headers) = chain(130, &[(128, 2)]);
    let mut snapshot = Snapshot::new(&headers[0]);
    headers.iter().for_each(|header| snapshot.push(header));
    let old = apply(Vec::new(), snapshot.changes(&trust(&rules)));
    let signed = child(&headers[126], &rules, &key(1), |header, _| {
        header.gas_used = 1
    });
    let other = sidelight_core::header::verify_header(&signed, &headers[126], &rules, NOW).unwrap();
    snapshot.push(&other);
    let kept = restored(open(
        &apply(old, snapshot.changes(&trust(&rules))),
        &trust(&rules),
        NOW,
    ));
    assert_eq!(kept.last(), Some(&other));
    assert_eq!(kept[..126], headers[1..127]);
}

#[test]
fn another_chain_or_layout_is_not_a_fault_but_a_fresh_start() {
    let (rules, headers) = chain(5, &[]);
    let records = records(&rules, &headers);
    let other = ChainRules {
        min_gas_limit: 6_000,
        ..rules
    };
    assert!(matches!(open(&records, &trust(&other), NOW), Opened::Empty));
    let pinned = TrustRoot {
        checkpoint: Some(B256::ZERO),
        ..trust(&rules)
    };
    assert!(matches!(open(&records, &pinned, NOW), Opened::Empty));
    assert!(matches!(
        open(&Vec::new(), &trust(&rules), NOW),
        Opened::Empty
    ));
}

#[test]
fn any_changed_byte_is_refused_or_changes_nothing() {
    let (rules, headers) = chain(3, &[(2, 2)]);
    let good = records(&rules, &headers);
    for record in 0..good.len() {
        for place in 0..good[record].1.len() {
            let mut records = good.clone();
            records[record].1[place] ^= 1;
            match open(&records, &trust(&rules), NOW) {
                Opened::Empty => assert_eq!(records[record].0, META),
                Opened::Refused(fault) => assert_eq!(fault.kind(), "bad_checkpoint"),
                // A broken signature inside of a run costs the headers before the next good one, never the truth of the rest.
                Opened::Restored { headers: kept, .. } => {
                    assert!(headers.ends_with(&kept), "{place} of {}", records[record].0)
                }
            }
        }
    }
}

#[test]
fn headers_of_a_stranger_are_refused_even_if_they_fit_together() {
    let (rules, headers) = chain(4, &[]);
    let mut parent = headers[2].clone();
    let mut forged = headers[..=2].to_vec();
    // A stranger signs two blocks on top of a real one: each follows the other.
    for _ in 0..2 {
        let signed = child(&parent, &rules, &key(9), |_, _| {});
        parent = verify_anchor(&signed, crate::testing::address_of(&key(9)), &rules, NOW).unwrap();
        forged.push(parent.clone());
    }
    let fault = refused(open(&records(&rules, &forged), &trust(&rules), NOW));
    assert_eq!(fault.mismatch.field, "signer");
}

#[test]
fn a_pinned_checkpoint_replaces_genesis_as_the_root() {
    let (rules, headers) = chain(20, &[(5, 2)]);
    let pinned = TrustRoot {
        rules,
        checkpoint: Some(headers[10].hash()),
    };
    let mut snapshot = Snapshot::new(&headers[10]);
    headers[11..]
        .iter()
        .for_each(|header| snapshot.push(header));
    let records = apply(Vec::new(), snapshot.changes(&pinned));
    assert_eq!(restored(open(&records, &pinned, NOW)), headers[11..]);
    // Another header in the checkpoint's place is found by its hash.
    let swapped: Records = records
        .into_iter()
        .map(|(name, bytes)| {
            if name == ROOT {
                (name, headers[9].signed().unwrap().encode())
            } else {
                (name, bytes)
            }
        })
        .collect();
    assert_eq!(
        refused(open(&swapped, &pinned, NOW)).kind(),
        "bad_checkpoint"
    );
}

#[test]
fn the_watch_list_survives() {
    let slots = vec![U256::from(3), U256::MAX];
    let filter = Filter::new([
        (Address::repeat_byte(2), slots),
        (Address::repeat_byte(1), vec![]),
    ])
    .unwrap();
    let (name, bytes) = write_watch(&filter);
    assert_eq!(
        read_watch(&vec![(name.clone(), bytes.unwrap())]),
        Some(filter)
    );
    assert_eq!(read_watch(&vec![(name, vec![1, 2, 3])]), None);
}
