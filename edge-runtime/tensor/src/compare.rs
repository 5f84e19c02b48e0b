//! Two results of the same inference: equal, within a tolerance, or the first element that differs.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use crate::{dtype::DType, tensor::Tensor};

/// What a result in floating point may differ by: `|a - b| <= absolute + relative * |b|`, both in units of 1e-9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Tolerance {
    /// In 1e-9.
    pub absolute_e9: u64,
    /// In 1e-9 of the expected value.
    pub relative_e9: u64,
}

impl Tolerance {
    /// Bit for bit.
    pub const EXACT: Self = Self {
        absolute_e9: 0,
        relative_e9: 0,
    };
}

/// Where two results part.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The sets of names differ.
    Names {
        /// Expected names.
        expected: Vec<String>,
        /// Names that came.
        got: Vec<String>,
    },
    /// Type or shape of a tensor differs.
    Form {
        /// The tensor.
        name: String,
        /// Type and shape.
        expected: String,
        /// Type and shape.
        got: String,
    },
    /// An element differs.
    Element {
        /// The tensor.
        name: String,
        /// The element's position in the flat array.
        index: usize,
        /// Its value, or its bytes in hex where it has no short form.
        expected: String,
        /// The value that came.
        got: String,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Names { expected, got } => {
                write!(f, "tensors: expected {expected:?}, got {got:?}")
            }
            Self::Form {
                name,
                expected,
                got,
            } => write!(f, "{name}: expected {expected}, got {got}"),
            Self::Element {
                name,
                index,
                expected,
                got,
            } => write!(f, "{name}[{index}]: expected {expected}, got {got}"),
        }
    }
}

/// The first difference, by name and then by position; `None` when there is none. Both lists are sorted by name.
///
/// A tolerance applies to floating point only; integers, booleans and strings are compared exactly, and so are NaN and infinity.
pub fn compare(expected: &[Tensor], got: &[Tensor], tolerance: Tolerance) -> Option<Difference> {
    if !expected
        .iter()
        .map(Tensor::name)
        .eq(got.iter().map(Tensor::name))
    {
        let names = |tensors: &[Tensor]| {
            tensors
                .iter()
                .map(|tensor| tensor.name().to_string())
                .collect()
        };
        return Some(Difference::Names {
            expected: names(expected),
            got: names(got),
        });
    }
    expected
        .iter()
        .zip(got)
        .find_map(|(expected, got)| compare_tensor(expected, got, tolerance))
}

fn compare_tensor(expected: &Tensor, got: &Tensor, tolerance: Tolerance) -> Option<Difference> {
    let name = || expected.name().to_string();
    if expected.dtype() != got.dtype() || expected.shape() != got.shape() {
        let form = |tensor: &Tensor| alloc::format!("{}{:?}", tensor.dtype(), tensor.shape());
        return Some(Difference::Form {
            name: name(),
            expected: form(expected),
            got: form(got),
        });
    }
    if expected.bytes() == got.bytes() {
        return None;
    }
    let size = expected.dtype().size().unwrap_or(1);
    let mut pairs = expected
        .bytes()
        .chunks(size)
        .zip(got.bytes().chunks(size))
        .enumerate();
    let differs = |(a, b): (&[u8], &[u8])| a != b && !is_close(expected.dtype(), a, b, tolerance);
    match pairs.find(|&(_, pair)| differs(pair)) {
        Some((index, (a, b))) => {
            let show = |bytes| show(expected.dtype(), bytes);
            Some(Difference::Element {
                name: name(),
                index,
                expected: show(a),
                got: show(b),
            })
        }
        // Strings of different lengths, equal as far as the shorter one goes.
        None if expected.bytes().len() != got.bytes().len() => {
            let form = |tensor: &Tensor| alloc::format!("{} bytes", tensor.bytes().len());
            Some(Difference::Form {
                name: name(),
                expected: form(expected),
                got: form(got),
            })
        }
        None => None,
    }
}

fn is_close(dtype: DType, expected: &[u8], got: &[u8], tolerance: Tolerance) -> bool {
    let (Some(expected), Some(got)) = (read_float(dtype, expected), read_float(dtype, got)) else {
        return false;
    };
    // Minus zero equals zero as a number, and not bit for bit.
    if tolerance == Tolerance::EXACT || !expected.is_finite() || !got.is_finite() {
        return false;
    }
    let bound = e9(tolerance.absolute_e9) + e9(tolerance.relative_e9) * expected.abs();
    (expected - got).abs() <= bound
}

#[allow(
    clippy::as_conversions,
    reason = "a tolerance above 2^53 e-9 is rounded, and there is none"
)]
fn e9(units: u64) -> f64 {
    units as f64 / 1e9
}

fn read_float(dtype: DType, bytes: &[u8]) -> Option<f64> {
    match dtype {
        DType::F32 => Some(f64::from(f32::from_le_bytes(bytes.try_into().ok()?))),
        DType::F64 => Some(f64::from_le_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

fn show(dtype: DType, bytes: &[u8]) -> String {
    match read_float(dtype, bytes) {
        Some(value) => value.to_string(),
        None => {
            let hex = bytes.iter().rev().map(|byte| alloc::format!("{byte:02x}"));
            alloc::format!("0x{}", hex.collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f32]) -> [Tensor; 1] {
        [Tensor::f32("y", &[values.len() as u64], values).unwrap()]
    }

    #[test]
    fn the_first_element_that_differs_is_named() {
        let difference = compare(
            &of(&[1.0, 2.0, 3.0]),
            &of(&[1.0, 2.5, 4.0]),
            Tolerance::EXACT,
        )
        .unwrap();
        assert_eq!(difference.to_string(), "y[1]: expected 2, got 2.5");
    }

    #[test]
    fn a_tolerance_is_a_bound_and_not_for_infinity() {
        let tolerance = Tolerance {
            absolute_e9: 10_000,
            relative_e9: 0,
        };
        assert_eq!(compare(&of(&[1.0]), &of(&[1.000_009]), tolerance), None);
        assert!(compare(&of(&[1.0]), &of(&[1.000_02]), tolerance).is_some());
        assert!(
            compare(
                &of(&[f32::INFINITY]),
                &of(&[f32::MAX]),
                Tolerance {
                    absolute_e9: u64::MAX,
                    relative_e9: u64::MAX
                }
            )
            .is_some()
        );
        assert_eq!(
            compare(&of(&[f32::NAN]), &of(&[-f32::NAN]), Tolerance::EXACT),
            None
        );
    }

    #[test]
    fn minus_zero_is_not_zero_bit_for_bit() {
        assert!(compare(&of(&[0.0]), &of(&[-0.0]), Tolerance::EXACT).is_some());
    }

    #[test]
    fn another_shape_is_a_difference_of_form() {
        let a = [Tensor::f32("y", &[2, 1], &[0.0, 0.0]).unwrap()];
        let b = [Tensor::f32("y", &[1, 2], &[0.0, 0.0]).unwrap()];
        assert!(matches!(
            compare(&a, &b, Tolerance::EXACT),
            Some(Difference::Form { .. })
        ));
    }
}
