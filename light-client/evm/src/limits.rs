//! What one request may cost, whatever the contract that it calls does.

/// Gas that a call may use when it names none, and the most that it may name: geth's `--rpc.gascap`.
///
/// It bounds memory too. A frame of `w` words costs `3 w + w^2 / 512` gas, so that 1,024 nested frames that share 50 M gas hold
/// at most `sqrt(1024 * 512 * 50e6)` words, about 160 MB, and one frame at most 5 MB.
pub const DEFAULT_GAS_CAP: u64 = 50_000_000;

/// Times that one request may be run with more state each time.
pub const MAX_ROUNDS: u32 = 64;

/// Accounts, slots, codes and block hashes that one request may read.
pub const MAX_STATE_ITEMS: usize = 16_384;

/// Bytes of one contract's code: EIP-7954's limit, which is the larger one.
pub const MAX_CODE_BYTES: usize = 49_152;

/// Misses after which a run is stopped. A run with a miss goes on with a guess only to find what else will be needed, and its
/// result is thrown away; this bounds how much a wrong guess can ask for.
pub(crate) const MAX_MISSES_PER_RUN: usize = 64;
