//! An account's token transfers, out of verified logs, and what the anomaly model takes of them (`transfers-16x4/1`).
//!
//! ```text
//!   logs from it + logs to it --by block and position--> transfers --last 16, 4 features each--> model
//! ```

use alloy_primitives::{Address, B256, U256};
use serde_json::{Value, json};
use sidelight_client::dto::{LogEntry, LogsView};

/// `Transfer(address,address,uint256)` of ERC-20.
pub(crate) const TRANSFER: &str =
    "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/// Transfers of one run of the model.
pub(crate) const WINDOW: usize = 16;
/// Numbers of each.
const FEATURES: usize = 4;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// One transfer of one token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) block: u64,
    /// Position of the log in the block.
    pub(crate) index: u64,
    /// Seconds since 1970.
    pub(crate) at: u64,
    pub(crate) token: Address,
    pub(crate) from: Address,
    pub(crate) to: Address,
    /// In the token's smallest unit.
    pub(crate) amount: U256,
    pub(crate) transaction: B256,
}

impl Transfer {
    /// `None` for events of the same name with other fields, such as those of ERC-721.
    fn of(entry: &LogEntry) -> Option<Self> {
        let log = &entry.log;
        let [_, from, to] = log.topics.as_slice() else {
            return None;
        };
        let amount: [u8; 32] = log.data.as_ref().try_into().ok()?;
        Some(Self {
            block: entry.block.number,
            index: log.log_index,
            at: entry.timestamp,
            token: log.address,
            from: Address::from_word(*from),
            to: Address::from_word(*to),
            amount: U256::from_be_bytes(amount),
            transaction: entry.transaction_hash,
        })
    }
}

/// The two questions: what went out, and what came in.
pub(crate) fn questions(account: Address, from: u64, to: u64) -> [Value; 2] {
    let topic = account.into_word();
    let ask = |topics: Value| json!([{ "fromBlock": format!("0x{from:x}"), "toBlock": format!("0x{to:x}"), "topics": topics }]);
    [
        ask(json!([TRANSFER, topic])),
        ask(json!([TRANSFER, null, topic])),
    ]
}

/// Both answers as one list, oldest first; what an account sends to itself is in both.
pub(crate) fn join(sent: &LogsView, received: &LogsView) -> Vec<Transfer> {
    let mut transfers: Vec<Transfer> = sent
        .logs
        .iter()
        .chain(&received.logs)
        .filter_map(Transfer::of)
        .collect();
    transfers.sort_by_key(|transfer| (transfer.block, transfer.index));
    transfers.dedup_by_key(|transfer| (transfer.block, transfer.index));
    transfers
}

/// The model's input over the last transfers; `None` while there are too few. The first pause needs the transfer before.
///
/// `log10(1 + amount / 10^9)`, `log10(1 + seconds since the one before)`, +1 in or -1 out, hour of the day / 24 (UTC); amounts as of tokens with 18 decimals.
pub(crate) fn features(account: Address, transfers: &[Transfer]) -> Option<Vec<f64>> {
    let start = transfers.len().checked_sub(WINDOW + 1)?;
    let mut numbers = Vec::with_capacity(WINDOW * FEATURES);
    for pair in transfers.get(start..)?.windows(2) {
        let [before, transfer] = pair else {
            return None;
        };
        let amount = f64::from(transfer.amount) / 1e9;
        let pause = transfer.at.saturating_sub(before.at) as f64;
        let is_sent = transfer.from == account;
        numbers.extend([
            (1.0 + amount).log10(),
            (1.0 + pause).log10(),
            if is_sent { -1.0 } else { 1.0 },
            (transfer.at % DAY) as f64 / DAY as f64,
        ]);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Address = Address::repeat_byte(1);
    const OTHER: Address = Address::repeat_byte(2);

    fn transfer(number: u64, from: Address, to: Address, amount: u64) -> Transfer {
        Transfer {
            block: number,
            index: 0,
            at: DAY + 60 * number,
            token: Address::repeat_byte(9),
            from,
            to,
            amount: U256::from(amount) * U256::from(1_000_000_000_u64),
            transaction: B256::ZERO,
        }
    }

    #[test]
    fn features_are_what_the_model_was_trained_on() {
        let transfers: Vec<Transfer> = (0..=16)
            .map(|number| transfer(number, ME, OTHER, 99))
            .collect();
        let numbers = features(ME, &transfers).unwrap();
        assert_eq!(numbers.len(), 64);
        assert_eq!(numbers[0], 2.0);
        assert!((numbers[1] - 61_f64.log10()).abs() < 1e-12);
        assert_eq!(numbers[2], -1.0);
        assert!((numbers[3] - 60.0 / 86_400.0).abs() < 1e-12);
        assert_eq!(features(OTHER, &transfers).unwrap()[2], 1.0);
        // The first of the window has one before it.
        assert_eq!(features(ME, &transfers[1..]), None);
        assert_eq!(features(ME, &[]), None);
    }

    #[test]
    fn the_last_transfers_count() {
        let transfers: Vec<Transfer> = (0..40)
            .map(|number| transfer(number, ME, OTHER, 10_u64.pow((number / 10) as u32) - 1))
            .collect();
        let numbers = features(ME, &transfers).unwrap();
        assert_eq!(numbers[0], 2.0);
        assert_eq!(numbers[60], 3.0);
    }
}
