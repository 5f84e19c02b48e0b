// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// What the tests run: a plain token, and calls that need more than one kind of state.
contract Token is ERC20 {
    uint256[] private numbers;
    uint256 public written;

    constructor() ERC20("Token", "TOK") {
        _mint(msg.sender, 1_000_000 ether);
    }

    /// Reads `count` slots whose keys are known only after the array's length.
    function sum(uint256 count) external view returns (uint256 total) {
        for (uint256 i = 0; i < count; i++) total += numbers[i];
    }

    function ancestor(uint256 number) external view returns (bytes32) {
        return blockhash(number);
    }

    function balanceOfEther(address account) external view returns (uint256) {
        return account.balance;
    }

    /// Gives the inner call 63/64 of what is left and fails unless that was enough, so that the gas used is not the gas needed.
    function nested(uint256 value) external {
        this.store(value);
        require(written == value, "inner call failed");
    }

    function store(uint256 value) external {
        written = value;
    }

    function clear() external {
        written = 0;
    }

    function spin() external view {
        uint256 i;
        while (true) i += gasleft();
    }

    function environment() external view returns (uint256, uint256, uint256, uint256, address, uint256) {
        return (block.chainid, block.number, block.timestamp, block.basefee, block.coinbase, block.prevrandao);
    }
}
