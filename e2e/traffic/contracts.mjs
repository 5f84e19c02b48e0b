// The contracts of the traffic: OpenZeppelin's ERC-20, compiled here with solc, and Uniswap V2 as its npm packages ship it, compiled.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const artefact = (path) => {
  const { abi, bytecode } = JSON.parse(readFileSync(require.resolve(path), "utf8"));
  return { abi, bytecode: bytecode.startsWith("0x") ? bytecode : `0x${bytecode}` };
};

// The router derives a pair's address from the hash of the pair's creation code, so factory, pair and router must come from matching versions.
export const factory = artefact("@uniswap/v2-core/build/UniswapV2Factory.json");
export const pair = artefact("@uniswap/v2-core/build/UniswapV2Pair.json");
export const router = artefact("@uniswap/v2-periphery/build/UniswapV2Router02.json");
export const weth = artefact("@uniswap/v2-periphery/build/WETH9.json");

const source = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

contract Token is ERC20 {
    constructor(string memory name, string memory symbol, uint256 supply) ERC20(name, symbol) {
        _mint(msg.sender, supply);
    }
}
`;

/** OpenZeppelin's ERC-20 with a fixed supply: `{ abi, bytecode }`. */
export function compileToken() {
  const solc = require("solc");
  const input = {
    language: "Solidity",
    sources: { "Token.sol": { content: source } },
    settings: {
      evmVersion: "cancun",
      optimizer: { enabled: true, runs: 200 },
      outputSelection: { "Token.sol": { Token: ["abi", "evm.bytecode.object"] } },
    },
  };
  const readImport = (path) => {
    try {
      return { contents: readFileSync(require.resolve(path), "utf8") };
    } catch (error) {
      return { error: String(error) };
    }
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: readImport }));
  const errors = (output.errors ?? []).filter((one) => one.severity === "error");
  if (errors.length > 0) throw new Error(errors.map((one) => one.formattedMessage).join("\n"));
  const { abi, evm } = output.contracts["Token.sol"].Token;
  return { abi, bytecode: `0x${evm.bytecode.object}` };
}
