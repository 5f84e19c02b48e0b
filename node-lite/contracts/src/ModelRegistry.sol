// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Model, Runtime, hashModel, hashRuntime} from "./DecisionTypes.sol";

/// Says since when a model or a runtime is known on this chain, and under which hash: docs/decision-format.md.
///
/// The records themselves are in the events; state holds one word for each hash. `models` is slot 0 and `runtimes` slot 1.
contract ModelRegistry {
    /// One word: who registered it first, in which block.
    struct Registration {
        address registrant;
        uint64 blockNumber;
    }

    /// Nothing is known of a model without its file's hash and length.
    error NoFile();
    /// A class that does not exist.
    error UnknownClass(uint8 got);

    event ModelRegistered(bytes32 indexed modelHash, address indexed registrant, bytes32 indexed fileSha256, Model model);
    event RuntimeRegistered(bytes32 indexed runtimeHash, address indexed registrant, Runtime runtime);

    mapping(bytes32 modelHash => Registration) public models;
    mapping(bytes32 runtimeHash => Registration) public runtimes;

    /// Registers a model. The second time nothing happens: the first registration stands.
    function registerModel(Model calldata model) external returns (bytes32 modelHash) {
        if (model.fileSha256 == 0 || model.fileBytes == 0) revert NoFile();
        modelHash = hashModel(model);
        if (register(models, modelHash)) {
            emit ModelRegistered(modelHash, msg.sender, model.fileSha256, model);
        }
    }

    /// Registers a runtime. The second time nothing happens.
    function registerRuntime(Runtime calldata runtime) external returns (bytes32 runtimeHash) {
        if (runtime.detClass > 4) revert UnknownClass(runtime.detClass);
        runtimeHash = hashRuntime(runtime);
        if (register(runtimes, runtimeHash)) {
            emit RuntimeRegistered(runtimeHash, msg.sender, runtime);
        }
    }

    function register(mapping(bytes32 => Registration) storage known, bytes32 hash) private returns (bool isNew) {
        isNew = known[hash].registrant == address(0);
        if (isNew) known[hash] = Registration(msg.sender, uint64(block.number));
    }
}
