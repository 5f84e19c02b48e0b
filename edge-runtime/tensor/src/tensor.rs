//! A tensor that is canonical by construction: there is one byte string for each value.
//!
//! Bytes are those of the Open Inference Protocol's binary tensor data and of ONNX's `raw_data`: little-endian, row-major, without padding.

use alloc::{string::String, vec::Vec};
use thiserror::Error;

use crate::{
    cte,
    dtype::DType,
    limits::{MAX_NAME, MAX_RANK, MAX_TENSOR_BYTES, MAX_TENSORS},
};

/// Why bytes are not a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TensorError {
    /// A name is empty, too long, or not UTF-8.
    #[error("name: expected 1 to {MAX_NAME} bytes of UTF-8, got {got} bytes")]
    Name {
        /// Its length.
        got: usize,
    },
    /// The type's code is not one that CTE-1 encodes.
    #[error("dtype: expected a type of CTE-1, got code {got}")]
    DType {
        /// The code.
        got: u8,
    },
    /// Too many dimensions.
    #[error("rank: expected at most {MAX_RANK}, got {got}")]
    Rank {
        /// The number of dimensions.
        got: usize,
    },
    /// The bytes do not fill the shape, or exceed it.
    #[error("bytes of {name}: expected {expected}, got {got}")]
    Length {
        /// The tensor.
        name: String,
        /// What shape and type ask for.
        expected: u64,
        /// What came.
        got: u64,
    },
    /// More bytes than a tensor may have.
    #[error("size: expected at most {MAX_TENSOR_BYTES} bytes")]
    TooLarge,
    /// A boolean that is neither 0 nor 1.
    #[error("element {index} of {name}: expected 0 or 1, got {got}")]
    Bool {
        /// The tensor.
        name: String,
        /// Which element.
        index: usize,
        /// The byte.
        got: u8,
    },
    /// A message holds too many tensors.
    #[error("tensors: expected at most {MAX_TENSORS}, got {got}")]
    Count {
        /// How many it announces.
        got: usize,
    },
    /// Names in a message do not rise.
    #[error("name {got}: expected one above {after}")]
    Order {
        /// The name before.
        after: String,
        /// The name.
        got: String,
    },
    /// A message ends inside a tensor.
    #[error("message: expected {expected} more bytes, got {got}")]
    Truncated {
        /// What the next field needs.
        expected: u64,
        /// What is left.
        got: u64,
    },
    /// A message goes on after its last tensor.
    #[error("message: {got} bytes too many")]
    Trailing {
        /// What is left.
        got: usize,
    },
}

/// A named array with a type and a shape. A scalar has the shape `[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    name: String,
    dtype: DType,
    shape: Vec<u64>,
    bytes: Vec<u8>,
}

impl Tensor {
    /// Checks limits and length, refuses booleans other than 0 and 1, and replaces every NaN by the one of its type.
    pub fn new(
        name: impl Into<String>,
        dtype: DType,
        shape: impl Into<Vec<u64>>,
        mut bytes: Vec<u8>,
    ) -> Result<Self, TensorError> {
        let (name, shape) = (name.into(), shape.into());
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(TensorError::Name { got: name.len() });
        }
        check_length(&name, dtype, &shape, &bytes)?;
        if dtype == DType::Bool
            && let Some((index, &got)) = bytes.iter().enumerate().find(|&(_, &byte)| byte > 1)
        {
            return Err(TensorError::Bool { name, index, got });
        }
        cte::canonicalise_nan(dtype, &mut bytes);
        Ok(Self {
            name,
            dtype,
            shape,
            bytes,
        })
    }

    /// A tensor of `f32`.
    pub fn f32(name: &str, shape: &[u64], values: &[f32]) -> Result<Self, TensorError> {
        let bytes = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        Self::new(name, DType::F32, shape, bytes)
    }

    /// The name of the model's input or output.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of its elements.
    pub const fn dtype(&self) -> DType {
        self.dtype
    }

    /// Sizes, outermost first.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The elements, as CTE-1 encodes them.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The elements, where they are `f32`.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        (self.dtype == DType::F32).then(|| {
            let (chunks, _) = self.bytes.as_chunks::<4>();
            chunks
                .iter()
                .map(|&chunk| f32::from_le_bytes(chunk))
                .collect()
        })
    }

    /// The root over the elements: [`cte::compute_root`].
    pub fn root(&self) -> cte::Root {
        cte::compute_root(&self.bytes)
    }
}

