//! How far a block, or a value of it, was checked. Each level includes the ones before it.
//!
//! ```text
//! unverified < signed < consistent < executed < proven
//!              |        |            |          a validity proof was checked
//!              |        |            this client re-executed the block
//!              |        the diff or the proof reproduces the state root
//!              the scheduled signer's signature covers the header
//! ```
//!
//! *Consistent* is not *valid*: the sequencer may have executed wrongly, and still list exactly what it did.

use core::fmt;

/// A trust level; the order of the variants is the order of trust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TrustLevel {
    /// Somebody said it.
    #[default]
    Unverified,
    /// In a header that the scheduled signer signed.
    Signed,
    /// The diff or the proof reproduces the state root.
    Consistent,
    /// This client executed the block.
    Executed,
    /// A validity proof was checked.
    Proven,
}

impl TrustLevel {
    /// The word in the UI, in JSON and in the docs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Signed => "signed",
            Self::Consistent => "consistent",
            Self::Executed => "executed",
            Self::Proven => "proven",
        }
    }
}

impl fmt::Display for TrustLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_is_above_the_ones_before_it() {
        use TrustLevel::{Consistent, Executed, Proven, Signed, Unverified};
        let levels = [Unverified, Signed, Consistent, Executed, Proven];
        assert!(levels.is_sorted());
        assert_eq!(
            levels.map(TrustLevel::as_str).join(" < "),
            "unverified < signed < consistent < executed < proven"
        );
    }
}
