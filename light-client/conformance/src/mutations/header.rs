//! Each field of the header. One that no rule and no execution binds is bound by the block's hash alone, and so by the signature over it.

use alloy_consensus::Header;
use alloy_primitives::{B64, B256, Bytes, U256};
use sidelight_executor::{Fork, Rule};

use super::{Chain, Expected, Trial};

type Edit = fn(&mut Header);

/// Fields that say what execution gives; checked on every chain.
const OUTCOMES: [(Rule, Edit); 7] = [
    (Rule::TransactionsRoot, |header| {
        header.transactions_root.0[31] ^= 1;
    }),
    (Rule::Ommers, |header| header.ommers_hash.0[0] ^= 1),
    (Rule::ReceiptsRoot, |header| {
        header.receipts_root.0[0] ^= 1;
    }),
    (Rule::LogsBloom, |header| header.logs_bloom.0[255] ^= 1),
    (Rule::StateRoot, |header| header.state_root.0[31] ^= 1),
    (Rule::GasUsed, |header| {
        header.gas_used = header.gas_used.checked_sub(1).unwrap_or(1);
    }),
    (Rule::ParentHash, |header| header.parent_hash.0[0] ^= 1),
];

/// Fields that follow from the parent's by Ethereum's rules, and those that a fork brings or does not bring.
const RULES: [(Rule, Edit); 16] = [
    (Rule::Number, |header| header.number += 1),
    (Rule::Number, |header| header.number -= 1),
    (Rule::Timestamp, |header| header.timestamp = 0),
    (Rule::ExtraData, |header| {
        header.extra_data = Bytes::from_static(&[0; 33]);
    }),
    (Rule::GasLimit, |header| header.gas_limit *= 2),
    (Rule::GasLimit, |header| header.gas_limit = 4_999),
    (Rule::GasUsed, |header| {
        header.gas_used = header.gas_limit + 1;
    }),
    (Rule::Difficulty, |header| {
        header.difficulty += U256::from(1);
    }),
    (Rule::BaseFee, |header| {
        header.base_fee_per_gas = Some(header.base_fee_per_gas.map_or(7, |fee| fee + 1));
    }),
    (Rule::WithdrawalsRoot, |header| {
        header.withdrawals_root = flip(header.withdrawals_root);
    }),
    (Rule::BlobGasUsed, |header| {
        header.blob_gas_used = Some(header.blob_gas_used.map_or(0, |gas| gas + 1));
    }),
    (Rule::BlobGasUsed, |header| {
        header.blob_gas_used = header.blob_gas_used.map(|gas| gas ^ (1 << 17));
    }),
    (Rule::ExcessBlobGas, |header| {
        header.excess_blob_gas = Some(header.excess_blob_gas.map_or(0, |gas| gas + 1));
    }),
    (Rule::ParentBeaconBlockRoot, |header| {
        header.parent_beacon_block_root = match header.parent_beacon_block_root {
            None => Some(B256::ZERO),
            Some(_) => None,
        };
    }),
    (Rule::RequestsHash, |header| {
        header.requests_hash = flip(header.requests_hash);
    }),
    (Rule::UnknownField, |header| header.slot_number = Some(1)),
];

/// Fields that execution may see.
const SEEN: [Edit; 5] = [
    |header| header.beneficiary.0[19] ^= 1,
    |header| header.mix_hash.0[0] ^= 1,
    |header| header.timestamp += 1,
    |header| header.gas_limit += 1,
    |header| {
        header.parent_beacon_block_root = header
            .parent_beacon_block_root
            .map(|root| flip(Some(root)).unwrap_or_default());
    },
];

fn flip(hash: Option<B256>) -> Option<B256> {
    Some(hash.map_or(B256::ZERO, |mut hash| {
        hash.0[31] ^= 1;
        hash
    }))
}

pub(super) fn attack(trial: &mut Trial<'_>) {
    for (rule, edit) in OUTCOMES {
        // A block of a Sidelight chain has no ommers to begin with: the core's header rules look at their hash.
        let is_mine = trial.subject.chain == Chain::Ethereum || rule != Rule::Ommers;
        let expected = if is_mine {
            Expected::Breaks(rule)
        } else {
            Expected::Refused
        };
        edit_header(trial, "header: outcome", expected, edit);
    }
    for edit in SEEN {
        edit_header(
            trial,
            "header: seen by execution",
            Expected::ValidOrRefused,
            edit,
        );
    }
    if trial.subject.chain == Chain::Sidelight {
        return;
    }
    for (rule, edit) in RULES {
        edit_header(trial, "header: rule", Expected::Breaks(rule), edit);
    }
    edit_header(
        trial,
        "header: rule",
        Expected::Breaks(Rule::UnknownField),
        |header| header.block_access_list_hash = Some(B256::ZERO),
    );
    let header = &trial.subject.decoded.block.header;
    let paris = trial
        .subject
        .spec
        .is_active(Fork::Paris, header.number, header.timestamp);
    // Before Paris it is a part of the seal, which is not checked.
    let expected = match paris {
        true => Expected::Breaks(Rule::Nonce),
        false => Expected::Valid,
    };
    edit_header(trial, "header: rule", expected, |header| {
        header.nonce = B64::repeat_byte(7);
    });
}

/// Whatever else is said of it, a changed header has another hash.
fn edit_header(trial: &mut Trial<'_>, class: &'static str, expected: Expected, edit: Edit) {
    let header = &trial.subject.decoded.block.header;
    let mut changed = header.clone();
    edit(&mut changed);
    if changed != *header && changed.hash_slow() == header.hash_slow() {
        trial.survive(class, "another header with the same hash");
    }
    trial.try_one(class, expected, |subject| {
        edit(&mut subject.decoded.block.header);
        subject.decoded.hash = subject.decoded.block.header.hash_slow();
    });
}
