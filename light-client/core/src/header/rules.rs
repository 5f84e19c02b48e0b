//! The rules for a header's fields: alone, and after its parent ([EIP-1559](https://eips.ethereum.org/EIPS/eip-1559) for the base fee and the gas limit).

use super::{HeaderError, SignedHeader};
use crate::{extension::Extension, limits::MAX_HEADER_BYTES, rules::ChainRules};
use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header, constants::EMPTY_WITHDRAWALS};
use alloy_primitives::{B64, B256, U256};
use alloy_rlp::Encodable;

/// What can be said of a header without its parent.
pub(super) fn check_fields(
    signed: &SignedHeader,
    rules: &ChainRules,
    rules_hash: B256,
    now_s: u64,
) -> Result<(), HeaderError> {
    let SignedHeader {
        header, extension, ..
    } = signed;
    let size = header.length();
    if size > MAX_HEADER_BYTES {
        return Err(HeaderError::Size {
            expected: MAX_HEADER_BYTES,
            got: size,
        });
    }
    check_extension(header, extension, rules_hash)?;
    check_fixed(header)?;

    let latest = now_s.saturating_add(rules.max_clock_drift_s);
    if header.timestamp > latest {
        return Err(HeaderError::TimestampInFuture {
            expected: latest,
            got: header.timestamp,
        });
    }
    if header.gas_limit < rules.min_gas_limit {
        let (expected, got) = (rules.min_gas_limit, header.gas_limit);
        return Err(HeaderError::GasLimitMinimum { expected, got });
    }
    if header.gas_used > header.gas_limit {
        return Err(HeaderError::GasUsed {
            expected: header.gas_limit,
            got: header.gas_used,
        });
    }
    Ok(())
}

fn check_extension(
    header: &Header,
    extension: &Extension,
    rules_hash: B256,
) -> Result<(), HeaderError> {
    let hash = extension.hash();
    if header.extra_data.as_ref() != hash.as_slice() {
        return Err(HeaderError::ExtraData {
            expected: hash,
            got: header.extra_data.clone(),
        });
    }
    if extension.version != Extension::VERSION {
        let (expected, got) = (Extension::VERSION, extension.version);
        return Err(HeaderError::ExtensionVersion { expected, got });
    }
    if extension.rules_hash != rules_hash {
        return Err(HeaderError::RulesHash {
            expected: rules_hash,
            got: extension.rules_hash,
        });
    }
    Ok(())
}

/// Fields that have one value on this chain. `mix_hash` is the sequencer's PREVRANDAO and `requests_hash` depends on the contracts of the genesis: both are free.
fn check_fixed(header: &Header) -> Result<(), HeaderError> {
    macro_rules! fixed {
        ($field:ident, $expected:expr, $error:ident) => {
            if header.$field != $expected {
                return Err(HeaderError::$error {
                    expected: $expected,
                    got: header.$field,
                });
            }
        };
    }
    fixed!(ommers_hash, EMPTY_OMMER_ROOT_HASH, OmmersHash);
    fixed!(difficulty, U256::ZERO, Difficulty);
    fixed!(nonce, B64::ZERO, Nonce);
    fixed!(withdrawals_root, Some(EMPTY_WITHDRAWALS), WithdrawalsRoot);
    fixed!(blob_gas_used, Some(0), BlobGasUsed);
    fixed!(excess_blob_gas, Some(0), ExcessBlobGas);
    fixed!(
        parent_beacon_block_root,
        Some(B256::ZERO),
        ParentBeaconBlockRoot
    );
    if header.requests_hash.is_none() {
        return Err(HeaderError::RequestsHashMissing);
    }
    if header.block_access_list_hash.is_none() {
        return Err(HeaderError::BlockAccessListHashMissing);
    }
    if let Some(got) = header.slot_number {
        return Err(HeaderError::SlotNumber { got });
    }
    Ok(())
}

