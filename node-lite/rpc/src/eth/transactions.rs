//! Transactions and receipts: reading, sending, and sending with the receipt as the answer ([EIP-7966](https://eips.ethereum.org/EIPS/eip-7966)).

use std::sync::Arc;
use std::time::Duration;

use alloy_eips::{BlockId, eip2718::EIP4844_TX_TYPE_ID};
use alloy_primitives::{B256, Bytes, U64};
use alloy_rpc_types_eth::{Transaction, TransactionReceipt};
use jsonrpsee::server::RegisterMethodError;
use tokio::sync::broadcast::error::RecvError;

use super::convert;
use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::node::Node;
use crate::params::{Hash, Number};

/// How long `eth_sendRawTransactionSync` waits if the caller does not say.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);
/// How long it waits at most.
const MAX_WAIT: Duration = Duration::from_secs(60);

pub(super) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.light("eth_getTransactionByHash", 1, by_hash)?;
    api.light(
        "eth_getTransactionByBlockNumberAndIndex",
        2,
        by_place::<Number>,
    )?;
    api.light("eth_getTransactionByBlockHashAndIndex", 2, |node, args| {
        by_place::<Hash>(node, args)
    })?;
    api.light("eth_getTransactionReceipt", 1, |node, mut args| {
        let Hash(hash) = args.required()?;
        Ok(find_receipt(node, hash))
    })?;
    api.light("eth_getRawTransactionByHash", 1, raw_by_hash)?;
    let send = |params: jsonrpsee::types::Params<'static>, node: Arc<Node>, _| async move {
        let raw: Bytes = Args::parse(&params, 1)?.required()?;
        submit(&node, raw).await
    };
    api.module
        .register_async_method("eth_sendRawTransaction", send)?;
    let sync = |params: jsonrpsee::types::Params<'static>, node: Arc<Node>, _| async move {
        let mut args = Args::parse(&params, 2)?;
        let raw: Bytes = args.required()?;
        let wait = args.optional::<U64>()?.map_or(DEFAULT_WAIT, |millis| {
            Duration::from_millis(millis.saturating_to())
        });
        send_and_wait(&node, raw, wait.min(MAX_WAIT)).await
    };
    api.module
        .register_async_method("eth_sendRawTransactionSync", sync)
        .map(drop)
}

fn by_hash(node: &Node, mut args: Args<'_>) -> RpcResult<Option<Transaction>> {
    let Hash(hash) = args.required()?;
    if let Some((block, index)) = node.chain.locate(hash) {
        return Ok(convert::transaction(&block, index));
    }
    Ok(node
        .chain
        .pooled(hash)
        .map(|pooled| convert::pending_transaction(&pooled)))
}

/// A transaction as it is encoded in a block (EIP-2718).
pub(crate) fn raw_by_hash(node: &Node, mut args: Args<'_>) -> RpcResult<Option<Bytes>> {
    use alloy_eips::Encodable2718;
    let Hash(hash) = args.required()?;
    if let Some((block, index)) = node.chain.locate(hash) {
        return Ok(block
            .transactions
            .get(index)
            .map(|tx| tx.encoded_2718().into()));
    }
    Ok(node
        .chain
        .pooled(hash)
        .map(|pooled| pooled.transaction.encoded_2718().into()))
}

fn by_place<Id: serde::de::DeserializeOwned + Into<BlockId>>(
    node: &Node,
    mut args: Args<'_>,
) -> RpcResult<Option<Transaction>> {
    let id: Id = args.required()?;
    let index: U64 = args.required()?;
    Ok(node
        .find_block(id.into())?
        .and_then(|block| convert::transaction(&block, index.saturating_to())))
}

fn find_receipt(node: &Node, hash: B256) -> Option<TransactionReceipt> {
    let (block, index) = node.chain.locate(hash)?;
    convert::receipt(&block, index, node.chain.blob_base_fee(block.header()))
}

/// Puts a transaction into the pool.
async fn submit(node: &Arc<Node>, raw: Bytes) -> RpcResult<B256> {
    if raw.first() != Some(&EIP4844_TX_TYPE_ID) {
        return Ok(node.chain.submit(&raw)?);
    }
    // The proofs of blobs take long to check.
    let worker = Arc::clone(node);
    let submitted = node.gate.run(move || worker.chain.submit(&raw));
    Ok(submitted.await??)
}

async fn send_and_wait(
    node: &Arc<Node>,
    raw: Bytes,
    wait: Duration,
) -> RpcResult<TransactionReceipt> {
    // Subscribed before it is sent, so that no block is missed in between.
    let mut blocks = node.chain.subscribe();
    let hash = submit(node, raw).await?;
    let receipt = async {
        loop {
            match blocks.recv().await {
                Ok(_) | Err(RecvError::Lagged(_)) => {
                    if let Some(receipt) = find_receipt(node, hash) {
                        return Some(receipt);
                    }
                }
                Err(RecvError::Closed) => return None,
            }
        }
    };
    let timeout = || RpcError::ReceiptTimeout {
        millis: wait.as_millis() as u64,
        hash,
    };
    tokio::time::timeout(wait, receipt)
        .await
        .ok()
        .flatten()
        .ok_or_else(timeout)
}
