// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Decision, hashDecision} from "./DecisionTypes.sol";

/// Anchors batches of decisions: after that nobody can change one, or say that it was made later. Whether a decision is right is not judged here: docs/decision-format.md.
///
///   decisions --EIP-712--> decisionHash --keccak twice--> leaves --sorted pairs--> root --anchor--> batches[root]
///
/// The tree is OpenZeppelin's StandardMerkleTree over ["bytes32"]. `batches` is slot 0, so that a light client proves an anchor with one storage proof.
contract DecisionRegistry {
    /// One word: who anchored how many decisions in which block.
    struct Batch {
        address poster;
        uint64 blockNumber;
        uint32 count;
    }

    error EmptyBatch();
    /// A root keeps its first anchor.
    error AlreadyAnchored(bytes32 root, uint64 blockNumber);
    error NotAnchored(bytes32 root);
    /// The Merkle path leads to another root.
    error NotInBatch(bytes32 expected, bytes32 got);
    /// Neither 64 bytes (EIP-2098) nor 65, or a second form of another signature (EIP-2).
    error MalformedSignature();
    error WrongSigner(address expected, address got);

    event BatchAnchored(
        bytes32 indexed root, address indexed poster, uint32 count, bytes32 dataHash, string uri
    );

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    /// Half the order of secp256k1.
    bytes32 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    mapping(bytes32 root => Batch) public batches;

    /// Anchors `count` decisions under their root. `dataHash` is the SHA-256 of the file at `uri` that holds them; both may be empty.
    function anchor(bytes32 root, uint32 count, bytes32 dataHash, string calldata uri) external {
        if (count == 0 || root == 0) revert EmptyBatch();
        Batch storage batch = batches[root];
        if (batch.count != 0) revert AlreadyAnchored(root, batch.blockNumber);
        batches[root] = Batch(msg.sender, uint64(block.number), count);
        emit BatchAnchored(root, msg.sender, count, dataHash, uri);
    }

    /// Reverts unless the executor signed the decision and the batch holds it.
    function check(Decision calldata decision, bytes calldata signature, bytes32 root, bytes32[] calldata proof)
        external
        view
        returns (Batch memory)
    {
        bytes32 digest = decisionHash(decision);
        checkSignature(decision.executor, digest, signature);
        return find(digest, root, proof);
    }

    /// The batch that holds a decision; reverts when it does not.
    function find(bytes32 digest, bytes32 root, bytes32[] calldata proof) public view returns (Batch memory batch) {
        batch = batches[root];
        if (batch.count == 0) revert NotAnchored(root);
        bytes32 node = keccak256(bytes.concat(keccak256(abi.encode(digest))));
        for (uint256 i = 0; i < proof.length; i++) {
            node = node < proof[i] ? keccak256(abi.encode(node, proof[i])) : keccak256(abi.encode(proof[i], node));
        }
        if (node != root) revert NotInBatch(root, node);
    }

    /// Identity, signed digest and Merkle leaf of a decision in one.
    function decisionHash(Decision calldata decision) public view returns (bytes32) {
        return keccak256(bytes.concat(hex"1901", domainSeparator(), hashDecision(decision)));
    }

    function domainSeparator() public view returns (bytes32) {
        return keccak256(
            abi.encode(
                DOMAIN_TYPEHASH, keccak256("DecisionRegistry"), keccak256("1"), block.chainid, address(this)
            )
        );
    }

    /// EIP-5267.
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        return (hex"0f", "DecisionRegistry", "1", block.chainid, address(this), 0, new uint256[](0));
    }

    function checkSignature(address signer, bytes32 digest, bytes calldata signature) private view {
        if (signer.code.length != 0) {
            // ERC-1271: the account decides.
            (bool ok, bytes memory said) =
                signer.staticcall(abi.encodeWithSelector(0x1626ba7e, digest, signature));
            bool isValid = ok && said.length == 32 && bytes32(said) == bytes32(bytes4(0x1626ba7e));
            if (!isValid) revert WrongSigner(signer, address(0));
            return;
        }
        (bytes32 r, bytes32 s, uint8 v) = split(signature);
        if (s > HALF_ORDER || (v != 27 && v != 28)) revert MalformedSignature();
        address got = ecrecover(digest, v, r, s);
        // ecrecover says "nobody" with the zero address.
        if (got == address(0) || got != signer) revert WrongSigner(signer, got);
    }

    function split(bytes calldata signature) private pure returns (bytes32 r, bytes32 s, uint8 v) {
        if (signature.length == 65) {
            return (bytes32(signature[:32]), bytes32(signature[32:64]), uint8(signature[64]));
        }
        if (signature.length != 64) revert MalformedSignature();
        bytes32 vs = bytes32(signature[32:]);
        return (bytes32(signature[:32]), vs & bytes32(uint256(type(int256).max)), uint8(uint256(vs) >> 255) + 27);
    }
}