/// What ties a header to its parent.
pub(super) fn check_link(
    header: &Header,
    parent: &Header,
    parent_hash: B256,
    rules: &ChainRules,
) -> Result<(), HeaderError> {
    if header.parent_hash != parent_hash {
        let (expected, got) = (parent_hash, header.parent_hash);
        return Err(HeaderError::ParentHash { expected, got });
    }
    if parent.number.checked_add(1) != Some(header.number) {
        let expected = parent.number.saturating_add(1);
        return Err(HeaderError::Number {
            expected,
            got: header.number,
        });
    }
    // Equal is allowed: blocks can come every 50 ms (docs/adr/0003-equal-timestamps.md).
    if header.timestamp < parent.timestamp {
        let (expected, got) = (parent.timestamp, header.timestamp);
        return Err(HeaderError::TimestampBeforeParent { expected, got });
    }
    // As in the Yellow Paper: strictly less than one part in `divisor`.
    let step = parent
        .gas_limit
        .checked_div(rules.gas_limit_bound_divisor)
        .unwrap_or(0);
    if header.gas_limit != parent.gas_limit && header.gas_limit.abs_diff(parent.gas_limit) >= step {
        return Err(HeaderError::GasLimitStep {
            parent: parent.gas_limit,
            expected: step,
            got: header.gas_limit,
        });
    }
    let base_fee = compute_base_fee(parent, rules);
    if base_fee.is_none() || header.base_fee_per_gas != base_fee {
        let (expected, got) = (base_fee, header.base_fee_per_gas);
        return Err(HeaderError::BaseFee { expected, got });
    }
    Ok(())
}

/// The base fee of `parent`'s child (EIP-1559); none when the parent has none, when the gas target is zero or when the fee leaves 64 bits.
pub fn compute_base_fee(parent: &Header, rules: &ChainRules) -> Option<u64> {
    let base_fee = parent.base_fee_per_gas?;
    let target = parent.gas_limit.checked_div(rules.base_fee_elasticity)?;
    if parent.gas_used == target {
        return Some(base_fee);
    }
    // The difference times a 64-bit fee stays below 2^128.
    let distance = u128::from(parent.gas_used.abs_diff(target));
    let delta = u128::from(base_fee)
        .checked_mul(distance)?
        .checked_div(u128::from(target))?
        .checked_div(u128::from(rules.base_fee_change_denominator))?;
    let delta = u64::try_from(delta).ok()?;
    if parent.gas_used > target {
        base_fee.checked_add(delta.max(1))
    } else {
        Some(base_fee.saturating_sub(delta))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_eips::eip1559::{BaseFeeParams, calc_next_block_base_fee};
    use alloy_primitives::Address;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn base_fee_is_what_alloy_computes(
            base_fee in 0..u64::from(u32::MAX) * 1_000,
            limit in 5_000..1_000_000_000_u64,
            used in 0..=100_u64,
        ) {
            let rules = ChainRules::dev(B256::ZERO, Address::ZERO);
            let gas_used = limit / 100 * used;
            let parent = Header {
                base_fee_per_gas: Some(base_fee), gas_limit: limit, gas_used, ..Header::default()
            };
            let expected =
                calc_next_block_base_fee(gas_used, limit, base_fee, BaseFeeParams::ethereum());
            prop_assert_eq!(compute_base_fee(&parent, &rules), Some(expected));
        }
    }

    #[test]
    fn base_fee_of_hostile_parents_is_none() {
        let rules = ChainRules::dev(B256::ZERO, Address::ZERO);
        let parent = |base_fee, gas_limit, gas_used| Header {
            base_fee_per_gas: base_fee,
            gas_limit,
            gas_used,
            ..Header::default()
        };
        assert_eq!(compute_base_fee(&parent(None, 10_000, 0), &rules), None);
        assert_eq!(compute_base_fee(&parent(Some(7), 1, 1), &rules), None);
        assert_eq!(
            compute_base_fee(&parent(Some(u64::MAX), 10_000, 10_000), &rules),
            None
        );
    }
}
