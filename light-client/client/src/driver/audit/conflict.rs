//! A block that is not valid outlives the client that found it: the record has all that shows it, and is judged again when the store is opened.
//!
//! ```text
//! record = [version = 1, number, hash, field, expected, got, parent, header, input]     headers in RLP
//! ```
//! The record alone convinces nobody: the block must be among the stored headers, whose signatures were verified again, and executing it must fail again. A client that cannot execute,
//! because it was started in another mode, keeps the conflict as it was stored: a false one costs its answers until it is forgotten, a lost one would cost the truth.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{Decodable, RlpDecodable, RlpEncodable};
use sidelight_core::fault::{Fault, FaultKind, Mismatch};

use super::Inner;
use crate::platform::{Job, Verdict};

const VERSION: u64 = 1;
/// Inputs above this are not stored, and the block is not judged again.
const MAX_STORED_INPUT: usize = 8 << 20;

#[derive(RlpEncodable, RlpDecodable)]
struct Record {
    version: u64,
    number: u64,
    hash: B256,
    field: Bytes,
    expected: Bytes,
    got: Bytes,
    parent: Bytes,
    header: Bytes,
    input: Bytes,
}

/// What is stored of an invalid block.
pub(super) fn encode(fault: &Fault, job: &Job) -> Vec<u8> {
    let text = |text: String| Bytes::from(text.into_bytes());
    let input = match job.input.len() {
        ..=MAX_STORED_INPUT => job.input.clone(),
        _ => Bytes::new(),
    };
    alloy_rlp::encode(Record {
        version: VERSION,
        number: fault.number.unwrap_or_default(),
        hash: fault.hash.unwrap_or_default(),
        field: text(fault.mismatch.field.to_owned()),
        expected: text(fault.mismatch.expected.to_string()),
        got: text(fault.mismatch.got.to_string()),
        parent: job.parent.clone().into(),
        header: job.header.clone().into(),
        input,
    })
}

fn decode(mut bytes: &[u8]) -> Option<Record> {
    let record = Record::decode(&mut bytes).ok()?;
    (bytes.is_empty() && record.version == VERSION).then_some(record)
}

impl Inner {
    /// Takes up a stored conflict, unless it turns out to be none.
    pub(in crate::driver) async fn restore_conflict(self: &Arc<Self>, bytes: &[u8]) {
        let Some(record) = decode(bytes) else {
            return;
        };
        // By their hashes these are the headers that were verified.
        let is_known = {
            let state = self.state();
            let block = state.archive.by_hash(record.hash);
            block.is_some_and(|block| {
                keccak256(&record.header) == record.hash
                    && keccak256(&record.parent) == block.header.header().parent_hash
            })
        };
        if !is_known {
            return;
        }
        let words = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
        let stored = Mismatch::new(
            crate::platform::field_named(&words(&record.field)),
            words(&record.expected),
            words(&record.got),
        );
        let job = Job {
            chain_id: self.trust.rules.chain_id,
            parent: record.parent.to_vec(),
            header: record.header.to_vec(),
            input: record.input,
        };
        let can_judge = self.state().audit.is_some() && !job.input.is_empty();
        let mismatch = match can_judge {
            false => stored,
            true => match self.platform.execute(job.clone()).await {
                Verdict::Refused { kind, mismatch } if kind.is_conflict() => mismatch,
                Verdict::TimedOut | Verdict::Failed(_) => stored,
                // It is valid, or the record is damaged.
                _ => return,
            },
        };
        let fault =
            Fault::new(FaultKind::InvalidExecution, mismatch).at(record.number, record.hash);
        let now_ms = self.platform.now_ms();
        let mut state = self.state();
        state.on_invalid(fault.clone(), &job);
        state.tell_fault(&fault, "store", now_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written_and_nothing_else_is_one() {
        let fault = Fault::new(
            FaultKind::InvalidExecution,
            Mismatch::new("header.gas_used", 1_u64, 2_u64),
        )
        .at(7, B256::repeat_byte(1));
        let job = Job {
            chain_id: 1,
            parent: vec![1; 40],
            header: vec![2; 50],
            input: vec![3; 60].into(),
        };
        let bytes = encode(&fault, &job);
        let record = decode(&bytes).unwrap();
        assert_eq!((record.number, record.hash), (7, B256::repeat_byte(1)));
        assert_eq!(record.got, Bytes::from_static(b"2"));
        assert_eq!(record.input, job.input);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_none());
        }
        assert!(decode(&[bytes, vec![0]].concat()).is_none());
        let large = Job {
            input: vec![0; MAX_STORED_INPUT + 1].into(),
            ..job
        };
        assert!(decode(&encode(&fault, &large)).unwrap().input.is_empty());
    }
}
