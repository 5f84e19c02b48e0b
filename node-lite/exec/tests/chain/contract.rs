//! `contracts/EquivocationJudge.sol` against what the sequencer's key signs: the same evidence that clients keep, judged by the EVM.

use alloy_eips::BlockId;
use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use alloy_rpc_types_eth::TransactionRequest;
use node_lite_exec::{CallError, CallOverrides, Signer};
use serde_json::Value;
use sidelight_core::{
    evidence::{Evidence, SignedHash, verify_evidence},
    signature::{SignatureBytes, compute_signing_digest},
};

use crate::support::{Harness, Sender};

const ARTEFACT: &str = include_str!("../../../contracts/artifacts/EquivocationJudge.json");
/// Some other key.
const STRANGER: B256 = B256::repeat_byte(0x17);
const ORDER: U256 = U256::from_be_bytes(hex!(
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141"
));

/// A chain with the contract.
struct Court {
    harness: Harness,
    sender: Sender,
    judge: Address,
}

impl Court {
    fn new() -> Self {
        let mut harness = Harness::new();
        let sender = Sender::new(0);
        let artefact: Value = serde_json::from_str(ARTEFACT).unwrap();
        let code = hex::decode(artefact["bytecode"].as_str().unwrap()).unwrap();
        harness.submit(&sender.sign(sender.deploy(code)));
        let block = harness.seal();
        assert!(block.receipts[0].status());
        let judge = block.created_address(0).unwrap();
        Self {
            harness,
            sender,
            judge,
        }
    }

    /// The sequencer's signatures over two headers at the head's height.
    fn equivocation(&self) -> Evidence {
        let chain = &self.harness.chain;
        let first = chain.head().signed_header.clone();
        let mut header = first.header.clone();
        header.gas_used += 1;
        let second = chain.signer().sign(header, first.extension.clone());
        Evidence {
            chain_id: chain.chain_id(),
            rules_hash: chain.rules().hash(),
            number: first.header.number,
            signer: chain.signer().address(),
            first: SignedHash::of(&first),
            second: SignedHash::of(&second.unwrap()),
        }
    }

    /// What the contract says; the selector of the error that it reverts with, if it does.
    fn judge(&self, evidence: &Evidence) -> Result<(), [u8; 4]> {
        let request = TransactionRequest::default()
            .to(self.judge)
            .input(encode("judge", evidence).into());
        let at = BlockId::latest();
        let overrides = CallOverrides::default();
        match self.harness.chain.call(&request, at, &overrides) {
            Ok(output) => {
                assert!(output.is_empty());
                Ok(())
            }
            Err(CallError::Reverted { output, .. }) => Err(output[..4].try_into().unwrap()),
            Err(other) => panic!("{other}"),
        }
    }

    fn refuses(&self, evidence: &Evidence, error: &str) {
        assert_eq!(self.judge(evidence), Err(selector(error)), "{error}");
        assert!(
            verify_evidence(evidence).is_err(),
            "clients and the contract agree"
        );
    }
}

fn selector(signature: &str) -> [u8; 4] {
    keccak256(signature)[..4].try_into().unwrap()
}

/// The call data of a method that takes evidence: every field is static, so it is words one after another.
fn encode(method: &str, evidence: &Evidence) -> Bytes {
    let side = "(bytes32,bytes32,bytes32,uint8)";
    let signature = format!("{method}((uint64,bytes32,uint64,address,{side},{side}))");
    let mut data = selector(&signature).to_vec();
    let words = |signed: &SignedHash| {
        let [rs @ .., v] = &signed.signature;
        let (r, s) = rs.split_at(32);
        [
            signed.hash,
            B256::from_slice(r),
            B256::from_slice(s),
            U256::from(*v).into(),
        ]
    };
    let fields = [
        U256::from(evidence.chain_id).into(),
        evidence.rules_hash,
        U256::from(evidence.number).into(),
        evidence.signer.into_word(),
    ];
    for word in fields
        .into_iter()
        .chain(words(&evidence.first))
        .chain(words(&evidence.second))
    {
        data.extend_from_slice(word.as_slice());
    }
    data.into()
}

fn s_of(signature: &SignatureBytes) -> U256 {
    U256::from_be_slice(&signature[32..64])
}

const WRONG_SIGNER: &str = "WrongSigner(address,address)";

