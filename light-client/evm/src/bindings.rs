//! What the worker sees of this crate: numbers, byte arrays and strings, no JSON.

use revm::primitives::{Address, B256, Bytes, U256};
use wasm_bindgen::prelude::*;

use crate::{
    block::BlockContext,
    call::{AccessListEntry, CallRequest, Fees, Outcome, run_call},
    database::Missing,
    estimate::{Estimate, estimate_gas},
    limits::MAX_ROUNDS,
    state::{ProvenAccount, ProvenState},
};

/// One block and what is proven of its state. Serves one request after another; what was proven for one helps the next.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Evm {
    block: BlockContext,
    state: ProvenState,
}

#[wasm_bindgen]
impl Evm {
    /// Takes the fields of a verified header.
    #[wasm_bindgen(constructor)]
    #[allow(clippy::too_many_arguments, reason = "a header has this many fields")]
    pub fn new(
        #[wasm_bindgen(js_name = "chainId")] chain_id: u64,
        number: u64,
        timestamp: u64,
        #[wasm_bindgen(js_name = "gasLimit")] gas_limit: u64,
        #[wasm_bindgen(js_name = "baseFee")] base_fee: u64,
        beneficiary: &[u8],
        prevrandao: &[u8],
        #[wasm_bindgen(js_name = "excessBlobGas")] excess_blob_gas: u64,
    ) -> Result<Self, JsError> {
        Ok(Self {
            block: BlockContext {
                chain_id,
                number,
                timestamp,
                gas_limit,
                base_fee,
                beneficiary: address(beneficiary)?,
                prevrandao: hash(prevrandao)?,
                excess_blob_gas,
            },
            state: ProvenState::default(),
        })
    }

    /// Adds a proven account.
    #[wasm_bindgen(js_name = "addAccount")]
    pub fn add_account(
        &mut self,
        #[wasm_bindgen(js_name = "address")] at: &[u8],
        balance: &[u8],
        nonce: u64,
        #[wasm_bindgen(js_name = "codeHash")] code_hash: &[u8],
        #[wasm_bindgen(js_name = "storageEmpty")] storage_empty: bool,
    ) -> Result<(), JsError> {
        let account = ProvenAccount {
            balance: integer(balance)?,
            nonce,
            code_hash: hash(code_hash)?,
            storage_empty,
        };
        Ok(self.state.insert_account(address(at)?, Some(account))?)
    }

    /// Adds the proof that there is no such account.
    #[wasm_bindgen(js_name = "addAbsent")]
    pub fn add_absent(
        &mut self,
        #[wasm_bindgen(js_name = "address")] at: &[u8],
    ) -> Result<(), JsError> {
        Ok(self.state.insert_account(address(at)?, None)?)
    }

    /// Adds a proven slot.
    #[wasm_bindgen(js_name = "addSlot")]
    pub fn add_slot(
        &mut self,
        #[wasm_bindgen(js_name = "address")] at: &[u8],
        slot: &[u8],
        value: &[u8],
    ) -> Result<(), JsError> {
        let (slot, value) = (integer(slot)?, integer(value)?);
        Ok(self.state.insert_slot(address(at)?, slot, value)?)
    }

    /// Adds code; it is filed under the hash that is computed here.
    #[wasm_bindgen(js_name = "addCode")]
    pub fn add_code(&mut self, code: Vec<u8>) -> Result<(), JsError> {
        self.state.insert_code(Bytes::from(code))?;
        Ok(())
    }

    /// Adds an ancestor's hash.
    #[wasm_bindgen(js_name = "addBlockHash")]
    pub fn add_block_hash(
        &mut self,
        number: u64,
        #[wasm_bindgen(js_name = "hash")] of: &[u8],
    ) -> Result<(), JsError> {
        Ok(self.state.insert_block_hash(number, hash(of)?)?)
    }

    /// `eth_call`.
    pub fn call(&self, call: &Call) -> CallResult {
        CallResult::from_outcome(run_call(&self.block, &call.0, &self.state))
    }

    /// `eth_estimateGas`; the gas is in `gasUsed`.
    #[wasm_bindgen(js_name = "estimateGas")]
    pub fn estimate_gas(&self, call: &Call) -> CallResult {
        match estimate_gas(&self.block, &call.0, &self.state) {
            Estimate::Gas(gas) => CallResult {
                kind: "success",
                gas_used: gas,
                ..CallResult::default()
            },
            Estimate::Failed(outcome) => CallResult::from_outcome(outcome),
            Estimate::Missing(missing) => CallResult::from_missing(missing),
        }
    }

    /// Times that one request may be tried.
    #[wasm_bindgen(js_name = "maxRounds")]
    pub fn max_rounds() -> u32 {
        MAX_ROUNDS
    }
}

/// A request.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Call(CallRequest);

