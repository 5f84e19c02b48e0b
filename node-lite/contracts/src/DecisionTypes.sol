// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

// The records of a verifiable decision and their EIP-712 struct hashes: docs/decision-format.md.

/// What an executor signs: this model, on this input, gave this output.
struct Decision {
    /// EIP-712 struct hash of the TaskRequest; zero when nobody asked.
    bytes32 taskHash;
    /// Struct hash of the Model.
    bytes32 modelHash;
    /// Struct hash of the Runtime.
    bytes32 runtimeHash;
    /// Struct hash of the IoCommit with role 1.
    bytes32 inputCommit;
    /// Struct hash of the IoCommit with role 2.
    bytes32 outputCommit;
    /// Merkle root over the tensors that the nodes gave, in topological order; zero when not offered.
    bytes32 traceRoot;
    /// Public input of a zero-knowledge proof; zero when there is none.
    bytes32 zkInput;
    /// The decision or data anchor that this one follows; zero when it follows none.
    bytes32 parent;
    address executor;
    address requester;
    /// ERC-8004 identity of the executor; zero when it has none.
    uint256 agentId;
    /// Strictly rising for each executor.
    uint64 nonce;
    /// The newest block that the executor had seen: the decision is not older.
    uint64 anchorBlock;
    bytes32 anchorHash;
    /// Seconds since 1970, as the executor says.
    uint64 issuedAt;
    /// The strongest level that the executor stands behind, 0 to 3.
    uint8 maxLevel;
}

/// A model, known by its file.
struct Model {
    bytes32 fileSha256;
    uint64 fileBytes;
    string format;
    uint32 opset;
    bytes32 graphRoot;
    bytes32 ioSchema;
    bytes32 omsBundle;
    uint64 macs;
    uint64 peakBytes;
    bytes32 parentModel;
}

/// What ran a model, and how equal two runs must be. Tolerances count in 1e-9.
struct Runtime {
    uint8 detClass;
    bytes32 engineSha256;
    string engine;
    bytes32 optionsHash;
    bytes32 sampling;
    uint64 atolE9;
    uint64 rtolE9;
}

bytes32 constant DECISION_TYPEHASH = keccak256(
    "Decision(bytes32 taskHash,bytes32 modelHash,bytes32 runtimeHash,bytes32 inputCommit,bytes32 outputCommit,bytes32 traceRoot,bytes32 zkInput,bytes32 parent,address executor,address requester,uint256 agentId,uint64 nonce,uint64 anchorBlock,bytes32 anchorHash,uint64 issuedAt,uint8 maxLevel)"
);
bytes32 constant MODEL_TYPEHASH = keccak256(
    "Model(bytes32 fileSha256,uint64 fileBytes,string format,uint32 opset,bytes32 graphRoot,bytes32 ioSchema,bytes32 omsBundle,uint64 macs,uint64 peakBytes,bytes32 parentModel)"
);
bytes32 constant RUNTIME_TYPEHASH = keccak256(
    "Runtime(uint8 detClass,bytes32 engineSha256,string engine,bytes32 optionsHash,bytes32 sampling,uint64 atolE9,uint64 rtolE9)"
);

function hashDecision(Decision memory decision) pure returns (bytes32) {
    // Every member fills one word, so the ABI's encoding of the record is EIP-712's.
    return keccak256(abi.encode(DECISION_TYPEHASH, decision));
}

function hashModel(Model memory model) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            MODEL_TYPEHASH,
            model.fileSha256,
            model.fileBytes,
            keccak256(bytes(model.format)),
            model.opset,
            model.graphRoot,
            model.ioSchema,
            model.omsBundle,
            model.macs,
            model.peakBytes,
            model.parentModel
        )
    );
}

function hashRuntime(Runtime memory runtime) pure returns (bytes32) {
    return keccak256(
        abi.encode(
            RUNTIME_TYPEHASH,
            runtime.detClass,
            runtime.engineSha256,
            keccak256(bytes(runtime.engine)),
            runtime.optionsHash,
            runtime.sampling,
            runtime.atolE9,
            runtime.rtolE9
        )
    );
}
