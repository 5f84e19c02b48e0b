//! What an operator can set: how blocks are made and how much is kept.

use std::{str::FromStr, time::Duration};

use alloy_primitives::{Address, B256};

use crate::{error::ChainError, genesis::DEV_SIGNER_KEY};

/// How often the sequencer seals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealMode {
    /// One block per interval, empty or not. At least [`SequencerConfig::MIN_INTERVAL`].
    Interval(Duration),
    /// A block as soon as a transaction is ready, and none otherwise.
    Automine,
    /// Only when [`crate::Chain::seal`] is called.
    Manual,
}

impl FromStr for SealMode {
    type Err = String;

    /// `automine`, `manual`, or an interval in milliseconds such as `250` or `1000`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "automine" => Ok(Self::Automine),
            "manual" => Ok(Self::Manual),
            millis => match millis.parse() {
                Ok(millis) => Ok(Self::Interval(Duration::from_millis(millis))),
                Err(_) => Err(format!(
                    "expected automine, manual or milliseconds, got {text}"
                )),
            },
        }
    }
}

/// Bounds on the mempool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolLimits {
    /// Most transactions in the pool.
    pub transactions: usize,
    /// Most transactions of one sender.
    pub per_sender: usize,
    /// Most encoded bytes in the pool.
    pub bytes: usize,
    /// Most encoded bytes of one transaction without blobs; geth's limit.
    pub transaction_bytes: usize,
    /// Most encoded bytes of one transaction with its blobs; geth's limit.
    pub blob_transaction_bytes: usize,
    /// How far above the account's nonce a queued transaction may be.
    pub nonce_gap: u64,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self {
            transactions: 16_384,
            per_sender: 1_024,
            bytes: 64 << 20,
            transaction_bytes: 128 << 10,
            blob_transaction_bytes: 1 << 20,
            nonce_gap: 1_024,
        }
    }
}

/// What a chain keeps for its readers, and what they may spend.
#[derive(Clone, Copy, Debug)]
pub struct ViewConfig {
    /// Blocks, and their states, that stay readable; older ones are pruned. At least 1.
    pub retain_blocks: usize,
    /// Mempool bounds.
    pub pool: PoolLimits,
    /// Blocks a slow subscriber may fall behind before it sees a gap. At least 1.
    pub subscription_depth: usize,
    /// Gas that `eth_call`, `eth_estimateGas` and `eth_createAccessList` may burn.
    pub call_gas_cap: u64,
}

impl Default for ViewConfig {
    fn default() -> Self {
        Self {
            retain_blocks: 4_096,
            pool: PoolLimits::default(),
            subscription_depth: 256,
            call_gas_cap: 50_000_000,
        }
    }
}

impl ViewConfig {
    /// Refuses values that no chain can run with.
    pub(crate) fn validate(&self) -> Result<(), ChainError> {
        let numbers = [
            ("retain_blocks", self.retain_blocks),
            ("subscription_depth", self.subscription_depth),
        ];
        match numbers.into_iter().find(|(_, value)| *value == 0) {
            Some((key, got)) => Err(ChainError::Config {
                key,
                expected: "at least 1".to_owned(),
                got: got.to_string(),
            }),
            None => Ok(()),
        }
    }
}

/// How the chain is sequenced and how much of it is retained.
#[derive(Clone, Debug)]
pub struct SequencerConfig {
    /// When blocks are sealed.
    pub seal: SealMode,
    /// Blocks, and their states, that stay readable; older ones are pruned. At least 1.
    pub retain_blocks: usize,
    /// Mempool bounds.
    pub pool: PoolLimits,
    /// The secp256k1 key that signs headers. The genesis signer predeploy must name its address.
    pub signer_key: B256,
    /// Who gets priority fees; the signer when `None`.
    pub fee_recipient: Option<Address>,
    /// Sealed blocks a slow subscriber may fall behind before it sees a gap.
    pub subscription_depth: usize,
    /// Gas that `eth_call`, `eth_estimateGas` and `eth_createAccessList` may burn.
    pub call_gas_cap: u64,
}

impl SequencerConfig {
    /// The shortest seal interval.
    pub const MIN_INTERVAL: Duration = Duration::from_millis(50);

    /// Refuses values that no chain can run with.
    pub(crate) fn validate(&self) -> Result<(), ChainError> {
        if let SealMode::Interval(interval) = self.seal
            && interval < Self::MIN_INTERVAL
        {
            return Err(ChainError::Config {
                key: "seal",
                expected: "an interval of at least 50 ms".to_owned(),
                got: format!("{interval:?}"),
            });
        }
        self.view().validate()
    }

    /// The part of it that readers see.
    pub(crate) const fn view(&self) -> ViewConfig {
        ViewConfig {
            retain_blocks: self.retain_blocks,
            pool: self.pool,
            subscription_depth: self.subscription_depth,
            call_gas_cap: self.call_gas_cap,
        }
    }
}

impl Default for SequencerConfig {
    fn default() -> Self {
        let view = ViewConfig::default();
        Self {
            seal: SealMode::Interval(Duration::from_secs(1)),
            retain_blocks: view.retain_blocks,
            pool: view.pool,
            signer_key: DEV_SIGNER_KEY,
            fee_recipient: None,
            subscription_depth: view.subscription_depth,
            call_gas_cap: view.call_gas_cap,
        }
    }
}