#[wasm_bindgen]
impl Call {
    /// What every request has; `to` is left out to create a contract, `value` is 32 bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(
        from: &[u8],
        to: Option<Vec<u8>>,
        value: &[u8],
        data: Vec<u8>,
    ) -> Result<Self, JsError> {
        Ok(Self(CallRequest {
            from: address(from)?,
            to: to.as_deref().map(address).transpose()?,
            value: integer(value)?,
            data: Bytes::from(data),
            ..CallRequest::default()
        }))
    }

    /// Sets the gas limit.
    #[wasm_bindgen(js_name = "setGas")]
    pub fn set_gas(&mut self, gas: u64) {
        self.0.gas = Some(gas);
    }

    /// Sets the chain id that the request is meant for.
    #[wasm_bindgen(js_name = "setChainId")]
    pub fn set_chain_id(&mut self, chain_id: u64) {
        self.0.chain_id = Some(chain_id);
    }

    /// Sets what the request pays: `maxFeePerGas` with a tip, or `gasPrice` without.
    #[wasm_bindgen(js_name = "setFees")]
    pub fn set_fees(&mut self, max_fee: u128, priority_fee: Option<u128>) {
        self.0.fees = Some(Fees {
            max_fee,
            priority_fee,
        });
    }

    /// Adds an access list entry; `slots` are 32 bytes each, one after another.
    #[wasm_bindgen(js_name = "addAccess")]
    pub fn add_access(
        &mut self,
        #[wasm_bindgen(js_name = "address")] at: &[u8],
        slots: &[u8],
    ) -> Result<(), JsError> {
        let (slots, rest) = slots.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(JsError::new("slots are 32 bytes each"));
        }
        self.0.access_list.push(AccessListEntry {
            address: address(at)?,
            slots: slots.iter().copied().map(B256::from).collect(),
        });
        Ok(())
    }
}

/// How a request ended. `kind` says which of the fields mean something.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct CallResult {
    kind: &'static str,
    output: Bytes,
    gas_used: u64,
    reason: Option<String>,
    missing: Missing,
}

#[wasm_bindgen]
impl CallResult {
    /// `success`, `revert`, `halt`, `invalid` or `missing`.
    #[wasm_bindgen(getter)]
    pub fn kind(&self) -> String {
        self.kind.to_owned()
    }

    /// Returned or reverted bytes.
    #[wasm_bindgen(getter)]
    pub fn output(&self) -> Vec<u8> {
        self.output.to_vec()
    }

    /// Gas used, or the estimate.
    #[wasm_bindgen(getter, js_name = "gasUsed")]
    pub fn gas_used(&self) -> u64 {
        self.gas_used
    }

    /// Why it did not succeed, in words.
    #[wasm_bindgen(getter)]
    pub fn reason(&self) -> Option<String> {
        self.reason.clone()
    }

    /// Missing accounts, 20 bytes each.
    #[wasm_bindgen(getter, js_name = "missingAccounts")]
    pub fn missing_accounts(&self) -> Vec<u8> {
        self.missing.accounts.iter().flatten().copied().collect()
    }

    /// Missing slots: address and slot, 52 bytes each.
    #[wasm_bindgen(getter, js_name = "missingSlots")]
    pub fn missing_slots(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.missing.slots.len() * 52);
        for (address, slot) in &self.missing.slots {
            bytes.extend_from_slice(address.as_slice());
            bytes.extend_from_slice(&slot.to_be_bytes::<32>());
        }
        bytes
    }

    /// Missing codes: an address that has the code, 20 bytes each.
    #[wasm_bindgen(getter, js_name = "missingCodes")]
    pub fn missing_codes(&self) -> Vec<u8> {
        let addresses = self.missing.codes.iter().map(|(address, _)| address);
        addresses.flatten().copied().collect()
    }

    /// Numbers of the ancestors whose hashes are missing.
    #[wasm_bindgen(getter, js_name = "missingBlockHashes")]
    pub fn missing_block_hashes(&self) -> Vec<u64> {
        self.missing.block_hashes.clone()
    }
}

impl CallResult {
    fn from_missing(missing: Missing) -> Self {
        Self {
            kind: "missing",
            missing,
            ..Self::default()
        }
    }

    fn from_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Success {
                output, gas_used, ..
            } => Self {
                kind: "success",
                output,
                gas_used,
                ..Self::default()
            },
            Outcome::Revert {
                output,
                reason,
                gas_used,
            } => Self {
                kind: "revert",
                output,
                reason,
                gas_used,
                ..Self::default()
            },
            Outcome::Halt {
                reason, gas_used, ..
            } => Self {
                kind: "halt",
                reason: Some(reason),
                gas_used,
                ..Self::default()
            },
            Outcome::Invalid { reason, .. } => Self {
                kind: "invalid",
                reason: Some(reason),
                ..Self::default()
            },
            Outcome::Missing(missing) => Self::from_missing(missing),
        }
    }
}

fn address(bytes: &[u8]) -> Result<Address, JsError> {
    Address::try_from(bytes).map_err(|_| wrong_length("an address", 20, bytes))
}

fn hash(bytes: &[u8]) -> Result<B256, JsError> {
    B256::try_from(bytes).map_err(|_| wrong_length("a hash", 32, bytes))
}

fn integer(bytes: &[u8]) -> Result<U256, JsError> {
    U256::try_from_be_slice(bytes).ok_or_else(|| wrong_length("an integer", 32, bytes))
}

fn wrong_length(what: &str, expected: usize, bytes: &[u8]) -> JsError {
    let got = bytes.len();
    JsError::new(&format!("{what} has {expected} bytes, got {got}"))
}
