//! The attacks of `sidelight-conformance` on blocks of a Sidelight chain: what executing takes is changed in one thing at a time, and so is each field of the signed header.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloy_consensus::{Block, BlockBody};
use alloy_primitives::{B64, B256, U256};
use node_lite_exec::SealedBlock;
use sidelight_conformance::mutations::{Chain, Subject, Tally, attack};
use sidelight_core::header::{HeaderError, SignedHeader, VerifiedHeader, verify_header};
use sidelight_executor::{ChainSpec, DecodedBlock, ExecutionWitness};
use sidelight_testkit::TestChain;

const BLOCKS: u64 = 12;

fn subject(chain: &TestChain, block: &SealedBlock) -> Subject {
    let header = block.header().clone();
    let parent = chain.chain().block_by_number(header.number - 1).unwrap();
    let input = block.execution_input().unwrap();
    let body = BlockBody {
        transactions: block.transactions.clone(),
        ommers: Vec::new(),
        withdrawals: Some(Default::default()),
    };
    Subject {
        spec: ChainSpec::sidelight(chain.chain().chain_id()),
        chain: Chain::Sidelight,
        parent: parent.header().clone(),
        parent_hash: parent.hash,
        decoded: DecodedBlock {
            block: Block::new(header, body),
            hash: block.hash,
            size: 0,
        },
        bal: block.bal.clone(),
        witness: ExecutionWitness {
            state: input.state,
            codes: input.codes,
            headers: input.headers,
        },
    }
}

#[test]
fn no_mutant_of_a_generated_block_survives() {
    let mut tally = Tally::default();
    let mut survivors = Vec::new();
    for seed in [1, 2, 3] {
        let mut chain = TestChain::new(seed);
        chain.logger();
        for _ in 0..BLOCKS {
            let block = chain.busy_block();
            survivors.extend(attack(&subject(&chain, &block), &mut tally));
        }
    }
    assert!(survivors.is_empty(), "{survivors:#?}");
    for class in [
        "header: outcome",
        "list: no-op",
        "list: order",
        "list: twice",
        "list: write as read",
        "list: read as write",
        "list: account left out",
        "list: index past the end",
        "signature: malleated, committed",
        "witness: node left out",
        "witness: node twice",
        "witness: order",
        "witness: unreachable node",
        "witness: code swapped",
        "message: bomb",
    ] {
        let tried = tally.get(class).copied().unwrap_or_default();
        assert!(tried > 10, "{class}: {tried} of {tally:#?}");
    }
}

type Edit = fn(&mut SignedHeader);

/// Every field of the header, of the extension and of the signature.
const FIELDS: [Edit; 31] = [
    |signed| signed.header.parent_hash.0[0] ^= 1,
    |signed| signed.header.ommers_hash.0[0] ^= 1,
    |signed| signed.header.beneficiary.0[0] ^= 1,
    |signed| signed.header.state_root.0[0] ^= 1,
    |signed| signed.header.transactions_root.0[0] ^= 1,
    |signed| signed.header.receipts_root.0[0] ^= 1,
    |signed| signed.header.logs_bloom.0[0] ^= 1,
    |signed| signed.header.difficulty = U256::ONE,
    |signed| signed.header.number += 1,
    |signed| signed.header.gas_limit += 1,
    |signed| signed.header.gas_used += 1,
    |signed| signed.header.timestamp += 1,
    |signed| signed.header.extra_data = Default::default(),
    |signed| signed.header.mix_hash.0[0] ^= 1,
    |signed| signed.header.nonce = B64::repeat_byte(1),
    |signed| signed.header.base_fee_per_gas = signed.header.base_fee_per_gas.map(|fee| fee + 1),
    |signed| signed.header.base_fee_per_gas = None,
    |signed| signed.header.withdrawals_root = Some(B256::ZERO),
    |signed| signed.header.blob_gas_used = Some(1 << 17),
    |signed| signed.header.excess_blob_gas = Some(1),
    |signed| signed.header.parent_beacon_block_root = Some(B256::repeat_byte(1)),
    |signed| signed.header.requests_hash = Some(B256::ZERO),
    |signed| signed.header.block_access_list_hash = Some(B256::ZERO),
    |signed| signed.header.slot_number = Some(1),
    |signed| signed.extension.version += 1,
    |signed| signed.extension.accounts_root.0[0] ^= 1,
    |signed| signed.extension.frames_root.0[0] ^= 1,
    |signed| signed.extension.rules_hash.0[0] ^= 1,
    |signed| signed.extension.next_signer.0[0] ^= 1,
    |signed| signed.signature[10] ^= 1,
    |signed| signed.signature[64] ^= 27 ^ 28,
];

#[test]
fn no_field_of_a_signed_header_can_be_changed() {
    let mut chain = TestChain::new(4);
    chain.busy_block();
    let number = chain.chain().head().number();
    let block = chain.busy_block();
    let rules = chain.chain().rules().clone();
    let genesis = chain.chain().block_by_number(0).unwrap();
    let genesis = VerifiedHeader::genesis(genesis.header().clone(), &rules).unwrap();
    let parent = (1..=number).fold(genesis, |parent, number| {
        let block = chain.chain().block_by_number(number).unwrap();
        verify_header(&block.signed_header, &parent, &rules, u64::MAX).unwrap()
    });
    let judge = |signed: &SignedHeader| verify_header(signed, &parent, &rules, u64::MAX);
    assert!(judge(&block.signed_header).is_ok());
    for (at, edit) in FIELDS.iter().enumerate() {
        let mut signed = block.signed_header.clone();
        edit(&mut signed);
        assert_ne!(signed, block.signed_header, "field {at}");
        let error = judge(&signed).map(drop);
        assert!(error.is_err(), "field {at}");

        // With the key of somebody else, a consistent extension helps nobody.
        signed.header.extra_data = signed.extension.hash().0.into();
        let stranger =
            node_lite_exec::Signer::new(B256::repeat_byte(9), rules.chain_id, rules.hash());
        let forged = stranger
            .unwrap()
            .sign(signed.header, signed.extension)
            .unwrap();
        let error = judge(&forged).map(drop).unwrap_err();
        assert!(
            !matches!(error, HeaderError::Signature(_)),
            "field {at}: {error}"
        );
    }
}