/// How many elements a shape has; `None` above 2^64.
pub(crate) fn count_elements(shape: &[u64]) -> Option<u64> {
    shape
        .iter()
        .try_fold(1_u64, |count, &size| count.checked_mul(size))
}

/// The bytes that a type and a shape ask for, where elements have a fixed size.
pub(crate) fn expected_bytes(dtype: DType, shape: &[u64]) -> Result<Option<u64>, TensorError> {
    if shape.len() > MAX_RANK {
        return Err(TensorError::Rank { got: shape.len() });
    }
    let count = count_elements(shape).ok_or(TensorError::TooLarge)?;
    let bytes = match dtype.size() {
        None => {
            return if count > MAX_TENSOR_BYTES {
                Err(TensorError::TooLarge)
            } else {
                Ok(None)
            };
        }
        Some(size) => u64::try_from(size)
            .ok()
            .and_then(|size| size.checked_mul(count)),
    };
    match bytes {
        Some(bytes) if bytes <= MAX_TENSOR_BYTES => Ok(Some(bytes)),
        _ => Err(TensorError::TooLarge),
    }
}

fn check_length(name: &str, dtype: DType, shape: &[u64], bytes: &[u8]) -> Result<(), TensorError> {
    let got = u64::try_from(bytes.len()).map_err(|_| TensorError::TooLarge)?;
    if got > MAX_TENSOR_BYTES {
        return Err(TensorError::TooLarge);
    }
    let length = |expected| TensorError::Length {
        name: name.into(),
        expected,
        got,
    };
    if let Some(expected) = expected_bytes(dtype, shape)? {
        return if got == expected {
            Ok(())
        } else {
            Err(length(expected))
        };
    }
    let mut rest = bytes;
    let mut seen = 0_u64;
    let wanted = count_elements(shape).ok_or(TensorError::TooLarge)?;
    while let Some((head, tail)) = rest.split_first_chunk::<4>() {
        let size = usize::try_from(u32::from_le_bytes(*head)).map_err(|_| TensorError::TooLarge)?;
        rest = tail
            .get(size..)
            .ok_or_else(|| length(got.saturating_add(1)))?;
        seen = seen.saturating_add(1);
    }
    if rest.is_empty() && seen == wanted {
        Ok(())
    } else {
        Err(length(wanted.saturating_mul(4)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn a_scalar_has_no_dimensions_and_one_element() {
        assert!(Tensor::new("x", DType::I32, [], vec![0; 4]).is_ok());
        assert!(matches!(
            Tensor::new("x", DType::I32, [], vec![]),
            Err(TensorError::Length {
                expected: 4,
                got: 0,
                ..
            })
        ));
    }

    #[test]
    fn an_element_count_that_overflows_is_refused() {
        let shape = [u64::MAX, 2];
        assert_eq!(
            Tensor::new("x", DType::U8, shape, vec![]),
            Err(TensorError::TooLarge)
        );
        let shape = [1_u64 << 40];
        assert_eq!(
            Tensor::new("x", DType::F64, shape, vec![]),
            Err(TensorError::TooLarge)
        );
    }

    #[test]
    fn a_boolean_is_zero_or_one() {
        assert_eq!(
            Tensor::new("x", DType::Bool, [3], vec![0, 1, 2]),
            Err(TensorError::Bool {
                name: "x".into(),
                index: 2,
                got: 2
            })
        );
    }

    #[test]
    fn strings_must_fill_the_shape_exactly() {
        let bytes = vec![1, 0, 0, 0, b'a', 0, 0, 0, 0];
        assert!(Tensor::new("x", DType::Bytes, [2], bytes.clone()).is_ok());
        assert!(Tensor::new("x", DType::Bytes, [1], bytes.clone()).is_err());
        assert!(Tensor::new("x", DType::Bytes, [3], bytes.clone()).is_err());
        assert!(Tensor::new("x", DType::Bytes, [1], vec![5, 0, 0, 0, b'a']).is_err());
    }

    #[test]
    fn names_ranks_and_sizes_have_limits() {
        assert!(matches!(
            Tensor::new("", DType::U8, [0], vec![]),
            Err(TensorError::Name { got: 0 })
        ));
        let shape = vec![1_u64; 9];
        assert!(matches!(
            Tensor::new("x", DType::U8, shape, vec![0]),
            Err(TensorError::Rank { got: 9 })
        ));
    }
}
