// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// A contract account of one owner, for tests: it accepts what the owner's key signs (ERC-1271), and nobody's signature once it is closed.
contract OwnedAccount {
    address private immutable owner;
    bool public isClosed;

    constructor(address owner_) {
        owner = owner_;
    }

    function close() external {
        require(msg.sender == owner);
        isClosed = true;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        require(!isClosed);
        if (signature.length != 65) return 0xffffffff;
        address got = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        return got != address(0) && got == owner ? bytes4(0x1626ba7e) : bytes4(0xffffffff);
    }
}
