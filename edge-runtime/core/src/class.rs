//! Determinism classes: what a back end pins, and what may be said of its results. A result never claims more than its class.
//!
//! ```text
//!   D0  our engine's bytes             equal bit for bit, any type
//!   D1  ONNX Runtime, static int8      equal bit for bit inside the family
//!   D2  any engine, f32                within a tolerance that the runtime states
//!   D3  GPU                            a fingerprint of activations
//!   D4  attested                       nothing is recomputed
//! ```

use alloc::{collections::BTreeMap, string::String};
use alloy_primitives::{B256, keccak256};
use serde::Serialize;
use sidelight_tensor::Tolerance;
use thiserror::Error;

use crate::typed::Runtime;

/// A determinism class. A smaller one promises more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DetClass {
    /// The pinned engine.
    D0 = 0,
    /// ONNX Runtime with static int8.
    D1 = 1,
    /// Floating point within a tolerance.
    D2 = 2,
    /// A GPU's fingerprint.
    D3 = 3,
    /// An attestation or a quorum.
    D4 = 4,
}

/// Why a runtime is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClassError {
    /// There is no such class.
    #[error("detClass: expected 0 to 4, got {got}")]
    Unknown {
        /// The number.
        got: u8,
    },
    /// A class that promises equal bits states a tolerance.
    #[error("tolerance: expected none in an exact class, got {atol_e9}e-9 and {rtol_e9}e-9")]
    ToleranceInExactClass {
        /// Absolute.
        atol_e9: u64,
        /// Relative.
        rtol_e9: u64,
    },
    /// Class D0 without the engine's hash pins nothing.
    #[error("engineSha256: expected the hash of the engine in class D0, got zero")]
    EngineNotPinned,
    /// A tolerance that everything satisfies.
    #[error("tolerance: expected at most {MAX_TOLERANCE_E9}e-9, got {got}e-9")]
    Tolerance {
        /// The larger of the two.
        got: u64,
    },
}

/// A tenth: beyond it, agreement says nothing.
pub const MAX_TOLERANCE_E9: u64 = 100_000_000;

impl DetClass {
    /// The class of a number.
    pub const fn from_number(number: u8) -> Result<Self, ClassError> {
        match number {
            0 => Ok(Self::D0),
            1 => Ok(Self::D1),
            2 => Ok(Self::D2),
            3 => Ok(Self::D3),
            4 => Ok(Self::D4),
            got => Err(ClassError::Unknown { got }),
        }
    }

    /// Its number in [`Runtime`].
    #[allow(clippy::as_conversions, reason = "the discriminant of a u8 enum")]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether two results are compared bit for bit.
    pub const fn is_exact(self) -> bool {
        matches!(self, Self::D0 | Self::D1)
    }

    /// Whether running the model again, on any device, can show that a result is right.
    pub const fn is_reproducible(self) -> bool {
        matches!(self, Self::D0 | Self::D1 | Self::D2)
    }
}

/// The class of a runtime and the tolerance to compare with.
pub fn check_runtime(runtime: &Runtime) -> Result<(DetClass, Tolerance), ClassError> {
    let class = DetClass::from_number(runtime.detClass)?;
    let (atol_e9, rtol_e9) = (runtime.atolE9, runtime.rtolE9);
    if class.is_exact() && (atol_e9, rtol_e9) != (0, 0) {
        return Err(ClassError::ToleranceInExactClass { atol_e9, rtol_e9 });
    }
    if class == DetClass::D0 && runtime.engineSha256 == B256::ZERO {
        return Err(ClassError::EngineNotPinned);
    }
    let got = atol_e9.max(rtol_e9);
    if got > MAX_TOLERANCE_E9 {
        return Err(ClassError::Tolerance { got });
    }
    Ok((
        class,
        Tolerance {
            absolute_e9: atol_e9,
            relative_e9: rtol_e9,
        },
    ))
}

/// An option of a back end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum OptionValue {
    /// On or off.
    Flag(bool),
    /// A count.
    Number(u32),
    /// A word.
    Text(String),
}

/// Keccak of the option set as canonical JSON ([RFC 8785](https://www.rfc-editor.org/rfc/rfc8785)): sorted keys, no spaces. Keys are ASCII and numbers are 32 bits wide, so that sorting by bytes and printing integers is all it takes.
pub fn hash_options(options: &BTreeMap<&'static str, OptionValue>) -> B256 {
    // A map of strings to flags, numbers and words always is JSON.
    keccak256(serde_json::to_vec(options).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runtime(class: u8) -> Runtime {
        Runtime {
            detClass: class,
            engineSha256: B256::repeat_byte(1),
            engine: "e/1".into(),
            optionsHash: B256::ZERO,
            sampling: B256::ZERO,
            atolE9: 0,
            rtolE9: 0,
        }
    }

    #[test]
    fn an_exact_class_has_no_tolerance_and_a_pinned_engine() {
        assert!(check_runtime(&runtime(0)).is_ok());
        assert!(
            check_runtime(&Runtime {
                atolE9: 1,
                ..runtime(1)
            })
            .is_err()
        );
        assert_eq!(
            check_runtime(&Runtime {
                engineSha256: B256::ZERO,
                ..runtime(0)
            }),
            Err(ClassError::EngineNotPinned)
        );
        assert_eq!(
            check_runtime(&runtime(5)),
            Err(ClassError::Unknown { got: 5 })
        );
    }

    #[test]
    fn a_tolerance_that_everything_satisfies_is_refused() {
        let wide = Runtime {
            rtolE9: MAX_TOLERANCE_E9 + 1,
            ..runtime(2)
        };
        assert_eq!(
            check_runtime(&wide),
            Err(ClassError::Tolerance {
                got: MAX_TOLERANCE_E9 + 1
            })
        );
    }

    #[test]
    fn options_are_sorted_json_without_spaces() {
        let options = BTreeMap::from([
            ("threads", OptionValue::Number(1)),
            ("optimise", OptionValue::Flag(true)),
            ("provider", OptionValue::Text("cpu".into())),
        ]);
        assert_eq!(
            hash_options(&options),
            keccak256(br#"{"optimise":true,"provider":"cpu","threads":1}"#)
        );
    }
}
