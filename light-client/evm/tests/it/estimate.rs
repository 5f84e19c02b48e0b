//! `eth_estimateGas` against what is really needed.

use sidelight_evm::{CallRequest, Estimate, Fees, Outcome, U256};

use crate::prover::{ALICE, BOB, Prover, TOKEN, ether, token_call, word};

/// The smallest limit with which the request succeeds, by plain bisection.
fn least(prover: &mut Prover, request: &CallRequest) -> u64 {
    let (mut lower, mut upper) = (20_999, 16_000_000);
    while lower + 1 < upper {
        let middle = (lower + upper) / 2;
        let attempt = CallRequest {
            gas: Some(middle),
            ..request.clone()
        };
        match prover.call(&attempt) {
            Outcome::Success { .. } => upper = middle,
            _ => lower = middle,
        }
    }
    upper
}

fn check(request: &CallRequest) -> u64 {
    let mut prover = Prover::new();
    prover.slots.insert((TOKEN, U256::from(6)), U256::from(9));
    let Estimate::Gas(estimate) = prover.estimate(request) else {
        panic!("no estimate");
    };
    let least = least(&mut prover, request);
    assert!(estimate >= least, "{estimate} is not enough, {least} is");
    // geth's tolerance.
    assert!(
        estimate <= least + least * 15 / 1_000 + 1,
        "{estimate} is far above {least}"
    );
    estimate
}

#[test]
fn a_plain_transfer_is_21000() {
    let transfer = CallRequest {
        from: ALICE,
        to: Some(BOB),
        value: ether(1),
        ..CallRequest::default()
    };
    assert_eq!(Prover::new().estimate(&transfer), Estimate::Gas(21_000));
}

#[test]
fn a_token_transfer_is_enough_and_not_much_more() {
    check(&token_call("a9059cbb", &[word(BOB), U256::from(10)]));
}

#[test]
fn refunds_and_the_63_64_rule_are_covered() {
    // clear(): the refund comes after the work. nested(): the inner call gets only 63/64.
    check(&token_call("52efea6e", &[]));
    check(&token_call("10b80908", &[U256::from(5)]));
}

#[test]
fn a_revert_is_reported_not_estimated() {
    let request = token_call("a9059cbb", &[word(BOB), U256::from(1_001)]);
    let estimate = Prover::new().estimate(&request);
    assert!(
        matches!(&estimate, Estimate::Failed(Outcome::Revert { output, .. }) if output.len() == 100),
        "{estimate:?}"
    );
}

#[test]
fn an_endless_loop_exceeds_the_allowance() {
    let mut request = token_call("f0acd7d5", &[]);
    request.gas = Some(200_000);
    let Estimate::Failed(Outcome::Invalid { reason, .. }) = Prover::new().estimate(&request) else {
        panic!("estimated an endless loop");
    };
    assert_eq!(reason, "gas required exceeds allowance (200000)");
}

#[test]
fn the_senders_balance_bounds_the_search() {
    let mut request = token_call("a9059cbb", &[word(BOB), U256::from(10)]);
    request.fees = Some(Fees {
        max_fee: 1_000_000_000_000_000,
        priority_fee: None,
    });
    // Ten ether buy 10,000 gas at this price.
    let Estimate::Failed(Outcome::Invalid { reason, .. }) = Prover::new().estimate(&request) else {
        panic!("estimated without money");
    };
    assert_eq!(reason, "gas required exceeds allowance (10000)");
}
