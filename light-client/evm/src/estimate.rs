//! `eth_estimateGas`: the smallest limit with which the request succeeds, found as geth finds it.

use revm::primitives::{U256, eip7825::TX_GAS_LIMIT_CAP};

use crate::{
    block::BlockContext,
    call::{CallRequest, Outcome, execute, first_needs},
    database::Missing,
    limits::DEFAULT_GAS_CAP,
    state::ProvenState,
};

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;

/// Gas that a value-bearing call gives its callee for free.
const CALL_STIPEND: u64 = 2_300;

/// The search ends when the bounds are this close, in thousandths of the upper one: geth's `estimateGasErrorRatio`.
const TOLERANCE_PER_MILLE: u64 = 15;

/// How an estimation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Estimate {
    /// This much is enough.
    Gas(u64),
    /// No limit is enough: the request reverts, halts or is no transaction. Never a success.
    Failed(Outcome),
    /// More state is needed.
    Missing(Missing),
}

/// Estimates the gas limit that a request needs on top of a block.
pub fn estimate_gas(block: &BlockContext, request: &CallRequest, state: &ProvenState) -> Estimate {
    let missing = first_needs(request, state);
    if !missing.is_empty() {
        return Estimate::Missing(missing);
    }
    match upper_bound(block, request, state) {
        Ok(upper) => search(block, request, state, upper),
        Err(failed) => Estimate::Failed(failed),
    }
}

/// The largest limit worth trying: the request's or the block's, what the sender can pay for, and what one transaction may have
/// (EIP-7825).
fn upper_bound(
    block: &BlockContext,
    request: &CallRequest,
    state: &ProvenState,
) -> Result<u64, Outcome> {
    let asked = request.gas.filter(|gas| *gas >= TRANSFER_GAS);
    let upper = asked
        .unwrap_or(block.gas_limit)
        .min(DEFAULT_GAS_CAP)
        .min(TX_GAS_LIMIT_CAP);
    let price = request.fees.map_or(0, |fees| fees.max_fee);
    if price == 0 {
        return Ok(upper);
    }
    let balance = state
        .account(request.from)
        .flatten()
        .map_or(U256::ZERO, |account| account.balance);
    let available = balance
        .checked_sub(request.value)
        .ok_or_else(|| Outcome::Invalid {
            reason: "insufficient funds for transfer".to_owned(),
            out_of_gas: false,
        })?;
    let affordable = available / U256::from(price);
    Ok(u64::try_from(affordable).map_or(upper, |gas| upper.min(gas)))
}

fn search(
    block: &BlockContext,
    request: &CallRequest,
    state: &ProvenState,
    mut upper: u64,
) -> Estimate {
    let run = |gas| execute(block, request, state, gas);

    if is_plain_transfer(request, state) {
        match run(TRANSFER_GAS) {
            Outcome::Success { .. } => return Estimate::Gas(TRANSFER_GAS),
            Outcome::Missing(missing) => return Estimate::Missing(missing),
            _ => {}
        }
    }

    let (used, refunded) = match run(upper) {
        Outcome::Success {
            gas_used,
            gas_refunded,
            ..
        } => (gas_used, gas_refunded),
        Outcome::Missing(missing) => return Estimate::Missing(missing),
        Outcome::Halt {
            out_of_gas: true, ..
        }
        | Outcome::Invalid {
            out_of_gas: true, ..
        } => {
            return Estimate::Failed(Outcome::Invalid {
                reason: format!("gas required exceeds allowance ({upper})"),
                out_of_gas: true,
            });
        }
        failed => return Estimate::Failed(failed),
    };
    let mut lower = used.saturating_sub(1);

    // Most requests need what they used, what was refunded, and the 63/64 rule's remainder of the deepest call.
    let likely = used
        .saturating_add(refunded)
        .saturating_add(CALL_STIPEND)
        .saturating_mul(64)
        / 63;
    let mut next = if likely < upper {
        likely
    } else {
        middle(lower, upper)
    };
    while lower + 1 < upper && (upper - lower) * 1_000 >= upper * TOLERANCE_PER_MILLE {
        match run(next) {
            Outcome::Success { .. } => upper = next,
            Outcome::Missing(missing) => return Estimate::Missing(missing),
            _ => lower = next,
        }
        next = middle(lower, upper);
    }
    Estimate::Gas(upper)
}

/// Most requests need little more than the lower bound, so that the middle leans to it.
fn middle(lower: u64, upper: u64) -> u64 {
    (lower + (upper - lower) / 2).min(lower.saturating_mul(2))
}

fn is_plain_transfer(request: &CallRequest, state: &ProvenState) -> bool {
    let has_code = |to| state.account(to).flatten().is_some_and(|a| a.has_code());
    request.data.is_empty() && request.to.is_some_and(|to| !has_code(to))
}
