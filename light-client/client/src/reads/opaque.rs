//! Stands in for `decode` in builds without it: nothing is known of a transaction but its bytes and its hash.

use alloy_primitives::{Address, Bytes, U256};

use crate::dto::ReceiptView;

/// Never made.
#[derive(Debug)]
pub(crate) enum Transaction {}

/// Never made.
#[derive(Debug)]
pub(crate) enum Receipt {}

impl Transaction {
    pub(crate) fn decode(_raw: &[u8]) -> Option<Self> {
        None
    }

    pub(crate) fn from(&self) -> Option<Address> {
        match *self {}
    }

    pub(crate) fn to(&self) -> Option<Address> {
        match *self {}
    }

    pub(crate) fn value(&self) -> U256 {
        match *self {}
    }

    pub(crate) fn nonce(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn gas(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn max_fee(&self) -> u128 {
        match *self {}
    }

    pub(crate) fn max_priority_fee(&self) -> Option<u128> {
        match *self {}
    }

    pub(crate) fn input(&self) -> Bytes {
        match *self {}
    }

    pub(crate) fn to_json(
        &self,
        _base_fee: Option<u64>,
    ) -> serde_json::Map<String, serde_json::Value> {
        match *self {}
    }
}

impl Receipt {
    pub(crate) fn decode(_raw: &[u8]) -> Option<Self> {
        None
    }

    pub(crate) fn cumulative_gas_used(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn log_count(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn view(&self, _gas_before: u64, _first_log: u64) -> ReceiptView {
        match *self {}
    }
}
