//! `TransactionTests`: a transaction's sender, hash and intrinsic gas at each fork, or that it is none.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256};
use serde::Deserialize;
use serde_json::Value;
use sidelight_executor::verify_transaction;

use super::{Failure, Outcome, blockchain, expect_eq};

#[derive(Deserialize)]
struct Fixture {
    txbytes: Bytes,
    result: BTreeMap<String, Expected>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    exception: Option<String>,
    hash: Option<B256>,
    sender: Option<Address>,
    intrinsic_gas: Option<U256>,
}

/// Runs a case at each fork that it names.
pub(super) fn check(case: Value) -> Outcome {
    let fixture: Fixture = serde_json::from_value(case)?;
    for (fork, expected) in &fixture.result {
        let spec = blockchain::spec_of(fork)?;
        let result = verify_transaction(&fixture.txbytes, 1, spec.spec_id(0, 0));
        match (result, &expected.exception) {
            (Ok(_), Some(exception)) => {
                return Err(
                    format!("{fork}: expected {exception}, got a valid transaction").into(),
                );
            }
            (Err(_), Some(_)) => {}
            (Err(error), None) => {
                return Err(format!("{fork}: expected a valid transaction, got: {error}").into());
            }
            (Ok(verified), None) => {
                let at = |what| format!("{fork}: {what}");
                let gas = U256::from(verified.intrinsic_gas);
                expect_eq(&at("hash"), expected.hash, Some(verified.hash))?;
                expect_eq(&at("sender"), expected.sender, Some(verified.sender))?;
                expect_eq(&at("gas"), expected.intrinsic_gas, Some(gas))?;
            }
        }
    }
    if fixture.result.is_empty() {
        return Err(Failure::Skipped("the case names no fork".to_owned()));
    }
    Ok(())
}
