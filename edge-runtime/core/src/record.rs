//! `sidelight/decision@1`: a decision with everything that it names, as a file. `docs/decision-format.md`, section 8.
//!
//! ```text
//!   { type, chainId, registry, decision, signature, model, runtime,      always
//!     input?:  { salt, tensors },                                        where the executor opens them
//!     output?: { salt, tensors },
//!     batch?:  { root, proof } }                                         once it is anchored
//! ```
//!
//! Numbers of 64 bits and more are decimal text, so that JavaScript keeps them. Reading a file checks its shape only; [`crate::verdict`] judges it.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde::{Deserialize, Serialize};
use sidelight_tensor::{DType, Tensor, TensorError};

use crate::{
    commit::Salt,
    limits::MAX_RECORD_BYTES,
    typed::{Decision, Model, Runtime},
    verdict::RecordError,
};

/// What the field `type` says.
pub const RECORD_TYPE: &str = "sidelight/decision@1";

/// A decision as somebody hands it over. Untrusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// [`RECORD_TYPE`].
    pub r#type: String,
    /// The chain that it was signed for.
    pub chain_id: u64,
    /// The registry that it was signed for.
    pub registry: Address,
    /// What was decided.
    #[serde(with = "DecisionFields")]
    pub decision: Decision,
    /// By the executor: 65 bytes, or 64 (EIP-2098).
    pub signature: Bytes,
    /// What `modelHash` stands for.
    #[serde(with = "ModelFields")]
    pub model: Model,
    /// What `runtimeHash` stands for.
    #[serde(with = "RuntimeFields")]
    pub runtime: Runtime,
    /// What `inputCommit` stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Opening>,
    /// What `outputCommit` stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Opening>,
    /// Where it stands on the chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchPath>,
}

/// Tensors and the salt of their commitment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Zero where the values are public.
    pub salt: B256,
    /// Sorted by name.
    #[serde(with = "tensors")]
    pub tensors: Vec<Tensor>,
}

/// A decision's place in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchPath {
    /// What was anchored.
    pub root: B256,
    /// From the leaf up.
    pub proof: Vec<B256>,
}

impl Record {
    /// Reads a file.
    pub fn decode(json: &[u8]) -> Result<Self, RecordError> {
        if json.len() > MAX_RECORD_BYTES {
            return Err(RecordError::TooLarge { got: json.len() });
        }
        let record: Self =
            serde_json::from_slice(json).map_err(|error| RecordError::Json(error.to_string()))?;
        if record.r#type != RECORD_TYPE {
            return Err(RecordError::Field {
                field: "type",
                expected: RECORD_TYPE.into(),
                got: record.r#type.chars().take(64).collect(),
            });
        }
        Ok(record)
    }

    /// Writes a file.
    pub fn encode(&self) -> Result<String, RecordError> {
        let json = serde_json::to_string_pretty(self);
        let json = json.map_err(|error| RecordError::Json(error.to_string()))?;
        match json.len() {
            got if got > MAX_RECORD_BYTES => Err(RecordError::TooLarge { got }),
            _ => Ok(json),
        }
    }
}

impl Opening {
    /// The salt; zero is none.
    pub fn salt(&self) -> Salt {
        if self.salt.is_zero() {
            Salt::Public
        } else {
            Salt::Private(self.salt)
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Decision", deny_unknown_fields)]
#[allow(non_snake_case, reason = "the names of the typed data")]
struct DecisionFields {
    taskHash: B256,
    modelHash: B256,
    runtimeHash: B256,
    inputCommit: B256,
    outputCommit: B256,
    traceRoot: B256,
    zkInput: B256,
    parent: B256,
    executor: Address,
    requester: Address,
    #[serde(with = "decimal")]
    agentId: U256,
    #[serde(with = "decimal")]
    nonce: u64,
    #[serde(with = "decimal")]
    anchorBlock: u64,
    anchorHash: B256,
    #[serde(with = "decimal")]
    issuedAt: u64,
    maxLevel: u8,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Model", deny_unknown_fields)]
#[allow(non_snake_case, reason = "the names of the typed data")]
struct ModelFields {
    fileSha256: B256,
    #[serde(with = "decimal")]
    fileBytes: u64,
    format: String,
    opset: u32,
    graphRoot: B256,
    ioSchema: B256,
    omsBundle: B256,
    #[serde(with = "decimal")]
    macs: u64,
    #[serde(with = "decimal")]
    peakBytes: u64,
    parentModel: B256,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Runtime", deny_unknown_fields)]
#[allow(non_snake_case, reason = "the names of the typed data")]
struct RuntimeFields {
    detClass: u8,
    engineSha256: B256,
    engine: String,
    optionsHash: B256,
    sampling: B256,
    #[serde(with = "decimal")]
    atolE9: u64,
    #[serde(with = "decimal")]
    rtolE9: u64,
}

/// Numbers as decimal text, without signs or leading zeros.
mod decimal {
    use alloc::{
        format,
        string::{String, ToString},
    };
    use core::{fmt::Display, str::FromStr};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T: FromStr + Display, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = text.parse::<T>().ok();
        // One number, one text.
        value
            .filter(|value| value.to_string() == text)
            .ok_or_else(|| {
                let got: String = text.chars().take(80).collect();
                D::Error::custom(format!("expected a decimal number, got {got:?}"))
            })
    }
}

/// A tensor in JSON: `{ name, dtype, shape, bytes }`, the type by its name in the Open Inference Protocol.
mod tensors {
    use super::*;
    use serde::{Deserializer, Serializer, de::Error};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fields {
        name: String,
        dtype: String,
        shape: Vec<u64>,
        bytes: Bytes,
    }

    pub(super) fn serialize<S: Serializer>(
        tensors: &[Tensor],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(tensors.iter().map(|tensor| Fields {
            name: tensor.name().into(),
            dtype: tensor.dtype().name().into(),
            shape: tensor.shape().to_vec(),
            bytes: Bytes::copy_from_slice(tensor.bytes()),
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Tensor>, D::Error> {
        let fields = Vec::<Fields>::deserialize(deserializer)?;
        let read = |fields: Fields| -> Result<Tensor, D::Error> {
            let dtype = DType::from_name(&fields.dtype)
                .ok_or_else(|| D::Error::custom("tensors: unknown dtype"))?;
            let shape: &[u64] = &fields.shape;
            Tensor::new(&fields.name, dtype, shape, fields.bytes.to_vec())
                .map_err(|error: TensorError| D::Error::custom(error))
        };
        let mut tensors: Vec<Tensor> = fields.into_iter().map(read).collect::<Result<_, _>>()?;
        // The order of names is the order of commitments, messages and comparisons.
        tensors.sort_by(|a, b| a.name().cmp(b.name()));
        Ok(tensors)
    }
}
