//! What the node and its chain can do: the forks ([EIP-7910](https://eips.ethereum.org/EIPS/eip-7910)) and which of the history is there (`eth_capabilities`).

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U64};
use jsonrpsee::server::RegisterMethodError;
use node_lite_exec::ForkConfig;
use serde::Serialize;

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::node::Node;

/// The answer of `eth_config`.
#[derive(Clone, Debug, Serialize)]
struct Config {
    current: Option<Fork>,
    next: Option<Fork>,
    last: Option<Fork>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fork {
    activation_time: u64,
    blob_schedule: Option<BlobSchedule>,
    chain_id: U64,
    fork_id: Bytes,
    precompiles: BTreeMap<String, Address>,
    system_contracts: BTreeMap<&'static str, Address>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct BlobSchedule {
    target: u64,
    max: u64,
    base_fee_update_fraction: u64,
}

/// The answer of `eth_capabilities`.
#[derive(Clone, Debug, Serialize)]
struct Capabilities {
    head: Head,
    state: Kept,
    tx: Kept,
    logs: Kept,
    receipts: Kept,
    blocks: Kept,
    stateproofs: Kept,
}

#[derive(Clone, Debug, Serialize)]
struct Head {
    number: U64,
    hash: B256,
}

/// From which block on something is there, and whether it goes.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    disabled: bool,
    oldest_block: U64,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_strategy: Option<DeleteStrategy>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeleteStrategy {
    r#type: &'static str,
    retention_blocks: U64,
}

pub(super) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.light("eth_config", 0, config)?;
    api.light("eth_capabilities", 0, capabilities)
}

fn config(node: &Node, _: Args<'_>) -> RpcResult<Config> {
    let (chain, forks) = (&node.chain, node.chain.forks());
    let now = node.head().header().timestamp;
    let fork = |time: u64| Fork::new(chain.chain_id(), forks.config_at(chain.spec(), time));
    let next = forks.next(now);
    Ok(Config {
        current: forks.current(now).map(fork),
        next: next.map(fork),
        last: next.and_then(|_| forks.last()).map(fork),
    })
}

impl Fork {
    fn new(chain_id: u64, config: ForkConfig) -> Self {
        Self {
            activation_time: config.activation_time,
            blob_schedule: config.blobs.map(|blobs| BlobSchedule {
                target: blobs.target_blob_count,
                max: blobs.max_blob_count,
                base_fee_update_fraction: u64::try_from(blobs.update_fraction).unwrap_or(u64::MAX),
            }),
            chain_id: U64::from(chain_id),
            fork_id: Bytes::copy_from_slice(&config.fork_id),
            precompiles: config.precompiles.into_iter().collect(),
            system_contracts: config.system_contracts.into_iter().collect(),
        }
    }
}

fn capabilities(node: &Node, _: Args<'_>) -> RpcResult<Capabilities> {
    let head = node.head();
    let retained = u64::try_from(node.chain.retained_blocks()).unwrap_or(u64::MAX);
    let kept = Kept {
        disabled: false,
        oldest_block: U64::from(node.chain.oldest_number()),
        delete_strategy: (node.chain.retained_blocks() != usize::MAX).then(|| DeleteStrategy {
            r#type: "window",
            retention_blocks: U64::from(retained),
        }),
    };
    Ok(Capabilities {
        head: Head {
            number: U64::from(head.number()),
            hash: head.hash,
        },
        state: kept.clone(),
        tx: kept.clone(),
        logs: kept.clone(),
        receipts: kept.clone(),
        blocks: kept.clone(),
        stateproofs: kept,
    })
}
