//! The typed data of a decision ([EIP-712](https://eips.ethereum.org/EIPS/eip-712)): what is hashed, and in which order. No JSON is ever hashed but an option set.

use alloy_primitives::{Address, B256};
use alloy_sol_types::{Eip712Domain, sol};

sol! {
    /// One inference and who stands behind it. Its EIP-712 digest is its id, what is signed, and the leaf of a batch.
    #[derive(Debug, PartialEq, Eq)]
    struct Decision {
        /// `hashStruct` of the signed [`TaskRequest`]; zero when the executor started by itself.
        bytes32 taskHash;
        /// `hashStruct` of [`Model`].
        bytes32 modelHash;
        /// `hashStruct` of [`Runtime`].
        bytes32 runtimeHash;
        /// `hashStruct` of [`IoCommit`] with role 1.
        bytes32 inputCommit;
        /// `hashStruct` of [`IoCommit`] with role 2.
        bytes32 outputCommit;
        /// Root over every value of the graph; zero: not offered.
        bytes32 traceRoot;
        /// What a zk proof takes as its input; zero: none.
        bytes32 zkInput;
        /// The decision that this one follows; zero: none.
        bytes32 parent;
        /// Who ran the model and signs.
        address executor;
        /// Who asked.
        address requester;
        /// The executor's ERC-8004 id; zero: none.
        uint256 agentId;
        /// Rises strictly with each decision of the executor.
        uint64 nonce;
        /// The newest block that the executor knew: it was not made before that block.
        uint64 anchorBlock;
        /// That block's hash, which names the branch.
        bytes32 anchorHash;
        /// Seconds since 1970, by the executor's own clock.
        uint64 issuedAt;
        /// The strongest level that the executor stands behind, 0 to 3.
        uint8 maxLevel;
    }

    /// A model, by its file.
    #[derive(Debug, PartialEq, Eq)]
    struct Model {
        /// SHA-256 of the file.
        bytes32 fileSha256;
        /// Its size.
        uint64 fileBytes;
        /// `onnx`.
        string format;
        /// Version of the operator set.
        uint32 opset;
        /// Root over the nodes; zero: not offered.
        bytes32 graphRoot;
        /// `hashStruct` of [`IoSchema`].
        bytes32 ioSchema;
        /// Hash of an OpenSSF Model Signing bundle; zero: none.
        bytes32 omsBundle;
        /// Multiply-accumulates of one inference.
        uint64 macs;
        /// Bytes that weights and values need at most.
        uint64 peakBytes;
        /// The model that this one was trained from; zero: none.
        bytes32 parentModel;
    }

    /// An input or output of a model.
    #[derive(Debug, PartialEq, Eq)]
    struct Port {
        /// Its name in the graph.
        string name;
        /// ONNX's type code.
        uint8 dtype;
        /// Sizes; -1 is free.
        int64[] shape;
    }

    /// What goes into a model and comes out, with the versions of what is done before and after.
    #[derive(Debug, PartialEq, Eq)]
    struct IoSchema {
        /// Sorted by name.
        Port[] inputs;
        /// Sorted by name.
        Port[] outputs;
        /// Id and version of the preprocessing.
        string preprocess;
        /// Id and version of the postprocessing.
        string postprocess;
    }

    /// What ran the model, and what of its result is promised.
    #[derive(Debug, PartialEq, Eq)]
    struct Runtime {
        /// Determinism class, 0 to 4.
        uint8 detClass;
        /// SHA-256 of the engine's module or library; zero where the class does not pin it.
        bytes32 engineSha256;
        /// Name and version.
        string engine;
        /// [`super::class::hash_options`].
        bytes32 optionsHash;
        /// Hash over seed and sampler; zero for models that do not sample.
        bytes32 sampling;
        /// Absolute tolerance in 1e-9.
        uint64 atolE9;
        /// Relative tolerance in 1e-9.
        uint64 rtolE9;
    }

    /// A commitment to inputs or outputs.
    #[derive(Debug, PartialEq, Eq)]
    struct IoCommit {
        /// 1 inputs, 2 outputs.
        uint8 role;
        /// Random, where the values are private or few; zero where they are public.
        bytes32 salt;
        /// `hashStruct` of each [`Tensor`], in the order of their names.
        bytes32[] tensors;
    }

    /// A tensor, by the root of its elements.
    #[derive(Debug, PartialEq, Eq)]
    struct Tensor {
        /// Its name in the graph.
        string name;
        /// ONNX's type code.
        uint8 dtype;
        /// Sizes.
        uint64[] shape;
        /// Length of its CTE-1 bytes.
        uint64 byteLength;
        /// Their root.
        bytes32 root;
    }

    /// What somebody asks to be computed, signed by them.
    #[derive(Debug, PartialEq, Eq)]
    struct TaskRequest {
        /// `hashStruct` of [`Model`].
        bytes32 modelHash;
        /// `hashStruct` of [`IoCommit`] with role 1.
        bytes32 inputCommit;
        /// 1 inference, 2 training round, 3 zk proof.
        uint8 kind;
        /// The weakest level that is accepted.
        uint8 minLevel;
        /// The weakest determinism class that is accepted.
        uint8 detClass;
        /// Seconds since 1970.
        uint64 deadline;
        /// The most that can be charged.
        uint256 maxFee;
        /// The input must not leave the device.
        bool localOnly;
        /// Who asks and signs.
        address requester;
        /// Rises strictly with each request.
        uint64 nonce;
    }
}

/// The domain of a registry: a signature for one chain and contract is none for another.
pub fn domain(chain_id: u64, registry: Address) -> Eip712Domain {
    Eip712Domain::new(
        Some("DecisionRegistry".into()),
        Some("1".into()),
        Some(alloy_primitives::U256::from(chain_id)),
        Some(registry),
        None::<B256>,
    )
}
