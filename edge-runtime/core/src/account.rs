//! Executors that are contracts: what to ask them about a signature, and what their answer has to be. [ERC-1271](https://eips.ethereum.org/EIPS/eip-1271).
//!
//! ```text
//!   Record --ask_account--> Question --caller executes it on a verified head--> answer --verify_record_by_account--> VerifiedRecord
//! ```

use alloc::{format, vec::Vec};
use alloy_primitives::{Address, B256, hex};
use alloy_sol_types::{SolCall, sol};

use crate::{
    decision::compute_decision_hash,
    limits::{ACCOUNT_GAS, MAX_SIGNATURE},
    record::Record,
    typed::domain,
    verdict::{RecordError, check_place},
};

sol! {
    function isValidSignature(bytes32 hash, bytes signature) returns (bytes4);
}

/// A call whose answer says whether a contract accepts a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Whom to call: the executor.
    pub account: Address,
    /// What with.
    pub data: Vec<u8>,
    /// Gas that it may take.
    pub gas: u64,
}

/// What to call for a file whose executor is a contract.
pub fn ask_account(
    record: &Record,
    chain_id: u64,
    registry: Address,
) -> Result<Question, RecordError> {
    check_place(record, chain_id, registry)?;
    if record.signature.len() > MAX_SIGNATURE {
        return Err(RecordError::Field {
            field: "signature",
            expected: format!("at most {MAX_SIGNATURE} bytes"),
            got: format!("{} bytes", record.signature.len()),
        });
    }
    let call = isValidSignatureCall {
        hash: compute_decision_hash(&record.decision, &domain(chain_id, registry)),
        signature: record.signature.clone(),
    };
    Ok(Question {
        account: record.decision.executor,
        data: call.abi_encode(),
        gas: ACCOUNT_GAS,
    })
}

/// One word: the function's selector, then zeros. What the registry's contract asks for.
pub(crate) fn check_answer(executor: Address, answer: &[u8]) -> Result<(), RecordError> {
    let mut accepts = B256::ZERO;
    let [a, b, c, d, ..] = &mut accepts.0;
    [*a, *b, *c, *d] = isValidSignatureCall::SELECTOR;
    if answer == accepts.as_slice() {
        return Ok(());
    }
    let shown = answer.get(..32).unwrap_or(answer);
    Err(RecordError::Field {
        field: "signature",
        expected: format!("{accepts} of the executor {executor}, which is a contract"),
        got: format!("{} bytes, {}", answer.len(), hex::encode_prefixed(shown)),
    })
}
