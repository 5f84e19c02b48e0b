//! Verified reads. Each has three outcomes: a value, proven absent, or unknown, which is an error.
//!
//! ```text
//! block id -> verified header -> question to a node -> the core's check against the header -> value with its label
//!                                      ^                         |
//!                                      +---- another node <--- fault
//! ```
//!
//! Older blocks than the kept headers are found by [`history`].

mod account;
mod block;
mod decode;
mod history;
mod logs;
mod transaction;

use std::sync::Arc;

use alloy_primitives::B256;
use sidelight_core::{header::VerifiedHeader, trust::TrustLevel as Level};

pub use self::logs::LogQuery;
pub(crate) use self::{
    block::{Body, Commitments, kind_of},
    decode::{Receipt, Transaction},
    history::OldHeaders,
    transaction::Placed,
};
use crate::{
    driver::Inner,
    dto::{BlockRef, Finality, ProofView, Trust, TrustLevel},
    error::ClientError,
};

/// A block by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockId {
    /// The newest verified block.
    Latest,
    /// By height.
    Number(u64),
    /// By header hash.
    Hash(B256),
}

impl BlockId {
    /// Reads `latest`, `pending` (the same: there is no verified block above it), `earliest`, a `0x` quantity, a decimal height or a hash.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let refused = || {
            ClientError::Params(format!(
                "block: expected latest, earliest, a number or a hash, got {:?}",
                text.chars().take(80).collect::<String>()
            ))
        };
        match text {
            "latest" | "pending" => return Ok(Self::Latest),
            "earliest" => return Ok(Self::Number(0)),
            "safe" | "finalized" => {
                return Err(ClientError::NotSupported(format!(
                    "block {text}: this chain's blocks are sealed, none is attested or settled"
                )));
            }
            _ => {}
        }
        match text.strip_prefix("0x") {
            Some(digits) if digits.len() == 64 => {
                text.parse().map(Self::Hash).map_err(|_| refused())
            }
            // A sign is a digit to no one else.
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                u64::from_str_radix(digits, 16)
                    .map(Self::Number)
                    .map_err(|_| refused())
            }
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().map(Self::Number).map_err(|_| refused())
            }
            _ => Err(refused()),
        }
    }
}

/// A verified header that something is read under.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) header: VerifiedHeader,
    pub(crate) level: Level,
    /// For a block older than the headers that are kept: how it follows from one that is.
    pub(crate) way: Option<Arc<Way>>,
}

/// How an old block follows from a followed one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Way {
    /// In words, in order.
    pub(crate) steps: Vec<String>,
    /// What proving it cost.
    pub(crate) bytes: u64,
}

/// How a value was come by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) source: String,
    pub(crate) ms: f64,
    pub(crate) bytes: u64,
}

impl Origin {
    /// Another part of the same value.
    pub(crate) fn add(&mut self, other: Self) {
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.ms += other.ms;
        self.source = other.source;
    }
}

impl Inner {
    /// The verified header of a block.
    pub(crate) fn resolve(&self, id: BlockId) -> Result<Known, ClientError> {
        let now_ms = self.platform.now_ms();
        let mut state = self.state();
        if state.is_closed {
            return Err(ClientError::Closed);
        }
        if let Some(error) = state.conflict_error() {
            return Err(error);
        }
        if id == BlockId::Latest && !state.may_answer_latest(now_ms) {
            return Err(ClientError::NotSynced);
        }
        let entry = match id {
            BlockId::Latest => state.archive.head(),
            BlockId::Number(number) => state.archive.at(number),
            BlockId::Hash(hash) => state.archive.by_hash(hash),
        };
        let Some(entry) = entry else {
            return Err(unknown(id, &state));
        };
        Ok(Known {
            header: entry.header.clone(),
            level: entry.level,
            way: None,
        })
    }

    /// Labels a value that was read under `known`.
    pub(crate) fn label(
        &self,
        known: &Known,
        level: TrustLevel,
        checks: Vec<String>,
        proof: Option<ProofView>,
        origin: &Origin,
    ) -> Trust {
        let now_ms = self.platform.now_ms();
        let header = &known.header;
        let mut all = match (&known.way, header.signer()) {
            (Some(way), _) => way.steps.clone(),
            (None, Some(signer)) => {
                vec![format!(
                    "the header is signed by {signer}, whose turn it was"
                )]
            }
            (None, None) => vec!["the header's hash is pinned by the chain's rules".into()],
        };
        all.extend(checks);
        // What is proven under a block that was executed here is as good as the block.
        let is_executed = known.level >= Level::Executed;
        let level = if is_executed {
            all.push("this client executed the block, and it is what its header says".into());
            level.max(crate::driver::view_level(known.level))
        } else {
            level
        };
        Trust {
            level,
            finality: Finality::Sealed,
            block: Some(BlockRef {
                number: header.number(),
                hash: header.hash(),
            }),
            state_root: Some(header.state_root()),
            checks: all,
            proof,
            proof_bytes: origin.bytes + known.way.as_ref().map_or(0, |way| way.bytes),
            ms: (origin.ms * 1_000.0).round() / 1_000.0,
            source: origin.source.clone(),
            age_ms: crate::driver::age_ms(header, now_ms),
            stale: self.state().is_stale(now_ms),
        }
    }
}

fn unknown(id: BlockId, state: &crate::driver::State) -> ClientError {
    let head = state.head().map(VerifiedHeader::number);
    let Some(head) = head else {
        return ClientError::NotSynced;
    };
    let oldest = state.archive.oldest().unwrap_or(head);
    ClientError::UnknownBlock(match id {
        BlockId::Number(number) if number > head => {
            format!("block {number} is above the verified head {head}")
        }
        BlockId::Number(number) => format!(
            "block {number} is older than the headers that this client keeps, {oldest} to {head}"
        ),
        BlockId::Hash(hash) => {
            format!("no verified block between {oldest} and {head} has the hash {hash}")
        }
        BlockId::Latest => "there is no verified block".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_named_as_everywhere() {
        let parse = |text| BlockId::parse(text).unwrap();
        assert_eq!(parse("latest"), BlockId::Latest);
        assert_eq!(parse("earliest"), BlockId::Number(0));
        assert_eq!(
            (parse("0x1f"), parse("31")),
            (BlockId::Number(31), BlockId::Number(31))
        );
        assert_eq!(
            parse(&B256::repeat_byte(7).to_string()),
            BlockId::Hash(B256::repeat_byte(7))
        );
    }

    #[test]
    fn what_is_no_block_is_refused_and_finality_is_not_pretended() {
        for text in [
            "",
            "0x",
            "newest",
            "-1",
            "0x+1",
            "+1",
            "0x1ffffffffffffffff",
            "99999999999999999999",
        ] {
            let error = BlockId::parse(text)
                .map_or_else(|error| error.code(), |id| panic!("{text}: {id:?}"));
            assert_eq!(error, -32602, "{text}");
        }
        assert_eq!(BlockId::parse("finalized").unwrap_err().code(), 4200);
    }
}
