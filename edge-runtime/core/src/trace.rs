//! The root over every value of a graph, in the order in which the engine computes them: what a dispute narrows down to one operator.
//!
//! A leaf is `hashStruct(Tensor)` of the value; leaves are paired as the chunks of CTE-1 are: `leaf i = keccak(0 || u32be(i) || hash)`, `node = keccak(1 || left || right)`, an odd node moves up.
//! Types are the engine's own: it computes INT64 and BOOL as INT32.

use alloc::vec::Vec;
use alloy_primitives::B256;
use alloy_sol_types::SolStruct;
use thiserror::Error;

use crate::{
    limits::MAX_TRACE,
    tree::{compute_root, hash_leaf},
    typed::Tensor,
};
use sidelight_tensor::limits::{MAX_NAME, MAX_RANK};

/// Why bytes are not a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// It ends inside a value, or goes on after the last.
    #[error("trace: expected values that fill it, got {got} bytes at the break")]
    Length {
        /// What is left.
        got: usize,
    },
    /// Too many values.
    #[error("trace: expected at most {MAX_TRACE} values, got {got}")]
    Count {
        /// How many it announces.
        got: usize,
    },
    /// A name or a rank is over its limit.
    #[error("trace: value {at} has a name or a rank over its limit")]
    Value {
        /// Which value.
        at: usize,
    },
}

/// The values of the engine's trace.
pub fn decode_trace(mut bytes: &[u8]) -> Result<Vec<Tensor>, TraceError> {
    let count = usize::try_from(u32::from_le_bytes(array(&mut bytes)?)).unwrap_or(usize::MAX);
    if count > MAX_TRACE {
        return Err(TraceError::Count { got: count });
    }
    let mut values = Vec::new();
    for at in 0..count {
        let length = usize::from(u16::from_le_bytes(array(&mut bytes)?));
        if length > MAX_NAME {
            return Err(TraceError::Value { at });
        }
        let name = core::str::from_utf8(take(&mut bytes, length)?)
            .map_err(|_| TraceError::Value { at })?;
        let [dtype, rank] = array(&mut bytes)?;
        if usize::from(rank) > MAX_RANK {
            return Err(TraceError::Value { at });
        }
        let mut shape = Vec::new();
        for _ in 0..rank {
            shape.push(u64::from_le_bytes(array(&mut bytes)?));
        }
        let byte_length = u64::from_le_bytes(array(&mut bytes)?);
        let root = B256::from(array::<32>(&mut bytes)?);
        values.push(Tensor {
            name: name.into(),
            dtype,
            shape,
            byteLength: byte_length,
            root,
        });
    }
    if bytes.is_empty() {
        Ok(values)
    } else {
        Err(TraceError::Length { got: bytes.len() })
    }
}

/// The root over the values; zero for none, which is how a decision says that it offers no trace.
pub fn compute_trace_root(values: &[Tensor]) -> B256 {
    let leaf = |(at, value): (u32, &Tensor)| hash_leaf(at, &[value.eip712_hash_struct()]);
    compute_root((0_u32..).zip(values).map(leaf).collect())
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], TraceError> {
    let (head, tail) = bytes
        .split_at_checked(length)
        .ok_or(TraceError::Length { got: bytes.len() })?;
    *bytes = tail;
    Ok(head)
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], TraceError> {
    let mut array = [0; N];
    array.copy_from_slice(take(bytes, N)?);
    Ok(array)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_and_content_of_every_value_decide_about_the_root() {
        let value = |name: &str| Tensor {
            name: name.into(),
            dtype: 1,
            shape: [1].into(),
            byteLength: 4,
            root: B256::ZERO,
        };
        let of = |names: &[&str]| {
            compute_trace_root(&names.iter().map(|name| value(name)).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), B256::ZERO);
        assert_ne!(of(&["a", "b", "c"]), of(&["b", "a", "c"]));
        assert_ne!(of(&["a", "b", "c"]), of(&["a", "b", "c", "c"]));
    }

    #[test]
    fn a_shortened_or_oversized_trace_is_refused() {
        let bytes = [
            &[1, 0, 0, 0, 1, 0, b'x', 1, 1][..],
            &[0; 8],
            &[0; 8],
            &[7; 32],
        ]
        .concat();
        assert_eq!(decode_trace(&bytes).unwrap()[0].root, B256::repeat_byte(7));
        for length in 0..bytes.len() {
            assert!(decode_trace(&bytes[..length]).is_err());
        }
        assert!(matches!(
            decode_trace(&[0xff; 4]),
            Err(TraceError::Count { .. })
        ));
    }
}
