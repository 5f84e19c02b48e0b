//! Held against `alloy-consensus`, which knows every type by heart.

use alloy_consensus::{
    EthereumTxEnvelope, Receipt as AlloyReceipt, ReceiptEnvelope, SignableTransaction,
    Transaction as _, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy,
};
use alloy_eips::{
    eip2718::{Decodable2718, Encodable2718},
    eip2930::{AccessList, AccessListItem},
    eip7702::Authorization,
};
use alloy_primitives::{Log, LogData, Signature, TxKind, address, hex};

use super::*;
use crate::testing::{address_of, key, sign};

type Envelope = EthereumTxEnvelope<TxEip4844>;

fn signed<T: SignableTransaction<Signature>>(transaction: T) -> Envelope
where
    Envelope: From<alloy_consensus::Signed<T>>,
{
    let signature =
        Signature::from_raw_array(&sign(&key(5), transaction.signature_hash())).unwrap();
    transaction.into_signed(signature).into()
}

fn access_list() -> AccessList {
    let item = |seed, keys: usize| AccessListItem {
        address: Address::repeat_byte(seed),
        storage_keys: vec![B256::repeat_byte(seed); keys],
    };
    AccessList(vec![item(1, 0), item(2, 2)])
}

fn samples() -> Vec<Envelope> {
    let to = TxKind::Call(Address::repeat_byte(9));
    let input: Bytes = vec![0, 1, 2].into();
    let value = U256::MAX;
    let authorization = Authorization {
        chain_id: U256::from(7),
        address: Address::repeat_byte(3),
        nonce: 300,
    };
    let authorization = authorization
        .into_signed(Signature::from_raw_array(&sign(&key(6), B256::repeat_byte(1))).unwrap());
    vec![
        signed(TxLegacy {
            chain_id: None,
            nonce: 0,
            gas_price: 0,
            gas_limit: 0,
            to: TxKind::Create,
            value: U256::ZERO,
            input: Bytes::new(),
        }),
        signed(TxLegacy {
            chain_id: Some(31_337),
            nonce: u64::MAX,
            gas_price: u128::MAX,
            gas_limit: 21_000,
            to,
            value,
            input: input.clone(),
        }),
        signed(TxEip2930 {
            chain_id: 1,
            nonce: 1,
            gas_price: 5,
            gas_limit: 9,
            to,
            value,
            input: input.clone(),
            access_list: access_list(),
        }),
        signed(TxEip1559 {
            chain_id: 31_337,
            nonce: 2,
            max_fee_per_gas: 50,
            max_priority_fee_per_gas: 3,
            gas_limit: 9,
            to: TxKind::Create,
            value,
            input: input.clone(),
            access_list: AccessList::default(),
        }),
        signed(TxEip4844 {
            chain_id: 1,
            nonce: 3,
            max_fee_per_gas: 50,
            max_priority_fee_per_gas: 60,
            gas_limit: 9,
            to: Address::repeat_byte(8),
            value,
            input: input.clone(),
            access_list: access_list(),
            max_fee_per_blob_gas: 7,
            blob_versioned_hashes: vec![B256::repeat_byte(1)],
        }),
        signed(TxEip7702 {
            chain_id: 1,
            nonce: 4,
            max_fee_per_gas: 50,
            max_priority_fee_per_gas: 1,
            gas_limit: 9,
            to: Address::repeat_byte(8),
            value,
            input,
            access_list: access_list(),
            authorization_list: vec![authorization],
        }),
    ]
}

#[test]
fn every_type_reads_as_alloy_reads_it() {
    for envelope in samples() {
        let raw = envelope.encoded_2718();
        let ours = Transaction::decode(&raw).unwrap();
        assert_eq!(ours.from(), Some(address_of(&key(5))), "{envelope:?}");
        assert_eq!(
            (ours.chain_id, ours.nonce, ours.gas),
            (envelope.chain_id(), envelope.nonce(), envelope.gas_limit())
        );
        assert_eq!(
            (ours.max_fee, ours.tip),
            (
                envelope.max_fee_per_gas(),
                envelope.max_priority_fee_per_gas()
            )
        );
        assert_eq!(
            (ours.to, ours.value, &ours.input),
            (envelope.to(), envelope.value(), envelope.input())
        );
        assert_eq!(ours.signing_hash, envelope.signature_hash());
        let json = ours.to_json(Some(20));
        let price = envelope.effective_gas_price(Some(20));
        assert_eq!(json["gasPrice"], format!("{price:#x}"));
        let list = envelope.access_list().map(|list| list.len());
        assert_eq!(
            json.get("accessList")
                .map(|list| list.as_array().unwrap().len()),
            list
        );
        if let Some(item) = envelope.access_list().and_then(|list| list.get(1)) {
            assert_eq!(
                json["accessList"][1]["storageKeys"][1],
                item.storage_keys[1].to_string()
            );
        }
        assert_eq!(
            json.get("authorizationList").is_some(),
            envelope.authorization_list().is_some()
        );
    }
}

#[test]
fn the_example_of_eip_155_gives_its_sender() {
    let raw = hex!(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    );
    let transaction = Transaction::decode(&raw).unwrap();
    assert_eq!(
        transaction.from(),
        Some(address!("0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f"))
    );
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
fn damaged_transactions_are_refused_or_read_as_alloy_reads_them() {
    for envelope in samples() {
        let raw = envelope.encoded_2718();
        for length in 0..raw.len() {
            assert!(
                Transaction::decode(&raw[..length]).is_none(),
                "cut to {length}"
            );
        }
        assert!(Transaction::decode(&[raw.as_slice(), &[0]].concat()).is_none());
        for place in 0..raw.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut damaged = raw.clone();
                damaged[place] ^= flip;
                let (ours, theirs) = (
                    Transaction::decode(&damaged),
                    Envelope::decode_2718_exact(&damaged),
                );
                if let (Some(ours), Ok(theirs)) = (ours, theirs) {
                    assert_eq!(
                        (ours.nonce, ours.value, ours.signing_hash),
                        (theirs.nonce(), theirs.value(), theirs.signature_hash()),
                        "flip at {place}"
                    );
                }
            }
        }
    }
}

#[test]
fn receipts_read_as_alloy_reads_them() {
    let log = |seed: u8, topics: usize| Log {
        address: Address::repeat_byte(seed),
        data: LogData::new_unchecked(vec![B256::repeat_byte(seed); topics], vec![seed; 40].into()),
    };
    let receipt = AlloyReceipt {
        status: true.into(),
        cumulative_gas_used: 54_321,
        logs: vec![log(1, 0), log(2, 4)],
    }
    .with_bloom();
    for envelope in [
        ReceiptEnvelope::Legacy(receipt.clone()),
        ReceiptEnvelope::Eip1559(receipt.clone()),
        ReceiptEnvelope::Eip7702(receipt),
    ] {
        let raw = envelope.encoded_2718();
        let view = Receipt::decode(&raw).unwrap().view(21_000, 5);
        assert_eq!(
            (view.status, view.gas_used, view.cumulative_gas_used),
            (true, 33_321, 54_321)
        );
        assert_eq!(
            view.logs
                .iter()
                .map(|log| (log.topics.len(), log.log_index))
                .collect::<Vec<_>>(),
            [(0, 5), (4, 6)]
        );
        assert_eq!(view.logs[1].data.len(), 40);
        for length in 0..raw.len() {
            assert!(Receipt::decode(&raw[..length]).is_none());
        }
    }
    assert!(Receipt::decode(&[0x7f, 0xc0]).is_none() && Receipt::decode(&[]).is_none());
}
