//! Element types, with the codes of ONNX's [`TensorProto.DataType`](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) and the names of the Open Inference Protocol.

use core::fmt;

/// The type of a tensor's elements. The discriminant is ONNX's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum DType {
    /// IEEE 754 binary32.
    F32 = 1,
    /// Unsigned, 8 bits.
    U8 = 2,
    /// Signed, 8 bits.
    I8 = 3,
    /// Unsigned, 16 bits.
    U16 = 4,
    /// Signed, 16 bits.
    I16 = 5,
    /// Signed, 32 bits.
    I32 = 6,
    /// Signed, 64 bits.
    I64 = 7,
    /// Strings of bytes, each after its length as a little-endian `u32`.
    Bytes = 8,
    /// One byte, 0 or 1.
    Bool = 9,
    /// IEEE 754 binary16.
    F16 = 10,
    /// IEEE 754 binary64.
    F64 = 11,
    /// Unsigned, 32 bits.
    U32 = 12,
    /// Unsigned, 64 bits.
    U64 = 13,
    /// The upper half of a binary32.
    Bf16 = 16,
}

/// Every type with its name in the Open Inference Protocol.
const NAMES: [(DType, &str); 14] = [
    (DType::F32, "FP32"),
    (DType::U8, "UINT8"),
    (DType::I8, "INT8"),
    (DType::U16, "UINT16"),
    (DType::I16, "INT16"),
    (DType::I32, "INT32"),
    (DType::I64, "INT64"),
    (DType::Bytes, "BYTES"),
    (DType::Bool, "BOOL"),
    (DType::F16, "FP16"),
    (DType::F64, "FP64"),
    (DType::U32, "UINT32"),
    (DType::U64, "UINT64"),
    (DType::Bf16, "BF16"),
];

impl DType {
    /// ONNX's code.
    #[allow(clippy::as_conversions, reason = "the discriminant of a u8 enum")]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The type of an ONNX code, if CTE-1 knows it.
    pub fn from_code(code: u8) -> Option<Self> {
        NAMES
            .iter()
            .map(|&(dtype, _)| dtype)
            .find(|dtype| dtype.code() == code)
    }

    /// The name in the Open Inference Protocol.
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|&&(dtype, _)| dtype == self)
            .map_or("BYTES", |&(_, name)| name)
    }

    /// The type of a name in the Open Inference Protocol.
    pub fn from_name(name: &str) -> Option<Self> {
        NAMES
            .iter()
            .find(|&&(_, known)| known == name)
            .map(|&(dtype, _)| dtype)
    }

    /// Bytes of one element; `None` where elements have lengths of their own.
    pub const fn size(self) -> Option<usize> {
        match self {
            Self::U8 | Self::I8 | Self::Bool => Some(1),
            Self::U16 | Self::I16 | Self::F16 | Self::Bf16 => Some(2),
            Self::F32 | Self::I32 | Self::U32 => Some(4),
            Self::I64 | Self::F64 | Self::U64 => Some(8),
            Self::Bytes => None,
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_lead_back_to_their_type() {
        for (dtype, name) in NAMES {
            assert_eq!(DType::from_code(dtype.code()), Some(dtype));
            assert_eq!(DType::from_name(name), Some(dtype));
            assert_eq!(dtype.name(), name);
        }
        // COMPLEX64, the float8 family and UNDEFINED have no canonical encoding.
        assert!(
            [0, 14, 15, 17, 200]
                .into_iter()
                .all(|code| DType::from_code(code).is_none())
        );
    }
}
