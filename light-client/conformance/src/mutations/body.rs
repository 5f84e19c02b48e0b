//! The transactions: other ones than the header's are the sender's fault; ones that the header commits to and that are not valid are the block's.

use alloy_consensus::{Signed, TxEnvelope};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Bytes, Signature, U256, b256};
use sidelight_core::proof::compute_ordered_root;
use sidelight_executor::{Fork, Rule};

use super::{Expected, Subject, Trial};

/// The order of secp256k1.
const ORDER: U256 = U256::from_be_bytes(
    b256!("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").0,
);

pub(super) fn attack(trial: &mut Trial<'_>) {
    let header = &trial.subject.decoded.block.header;
    let homestead = trial
        .subject
        .spec
        .is_active(Fork::Homestead, header.number, header.timestamp);
    let count = trial.subject.decoded.block.body.transactions.len();
    let other = Expected::Breaks(Rule::TransactionsRoot);
    trial.try_one("transactions: order", other, |subject| {
        subject.decoded.block.body.transactions.reverse();
    });
    for at in trial.sample(count) {
        trial.try_one("transactions: left out", other, |subject| {
            drop(subject.decoded.block.body.transactions.remove(at));
        });
        trial.try_one("transactions: twice", other, |subject| {
            let transactions = &mut subject.decoded.block.body.transactions;
            transactions.insert(at, transactions[at].clone());
        });
        trial.try_one(
            "transactions: left out, committed",
            Expected::BlockInvalid,
            |subject| {
                drop(subject.decoded.block.body.transactions.remove(at));
                commit(subject);
            },
        );
        trial.try_one(
            "transactions: twice, committed",
            Expected::BlockInvalid,
            |subject| {
                let transactions = &mut subject.decoded.block.body.transactions;
                transactions.insert(at, transactions[at].clone());
                commit(subject);
            },
        );
        trial.try_one("signature: malleated", other, |subject| {
            malleate(subject, at)
        });
        // Before Homestead both signatures of a pair were valid (EIP-2).
        let committed = match homestead {
            true => Expected::BlockInvalid,
            false => Expected::Valid,
        };
        trial.try_one("signature: malleated, committed", committed, |subject| {
            malleate(subject, at);
            commit(subject);
        });
        for change in [zero_r, order_s] {
            trial.try_one(
                "signature: out of range, committed",
                Expected::BlockInvalid,
                |subject| {
                    resign(subject, at, change);
                    commit(subject);
                },
            );
        }
    }
}

fn zero_r(signature: Signature) -> Signature {
    Signature::new(U256::ZERO, signature.s(), signature.v())
}

fn order_s(signature: Signature) -> Signature {
    Signature::new(signature.r(), ORDER, signature.v())
}

/// The other signature of the same key over the same transaction.
fn malleate(subject: &mut Subject, at: usize) {
    resign(subject, at, |signature| {
        Signature::new(signature.r(), ORDER - signature.s(), !signature.v())
    });
}

fn resign(subject: &mut Subject, at: usize, change: impl FnOnce(Signature) -> Signature) {
    let Some(envelope) = subject.decoded.block.body.transactions.get_mut(at) else {
        return;
    };
    let signature = change(*envelope.signature());
    *envelope = match envelope.clone() {
        TxEnvelope::Legacy(signed) => again(signed, signature).into(),
        TxEnvelope::Eip2930(signed) => again(signed, signature).into(),
        TxEnvelope::Eip1559(signed) => again(signed, signature).into(),
        TxEnvelope::Eip4844(signed) => again(signed, signature).into(),
        TxEnvelope::Eip7702(signed) => again(signed, signature).into(),
    };
}

fn again<T>(signed: Signed<T>, signature: Signature) -> Signed<T> {
    Signed::new_unhashed(signed.strip_signature(), signature)
}

/// The header says so.
fn commit(subject: &mut Subject) {
    let transactions = subject.decoded.block.body.transactions.iter();
    let encoded: Vec<Bytes> = transactions
        .map(|transaction| transaction.encoded_2718().into())
        .collect();
    subject.decoded.block.header.transactions_root = compute_ordered_root(&encoded);
    subject.decoded.hash = subject.decoded.block.header.hash_slow();
}