#[test]
fn true_evidence_is_accepted_by_the_contract_and_by_clients() {
    let court = Court::new();
    let evidence = court.equivocation();
    assert_eq!(court.judge(&evidence), Ok(()));
    assert!(verify_evidence(&evidence).is_ok());
}

#[test]
fn one_header_twice_is_refused() {
    let court = Court::new();
    let mut evidence = court.equivocation();
    evidence.second = evidence.first.clone();
    court.refuses(&evidence, "SameBlock(bytes32)");
}

#[test]
fn signatures_for_another_chain_other_rules_or_another_height_are_refused() {
    let court = Court::new();
    let honest = court.equivocation();
    let edits: [fn(&mut Evidence); 3] = [
        |evidence| evidence.chain_id += 1,
        |evidence| evidence.rules_hash.0[31] ^= 1,
        |evidence| evidence.number += 1,
    ];
    for edit in edits {
        let mut evidence = honest.clone();
        edit(&mut evidence);
        court.refuses(&evidence, WRONG_SIGNER);
    }
    // One of the two was signed at another height, on another chain, under other rules.
    let sequencer = court.harness.chain.signer();
    for (chain_id, rules_hash, number) in [
        (honest.chain_id, honest.rules_hash, honest.number + 1),
        (honest.chain_id + 1, honest.rules_hash, honest.number),
        (honest.chain_id, B256::ZERO, honest.number),
    ] {
        let mut evidence = honest.clone();
        let hash = B256::repeat_byte(9);
        let digest = compute_signing_digest(chain_id, rules_hash, number, hash);
        let signature = sequencer.sign_digest(digest).unwrap();
        evidence.second = SignedHash { hash, signature };
        court.refuses(&evidence, WRONG_SIGNER);
    }
}

#[test]
fn a_signature_of_somebody_else_is_refused_and_so_is_an_accusation_of_somebody_else() {
    let court = Court::new();
    let honest = court.equivocation();
    let stranger = Signer::new(STRANGER, honest.chain_id, honest.rules_hash).unwrap();
    let mut evidence = honest.clone();
    let hash = B256::repeat_byte(9);
    let digest = compute_signing_digest(honest.chain_id, honest.rules_hash, honest.number, hash);
    let signature = stranger.sign_digest(digest).unwrap();
    evidence.second = SignedHash { hash, signature };
    court.refuses(&evidence, WRONG_SIGNER);

    let mut evidence = honest;
    evidence.signer = stranger.address();
    court.refuses(&evidence, WRONG_SIGNER);
}

#[test]
fn a_malleated_signature_is_refused() {
    let court = Court::new();
    for side in [0, 1] {
        let mut evidence = court.equivocation();
        let signed = match side {
            0 => &mut evidence.first,
            _ => &mut evidence.second,
        };
        let high = ORDER - s_of(&signed.signature);
        signed.signature[32..64].copy_from_slice(&high.to_be_bytes::<32>());
        // 27 and 28 change places: the twin recovers to the same key.
        signed.signature[64] ^= 27 ^ 28;
        court.refuses(&evidence, "HighS(bytes32)");
    }
}

#[test]
fn any_other_v_is_refused_and_the_other_one_is_another_signer() {
    let court = Court::new();
    for v in [0, 1, 26, 29, 30, 255] {
        let mut evidence = court.equivocation();
        evidence.second.signature[64] = v;
        court.refuses(&evidence, "RecoveryByte(uint8)");
    }
    let mut evidence = court.equivocation();
    evidence.first.signature[64] ^= 27 ^ 28;
    court.refuses(&evidence, WRONG_SIGNER);
}

#[test]
fn a_signature_that_nobody_made_does_not_convict_the_zero_address() {
    let court = Court::new();
    let mut evidence = court.equivocation();
    evidence.signer = Address::ZERO;
    for signed in [&mut evidence.first, &mut evidence.second] {
        signed.signature[..64].fill(0);
    }
    court.refuses(&evidence, WRONG_SIGNER);
}

#[test]
fn a_report_is_logged_once() {
    let mut court = Court::new();
    let evidence = court.equivocation();
    let call = |court: &Court| {
        let data = encode("report", &evidence);
        court.sender.sign(court.sender.call(court.judge, data))
    };
    for logs in [1, 0] {
        let transaction = call(&court);
        court.harness.submit(&transaction);
        let block = court.harness.seal();
        assert!(block.receipts[0].status());
        assert_eq!(block.receipts[0].logs().len(), logs);
    }
}
