//! Ethash's difficulty (Yellow Paper 4.3.4, EIP-2, EIP-100, and the EIPs that delay the bomb).

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_primitives::U256;

use crate::spec::{ChainSpec, Fork};

const MINIMUM: U256 = U256::from_limbs([131_072, 0, 0, 0]);
/// Blocks by which each fork puts the bomb off, the newest first.
const DELAYS: [(Fork, u64); 6] = [
    (Fork::GrayGlacier, 11_400_000),
    (Fork::ArrowGlacier, 10_700_000),
    (Fork::London, 9_700_000),
    (Fork::MuirGlacier, 9_000_000),
    (Fork::Constantinople, 5_000_000),
    (Fork::Byzantium, 3_000_000),
];

/// The difficulty of the block with this number and time after `parent`.
pub(crate) fn compute_difficulty(
    spec: &ChainSpec,
    number: u64,
    timestamp: u64,
    parent: &Header,
) -> U256 {
    let active = |fork| spec.is_active(fork, number, timestamp);
    let step = parent.difficulty / U256::from(2_048);
    let elapsed = timestamp.saturating_sub(parent.timestamp);
    let (up, down) = if active(Fork::Byzantium) {
        let has_ommers = parent.ommers_hash != EMPTY_OMMER_ROOT_HASH;
        let base = if has_ommers { 2 } else { 1 };
        let late = elapsed / 9;
        (base - late.min(base), late.saturating_sub(base).min(99))
    } else if active(Fork::Homestead) {
        let late = elapsed / 10;
        (1 - late.min(1), late.saturating_sub(1).min(99))
    } else {
        (u64::from(elapsed < 13), u64::from(elapsed >= 13))
    };
    let moved = (parent.difficulty + step * U256::from(up))
        .saturating_sub(step * U256::from(down))
        .max(MINIMUM);

    let delay = DELAYS.iter().find(|(fork, _)| active(*fork));
    let delay = delay.map_or(0, |(_, delay)| *delay);
    // The delayed formulas count from the parent's number, which is the same as the block's less one.
    let period = number.saturating_sub(delay) / 100_000;
    if period < 2 {
        return moved;
    }
    let bomb = U256::ONE.checked_shl(usize::try_from(period - 2).unwrap_or(usize::MAX));
    moved.saturating_add(bomb.unwrap_or(U256::MAX))
}
