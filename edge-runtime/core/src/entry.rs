//! One record of the device: what ran, on what, with which result, and which record came before.
//!
//! ```text
//!   entry 0 <--previous-- entry 1 <--previous-- entry 2 ...        each signed by the device's key
//!   digest = keccak( "sidelight record v1" || hashStruct(Entry) )
//! ```

use alloc::{string::String, vec::Vec};

use alloy_primitives::{Address, B256, Bytes, keccak256};
use alloy_sol_types::{SolStruct, sol};
use serde::{Deserialize, Serialize};
use sidelight_core::signature::{SignatureBytes, SignatureError, recover_signer};
use sidelight_tensor::{Tensor, TensorError, decode_message};
use thiserror::Error;

use crate::{
    commit::{Role, Salt, compute_commitment},
    typed::Runtime,
};

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
pub enum EntryError {
    /// Inputs or outputs cannot be read, or not be hashed.
    #[error("record {sequence}: tensors: {error}")]
    Tensors {
        /// Which record.
        sequence: u64,
        /// Why.
        error: TensorError,
    },
    /// Not a signature of this curve.
    #[error("record {sequence}: signature: {error}")]
    Signature {
        /// Which record.
        sequence: u64,
        /// Why.
        error: SignatureError,
    },
    /// Not as many bytes as a signature has.
    #[error("record {sequence}: signature: expected 65 bytes, got {got}")]
    Length {
        /// Which record.
        sequence: u64,
        /// How many.
        got: usize,
    },
    /// Somebody else signed it, or something of it was changed.
    #[error("record {sequence}: signer: expected {expected}, got {got}")]
    Signer {
        /// Which record.
        sequence: u64,
        /// Whose records these are.
        expected: Address,
        /// Who signed these bytes.
        got: Address,
    },
    /// It does not follow the one before.
    #[error("record {sequence}: previous: expected {expected}, got {got}")]
    Previous {
        /// Which record.
        sequence: u64,
        /// Digest of the one before.
        expected: B256,
        /// What it names.
        got: B256,
    },
    /// It stands in another place.
    #[error("sequence: expected {expected}, got {got}")]
    Sequence {
        /// The place.
        expected: u64,
        /// What it says.
        got: u64,
    },
}

/// A record as it is kept and exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recorded {
    /// Counts from zero.
    pub sequence: u64,
    /// Digest of the record before; zero for the first.
    pub previous: B256,
    /// Seconds since 1970, by the device's clock.
    pub at: u64,
    /// Of the model's file.
    pub model_sha256: B256,
    /// What ran it.
    pub runtime: RuntimeFields,
    /// Whether operators were fused.
    pub optimised: bool,
    /// Tensors as a message: docs/decision-format.md, section 2.
    pub inputs: Bytes,
    /// The same.
    pub outputs: Bytes,
    /// Of the run.
    pub elapsed_ns: u64,
    /// `r || s || v` over [`Self::digest`].
    pub signature: Bytes,
}

/// [`Runtime`] in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RuntimeFields {
    /// Determinism class.
    pub det_class: u8,
    /// Of the engine's module or library.
    pub engine_sha256: B256,
    /// Name and version.
    pub engine: String,
    /// Of the options that it ran with.
    pub options_hash: B256,
    /// Zero for models that do not sample.
    pub sampling: B256,
    /// Absolute tolerance in 1e-9.
    pub atol_e9: u64,
    /// Relative tolerance in 1e-9.
    pub rtol_e9: u64,
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
    /// As it is hashed.
    pub fn to_runtime(&self) -> Runtime {
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
    pub fn digest(&self) -> Result<B256, EntryError> {
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
    pub fn verify(
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

    /// The tensors that went in.
    pub fn inputs(&self) -> Result<Vec<Tensor>, EntryError> {
        self.decode(&self.inputs)
    }

    /// The tensors that came out.
    pub fn outputs(&self) -> Result<Vec<Tensor>, EntryError> {
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
