//! One record of the device: what ran, on what, with which result, and which record came before.
//!
//! ```text
//!   entry 0 <--previous-- entry 1 <--previous-- entry 2 ...        each signed by the device's key
//!   digest = keccak( "sidelight record v1" || hashStruct(Entry) )
//! ```

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_sol_types::{SolStruct, sol};
use serde::{Deserialize, Serialize};
use sidelight_core::signature::{SignatureBytes, SignatureError, recover_signer};
use sidelight_edge_core::{
    commit::{Role, Salt, compute_commitment},
    tensor::{Tensor, TensorError, decode_message},
    typed::Runtime,
};
use thiserror::Error;

/// What separates this digest from every other use of the device's key.
const DOMAIN: &[u8] = b"sidelight record v1";

sol! {
    /// What is signed.
    struct Entry {
        uint64 sequence;
        bytes32 previous;
        uint64 at;
        bytes32 modelSha256;
        bytes32 runtimeHash;
        bool optimised;
        bytes32 inputs;
        bytes32 outputs;
        uint64 elapsedNs;
    }
}

/// Why a record is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub(crate) enum EntryError {
    #[error("record {sequence}: tensors: {error}")]
    Tensors { sequence: u64, error: TensorError },
    #[error("record {sequence}: signature: {error}")]
    Signature {
        sequence: u64,
        error: SignatureError,
    },
    #[error("record {sequence}: signature: expected 65 bytes, got {got}")]
    Length { sequence: u64, got: usize },
    #[error("record {sequence}: signer: expected {expected}, got {got}")]
    Signer {
        sequence: u64,
        expected: Address,
        got: Address,
    },
    #[error("record {sequence}: previous: expected {expected}, got {got}")]
    Previous {
        sequence: u64,
        expected: B256,
        got: B256,
    },
    #[error("sequence: expected {expected}, got {got}")]
    Sequence { expected: u64, got: u64 },
}

/// A record as it is kept and exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Recorded {
    pub(crate) sequence: u64,
    /// Digest of the record before; zero for the first.
    pub(crate) previous: B256,
    /// Seconds since 1970, by the device's clock.
    pub(crate) at: u64,
    pub(crate) model_sha256: B256,
    pub(crate) runtime: RuntimeFields,
    pub(crate) optimised: bool,
    /// Tensors as a message: docs/decision-format.md, section 2.
    pub(crate) inputs: Bytes,
    pub(crate) outputs: Bytes,
    pub(crate) elapsed_ns: u64,
    pub(crate) signature: Bytes,
}

/// [`Runtime`] in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RuntimeFields {
    pub(crate) det_class: u8,
    pub(crate) engine_sha256: B256,
    pub(crate) engine: String,
    pub(crate) options_hash: B256,
    pub(crate) sampling: B256,
    pub(crate) atol_e9: u64,
    pub(crate) rtol_e9: u64,
}

impl From<Runtime> for RuntimeFields {
    fn from(runtime: Runtime) -> Self {
        Self {
            det_class: runtime.detClass,
            engine_sha256: runtime.engineSha256,
            engine: runtime.engine,
            options_hash: runtime.optionsHash,
            sampling: runtime.sampling,
            atol_e9: runtime.atolE9,
            rtol_e9: runtime.rtolE9,
        }
    }
}

impl RuntimeFields {
    pub(crate) fn to_runtime(&self) -> Runtime {
        Runtime {
            detClass: self.det_class,
            engineSha256: self.engine_sha256,
            engine: self.engine.clone(),
            optionsHash: self.options_hash,
            sampling: self.sampling,
            atolE9: self.atol_e9,
            rtolE9: self.rtol_e9,
        }
    }
}

impl Recorded {
    /// What is signed, and what the next record names.
    pub(crate) fn digest(&self) -> Result<B256, EntryError> {
        let entry = Entry {
            sequence: self.sequence,
            previous: self.previous,
            at: self.at,
            modelSha256: self.model_sha256,
            runtimeHash: self.runtime.to_runtime().eip712_hash_struct(),
            optimised: self.optimised,
            inputs: self.commit(Role::Input, &self.inputs)?,
            outputs: self.commit(Role::Output, &self.outputs)?,
            elapsedNs: self.elapsed_ns,
        };
        Ok(keccak256(
            [DOMAIN, entry.eip712_hash_struct().as_slice()].concat(),
        ))
    }

    /// Checks that the record follows the one before and that the device signed it; its digest.
    pub(crate) fn verify(
        &self,
        sequence: u64,
        previous: B256,
        signer: Address,
    ) -> Result<B256, EntryError> {
        if self.sequence != sequence {
            return Err(EntryError::Sequence {
                expected: sequence,
                got: self.sequence,
            });
        }
        if self.previous != previous {
            return Err(EntryError::Previous {
                sequence,
                expected: previous,
                got: self.previous,
            });
        }
        let digest = self.digest()?;
        let signature = self.signature()?;
        let got = recover_signer(digest, &signature)
            .map_err(|error| EntryError::Signature { sequence, error })?;
        if got != signer {
            return Err(EntryError::Signer {
                sequence,
                expected: signer,
                got,
            });
        }
        Ok(digest)
    }

    pub(crate) fn inputs(&self) -> Result<Vec<Tensor>, EntryError> {
        self.decode(&self.inputs)
    }

    pub(crate) fn outputs(&self) -> Result<Vec<Tensor>, EntryError> {
        self.decode(&self.outputs)
    }

    fn signature(&self) -> Result<SignatureBytes, EntryError> {
        self.signature
            .as_ref()
            .try_into()
            .map_err(|_| EntryError::Length {
                sequence: self.sequence,
                got: self.signature.len(),
            })
    }

    /// No salt: the values stand beside it.
    fn commit(&self, role: Role, message: &[u8]) -> Result<B256, EntryError> {
        compute_commitment(role, Salt::Public, &self.decode(message)?).map_err(|error| {
            EntryError::Tensors {
                sequence: self.sequence,
                error,
            }
        })
    }

    fn decode(&self, message: &[u8]) -> Result<Vec<Tensor>, EntryError> {
        decode_message(message).map_err(|error| EntryError::Tensors {
            sequence: self.sequence,
            error,
        })
    }
}
