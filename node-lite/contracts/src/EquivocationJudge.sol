// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Judges whether one key signed two blocks at one height of a Sidelight chain: docs/wire-format.md, sections 1 ("Signature") and 5 ("Files").
///
///   digest(chainId, rulesHash, number, first.hash)  --ecrecover--> signer
///   digest(chainId, rulesHash, number, second.hash) --ecrecover--> signer     first.hash != second.hash
///
/// It says neither that this key was due at that height nor which block is right: whoever holds a bond knows whose key it stands for.
contract EquivocationJudge {
    /// A block hash and a signature over its digest.
    struct SignedHash {
        bytes32 hash;
        bytes32 r;
        bytes32 s;
        uint8 v;
    }

    /// The fields of a `sidelight/evidence@1` file.
    struct Evidence {
        uint64 chainId;
        bytes32 rulesHash;
        uint64 number;
        address signer;
        SignedHash first;
        SignedHash second;
    }

    /// Both sides are about one block.
    error SameBlock(bytes32 hash);
    /// Neither 27 nor 28.
    error RecoveryByte(uint8 got);
    /// The same signature exists with a low s, and only one of the two may be valid (EIP-2).
    error HighS(bytes32 s);
    /// Nobody, or somebody else, made a signature.
    error WrongSigner(address expected, address got);

    /// Evidence that holds was reported for the first time.
    event Equivocation(
        address indexed signer, bytes32 indexed rulesHash, uint64 indexed number, bytes32 first, bytes32 second
    );

    /// What separates the digest from every other use of the key.
    bytes32 private constant DOMAIN = keccak256("sidelight header v1");
    /// Half the order of secp256k1.
    bytes32 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// By signer, rules and height: whether it was reported.
    mapping(address signer => mapping(bytes32 rulesHash => mapping(uint64 number => bool))) public reported;

    /// Reverts unless the evidence holds.
    function judge(Evidence calldata evidence) public pure {
        if (evidence.first.hash == evidence.second.hash) revert SameBlock(evidence.first.hash);
        check(evidence, evidence.first);
        check(evidence, evidence.second);
    }

    /// Judges, and remembers that this signer equivocated at this height. The second time nothing happens.
    function report(Evidence calldata evidence) external returns (bool isNews) {
        judge(evidence);
        mapping(uint64 => bool) storage heights = reported[evidence.signer][evidence.rulesHash];
        if (heights[evidence.number]) return false;
        heights[evidence.number] = true;
        emit Equivocation(
            evidence.signer, evidence.rulesHash, evidence.number, evidence.first.hash, evidence.second.hash
        );
        return true;
    }

    function check(Evidence calldata evidence, SignedHash calldata signed) private pure {
        if (signed.v != 27 && signed.v != 28) revert RecoveryByte(signed.v);
        if (signed.s > HALF_ORDER) revert HighS(signed.s);
        bytes32 digest = keccak256(
            abi.encode(DOMAIN, uint256(evidence.chainId), evidence.rulesHash, uint256(evidence.number), signed.hash)
        );
        address got = ecrecover(digest, signed.v, signed.r, signed.s);
        // ecrecover says "nobody" with the zero address.
        if (got == address(0) || got != evidence.signer) revert WrongSigner(evidence.signer, got);
    }
}
