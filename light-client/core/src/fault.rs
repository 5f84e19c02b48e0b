//! What was wrong, in a shape that a person, a UI and a JSON-RPC error can show: a field, what was expected, what came. `docs/wire-format.md` section 6 lists the kinds.

use alloc::string::String;
use alloy_primitives::{Address, B256, Bytes, U256};
use core::fmt;

/// A value named in a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing, or nothing worth showing.
    None,
    /// A number.
    Number(u64),
    /// A 256-bit number.
    Quantity(U256),
    /// A hash or a root.
    Hash(B256),
    /// An address.
    Address(Address),
    /// Raw bytes.
    Bytes(Bytes),
    /// A word or a short sentence.
    Text(&'static str),
    /// A sentence that was made up when it happened.
    Words(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Quantity(quantity) => write!(f, "{quantity:#x}"),
            Self::Hash(hash) => write!(f, "{hash}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Bytes(bytes) => write!(f, "{bytes}"),
            Self::Text(text) => f.write_str(text),
            Self::Words(text) => f.write_str(text),
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::$variant(value)
            }
        }

        impl From<Option<$type>> for Value {
            fn from(value: Option<$type>) -> Self {
                value.map_or(Self::None, Self::$variant)
            }
        }
    )+};
}

from!(u64 => Number, U256 => Quantity, B256 => Hash, Address => Address, Bytes => Bytes, &'static str => Text, String => Words);

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Number(u64::try_from(value).unwrap_or(u64::MAX))
    }
}

/// What kind of fault: a stable machine word, see `docs/wire-format.md` section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// Not a message.
    BadEnvelope,
    /// Longer than its limit.
    Oversized,
    /// Says that it decodes to implausibly much.
    DecompressionBomb,
    /// A header breaks a rule.
    BadHeader,
    /// A header does not follow the block that it should.
    WrongParent,
    /// A header is not signed, or not by the scheduled signer.
    BadSignature,
    /// An old or lagging head is presented as the newest.
    StaleHead,
    /// The sequencer signed two headers at one height.
    Equivocation,
    /// A block access list is not the one that the header commits to.
    BadBalHash,
    /// The sequencer committed to a malformed block access list.
    BadBal,
    /// A watched account's entry is not the one under the accounts root.
    AlteredChange,
    /// A watched account is missing in an update, or another one is there.
    OmittedChange,
    /// A watched account is said to be untouched and is not proven to be.
    FalseAbsence,
    /// A witness node is malformed, unreachable or repeated.
    BadWitness,
    /// A witness leaves out a node that is needed.
    IncompleteWitness,
    /// The committed diff does not give the committed state root.
    StateRootMismatch,
    /// The committed diff and the committed state disagree about a watched account.
    PostStateMismatch,
    /// Executing the block does not give what its header says, or breaks a rule.
    InvalidExecution,
    /// Code that does not have the hash asked for.
    BadCode,
    /// An account or storage proof that does not lead to the root.
    BadProof,
    /// A range of logs of which a part is not proven to be complete.
    IncompleteLogs,
    /// A checkpoint that is damaged, too old, from the future or of another chain.
    BadCheckpoint,
    /// Messages are missing and the node did not say so.
    SequenceGap,
    /// An answer to another question.
    WrongResponse,
    /// No answers, repeatedly.
    Unresponsive,
    /// The chain was reorganised below what is retained.
    ReorgTooDeep,
}

impl FaultKind {
    /// The word on the wire, in JSON and in the UI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadEnvelope => "bad_envelope",
            Self::Oversized => "oversized",
            Self::DecompressionBomb => "decompression_bomb",
            Self::BadHeader => "bad_header",
            Self::WrongParent => "wrong_parent",
            Self::BadSignature => "bad_signature",
            Self::StaleHead => "stale_head",
            Self::Equivocation => "equivocation",
            Self::BadBalHash => "bad_bal_hash",
            Self::BadBal => "bad_bal",
            Self::AlteredChange => "altered_change",
            Self::OmittedChange => "omitted_change",
            Self::FalseAbsence => "false_absence",
            Self::BadWitness => "bad_witness",
            Self::IncompleteWitness => "incomplete_witness",
            Self::StateRootMismatch => "state_root_mismatch",
            Self::PostStateMismatch => "post_state_mismatch",
            Self::InvalidExecution => "invalid_execution",
            Self::BadCode => "bad_code",
            Self::BadProof => "bad_proof",
            Self::IncompleteLogs => "incomplete_logs",
            Self::BadCheckpoint => "bad_checkpoint",
            Self::SequenceGap => "sequence_gap",
            Self::WrongResponse => "wrong_response",
            Self::Unresponsive => "unresponsive",
            Self::ReorgTooDeep => "reorg_too_deep",
        }
    }

    /// Whether the peer that sent it is to blame. Otherwise the sequencer is, or nobody.
    pub const fn is_peer_fault(self) -> bool {
        !matches!(
            self,
            Self::Equivocation
                | Self::BadBal
                | Self::StateRootMismatch
                | Self::PostStateMismatch
                | Self::InvalidExecution
                | Self::IncompleteLogs
                | Self::BadCheckpoint
                | Self::ReorgTooDeep
        )
    }

    /// Whether a block with this fault can never be right, whoever sends it: the sequencer contradicts itself.
    pub const fn is_conflict(self) -> bool {
        matches!(
            self,
            Self::Equivocation
                | Self::BadBal
                | Self::StateRootMismatch
                | Self::PostStateMismatch
                | Self::InvalidExecution
        )
    }
}

/// Something that a check refused: which kind, in which block, which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The kind.
    pub kind: FaultKind,
    /// The block's number, if the fault is about a block.
    pub number: Option<u64>,
    /// The block's hash, if the fault is about a block.
    pub hash: Option<B256>,
    /// The field, what was expected and what came.
    pub mismatch: Mismatch,
}

impl Fault {
    /// A fault that is not about one block.
    pub const fn new(kind: FaultKind, mismatch: Mismatch) -> Self {
        Self {
            kind,
            number: None,
            hash: None,
            mismatch,
        }
    }

    /// The same fault, about this block.
    pub fn at(self, number: u64, hash: B256) -> Self {
        Self {
            number: Some(number),
            hash: Some(hash),
            ..self
        }
    }

    /// The kind as a stable machine word.
    pub const fn kind(&self) -> &'static str {
        self.kind.as_str()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind())?;
        if let Some(number) = self.number {
            write!(f, " in block {number}")?;
        }
        write!(f, ": {}", self.mismatch)
    }
}

/// One field that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Dotted name of the field, for example `header.state_root`.
    pub field: &'static str,
    /// What the checks demand.
    pub expected: Value,
    /// What came.
    pub got: Value,
}

impl Mismatch {
    /// A mismatch of `field`.
    pub fn new(field: &'static str, expected: impl Into<Value>, got: impl Into<Value>) -> Self {
        Self {
            field,
            expected: expected.into(),
            got: got.into(),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            expected,
            got,
        } = self;
        write!(f, "{field}: expected {expected}, got {got}")
    }
}
