//! The rules that tie a header to its parent, from Frontier to Osaka.

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_eips::{eip1559, eip1559::BaseFeeParams, eip4844::DATA_GAS_PER_BLOB};
use alloy_hardforks::{EthereumHardforks, ForkCondition};
use alloy_primitives::{B64, B256, U256};

use crate::{
    difficulty::compute_difficulty,
    error::{BlockError, Rule, broken, expect, show},
    spec::{ChainSpec, Fork},
};

const MAX_EXTRA_DATA_BYTES: usize = 32;
const MIN_GAS_LIMIT: u64 = 5_000;
const GAS_LIMIT_BOUND_DIVISOR: u64 = 1_024;
const MAX_GAS_LIMIT: u64 = i64::MAX as u64;
/// EIP-779: this in the extra data of the fork's block and the nine after it.
const DAO_EXTRA_DATA: &[u8] = b"dao-hard-fork";

/// Checks a header against its parent's, whose hash the caller knows. Seals are not checked.
pub fn verify_header_rules(
    spec: &ChainSpec,
    header: &Header,
    parent: &Header,
    parent_hash: B256,
) -> Result<(), BlockError> {
    expect(Rule::ParentHash, parent_hash, header.parent_hash)?;
    expect(Rule::Number, parent.number.saturating_add(1), header.number)?;
    if header.timestamp <= parent.timestamp {
        return Err(broken(
            Rule::Timestamp,
            format!("later than {}", parent.timestamp),
            header.timestamp.to_string(),
        ));
    }
    check_extra_data(spec, header)?;
    let active = |fork| spec.is_active(fork, header.number, header.timestamp);
    check_fees(spec, header, parent, active(Fork::London))?;
    if header.gas_used > header.gas_limit {
        let expected = format!("at most {}", header.gas_limit);
        return Err(broken(Rule::GasUsed, expected, header.gas_used.to_string()));
    }
    if active(Fork::Paris) {
        expect(Rule::Difficulty, U256::ZERO, header.difficulty)?;
        expect(Rule::Nonce, B64::ZERO, header.nonce)?;
        expect(Rule::Ommers, EMPTY_OMMER_ROOT_HASH, header.ommers_hash)?;
    } else {
        let expected = compute_difficulty(spec, header.number, header.timestamp, parent);
        expect(Rule::Difficulty, expected, header.difficulty)?;
    }
    let (cancun, prague) = (active(Fork::Cancun), active(Fork::Prague));
    check_presence(
        Rule::WithdrawalsRoot,
        active(Fork::Shanghai),
        header.withdrawals_root.is_some(),
    )?;
    check_presence(
        Rule::ParentBeaconBlockRoot,
        cancun,
        header.parent_beacon_block_root.is_some(),
    )?;
    check_presence(Rule::RequestsHash, prague, header.requests_hash.is_some())?;
    check_blob_gas(spec, header, parent, cancun)?;
    // A Sidelight chain's headers have one, and rules of their own.
    if header.block_access_list_hash.is_some() {
        let expected = "no block access list hash";
        return Err(broken(Rule::UnknownField, expected, "one"));
    }
    if header.slot_number.is_some() {
        return Err(broken(Rule::UnknownField, "no slot number", "one"));
    }
    Ok(())
}

fn check_presence(rule: Rule, expected: bool, got: bool) -> Result<(), BlockError> {
    let word = |present| if present { "a value" } else { "none" };
    if expected == got {
        return Ok(());
    }
    Err(broken(rule, word(expected), word(got)))
}

fn check_extra_data(spec: &ChainSpec, header: &Header) -> Result<(), BlockError> {
    let data = &header.extra_data;
    if data.len() > MAX_EXTRA_DATA_BYTES {
        let expected = format!("at most {MAX_EXTRA_DATA_BYTES} bytes");
        return Err(broken(
            Rule::ExtraData,
            expected,
            format!("{} bytes", data.len()),
        ));
    }
    if let ForkCondition::Block(fork) = spec.ethereum_fork_activation(Fork::Dao)
        && (fork..fork.saturating_add(10)).contains(&header.number)
        && data.as_ref() != DAO_EXTRA_DATA
    {
        return Err(broken(Rule::ExtraData, "dao-hard-fork", show(data)));
    }
    Ok(())
}

/// Gas limit and base fee (EIP-1559).
fn check_fees(
    spec: &ChainSpec,
    header: &Header,
    parent: &Header,
    london: bool,
) -> Result<(), BlockError> {
    let first = london && !spec.is_active(Fork::London, parent.number, parent.timestamp);
    // The gas limit doubles with the fork, so that the target stays.
    let elasticity = if first {
        eip1559::DEFAULT_ELASTICITY_MULTIPLIER
    } else {
        1
    };
    let from = parent.gas_limit.saturating_mul(elasticity);
    let step = from / GAS_LIMIT_BOUND_DIVISOR;
    let range = MIN_GAS_LIMIT..=MAX_GAS_LIMIT;
    if header.gas_limit.abs_diff(from) >= step || !range.contains(&header.gas_limit) {
        let expected = format!("within {step} of {from}, at least {MIN_GAS_LIMIT}");
        let got = header.gas_limit.to_string();
        return Err(broken(Rule::GasLimit, expected, got));
    }
    let expected = match (london, first) {
        (false, _) => None,
        (true, true) => Some(eip1559::INITIAL_BASE_FEE),
        (true, false) => parent.next_block_base_fee(BaseFeeParams::ethereum()),
    };
    expect(Rule::BaseFee, expected, header.base_fee_per_gas)
}

fn check_blob_gas(
    spec: &ChainSpec,
    header: &Header,
    parent: &Header,
    cancun: bool,
) -> Result<(), BlockError> {
    check_presence(Rule::BlobGasUsed, cancun, header.blob_gas_used.is_some())?;
    check_presence(
        Rule::ExcessBlobGas,
        cancun,
        header.excess_blob_gas.is_some(),
    )?;
    let (Some(used), Some(params)) = (header.blob_gas_used, spec.blob_params_at(header.timestamp))
    else {
        return Ok(());
    };
    let most = params.max_blob_gas_per_block();
    if used > most || !used.is_multiple_of(DATA_GAS_PER_BLOB) {
        let expected = format!("whole blobs, at most {most}");
        return Err(broken(Rule::BlobGasUsed, expected, used.to_string()));
    }
    // The sum is taken on numbers that a block may hold, so that the library's arithmetic cannot overflow.
    let excess = parent.excess_blob_gas.unwrap_or(0);
    let parent_used = parent.blob_gas_used.unwrap_or(0);
    let base_fee = parent.base_fee_per_gas.unwrap_or(0);
    let expected = excess
        .checked_add(parent_used)
        .filter(|_| parent_used <= MAX_GAS_LIMIT / 64)
        .map(|_| params.next_block_excess_blob_gas_osaka(excess, parent_used, base_fee));
    expect(Rule::ExcessBlobGas, expected, header.excess_blob_gas)
}
