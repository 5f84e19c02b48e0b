//! Tensors of the boundary to values of rten and back.
//!
//! rten holds INT64 and BOOL as i32: an INT64 that does not fit is refused on the way in and widened on the way out.

use rten::Value;
use rten_tensor::prelude::*;
use sidelight_tensor::{DType, Tensor};

use crate::error::{EngineError, Status};

pub(crate) fn to_value(tensor: &Tensor) -> Result<Value, EngineError> {
    let refuse = |error: &dyn std::fmt::Display| {
        EngineError::new(Status::Input, format_args!("{}: {error}", tensor.name()))
    };
    let shape: Result<Vec<usize>, _> = tensor
        .shape()
        .iter()
        .map(|&size| usize::try_from(size))
        .collect();
    let shape = shape.map_err(|error| refuse(&error))?;
    let bytes = tensor.bytes();
    match tensor.dtype() {
        DType::F32 => Value::from_shape(shape, elements(bytes, f32::from_le_bytes))
            .map_err(|error| refuse(&error)),
        DType::I32 => Value::from_shape(shape, elements(bytes, i32::from_le_bytes))
            .map_err(|error| refuse(&error)),
        DType::U8 => Value::from_shape(shape, bytes.to_vec()).map_err(|error| refuse(&error)),
        DType::I8 => Value::from_shape(shape, elements(bytes, i8::from_le_bytes))
            .map_err(|error| refuse(&error)),
        DType::Bool => {
            Value::from_shape(shape, bytes.iter().map(|&byte| i32::from(byte)).collect())
                .map_err(|error| refuse(&error))
        }
        DType::I64 => {
            let narrow: Result<Vec<i32>, _> = elements(bytes, i64::from_le_bytes)
                .into_iter()
                .map(i32::try_from)
                .collect();
            let narrow = narrow.map_err(|_| {
                refuse(&"the engine holds INT64 in 32 bits, and a value does not fit")
            })?;
            Value::from_shape(shape, narrow).map_err(|error| refuse(&error))
        }
        other => Err(EngineError::new(
            Status::Unsupported,
            format_args!("{}: type {other}", tensor.name()),
        )),
    }
}

/// The value as a tensor of the declared type, or of the engine's own where none is declared.
pub(crate) fn to_tensor(
    name: &str,
    declared: Option<DType>,
    value: &Value,
) -> Result<Tensor, EngineError> {
    let (own, shape, bytes): (DType, Vec<u64>, Vec<u8>) = match value {
        Value::FloatTensor(t) => (
            DType::F32,
            sizes(t.shape()),
            t.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Value::UInt8Tensor(t) => (DType::U8, sizes(t.shape()), t.iter().copied().collect()),
        Value::Int8Tensor(t) => (
            DType::I8,
            sizes(t.shape()),
            t.iter().flat_map(|x| x.to_le_bytes()).collect(),
        ),
        Value::Int32Tensor(t) => {
            let shape = sizes(t.shape());
            match declared {
                Some(DType::I64) => (
                    DType::I64,
                    shape,
                    t.iter().flat_map(|&x| i64::from(x).to_le_bytes()).collect(),
                ),
                Some(DType::Bool) => (
                    DType::Bool,
                    shape,
                    t.iter().map(|&x| u8::from(x != 0)).collect(),
                ),
                _ => (
                    DType::I32,
                    shape,
                    t.iter().flat_map(|x| x.to_le_bytes()).collect(),
                ),
            }
        }
        _ => {
            return Err(EngineError::new(
                Status::Unsupported,
                format_args!("{name}: a sequence"),
            ));
        }
    };
    if let Some(declared) = declared.filter(|&declared| declared != own) {
        return Err(EngineError::new(
            Status::Run,
            format_args!("{name}: the model declares {declared} and computes {own}"),
        ));
    }
    Tensor::new(name, own, shape, bytes).map_err(|error| EngineError::new(Status::Run, error))
}

fn sizes(shape: &[usize]) -> Vec<u64> {
    shape.iter().map(|&size| size as u64).collect()
}

fn elements<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|&chunk| read(chunk)).collect()
}
