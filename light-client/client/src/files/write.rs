//! Makes the files that [`super::verify_file`] judges.

use alloy_primitives::{Address, Bytes, U256};
use serde_json::{Value as Json, json};
use sidelight_core::{
    evidence::Evidence,
    header::{SignedHeader, VerifiedHeader},
    rules::ChainRules,
    state::Account,
    wire::Update,
};

use crate::view::hex;

/// An account proof under a signed header.
pub(crate) const PROOF: &str = "sidelight/proof@1";
/// One block and what is needed to judge its diff.
pub(crate) const TRANSITION: &str = "sidelight/transition@1";
/// Two signatures at one height.
pub(crate) const EVIDENCE: &str = "sidelight/evidence@1";
/// A header to start from.
pub(crate) const CHECKPOINT: &str = "sidelight/checkpoint@1";

/// A slot, its proven value and the nodes that prove it.
pub(crate) type ProvenSlot = (U256, U256, Vec<Bytes>);

/// The text of a proof file; `None` stands for an account that is proven absent.
pub(crate) fn write_proof(
    rules: &ChainRules,
    header: &SignedHeader,
    signer: Address,
    proof: Json,
) -> String {
    let mut file = json!({
        "type": PROOF,
        "rules": hex(rules.encode()),
        "signedHeader": hex(header.encode()),
        "parentSigner": signer,
    });
    if let (Some(file), Json::Object(proof)) = (file.as_object_mut(), proof) {
        file.extend(proof);
    }
    pretty(&file)
}

/// An `eth_getProof` result (EIP-1186) of verified values.
pub(crate) fn eip1186(
    address: Address,
    account: Option<&Account>,
    nodes: &[Bytes],
    slots: &[ProvenSlot],
) -> Json {
    let account = account.cloned().unwrap_or_default();
    let slots: Vec<Json> = slots
        .iter()
        .map(|(slot, value, nodes)| json!({ "key": slot, "value": value, "proof": nodes }))
        .collect();
    json!({
        "address": address,
        "balance": account.balance,
        "nonce": U256::from(account.nonce),
        "codeHash": account.code_hash,
        "storageHash": account.storage_root,
        "accountProof": nodes,
        "storageProof": slots,
    })
}

/// The text of a transition file.
pub fn write_transition(
    rules: &ChainRules,
    parent: &SignedHeader,
    parent_signer: Address,
    update: &Update,
) -> String {
    pretty(&json!({
        "type": TRANSITION,
        "rules": hex(rules.encode()),
        "parent": hex(parent.encode()),
        "parentSigner": parent_signer,
        "update": hex(update.encode()),
    }))
}

/// The text of an evidence file.
pub(crate) fn write_evidence(evidence: &Evidence) -> String {
    let side = |signed: &sidelight_core::evidence::SignedHash| json!({ "hash": signed.hash, "signature": hex(signed.signature) });
    pretty(&json!({
        "type": EVIDENCE,
        "chainId": evidence.chain_id,
        "rulesHash": evidence.rules_hash,
        "number": evidence.number,
        "signer": evidence.signer,
        "first": side(&evidence.first),
        "second": side(&evidence.second),
    }))
}

/// The text of a checkpoint file; none for genesis, which the rules name already.
pub(crate) fn write_checkpoint(
    rules: &ChainRules,
    header: &VerifiedHeader,
    time_s: u64,
) -> Option<String> {
    Some(pretty(&json!({
        "type": CHECKPOINT,
        "rules": hex(rules.encode()),
        "signedHeader": hex(header.signed()?.encode()),
        "parentSigner": header.signer()?,
        "time": time_s,
    })))
}

fn pretty(json: &Json) -> String {
    // Serializing a value that was made here cannot fail; an empty file would be refused by everyone.
    serde_json::to_string_pretty(json).unwrap_or_default()
}
