//! Transactions whose fees need more than 128 bits.
//!
//! The protocol allows any fee whose product with the gas limit has 256 bits; libraries hold fees in 128, because nobody can pay more. Such a transaction is read with its fees
//! lowered to what fits, so that everything else is checked by the same code, while hash and sender come from the bytes as they are.

use alloy_consensus::{Transaction, TxEnvelope, TxType};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{B256, U256, keccak256};
use alloy_rlp::Header;

/// A transaction with lowered fees, and what the lowering would change.
pub(crate) struct Wide {
    pub(crate) transaction: TxEnvelope,
    pub(crate) hash: B256,
    /// What was signed.
    pub(crate) signing_hash: B256,
    /// `gasPrice` or `maxFeePerGas`, as signed.
    pub(crate) max_fee: U256,
    /// `maxPriorityFeePerGas`, as signed.
    pub(crate) tip: U256,
}

impl Wide {
    /// Reads a transaction whose fees are too wide, and none other.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (kind, list) = match bytes.split_first()? {
            (kind @ 1..=2, list) => (Some(*kind), list),
            (0xc0.., _) => (None, bytes),
            _ => return None,
        };
        let (tip_at, fee_at) = match kind {
            None => (1, 1),
            Some(1) => (2, 2),
            Some(_) => (2, 3),
        };
        let items = split(list)?;
        let max_fee = read_fee(items.get(fee_at)?)?;
        let tip = read_fee(items.get(tip_at)?)?;
        if max_fee.bit_len() <= 128 && tip.bit_len() <= 128 {
            return None;
        }
        let lowered: Vec<Vec<u8>> = items
            .iter()
            .enumerate()
            .map(|(at, item)| match at {
                at if at == fee_at => lower(max_fee),
                at if at == tip_at => lower(tip),
                _ => item.to_vec(),
            })
            .collect();
        let lowered = join(kind, lowered.iter().map(Vec::as_slice));
        let mut rest = lowered.as_slice();
        let transaction = TxEnvelope::decode_2718(&mut rest).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let unsigned = items.get(..items.len().checked_sub(3)?)?.iter().copied();
        let chain_id = transaction.chain_id().filter(|_| kind.is_none());
        let signed = match chain_id {
            Some(id) => {
                let tail = [alloy_rlp::encode(id), vec![0x80], vec![0x80]];
                join(kind, unsigned.chain(tail.iter().map(Vec::as_slice)))
            }
            None => join(kind, unsigned),
        };
        Some(Self {
            transaction,
            hash: keccak256(bytes),
            signing_hash: keccak256(signed),
            max_fee,
            tip,
        })
    }

    /// Whether the type knows tips.
    pub(crate) fn has_tip(&self) -> bool {
        self.transaction.tx_type() == TxType::Eip1559
    }
}

/// Index of the first transaction with such fees in a block that does not decode.
pub(crate) fn find_in_block(rlp: &[u8]) -> Option<usize> {
    let block = split(rlp)?;
    let transactions = split(block.get(1)?)?;
    transactions.into_iter().position(|item| {
        let mut rest = item;
        // A typed transaction is a string in the list, a legacy one a list of its own.
        match item.first() {
            Some(0xc0..) => Wide::decode(item).is_some(),
            _ => Header::decode_bytes(&mut rest, false)
                .is_ok_and(|typed| Wide::decode(typed).is_some()),
        }
    })
}

/// The items of a list that fills `bytes`, each with its header.
fn split(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = bytes;
    let mut payload = Header::decode_bytes(&mut rest, true).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let mut items = Vec::new();
    while !payload.is_empty() {
        let start = payload;
        let header = Header::decode(&mut payload).ok()?;
        payload = payload.get(header.payload_length..)?;
        items.push(start.get(..start.len().checked_sub(payload.len())?)?);
    }
    Some(items)
}

fn read_fee(item: &[u8]) -> Option<U256> {
    let mut rest = item;
    <U256 as alloy_rlp::Decodable>::decode(&mut rest).ok()
}

fn lower(fee: U256) -> Vec<u8> {
    alloy_rlp::encode(fee.min(U256::from(u128::MAX)))
}

fn join<'a>(kind: Option<u8>, items: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let payload: Vec<u8> = items.flatten().copied().collect();
    let mut out: Vec<u8> = kind.into_iter().collect();
    let (list, payload_length) = (true, payload.len());
    let header = Header {
        list,
        payload_length,
    };
    header.encode(&mut out);
    out.extend(payload);
    out
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    #[test]
    fn ordinary_transactions_are_none_of_its_business() {
        let legacy = hex!(
            "f86b098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
        );
        assert!(Wide::decode(&legacy).is_none());
        for end in 0..legacy.len() {
            assert!(Wide::decode(&legacy[..end]).is_none());
        }
    }
}
