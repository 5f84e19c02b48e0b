//! Each rule for headers, broken one at a time.

use super::*;
use crate::{
    signature::SignatureError,
    tests::{
        START_S, TestChain, address_of, check_decoder, check_largest, child, genesis,
        genesis_header, key, sign,
    },
};
use alloy_primitives::{B64, Bytes, U256};

const NOW: u64 = START_S + 100;

fn verify(
    edit: impl FnOnce(&mut Header, &mut Extension),
) -> (Result<VerifiedHeader, HeaderError>, VerifiedHeader) {
    let (rules, genesis) = genesis(B256::repeat_byte(9));
    let signed = child(&genesis, &rules, &key(1), edit);
    (verify_header(&signed, &genesis, &rules, NOW), genesis)
}

#[test]
fn accepts_a_block_that_follows_the_rules() {
    let (verified, genesis) = verify(|_, _| {});
    let header = verified.unwrap();
    assert_eq!(header.number(), 1);
    assert_eq!(header.signer(), Some(genesis.next_signer()));
    assert_eq!(header.signed().unwrap().hash(), header.hash());
}

#[test]
fn a_signed_header_has_a_largest_size() {
    check_largest("signed_header", 2_048 + 256 + 128, SignedHeader::decode);
}

#[test]
fn accepts_what_the_rules_leave_free() {
    let edits: [fn(&mut Header); 6] = [
        |header| header.timestamp = START_S,
        |header| header.timestamp = NOW + 15,
        |header| header.mix_hash = B256::repeat_byte(1),
        |header| header.requests_hash = Some(B256::repeat_byte(1)),
        |header| header.gas_limit += header.gas_limit / 1_024 - 1,
        |header| header.gas_used = header.gas_limit,
    ];
    for (at, edit) in edits.iter().enumerate() {
        assert!(verify(|header, _| edit(header)).0.is_ok(), "edit {at}");
    }
}

