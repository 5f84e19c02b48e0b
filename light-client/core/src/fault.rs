//! What was wrong, in a shape that a person, a UI and a JSON-RPC error can show: a field, what was expected, what came. `docs/wire-format.md` section 6 lists the kinds.

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

from!(u64 => Number, U256 => Quantity, B256 => Hash, Address => Address, Bytes => Bytes, &'static str => Text);

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Number(u64::try_from(value).unwrap_or(u64::MAX))
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
