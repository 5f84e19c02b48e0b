//! Decoders: what is read is written back as the same bytes, or it is refused.

use sidelight_client::platform::Verdict;
use sidelight_core::{
    checkpoint::Checkpoint,
    evidence::Evidence,
    extension::Extension,
    header::SignedHeader,
    rules::ChainRules,
    wire::{ClientMessage, NodeMessage, Update},
};
use sidelight_executor::{ExecutionInput, decode_block};

macro_rules! canonical {
    ($($(#[$doc:meta])* $name:ident = $type:ty;)+) => {$(
        $(#[$doc])*
        pub fn $name(data: &[u8]) {
            if let Ok(read) = <$type>::decode(data) {
                assert_eq!(read.encode(), data, "{read:?}");
            }
        }
    )+};
}

canonical! {
    /// Rules.
    rules = ChainRules;
    /// The record behind `extra_data`.
    extension = Extension;
    /// A signed header.
    signed_header = SignedHeader;
    /// Evidence of equivocation.
    evidence = Evidence;
    /// A checkpoint.
    checkpoint = Checkpoint;
    /// An update.
    update = Update;
    /// What executing a block takes.
    execution_input = ExecutionInput;
}

/// An envelope and what is in it. A compressed one has another form as well; read again, that is the same.
pub fn client_message(data: &[u8]) {
    if let Ok(read) = ClientMessage::decode(data) {
        let written = read.encode();
        if data.get(1) == Some(&0) {
            assert_eq!(written, data, "{read:?}");
        }
        assert_eq!(ClientMessage::decode(&written).as_ref(), Ok(&read));
    }
}

/// As [`client_message`].
pub fn node_message(data: &[u8]) {
    if let Ok(read) = NodeMessage::decode(data) {
        let written = read.encode();
        if data.get(1) == Some(&0) {
            assert_eq!(written, data, "{read:?}");
        }
        assert_eq!(NodeMessage::decode(&written).as_ref(), Ok(&read));
    }
}

/// A block's RLP.
pub fn block(data: &[u8]) {
    if let Ok(read) = decode_block(data) {
        assert_eq!(alloy_rlp::encode(&read.block), data);
        assert_eq!(read.hash, read.block.header.hash_slow());
    }
}

/// The JSON of a verdict: whatever a worker says, only what it says about the sequencer is the sequencer's fault.
pub fn verdict(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Verdict::Refused { kind, .. } = Verdict::parse(text)
        && kind.is_conflict()
    {
        assert!(text.contains("invalid_execution") || text.contains('\\'));
    }
}
