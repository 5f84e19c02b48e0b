//! A block that is not valid outlives the client that found it: the record has all that shows it, and is judged again when the store is opened.
//!
//! ```text
//! record = [version = 1, field, expected, got, parent, header, input]     byte strings, headers in RLP
//! ```
//! The record alone convinces nobody: the block must be among the stored headers, whose signatures were verified again, and executing it must fail again. A client that cannot execute,
//! because it was started in another mode, keeps the conflict as it was stored: a false one costs its answers until it is forgotten, a lost one would cost the truth.

use std::sync::Arc;

use alloy_primitives::{Bytes, keccak256};
use alloy_rlp::Decodable;
use sidelight_core::fault::{Fault, FaultKind, Mismatch};

use super::Inner;
use crate::platform::{Job, Verdict};

const VERSION: u8 = 1;
/// Inputs above this are not stored, and the block is not judged again.
const MAX_STORED_INPUT: usize = 8 << 20;

/// Items of a record.
const ITEMS: usize = 7;

/// What is stored of an invalid block.
pub(super) fn encode(fault: &Fault, job: &Job) -> Vec<u8> {
    let input = match job.input.len() {
        ..=MAX_STORED_INPUT => job.input.clone(),
        _ => Bytes::new(),
    };
    let text = |text: String| Bytes::from(text.into_bytes());
    let items: [Bytes; ITEMS] = [
        vec![VERSION].into(),
        text(fault.mismatch.field.to_owned()),
        text(fault.mismatch.expected.to_string()),
        text(fault.mismatch.got.to_string()),
        job.parent.clone().into(),
        job.header.clone().into(),
        input,
    ];
    alloy_rlp::encode(items.to_vec())
}

fn decode(mut bytes: &[u8]) -> Option<[Bytes; ITEMS]> {
    let items = Vec::<Bytes>::decode(&mut bytes).ok()?;
    let items = <[Bytes; ITEMS]>::try_from(items).ok()?;
    let [version, ..] = &items;
    (bytes.is_empty() && version.as_ref() == [VERSION]).then_some(items)
}

impl Inner {
    /// Takes up a stored conflict, unless it turns out to be none.
    pub(in crate::driver) async fn restore_conflict(self: &Arc<Self>, bytes: &[u8]) {
        let Some([_, field, expected, got, parent, header, input]) = decode(bytes) else {
            return;
        };
        // By their hashes these are the headers that were verified.
        let header_hash = keccak256(&header);
        let number = {
            let state = self.state();
            let block = state.archive.by_hash(header_hash);
            block
                .filter(|block| keccak256(&parent) == block.header.header().parent_hash)
                .map(|block| block.header.number())
        };
        let Some(number) = number else {
            return;
        };
        let words = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap_or_default();
        let stored = Mismatch::new(
            crate::platform::field_named(&words(&field)),
            words(&expected),
            words(&got),
        );
        let job = Job {
            chain_id: self.trust.rules.chain_id,
            parent: parent.to_vec(),
            header: header.to_vec(),
            input,
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
        let fault = Fault::new(FaultKind::InvalidExecution, mismatch).at(number, header_hash);
        let now_ms = self.platform.now_ms();
        let mut state = self.state();
        state.on_invalid(fault.clone(), &job);
        state.tell_fault(&fault, "store", now_ms);
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

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
        let [_, _, _, got, parent, header, input] = decode(&bytes).unwrap();
        assert_eq!(got, Bytes::from_static(b"2"));
        assert_eq!(
            (parent.to_vec(), header.to_vec()),
            (job.parent.clone(), job.header.clone())
        );
        assert_eq!(input, job.input);
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_none());
        }
        assert!(decode(&[bytes, vec![0]].concat()).is_none());
        let large = Job {
            input: vec![0; MAX_STORED_INPUT + 1].into(),
            ..job
        };
        assert!(decode(&encode(&fault, &large)).unwrap()[6].is_empty());
    }
}
