//! `eth_subscribe`: `newHeads`, `logs`, `newPendingTransactions`.
//!
//! A subscriber reads from a broadcast of bounded depth. One whose socket is so slow that blocks fall out of it is told so in an error notification, and its subscription ends:
//! it never gets a feed with silent holes.

use std::sync::Arc;

use alloy_primitives::{B128, B256};
use alloy_rpc_types_eth::pubsub::SubscriptionKind;
use alloy_rpc_types_eth::{Filter, Header, Log};
use jsonrpsee::core::SubscriptionError;
use jsonrpsee::core::traits::IdProvider;
use jsonrpsee::server::{PendingSubscriptionSink, RegisterMethodError, SubscriptionSink};
use jsonrpsee::types::{ErrorObjectOwned, SubscriptionId};
use node_lite_exec::{PooledTransaction, SealedBlock};
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::{convert, logs};
use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::lie::Lie;
use crate::node::Node;

/// Subscription ids as Ethereum writes them: 16 random bytes in hex.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HexIds;

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        SubscriptionId::Str(B128::random().to_string().into())
    }
}

/// What a subscriber asked for.
enum Wanted {
    Heads,
    Logs(Box<Filter>),
    Hashes,
    Transactions,
}

pub(super) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    let serve = |params: jsonrpsee::types::Params<'static>,
                 pending: PendingSubscriptionSink,
                 node: Arc<Node>,
                 _| async move {
        let wanted = match Args::parse(&params, 2).and_then(parse) {
            Ok(wanted) => wanted,
            Err(error) => {
                pending.reject(error).await;
                return Ok(());
            }
        };
        // Subscribed before the answer, so that nothing that follows the answer is missed.
        let (blocks, transactions) = (node.chain.subscribe(), node.chain.subscribe_pending());
        let Ok(sink) = pending.accept().await else {
            return Ok(());
        };
        let ended = match wanted {
            Wanted::Heads => {
                follow_blocks(&node, blocks, &sink, |block| {
                    vec![convert::header(block)] as Vec<Header>
                })
                .await
            }
            Wanted::Logs(filter) => {
                let matching = |block: &SealedBlock| {
                    let mut found: Vec<Log> = Vec::new();
                    logs::append_matching(block, &filter, &mut found);
                    found
                };
                follow_blocks(&node, blocks, &sink, matching).await
            }
            Wanted::Hashes => follow_pool(transactions, &sink, |tx| -> B256 { tx.hash }).await,
            Wanted::Transactions => {
                follow_pool(transactions, &sink, convert::pending_transaction).await
            }
        };
        ended.map_err(close)
    };
    api.module
        .register_subscription(
            "eth_subscribe",
            "eth_subscription",
            "eth_unsubscribe",
            serve,
        )
        .map(drop)
}

/// The last notification of a subscription that the node ends.
fn close(error: RpcError) -> SubscriptionError {
    let object = ErrorObjectOwned::from(error);
    serde_json::value::to_raw_value(&object).map_or_else(
        |_| SubscriptionError::from(object.message()),
        SubscriptionError::from_json,
    )
}

fn parse(mut args: Args<'_>) -> RpcResult<Wanted> {
    match args.required::<SubscriptionKind>()? {
        SubscriptionKind::NewHeads => Ok(Wanted::Heads),
        SubscriptionKind::Logs => Ok(Wanted::Logs(args.optional()?.unwrap_or_default())),
        SubscriptionKind::NewPendingTransactions if args.optional()?.unwrap_or(false) => {
            Ok(Wanted::Transactions)
        }
        SubscriptionKind::NewPendingTransactions => Ok(Wanted::Hashes),
        other => Err(RpcError::NotSupported(format!(
            "the subscription {other:?}"
        ))),
    }
}

async fn follow_blocks<T: Serialize>(
    node: &Node,
    mut blocks: Receiver<Arc<SealedBlock>>,
    sink: &SubscriptionSink,
    items: impl Fn(&SealedBlock) -> Vec<T>,
) -> RpcResult<()> {
    while let Some(block) = next(&mut blocks, sink, "blocks").await? {
        if node.lies.is_on(Lie::StaleHead) {
            continue;
        }
        for item in items(&block) {
            if !send(sink, &item).await? {
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn follow_pool<T: Serialize>(
    mut transactions: Receiver<Arc<PooledTransaction>>,
    sink: &SubscriptionSink,
    item: impl Fn(&PooledTransaction) -> T,
) -> RpcResult<()> {
    while let Some(transaction) = next(&mut transactions, sink, "transactions").await? {
        if !send(sink, &item(&transaction)).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// The next thing to report; `None` when the subscriber or the chain has gone.
async fn next<T: Clone>(
    feed: &mut Receiver<T>,
    sink: &SubscriptionSink,
    what: &str,
) -> RpcResult<Option<T>> {
    tokio::select! {
        () = sink.closed() => Ok(None),
        received = feed.recv() => match received {
            Ok(item) => Ok(Some(item)),
            Err(RecvError::Closed) => Ok(None),
            Err(RecvError::Lagged(missed)) => {
                Err(RpcError::Overloaded(format!("the subscription fell behind by {missed} {what} and was closed")))
            }
        },
    }
}

/// Sends one notification; `false` when the subscriber has gone.
async fn send<T: Serialize>(sink: &SubscriptionSink, item: &T) -> RpcResult<bool> {
    let json = serde_json::value::to_raw_value(item)
        .map_err(|error| RpcError::Internal(error.to_string()))?;
    Ok(sink.send(json).await.is_ok())
}