#[test]
fn every_broken_rule_has_its_own_error() {
    type Edit = fn(&mut Header, &mut Extension);
    let parent = genesis(B256::repeat_byte(9)).1;
    let limit = parent.header().gas_limit;
    let step = limit / 1_024;
    let fee = compute_base_fee(parent.header(), &genesis(B256::ZERO).0);
    let zero = B256::ZERO;
    let some = Some(B256::repeat_byte(1));
    let empty = Some(alloy_consensus::EMPTY_ROOT_HASH);
    let rules_hash = genesis(B256::repeat_byte(9)).0.hash();
    let cases: Vec<(Edit, HeaderError)> = alloc::vec![
        (
            |_, e| e.version = 2,
            HeaderError::ExtensionVersion {
                expected: 1,
                got: 2
            }
        ),
        (
            |_, e| e.rules_hash = B256::ZERO,
            HeaderError::RulesHash {
                expected: rules_hash,
                got: zero
            },
        ),
        (
            |h, _| h.parent_hash = B256::ZERO,
            HeaderError::ParentHash {
                expected: parent.hash(),
                got: zero
            },
        ),
        (
            |h, _| h.number = 2,
            HeaderError::Number {
                expected: 1,
                got: 2
            }
        ),
        (
            |h, _| h.number = 0,
            HeaderError::Number {
                expected: 1,
                got: 0
            }
        ),
        (
            |h, _| h.timestamp = START_S - 1,
            HeaderError::TimestampBeforeParent {
                expected: START_S,
                got: START_S - 1
            },
        ),
        (
            |h, _| h.timestamp = NOW + 16,
            HeaderError::TimestampInFuture {
                expected: NOW + 15,
                got: NOW + 16
            },
        ),
        (
            |h, _| h.gas_limit = 4_999,
            HeaderError::GasLimitMinimum {
                expected: 5_000,
                got: 4_999
            },
        ),
        (
            |h, _| h.gas_limit += h.gas_limit / 1_024,
            HeaderError::GasLimitStep {
                parent: limit,
                expected: step,
                got: limit + step
            },
        ),
        (
            |h, _| h.gas_limit -= h.gas_limit / 1_024,
            HeaderError::GasLimitStep {
                parent: limit,
                expected: step,
                got: limit - step
            },
        ),
        (
            |h, _| h.gas_used = h.gas_limit + 1,
            HeaderError::GasUsed {
                expected: limit,
                got: limit + 1
            },
        ),
        (
            |h, _| h.base_fee_per_gas = Some(1),
            HeaderError::BaseFee {
                expected: fee,
                got: Some(1)
            },
        ),
        (
            |h, _| h.ommers_hash = B256::ZERO,
            HeaderError::OmmersHash {
                expected: alloy_consensus::EMPTY_OMMER_ROOT_HASH,
                got: zero,
            },
        ),
        (
            |h, _| h.difficulty = U256::from(1),
            HeaderError::Difficulty {
                expected: U256::ZERO,
                got: U256::from(1)
            },
        ),
        (
            |h, _| h.nonce = B64::repeat_byte(1),
            HeaderError::Nonce {
                expected: B64::ZERO,
                got: B64::repeat_byte(1)
            },
        ),
        (
            |h, _| h.withdrawals_root = Some(B256::repeat_byte(1)),
            HeaderError::WithdrawalsRoot {
                expected: empty,
                got: some
            },
        ),
        (
            |h, _| h.blob_gas_used = Some(1),
            HeaderError::BlobGasUsed {
                expected: Some(0),
                got: Some(1)
            },
        ),
        (
            |h, _| h.excess_blob_gas = Some(1),
            HeaderError::ExcessBlobGas {
                expected: Some(0),
                got: Some(1)
            },
        ),
        (
            |h, _| h.parent_beacon_block_root = Some(B256::repeat_byte(1)),
            HeaderError::ParentBeaconBlockRoot {
                expected: Some(zero),
                got: some
            },
        ),
        (
            |h, _| h.requests_hash = None,
            HeaderError::RequestsHashMissing
        ),
        (
            |h, _| h.block_access_list_hash = None,
            HeaderError::BlockAccessListHashMissing
        ),
        (
            |h, _| h.slot_number = Some(3),
            HeaderError::SlotNumber { got: 3 }
        ),
    ];
    for (at, (edit, expected)) in cases.into_iter().enumerate() {
        assert_eq!(verify(edit).0, Err(expected.clone()), "case {at}");
        let mismatch = expected.mismatch();
        assert_ne!(mismatch.expected, mismatch.got, "case {at}");
    }
}

#[test]
fn extra_data_is_exactly_the_hash_of_the_extension() {
    for extra in [alloc::vec![7; 32], alloc::vec![7; 33], alloc::vec![7]] {
        let got = Bytes::from(extra);
        let mut expected = B256::ZERO;
        let (verified, _) = verify(|header, extension| {
            header.extra_data = got.clone();
            expected = extension.hash();
        });
        assert_eq!(verified, Err(HeaderError::ExtraData { expected, got }));
    }
}

#[test]
fn a_header_beyond_the_size_limit_is_refused_first() {
    let (verified, _) = verify(|header, _| header.extra_data = alloc::vec![7; 3_000].into());
    assert!(matches!(
        verified,
        Err(HeaderError::Size { expected: MAX_HEADER_BYTES, got }) if got > 3_000
    ));
}

#[test]
fn only_the_scheduled_signer_signs() {
    let (rules, genesis) = genesis(B256::ZERO);
    let signed = child(&genesis, &rules, &key(2), |_, _| {});
    let (expected, got) = (address_of(&key(1)), address_of(&key(2)));
    assert_eq!(
        verify_header(&signed, &genesis, &rules, NOW),
        Err(HeaderError::Signer { expected, got })
    );
    let mut signed = child(&genesis, &rules, &key(1), |_, _| {});
    signed.signature[64] = 1;
    assert_eq!(
        verify_header(&signed, &genesis, &rules, NOW),
        Err(HeaderError::Signature(SignatureError::RecoveryByte {
            got: 1
        }))
    );
}

