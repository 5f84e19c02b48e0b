//! From sealed blocks to the JSON shapes of the [execution APIs](https://ethereum.github.io/execution-apis/).

use alloy_consensus::TxEnvelope;
use alloy_consensus::transaction::{Recovered, TransactionInfo};
use alloy_primitives::{Sealable, U256};
use alloy_rpc_types_eth::{Block, BlockTransactions, Header, Log, Transaction, TransactionReceipt};
use node_lite_exec::{PooledTransaction, SealedBlock};

/// A block with its transactions' hashes or, if `full`, the transactions.
pub(crate) fn block(block: &SealedBlock, full: bool) -> Block {
    let transactions = if full {
        BlockTransactions::Full(transactions(block).collect())
    } else {
        BlockTransactions::Hashes(block.transactions.iter().map(|tx| *tx.tx_hash()).collect())
    };
    Block {
        header: header(block),
        uncles: block.ommers.iter().map(Sealable::hash_slow).collect(),
        transactions,
        withdrawals: block.withdrawals.clone(),
    }
}

/// An ommer, of which only the header is known.
pub(crate) fn uncle(ommer: alloy_consensus::Header) -> Block {
    let empty = alloy_consensus::Block::<TxEnvelope>::uncle(ommer.clone());
    let size = U256::from(alloy_rlp::Encodable::length(&empty));
    Block {
        header: Header::from_consensus(ommer.seal_slow(), None, Some(size)),
        uncles: Vec::new(),
        transactions: BlockTransactions::Uncle,
        withdrawals: None,
    }
}

/// A header with its hash and its block's size.
pub(crate) fn header(block: &SealedBlock) -> Header {
    let sealed = block.header().clone().seal_unchecked(block.hash);
    Header::from_consensus(sealed, None, Some(U256::from(block.size)))
}

/// Every transaction of a block.
pub(crate) fn transactions(block: &SealedBlock) -> impl Iterator<Item = Transaction> + '_ {
    (0..block.transactions.len()).filter_map(|index| transaction(block, index))
}

/// One transaction of a block.
pub(crate) fn transaction(block: &SealedBlock, index: usize) -> Option<Transaction> {
    let recovered = Recovered::new_unchecked(
        block.transactions.get(index)?.clone(),
        *block.senders.get(index)?,
    );
    let place = TransactionInfo {
        hash: Some(*recovered.tx_hash()),
        index: Some(index as u64),
        block_hash: Some(block.hash),
        block_number: Some(block.number()),
        base_fee: block.header().base_fee_per_gas,
        block_timestamp: Some(block.header().timestamp),
    };
    Some(Transaction::from_transaction(recovered, place))
}

/// A transaction that waits in the pool.
pub(crate) fn pending_transaction(pooled: &PooledTransaction) -> Transaction<TxEnvelope> {
    let recovered = Recovered::new_unchecked(pooled.transaction.clone(), pooled.sender);
    Transaction::from_transaction(
        recovered,
        TransactionInfo {
            hash: Some(pooled.hash),
            ..TransactionInfo::default()
        },
    )
}

/// The receipt of one transaction. `blob_price` is the block's price of blob gas.
pub(crate) fn receipt(
    block: &SealedBlock,
    index: usize,
    blob_price: Option<u128>,
) -> Option<TransactionReceipt> {
    let tx = block.transactions.get(index)?;
    let blob_gas_used = alloy_consensus::Transaction::blob_gas_used(tx);
    let mut logs = receipt_logs(block, index).into_iter();
    let mut place = move |inner| {
        logs.next().unwrap_or(Log {
            inner,
            ..Log::default()
        })
    };
    Some(TransactionReceipt {
        inner: block.receipts.get(index)?.clone().map_logs(&mut place),
        transaction_hash: *tx.tx_hash(),
        transaction_index: Some(index as u64),
        block_hash: Some(block.hash),
        block_number: Some(block.number()),
        gas_used: block.gas_used(index)?,
        effective_gas_price: block.effective_gas_price(index)?,
        blob_gas_used,
        blob_gas_price: blob_price.filter(|_| blob_gas_used.is_some()),
        from: *block.senders.get(index)?,
        to: alloy_consensus::Transaction::to(tx),
        contract_address: block.created_address(index),
    })
}

/// Every log of a block, in order, with its place.
pub(crate) fn logs(block: &SealedBlock) -> impl Iterator<Item = Log> + '_ {
    (0..block.receipts.len()).flat_map(|index| receipt_logs(block, index))
}

fn receipt_logs(block: &SealedBlock, index: usize) -> Vec<Log> {
    let (Some(tx), Some(receipt)) = (block.transactions.get(index), block.receipts.get(index))
    else {
        return Vec::new();
    };
    let first = block.first_log_index(index);
    let place = |(offset, inner): (usize, &alloy_primitives::Log)| Log {
        inner: inner.clone(),
        block_hash: Some(block.hash),
        block_number: Some(block.number()),
        block_timestamp: Some(block.header().timestamp),
        transaction_hash: Some(*tx.tx_hash()),
        transaction_index: Some(index as u64),
        log_index: Some((first + offset) as u64),
        removed: false,
    };
    receipt.logs().iter().enumerate().map(place).collect()
}
