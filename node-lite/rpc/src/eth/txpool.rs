//! The pool by sender and nonce, as go-ethereum shows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use alloy_consensus::Transaction as _;
use alloy_primitives::U64;
use alloy_rpc_types_eth::Transaction;
use jsonrpsee::server::RegisterMethodError;
use node_lite_exec::PooledTransaction;
use serde::Serialize;

use super::convert;
use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::node::Node;
use crate::params::Account;

/// Transactions by nonce, in decimal.
type ByNonce = BTreeMap<String, Transaction>;

/// What can be included now, and what waits for a nonce.
#[derive(Clone, Debug, Default, Serialize)]
struct Content<T> {
    pending: T,
    queued: T,
}

pub(super) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.light("txpool_status", 0, |node, _| {
        let status = node.chain.pool_status();
        Ok(Content {
            pending: U64::from(status.pending),
            queued: U64::from(status.queued),
        })
    })?;
    api.heavy("txpool_content", 0, |node, _| {
        let (pending, queued) = node.chain.pool_content();
        Ok(Content {
            pending: by_sender(&pending),
            queued: by_sender(&queued),
        })
    })?;
    api.heavy("txpool_contentFrom", 1, content_from)
}

fn content_from(node: &Node, mut args: Args<'_>) -> RpcResult<Content<ByNonce>> {
    let Account(sender) = args.required()?;
    let (pending, queued) = node.chain.pool_content();
    let by_nonce = |pooled: &[Arc<PooledTransaction>]| {
        let own = pooled.iter().filter(|pooled| pooled.sender == sender);
        own.map(|pooled| entry(pooled)).collect()
    };
    Ok(Content {
        pending: by_nonce(&pending),
        queued: by_nonce(&queued),
    })
}

fn by_sender(pooled: &[Arc<PooledTransaction>]) -> BTreeMap<String, ByNonce> {
    let mut senders = BTreeMap::<String, ByNonce>::new();
    for pooled in pooled {
        let sender = pooled.sender.to_checksum(None);
        senders.entry(sender).or_default().extend([entry(pooled)]);
    }
    senders
}

fn entry(pooled: &PooledTransaction) -> (String, Transaction) {
    let nonce = pooled.transaction.nonce().to_string();
    (nonce, convert::pending_transaction(pooled))
}
