//! Tensors of CTE-1 as ONNX Runtime's values, and back.

use ort::value::{DynValue, Tensor as OrtTensor, TensorElementType, ValueType};
use sidelight_edge_core::tensor::{DType, Tensor};

use crate::backend::BackendError;

/// Types whose elements are plain numbers on both sides.
macro_rules! numbers {
    ($make:ident) => {
        $make! {
            F32 f32 Float32, F64 f64 Float64,
            U8 u8 Uint8, I8 i8 Int8, U16 u16 Uint16, I16 i16 Int16,
            U32 u32 Uint32, I32 i32 Int32, U64 u64 Uint64, I64 i64 Int64
        }
    };
}

pub(super) fn to_value(tensor: &Tensor) -> Result<DynValue, BackendError> {
    let shape = tensor
        .shape()
        .iter()
        .map(|&size| i64::try_from(size))
        .collect::<Result<Vec<i64>, _>>()
        .map_err(|_| BackendError::Input(format!("{}: a size of 2^63 or more", tensor.name())))?;
    let refused = |error: ort::Error| BackendError::Input(format!("{}: {error}", tensor.name()));
    macro_rules! to {
        ($($dtype:ident $native:ident $ort:ident),*) => {
            match tensor.dtype() {
                $(DType::$dtype => {
                    let (chunks, _) = tensor.bytes().as_chunks::<{ size_of::<$native>() }>();
                    let data: Vec<$native> = chunks.iter().map(|&chunk| $native::from_le_bytes(chunk)).collect();
                    OrtTensor::from_array((shape, data)).map_err(refused)?.into_dyn()
                })*
                DType::Bool => {
                    let data: Vec<bool> = tensor.bytes().iter().map(|&byte| byte == 1).collect();
                    OrtTensor::from_array((shape, data)).map_err(refused)?.into_dyn()
                }
                other => return Err(unsupported(tensor.name(), other)),
            }
        };
    }
    Ok(numbers!(to))
}

pub(super) fn from_value(name: &str, value: &DynValue) -> Result<Tensor, BackendError> {
    let ValueType::Tensor { ty, .. } = value.dtype() else {
        return Err(BackendError::Unsupported(format!(
            "{name}: {}",
            value.dtype()
        )));
    };
    let failed = |error: ort::Error| BackendError::Run(format!("{name}: {error}"));
    macro_rules! from {
        ($($dtype:ident $native:ident $ort:ident),*) => {
            match ty {
                $(TensorElementType::$ort => {
                    let (shape, data) = value.try_extract_tensor::<$native>().map_err(failed)?;
                    (DType::$dtype, sizes(name, shape)?, data.iter().flat_map(|value| value.to_le_bytes()).collect())
                })*
                TensorElementType::Bool => {
                    let (shape, data) = value.try_extract_tensor::<bool>().map_err(failed)?;
                    (DType::Bool, sizes(name, shape)?, data.iter().map(|&value| u8::from(value)).collect())
                }
                other => return Err(unsupported(name, other)),
            }
        };
    }
    let (dtype, shape, bytes): (DType, Vec<u64>, Vec<u8>) = numbers!(from);
    Ok(Tensor::new(name, dtype, shape, bytes)?)
}

fn sizes(name: &str, shape: &[i64]) -> Result<Vec<u64>, BackendError> {
    let sizes: Result<Vec<u64>, _> = shape.iter().map(|&size| u64::try_from(size)).collect();
    sizes.map_err(|_| BackendError::Run(format!("{name}: a negative size in {shape:?}")))
}

fn unsupported(name: &str, dtype: impl std::fmt::Display) -> BackendError {
    BackendError::Unsupported(format!("{name}: tensors of {dtype} with ONNX Runtime"))
}