#[test]
fn a_signature_is_worth_nothing_on_another_chain_or_height() {
    let (rules, genesis) = genesis(B256::ZERO);
    let signed = child(&genesis, &rules, &key(1), |_, _| {});
    let hash = signed.hash();
    let digests = [
        compute_signing_digest(rules.chain_id + 1, rules.hash(), 1, hash),
        compute_signing_digest(rules.chain_id, B256::ZERO, 1, hash),
        compute_signing_digest(rules.chain_id, rules.hash(), 2, hash),
    ];
    for digest in digests {
        let replayed = SignedHeader {
            signature: sign(&key(1), digest),
            ..signed.clone()
        };
        let error = verify_header(&replayed, &genesis, &rules, NOW).unwrap_err();
        assert!(matches!(
            error,
            HeaderError::Signer { .. } | HeaderError::Signature(_)
        ));
    }
}

#[test]
fn the_signer_rotates_where_the_parent_says_so() {
    let mut chain = TestChain::with_blocks(2);
    chain.rotate(7);
    chain.extend(2);
    assert_eq!(chain.headers[3].signer(), Some(address_of(&key(1))));
    assert_eq!(chain.headers[4].signer(), Some(address_of(&key(7))));
    let late = child(chain.tip(), &chain.rules, &key(1), |_, _| {});
    let (expected, got) = (address_of(&key(7)), address_of(&key(1)));
    assert_eq!(
        verify_header(&late, chain.tip(), &chain.rules, chain.now_s()),
        Err(HeaderError::Signer { expected, got })
    );
}

#[test]
fn genesis_is_the_one_of_the_rules() {
    let header = genesis_header(B256::ZERO);
    let rules = ChainRules::dev(header.hash_slow(), Address::ZERO);
    assert!(VerifiedHeader::genesis(header.clone(), &rules).is_ok());
    let other = Header {
        gas_used: 1,
        ..header.clone()
    };
    let (expected, got) = (header.hash_slow(), other.hash_slow());
    assert_eq!(
        VerifiedHeader::genesis(other, &rules),
        Err(HeaderError::GenesisHash { expected, got })
    );
    let numbered = Header {
        number: 3,
        ..header.clone()
    };
    let rules = ChainRules::dev(numbered.hash_slow(), Address::ZERO);
    assert_eq!(
        VerifiedHeader::genesis(numbered, &rules),
        Err(HeaderError::GenesisNumber { got: 3 })
    );
    let smallest = Header {
        gas_limit: 5_000,
        ..header.clone()
    };
    let rules = ChainRules::dev(smallest.hash_slow(), Address::ZERO);
    assert!(VerifiedHeader::genesis(smallest, &rules).is_ok());
    let small = Header {
        gas_limit: 1,
        ..header
    };
    let rules = ChainRules::dev(small.hash_slow(), Address::ZERO);
    assert_eq!(
        VerifiedHeader::genesis(small, &rules),
        Err(HeaderError::GasLimitMinimum {
            expected: 5_000,
            got: 1
        })
    );
}

fn segment(chain: &TestChain) -> Vec<SignedHeader> {
    chain
        .blocks
        .iter()
        .map(|block| block.signed.clone())
        .collect()
}

#[test]
fn a_segment_equals_its_headers_one_by_one() {
    let mut chain = TestChain::with_blocks(3);
    chain.rotate(7);
    chain.extend(3);
    let genesis = &chain.headers[0];
    let verified = verify_segment(&segment(&chain), genesis, &chain.rules, chain.now_s());
    assert_eq!(verified.unwrap(), chain.headers[1..]);
    assert_eq!(
        verify_segment(&[], genesis, &chain.rules, 0),
        Ok(Vec::new())
    );
}

#[test]
fn a_segment_needs_the_signature_at_each_end_of_a_signers_run() {
    let mut chain = TestChain::with_blocks(3);
    chain.rotate(7);
    chain.extend(3);
    let genesis = &chain.headers[0];
    let good = segment(&chain);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at].signature = sign(&key(9), B256::repeat_byte(1));
        let verified = verify_segment(&bad, genesis, &chain.rules, chain.now_s());
        // Blocks 1-4 are signed by the first key (4 names the second), 5-7 by the second.
        let is_end_of_run = at == 3 || at == 6;
        assert_eq!(verified.is_err(), is_end_of_run, "block {}", at + 1);
    }
}

