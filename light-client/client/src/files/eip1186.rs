//! A plain `eth_getProof` result (EIP-1186), alone or inside of a JSON-RPC answer or a recorded conversation.

use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::Value as Json;
use sidelight_core::{
    limits::{MAX_FILTER_SLOTS, MAX_PROOF_DEPTH},
    proof::{verify_account_proof, verify_storage_proof},
    state::Account,
};

use super::{Judged, Refusal, agree, fact, json};
use crate::dto::Fact;

/// How deep a proof or a block is looked for.
const MAX_DEPTH: usize = 8;

/// An account proof and its claims, still unjudged.
pub(super) struct AccountProof {
    pub(super) address: Address,
    account: Vec<Bytes>,
    storage: Vec<SlotProof>,
    claimed: Claimed,
}

struct SlotProof {
    slot: U256,
    value: U256,
    nodes: Vec<Bytes>,
}

/// The values beside the proof.
struct Claimed {
    nonce: U256,
    balance: U256,
    code_hash: B256,
    storage_root: B256,
}

pub(super) fn judge(file: &Json, state_root: Option<B256>) -> Result<Judged, Refusal> {
    let found = find(file, MAX_DEPTH, &|object| {
        object.get("accountProof").is_some()
    });
    let proof =
        AccountProof::read(found.ok_or_else(|| {
            Refusal("not a known file: neither a type nor an accountProof".into())
        })?)?;
    let (root, source) = match state_root {
        Some(root) => (root, "given beside the file"),
        None => (find_root(file)?, "named by the file itself, not checked"),
    };
    let mut facts = vec![fact("State root", root), fact("Root is", source)];
    let title = proof.verify(root, &mut facts)?;
    Ok(Judged { title, facts })
}

/// The state root of a block in JSON: `eth_getBlockBy…`'s, alone or inside of something else.
pub fn find_state_root(text: &str) -> Option<B256> {
    find_root(&serde_json::from_str(text).ok()?).ok()
}

fn find_root(file: &Json) -> Result<B256, Refusal> {
    match find(file, MAX_DEPTH, &|object| object.get("stateRoot").is_some()) {
        Some(block) => json::parse(block, "stateRoot"),
        None => Err(Refusal(
            "state root: none was given, and the file names none".into(),
        )),
    }
}

/// The first object that satisfies `is_it`, outermost first.
fn find<'a>(value: &'a Json, depth: usize, is_it: &dyn Fn(&Json) -> bool) -> Option<&'a Json> {
    if value.is_object() && is_it(value) {
        return Some(value);
    }
    let depth = depth.checked_sub(1)?;
    match value {
        Json::Object(fields) => fields.values().find_map(|value| find(value, depth, is_it)),
        Json::Array(items) => items.iter().find_map(|value| find(value, depth, is_it)),
        _ => None,
    }
}

impl AccountProof {
    pub(super) fn read(object: &Json) -> Result<Self, Refusal> {
        let read_slot = |slot: &Json| -> Result<SlotProof, Refusal> {
            Ok(SlotProof {
                slot: json::quantity(slot, "key")?,
                value: json::quantity(slot, "value")?,
                nodes: json::nodes(slot, "proof", MAX_PROOF_DEPTH)?,
            })
        };
        Ok(Self {
            address: json::parse(object, "address")?,
            account: json::nodes(object, "accountProof", MAX_PROOF_DEPTH)?,
            storage: json::list(object, "storageProof", MAX_FILTER_SLOTS)?
                .iter()
                .map(read_slot)
                .collect::<Result<_, _>>()?,
            claimed: Claimed {
                nonce: json::quantity(object, "nonce")?,
                balance: json::quantity(object, "balance")?,
                code_hash: json::parse(object, "codeHash")?,
                storage_root: json::parse(object, "storageHash")?,
            },
        })
    }

    /// Checks every path and every claimed value; adds what is proven to `facts` and gives a title.
    pub(super) fn verify(
        &self,
        state_root: B256,
        facts: &mut Vec<Fact>,
    ) -> Result<String, Refusal> {
        let account = verify_account_proof(state_root, self.address, &self.account)
            .map_err(|error| Refusal::of("accountProof")(&error))?;
        facts.push(fact("Account", self.address));
        self.check_claims(account.as_ref())?;
        match &account {
            Some(account) => facts.extend([
                fact("Balance", format!("{} wei", account.balance)),
                fact("Nonce", account.nonce),
                fact("Code hash", account.code_hash),
                fact("Storage root", account.storage_root),
            ]),
            None => facts.push(fact("Exists", "no, proven absent")),
        }
        let storage_root = account.unwrap_or_default().storage_root;
        for SlotProof { slot, value, nodes } in &self.storage {
            let proven = verify_storage_proof(storage_root, B256::from(*slot), nodes)
                .map_err(|error| Refusal(format!("storageProof of slot {slot:#x}: {error}")))?;
            agree(
                &format!("value of slot {slot:#x}"),
                &format!("{proven:#x}"),
                proven == *value,
                &format!("{value:#x}"),
            )?;
            facts.push(fact(&format!("Slot {slot:#x}"), format!("{proven:#x}")));
        }
        let nodes = self.account.len()
            + self
                .storage
                .iter()
                .map(|slot| slot.nodes.len())
                .sum::<usize>();
        facts.push(fact("Proof nodes", nodes));
        Ok(match (account.is_some(), self.storage.len()) {
            (true, 0) => "Account proven".into(),
            (true, slots) => format!(
                "Account and {slots} storage slot{} proven",
                if slots == 1 { "" } else { "s" }
            ),
            (false, _) => "Account proven absent".into(),
        })
    }

    fn check_claims(&self, account: Option<&Account>) -> Result<(), Refusal> {
        let Claimed {
            nonce,
            balance,
            code_hash,
            storage_root,
        } = &self.claimed;
        let proven = account.cloned().unwrap_or_default();
        agree(
            "balance",
            &format!("{:#x}", proven.balance),
            proven.balance == *balance,
            &format!("{balance:#x}"),
        )?;
        agree(
            "nonce",
            &proven.nonce,
            U256::from(proven.nonce) == *nonce,
            &format!("{nonce:#x}"),
        )?;
        // Nodes answer for an absent account with the hashes of nothing, or with zeros.
        let is_nothing = |claimed: &B256| account.is_none() && claimed.is_zero();
        agree(
            "codeHash",
            &proven.code_hash,
            proven.code_hash == *code_hash || is_nothing(code_hash),
            code_hash,
        )?;
        agree(
            "storageHash",
            &proven.storage_root,
            proven.storage_root == *storage_root || is_nothing(storage_root),
            storage_root,
        )
    }
}

#[cfg(test)]
mod tests;
