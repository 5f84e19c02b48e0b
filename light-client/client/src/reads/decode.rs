//! Transactions and receipts taken apart (EIP-2718 and the types on it); senders are recovered here.

use alloy_consensus::{EthereumTxEnvelope, ReceiptEnvelope, Transaction as _, TxEip4844};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, Bytes, U256};
use sidelight_core::signature::recover_signer;

use crate::dto::{LogView, ReceiptView};

/// A decoded transaction.
#[derive(Debug)]
pub(crate) struct Transaction(EthereumTxEnvelope<TxEip4844>);

impl Transaction {
    /// None for what this build does not know.
    pub(crate) fn decode(raw: &[u8]) -> Option<Self> {
        EthereumTxEnvelope::decode_2718_exact(raw).ok().map(Self)
    }

    /// Whoever signed it.
    pub(crate) fn from(&self) -> Option<Address> {
        let mut signature = self.0.signature().as_bytes();
        if let Some(v) = signature.last_mut() {
            *v = 27 + u8::from(self.0.signature().v());
        }
        recover_signer(self.0.signature_hash(), &signature).ok()
    }

    pub(crate) fn to(&self) -> Option<Address> {
        self.0.to()
    }

    pub(crate) fn value(&self) -> U256 {
        self.0.value()
    }

    pub(crate) fn nonce(&self) -> u64 {
        self.0.nonce()
    }

    pub(crate) fn gas(&self) -> u64 {
        self.0.gas_limit()
    }

    pub(crate) fn max_fee(&self) -> u128 {
        self.0.max_fee_per_gas()
    }

    pub(crate) fn max_priority_fee(&self) -> Option<u128> {
        self.0.max_priority_fee_per_gas()
    }

    pub(crate) fn input(&self) -> Bytes {
        self.0.input().clone()
    }

    /// The fields of `eth_getTransactionByHash` that stand in the transaction itself.
    pub(crate) fn to_json(
        &self,
        base_fee: Option<u64>,
    ) -> serde_json::Map<String, serde_json::Value> {
        use serde_json::{Value, json};
        let quantity = |value: u128| json!(U256::from(value));
        let transaction = &self.0;
        let signature = transaction.signature();
        let parity = u128::from(signature.v());
        let legacy_v = transaction
            .chain_id()
            .map_or(27 + parity, |id| u128::from(id) * 2 + 35 + parity);
        let is_legacy = transaction.is_legacy();
        let mut fields = serde_json::Map::new();
        let mut put = |name: &str, value: Value| {
            fields.insert(name.into(), value);
        };
        put("nonce", quantity(self.nonce().into()));
        put("gas", quantity(self.gas().into()));
        put(
            "gasPrice",
            quantity(transaction.effective_gas_price(base_fee)),
        );
        put("from", json!(self.from()));
        put("to", json!(self.to()));
        put("value", json!(self.value()));
        put("input", json!(self.input()));
        put("v", quantity(if is_legacy { legacy_v } else { parity }));
        put("r", json!(signature.r()));
        put("s", json!(signature.s()));
        if let Some(id) = transaction.chain_id() {
            put("chainId", quantity(id.into()));
        }
        if !is_legacy {
            put("yParity", quantity(parity));
        }
        if let Some(tip) = transaction.max_priority_fee_per_gas() {
            put("maxFeePerGas", quantity(transaction.max_fee_per_gas()));
            put("maxPriorityFeePerGas", quantity(tip));
        }
        if let Some(list) = transaction.access_list() {
            let item = |item: &alloy_eips::eip2930::AccessListItem| json!({ "address": item.address, "storageKeys": item.storage_keys });
            put("accessList", list.iter().map(item).collect());
        }
        if let Some(list) = transaction.authorization_list() {
            let item = |signed: &alloy_eips::eip7702::SignedAuthorization| {
                json!({
                    "chainId": signed.chain_id(),
                    "address": signed.address(),
                    "nonce": quantity(signed.nonce().into()),
                    "yParity": quantity(signed.y_parity().into()),
                    "r": signed.r(),
                    "s": signed.s(),
                })
            };
            put("authorizationList", list.iter().map(item).collect());
        }
        fields
    }
}

/// A decoded receipt.
#[derive(Debug)]
pub(crate) struct Receipt(ReceiptEnvelope);

impl Receipt {
    /// None for what this build does not know.
    pub(crate) fn decode(raw: &[u8]) -> Option<Self> {
        ReceiptEnvelope::decode_2718_exact(raw).ok().map(Self)
    }

    pub(crate) fn cumulative_gas_used(&self) -> u64 {
        self.0.cumulative_gas_used()
    }

    pub(crate) fn log_count(&self) -> u64 {
        self.0.logs().len() as u64
    }

    pub(crate) fn view(&self, gas_before: u64, first_log: u64) -> ReceiptView {
        let log = |(log, log_index): (&alloy_primitives::Log, u64)| LogView {
            address: log.address,
            topics: log.data.topics().to_vec(),
            data: log.data.data.clone(),
            log_index,
        };
        ReceiptView {
            status: self.0.status(),
            gas_used: self.cumulative_gas_used().saturating_sub(gas_before),
            cumulative_gas_used: self.cumulative_gas_used(),
            logs: self.0.logs().iter().zip(first_log..).map(log).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, hex};

    use super::*;

    // The example of EIP-155.
    const LEGACY: &str = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";

    #[test]
    fn a_legacy_transaction_gives_its_sender() {
        let transaction = Transaction::decode(&hex::decode(LEGACY).unwrap()).unwrap();
        assert_eq!(
            transaction.from(),
            Some(address!("0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"))
        );
        assert_eq!((transaction.nonce(), transaction.gas()), (9, 21_000));
        let json = transaction.to_json(Some(7));
        assert_eq!(
            (
                json["v"].as_str(),
                json["gasPrice"].as_str(),
                json["chainId"].as_str()
            ),
            (Some("0x25"), Some("0x4a817c800"), Some("0x1"))
        );
    }

    #[test]
    fn what_is_no_transaction_or_receipt_is_nothing() {
        let mut raw = hex::decode(LEGACY).unwrap();
        for length in 0..raw.len() {
            assert!(Transaction::decode(&raw[..length]).is_none());
        }
        raw.push(0);
        assert!(Transaction::decode(&raw).is_none());
        assert!(
            Receipt::decode(&raw).is_none()
                && Receipt::decode(&[]).is_none()
                && Receipt::decode(&[0x7f, 0xc0]).is_none()
        );
    }
}
