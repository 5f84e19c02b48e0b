//! Logs over a range of blocks, as they leave the client.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::{BlockRef, LogView, Trust};
use crate::reads::Commitments;

/// A log at its place in the chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// The log, with its position in the block.
    #[serde(flatten)]
    pub log: LogView,
    /// The block.
    pub block: BlockRef,
    /// Its time, in Unix seconds.
    pub timestamp: u64,
    /// The transaction that emitted it.
    pub transaction_hash: B256,
    /// That transaction's position in the block.
    pub transaction_index: u64,
}

impl LogEntry {
    pub(crate) fn new(
        block: &Commitments,
        transaction_index: u64,
        log_index: u64,
        log: &LogView,
    ) -> Self {
        Self {
            log: LogView {
                log_index,
                ..log.clone()
            },
            block: BlockRef {
                number: block.number,
                hash: block.hash,
            },
            timestamp: block.timestamp,
            transaction_hash: B256::ZERO,
            transaction_index,
        }
    }
}

/// Blocks over which a list of logs is not proven to be complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGap {
    /// First of them.
    pub from: u64,
    /// Last of them.
    pub to: u64,
    /// Why.
    pub reason: String,
}

/// Logs over a range, and over which part of it nothing is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogsView {
    /// First block of the range.
    pub from: u64,
    /// Last block of the range.
    pub to: u64,
    /// Nothing is missing.
    pub complete: bool,
    /// What is; the logs are complete over the rest of the range.
    pub missing: Vec<LogGap>,
    /// Oldest first.
    pub logs: Vec<LogEntry>,
    /// Why they may be believed.
    pub trust: Trust,
}

/// Of an error: the range that was asked for, and what of it is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRange {
    /// First block.
    pub from: u64,
    /// Last block.
    pub to: u64,
    /// The parts that are not proven to be complete.
    pub missing: Vec<LogGap>,
}
