//! Makes the files that [`super::verify_file`] judges.

use alloy_primitives::{Address, Bytes, U256};
use serde_json::Value as Json;
use sidelight_core::{
    evidence::{Evidence, SignedHash},
    header::{SignedHeader, VerifiedHeader},
    rules::ChainRules,
    state::Account,
    wire::Update,
};

use crate::json::{self, data, list, number, object, quantity, word};

/// An account proof under a signed header.
pub(crate) const PROOF: &str = "sidelight/proof@1";
/// One block and what is needed to judge its diff.
pub(crate) const TRANSITION: &str = "sidelight/transition@1";
/// Two signatures at one height.
pub(crate) const EVIDENCE: &str = "sidelight/evidence@1";
/// A header to start from.
pub(crate) const CHECKPOINT: &str = "sidelight/checkpoint@1";

/// A block that its signer's own commitments contradict.
pub(crate) const INVALID_BLOCK: &str = "sidelight/invalid-block@1";

/// A slot, its proven value and the nodes that prove it.
pub(crate) type ProvenSlot = (U256, U256, Vec<Bytes>);

/// The text of a proof file around an [`eip1186`] object.
pub(crate) fn write_proof(
    rules: &ChainRules,
    header: &SignedHeader,
    signer: Address,
    proof: Json,
) -> String {
    let head = object([
        ("type", text(PROOF)),
        ("rules", hex(&rules.encode())),
        ("signedHeader", hex(&header.encode())),
        ("parentSigner", hex(signer.as_slice())),
    ]);
    pretty(&json::merge(head, proof))
}

/// An `eth_getProof` result (EIP-1186) of verified values; `None` stands for an account that is proven absent.
pub(crate) fn eip1186(
    address: Address,
    account: Option<&Account>,
    nodes: &[Bytes],
    slots: &[ProvenSlot],
) -> Json {
    let account = account.copied().unwrap_or_default();
    let slot = |(slot, value, nodes): &ProvenSlot| {
        object([
            ("key", Some(quantity(*slot))),
            ("value", Some(quantity(*value))),
            ("proof", Some(list(nodes))),
        ])
    };
    object([
        ("address", hex(address.as_slice())),
        ("balance", Some(quantity(account.balance))),
        ("nonce", Some(number(account.nonce))),
        ("codeHash", Some(word(account.code_hash))),
        ("storageHash", Some(word(account.storage_root))),
        ("accountProof", Some(list(nodes))),
        (
            "storageProof",
            Some(Json::Array(slots.iter().map(slot).collect())),
        ),
    ])
}

/// The text of a transition file.
pub fn write_transition(
    rules: &ChainRules,
    parent: &SignedHeader,
    parent_signer: Address,
    update: &Update,
) -> String {
    pretty(&object([
        ("type", text(TRANSITION)),
        ("rules", hex(&rules.encode())),
        ("parent", hex(&parent.encode())),
        ("parentSigner", hex(parent_signer.as_slice())),
        ("update", hex(&update.encode())),
    ]))
}

/// The text of an evidence file.
pub(crate) fn write_evidence(evidence: &Evidence) -> String {
    let side = |signed: &SignedHash| {
        Some(object([
            ("hash", Some(word(signed.hash))),
            ("signature", hex(&signed.signature)),
        ]))
    };
    pretty(&object([
        ("type", text(EVIDENCE)),
        ("chainId", Some(Json::from(evidence.chain_id))),
        ("rulesHash", Some(word(evidence.rules_hash))),
        ("number", Some(Json::from(evidence.number))),
        ("signer", hex(evidence.signer.as_slice())),
        ("first", side(&evidence.first)),
        ("second", side(&evidence.second)),
    ]))
}

/// The text of a checkpoint file; none for genesis, which the rules name already.
pub(crate) fn write_checkpoint(
    rules: &ChainRules,
    header: &VerifiedHeader,
    time_s: u64,
) -> Option<String> {
    Some(pretty(&object([
        ("type", text(CHECKPOINT)),
        ("rules", hex(&rules.encode())),
        ("signedHeader", hex(&header.signed()?.encode())),
        ("parentSigner", hex(header.signer()?.as_slice())),
        ("time", Some(Json::from(time_s))),
    ])))
}

pub(super) fn text(text: &str) -> Option<Json> {
    Some(Json::String(text.into()))
}

pub(super) fn hex(bytes: &[u8]) -> Option<Json> {
    Some(data(bytes))
}

pub(super) fn pretty(json: &Json) -> String {
    // The alternate form of a value's text is indented.
    format!("{json:#}")
}