#[test]
fn nobody_can_name_himself_as_the_next_signer_inside_a_segment() {
    let chain = TestChain::with_blocks(2);
    let now = chain.now_s() + 10;
    // The thief forges a block that names him, unsigned by the sequencer, and signs on top of it.
    let forged = child(chain.tip(), &chain.rules, &key(66), |_, extension| {
        extension.next_signer = address_of(&key(66));
    });
    let accepted = VerifiedHeader::accept(&forged, forged.hash(), Address::ZERO);
    let on_top = child(&accepted, &chain.rules, &key(66), |_, _| {});
    let mut stolen = segment(&chain);
    stolen.extend([forged, on_top]);
    let (expected, got) = (address_of(&key(1)), address_of(&key(66)));
    assert_eq!(
        verify_segment(&stolen, &chain.headers[0], &chain.rules, now),
        Err(HeaderError::Signer { expected, got })
    );
}

#[test]
fn a_segment_that_skips_or_swaps_headers_is_refused() {
    let chain = TestChain::with_blocks(4);
    let good = segment(&chain);
    let verify = |segment: &[SignedHeader]| {
        verify_segment(segment, &chain.headers[0], &chain.rules, chain.now_s())
    };
    assert!(verify(&good[1..]).is_err());
    let mut missing = good.clone();
    missing.remove(1);
    assert!(matches!(
        verify(&missing),
        Err(HeaderError::ParentHash { .. })
    ));
    let mut swapped = good;
    swapped.swap(1, 2);
    assert!(verify(&swapped).is_err());
}

#[test]
fn damaged_signed_headers_are_refused_or_are_other_headers() {
    let (rules, genesis) = genesis(B256::ZERO);
    let signed = child(&genesis, &rules, &key(1), |_, _| {});
    check_decoder(&signed.encode(), |bytes| {
        SignedHeader::decode(bytes).map(|s| s.encode())
    });
}

#[test]
fn no_damaged_signed_header_verifies() {
    let (rules, genesis) = genesis(B256::ZERO);
    let signed = child(&genesis, &rules, &key(1), |_, _| {});
    let good = signed.encode();
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            if let Ok(other) = SignedHeader::decode(&bad) {
                assert!(
                    verify_header(&other, &genesis, &rules, NOW).is_err(),
                    "byte {at} bit {bit} still verifies"
                );
            }
        }
    }
}

#[test]
fn headers_read_as_alloy_reads_them() {
    let (rules, genesis) = genesis(B256::ZERO);
    let newest = child(&genesis, &rules, &key(1), |header, _| {
        header.slot_number = Some(1 << 40);
    });
    let mut header = newest.header;
    let forks: [fn(&mut Header); 9] = [
        |_| {},
        |header| header.slot_number = None,
        |header| header.block_access_list_hash = None,
        |header| header.requests_hash = None,
        |header| header.parent_beacon_block_root = None,
        |header| header.excess_blob_gas = None,
        |header| header.blob_gas_used = None,
        |header| header.withdrawals_root = None,
        |header| header.base_fee_per_gas = None,
    ];
    for step in forks {
        step(&mut header);
        let good = alloy_rlp::encode(&header);
        assert_eq!(read_header(&good), Ok(header.clone()));
        let mut bad = good.clone();
        for at in 0..good.len() {
            for flip in [1, 0x80, 0xff, good[at], good[at] ^ 0xc0] {
                bad[at] ^= flip;
                let theirs = alloy_rlp::decode_exact::<Header>(&bad).ok();
                assert_eq!(
                    read_header(&bad).ok(),
                    theirs,
                    "byte {at} flipped by {flip:#x}"
                );
                bad[at] = good[at];
            }
        }
    }
}
