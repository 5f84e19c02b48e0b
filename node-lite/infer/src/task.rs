//! A signed request: what somebody asks to be computed, and under which conditions. `docs/decision-format.md`, section 10.
//!
//! ```text
//!   parameters.task        the fields of TaskRequest as JSON text
//!   parameters.task_sig    r || s || v over its EIP-712 digest, by task.requester
//!   parameters.input_salt  what task.inputCommit was salted with; absent: public values
//! ```

use std::collections::HashMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use alloy_sol_types::{Eip712Domain, SolStruct};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sidelight_core::signature::recover_signer;
use sidelight_edge_core::{
    class::DetClass,
    commit::{Role, Salt, compute_commitment},
    tensor::Tensor,
    typed::TaskRequest,
};

use crate::{
    error::InferError,
    models::Served,
    oip::{InferRequest, wrong},
};

/// Requesters whose last nonce is remembered.
const MAX_REQUESTERS: usize = 65_536;
/// The kind that is served: inference.
const INFERENCE: u8 = 1;
/// The strongest level that an executor stands behind here: run again on another device.
pub(crate) const MAX_LEVEL: u8 = 1;

/// A request that its requester signed, for this model, these inputs and this moment.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) hash: B256,
    pub(crate) requester: Address,
    pub(crate) salt: Salt,
    /// The weakest class that is accepted.
    pub(crate) class: DetClass,
}

/// The fields as they come: numbers of 64 bits and more as decimal text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fields {
    model_hash: B256,
    input_commit: B256,
    kind: u8,
    min_level: u8,
    det_class: u8,
    deadline: String,
    max_fee: String,
    local_only: bool,
    requester: Address,
    nonce: String,
}

impl Fields {
    fn to_request(&self) -> Result<TaskRequest, InferError> {
        Ok(TaskRequest {
            modelHash: self.model_hash,
            inputCommit: self.input_commit,
            kind: self.kind,
            minLevel: self.min_level,
            detClass: self.det_class,
            deadline: number("deadline", &self.deadline)?,
            maxFee: self
                .max_fee
                .parse::<U256>()
                .map_err(|_| refuse("maxFee", "expected a decimal number".into()))?,
            localOnly: self.local_only,
            requester: self.requester,
            nonce: number("nonce", &self.nonce)?,
        })
    }
}

/// The last nonce of every requester: each request is answered once.
#[derive(Debug, Default)]
pub(crate) struct Nonces(Mutex<HashMap<Address, u64>>);

impl Nonces {
    /// Takes a nonce, if it is higher than the last one.
    fn take(&self, requester: Address, nonce: u64) -> Result<(), InferError> {
        let mut last = self.0.lock();
        if let Some(&before) = last.get(&requester)
            && nonce <= before
        {
            return Err(refuse(
                "nonce",
                format!("expected more than {before}, got {nonce}"),
            ));
        }
        if last.len() >= MAX_REQUESTERS && !last.contains_key(&requester) {
            return Err(InferError::Busy {
                waiting: last.len(),
            });
        }
        last.insert(requester, nonce);
        Ok(())
    }
}

/// Reads and checks the signed request, if there is one. `now` is in seconds since 1970.
pub(crate) fn read(
    request: &InferRequest,
    served: &Served,
    domain: &Eip712Domain,
    now: u64,
    nonces: &Nonces,
) -> Result<Option<Task>, InferError> {
    let (Some(json), Some(signature)) = (request.text("task")?, request.text("task_sig")?) else {
        return if request.parameters.contains_key("task")
            || request.parameters.contains_key("task_sig")
        {
            Err(wrong(
                "expected both parameters.task and parameters.task_sig".into(),
            ))
        } else {
            Ok(None)
        };
    };
    let fields: Fields =
        serde_json::from_str(json).map_err(|error| wrong(format!("parameters.task: {error}")))?;
    let task = fields.to_request()?;
    let salt = read_salt(request)?;
    check(&task, served, salt, &request.inputs, now)?;
    let signature: Bytes = signature
        .parse()
        .map_err(|_| wrong("parameters.task_sig: expected hex".into()))?;
    let signature: [u8; 65] = signature.as_ref().try_into().map_err(|_| {
        wrong(format!(
            "parameters.task_sig: expected 65 bytes, got {}",
            signature.len()
        ))
    })?;
    let signer = recover_signer(task.eip712_signing_hash(domain), &signature)
        .map_err(|error| refuse("signature", error.to_string()))?;
    if signer != task.requester {
        return Err(refuse(
            "requester",
            format!("expected {}, which signed, got {}", signer, task.requester),
        ));
    }
    let class = DetClass::from_number(task.detClass)
        .map_err(|error| refuse("detClass", error.to_string()))?;
    nonces.take(task.requester, task.nonce)?;
    Ok(Some(Task {
        hash: task.eip712_hash_struct(),
        requester: task.requester,
        salt,
        class,
    }))
}

/// The salt of the inputs' commitment.
pub(crate) fn read_salt(request: &InferRequest) -> Result<Salt, InferError> {
    let salt = request
        .text("input_salt")?
        .map(str::parse::<B256>)
        .transpose();
    let salt = salt.map_err(|_| wrong("parameters.input_salt: expected 32 bytes in hex".into()))?;
    Ok(match salt {
        Some(salt) if !salt.is_zero() => Salt::Private(salt),
        _ => Salt::Public,
    })
}

/// The hard gates: what the request forbids, or what this node cannot do, is not tried.
fn check(
    task: &TaskRequest,
    served: &Served,
    salt: Salt,
    inputs: &[Tensor],
    now: u64,
) -> Result<(), InferError> {
    if task.localOnly {
        return Err(refuse(
            "localOnly",
            "the input must not leave the device that asks".into(),
        ));
    }
    if task.kind != INFERENCE {
        return Err(InferError::Unsupported(format!(
            "task.kind: expected {INFERENCE}, got {}",
            task.kind
        )));
    }
    if task.minLevel > MAX_LEVEL {
        return Err(InferError::Unsupported(format!(
            "task.minLevel: expected at most {MAX_LEVEL}, got {}",
            task.minLevel
        )));
    }
    if task.deadline < now {
        return Err(refuse(
            "deadline",
            format!("expected {now} or later, got {}", task.deadline),
        ));
    }
    if task.modelHash != served.hash {
        return Err(refuse(
            "modelHash",
            format!("expected {}, got {}", served.hash, task.modelHash),
        ));
    }
    let commit = compute_commitment(Role::Input, salt, inputs)?;
    if task.inputCommit != commit {
        return Err(refuse(
            "inputCommit",
            format!("expected {commit}, got {}", task.inputCommit),
        ));
    }
    Ok(())
}

fn number(field: &'static str, text: &str) -> Result<u64, InferError> {
    text.parse()
        .map_err(|_| refuse(field, "expected a decimal number below 2^64".into()))
}

fn refuse(field: &'static str, reason: String) -> InferError {
    InferError::Task { field, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_taken_once_and_only_upwards() {
        let nonces = Nonces::default();
        let (a, b) = (Address::repeat_byte(1), Address::repeat_byte(2));
        assert!(nonces.take(a, 5).is_ok());
        assert!(nonces.take(a, 5).is_err());
        assert!(nonces.take(a, 4).is_err());
        assert!(nonces.take(a, 6).is_ok());
        assert!(nonces.take(b, 1).is_ok());
    }
}
