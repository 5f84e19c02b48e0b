//! The share of blocks that a client in mode `execute` executes.

use serde::{Deserialize, Serialize};

/// How many blocks of a hundred are executed, 1 to 100. Which ones, a node cannot know beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Share(u8);

impl Share {
    /// Every block.
    pub const ALL: Self = Self(100);

    /// This many blocks of a hundred; none for 0 and for more than 100.
    pub const fn new(percent: u8) -> Option<Self> {
        match percent {
            1..=100 => Some(Self(percent)),
            _ => None,
        }
    }

    /// Percent.
    pub const fn percent(self) -> u8 {
        self.0
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::ALL
    }
}

impl From<Share> for u8 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl TryFrom<u8> for Share {
    type Error = &'static str;

    fn try_from(percent: u8) -> Result<Self, Self::Error> {
        Self::new(percent).ok_or("expected a share between 1 and 100")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_percentage_and_nothing_else() {
        assert_eq!(
            serde_json::from_str::<Share>("25").unwrap(),
            Share::new(25).unwrap()
        );
        assert_eq!(serde_json::to_string(&Share::ALL).unwrap(), "100");
        for text in ["0", "101", "-1", "2.5", "\"25\""] {
            assert!(serde_json::from_str::<Share>(text).is_err(), "{text}");
        }
    }
}
