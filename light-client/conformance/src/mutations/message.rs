//! The bytes that carry an execution input: a message that says another length than it has, or inflates to more than it says, is refused; how it is packed says nothing.
//!
//! The frames are made here, of stored and of repeated blocks (RFC 8878, 3.1.1): what a compressor would never write is what an attacker does.

use alloy_primitives::Bytes;
use sidelight_core::wire::{NodeMessage, Response};
use sidelight_executor::ExecutionInput;

use super::Trial;

/// Largest block of a frame.
const MAX_BLOCK: usize = 128 << 10;

pub(super) fn attack(trial: &mut Trial<'_>) {
    let bytes = trial.subject.input().encode();
    inputs(trial, &bytes);
    let message = NodeMessage::Response {
        id: 1,
        response: Response::Execution(Bytes::from(bytes)),
    };
    let raw = message.encode();
    let Some((&kind, payload)) = raw.split_first().map(|(kind, rest)| (kind, &rest[1..])) else {
        return trial.survive("message", "it is empty");
    };
    let length = payload.len();
    let frame = store(payload);
    let pack = |length: usize, frame: &[u8]| {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        [&[kind, 1][..], &length.to_be_bytes(), frame].concat()
    };
    let is_same = |bytes: &[u8]| NodeMessage::decode(bytes).is_ok_and(|got| got == message);
    trial.count("message: stored frame");
    if !is_same(&raw) || !is_same(&pack(length, &frame)) {
        trial.survive("message: stored frame", "expected the same message");
    }
    let mut cut = frame.clone();
    cut.truncate(frame.len() / 2);
    let bombs = [
        ("message: other length", pack(length + 1, &frame)),
        (
            "message: other length",
            pack(length.saturating_sub(1), &frame),
        ),
        ("message: other length", pack(0, &frame)),
        ("message: other length", pack(usize::MAX, &frame)),
        ("message: bomb", pack(1 << 20, &repeat(1 << 20))),
        ("message: bomb", pack(32 << 20, &repeat(32 << 20))),
        ("message: bomb", pack(length, &repeat(32 << 20))),
        ("message: cut frame", pack(length, &cut)),
        (
            "message: two frames",
            pack(length, &[frame.clone(), frame].concat()),
        ),
        (
            "message: other encoding",
            [&[kind, 2][..], payload].concat(),
        ),
    ];
    for (class, bytes) in bombs {
        trial.count(class);
        if NodeMessage::decode(&bytes).is_ok() {
            trial.survive(class, "expected a refusal");
        }
    }
}

/// The input's own encoding: read as it was written, and nothing else is one.
fn inputs(trial: &mut Trial<'_>, bytes: &[u8]) {
    let class = "message: input cut or longer";
    for at in trial.sample(bytes.len()) {
        trial.count(class);
        if ExecutionInput::decode(&bytes[..at]).is_ok() {
            trial.survive(class, "expected a refusal");
        }
    }
    trial.count(class);
    if ExecutionInput::decode(&[bytes, &[0x80]].concat()).is_ok() {
        trial.survive(class, "expected a refusal");
    }
}

/// A frame of stored blocks.
fn store(payload: &[u8]) -> Vec<u8> {
    let mut out = begin(payload.len());
    let count = payload.len().div_ceil(MAX_BLOCK).max(1);
    for at in 0..count {
        let from = at * MAX_BLOCK;
        let part = &payload[from..payload.len().min(from + MAX_BLOCK)];
        block(&mut out, at + 1 == count, 0, part.len());
        out.extend_from_slice(part);
    }
    out
}

/// A frame that says one byte many times.
fn repeat(length: usize) -> Vec<u8> {
    let mut out = begin(length);
    let count = length.div_ceil(MAX_BLOCK);
    for at in 0..count {
        block(
            &mut out,
            at + 1 == count,
            1,
            MAX_BLOCK.min(length - at * MAX_BLOCK),
        );
        out.push(0xc0);
    }
    out
}

/// Magic number, then: a single segment, whose length has four bytes.
fn begin(length: usize) -> Vec<u8> {
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    [&[0x28, 0xb5, 0x2f, 0xfd, 0xa0][..], &length.to_le_bytes()].concat()
}

fn block(out: &mut Vec<u8>, is_last: bool, kind: u32, size: usize) {
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let header = u32::from(is_last) | kind << 1 | size << 3;
    out.extend_from_slice(&header.to_le_bytes()[..3]);
}
