//! `debug_*`: blocks, headers, transactions and receipts as they are encoded, and a block's witness in the shape that other clients give it.

use alloy_eips::{BlockId, BlockNumberOrTag};
use alloy_primitives::{B256, Bytes};
use jsonrpsee::server::RegisterMethodError;
use serde::Serialize;

use crate::api::{Api, RpcResult};
use crate::args::Args;
use crate::error::RpcError;
use crate::eth::transactions::raw_by_hash;
use crate::lite_api::parse_block;
use crate::node::Node;
use crate::params::Block;

/// As ethereum/execution-apis drafts it: trie nodes and codes in lexicographic order, headers in RLP and ascending.
#[derive(Clone, Debug, Serialize)]
struct ExecutionWitness {
    state: Vec<Bytes>,
    codes: Vec<Bytes>,
    /// Preimages of the hashed keys: 20 bytes of an address, 32 of a slot.
    keys: Vec<Bytes>,
    headers: Vec<Bytes>,
}

pub(crate) fn register(api: &mut Api<Node>) -> Result<(), RegisterMethodError> {
    api.light("debug_getRawHeader", 1, |node, mut args| {
        let block = node.block(args.required::<Block>()?.into())?;
        Ok(Bytes::from(alloy_rlp::encode(block.header())))
    })?;
    api.heavy("debug_getRawBlock", 1, |node, mut args| {
        Ok(node.block(args.required::<Block>()?.into())?.encoded())
    })?;
    api.heavy("debug_getRawReceipts", 1, |node, mut args| {
        Ok(node
            .block(args.required::<Block>()?.into())?
            .encoded_receipts())
    })?;
    api.light("debug_getRawTransaction", 1, raw_by_hash)?;
    api.heavy("debug_executionWitness", 1, execution_witness)
}

/// `debug_executionWitness(hash or number = "latest")`. It was captured when the block was sealed; nothing runs again.
fn execution_witness(node: &Node, mut args: Args<'_>) -> RpcResult<ExecutionWitness> {
    let at = parse_block(&mut args)?;
    let named = || match at {
        BlockId::Hash(hash) => hash.block_hash.to_string(),
        BlockId::Number(BlockNumberOrTag::Number(number)) => format!("{number:#x}"),
        BlockId::Number(tag) => tag.to_string(),
    };
    let block = node
        .find_block(at)?
        .ok_or_else(|| RpcError::Execution(format!("block {} not found", named())))?;
    if block.number() == 0 {
        let text = format!("block {} found, but parent missing", named());
        return Err(RpcError::Execution(text));
    }
    let witness = block.execution.clone().ok_or_else(|| {
        RpcError::Execution(format!(
            "no witness for block {}: it asked for the hash of a block that is no longer kept",
            named()
        ))
    })?;
    let mut state = witness.state;
    state.sort_unstable();
    let mut keys = Vec::new();
    for changes in &block.bal {
        keys.push(Bytes::copy_from_slice(changes.address.as_slice()));
        let written = changes.storage_changes.iter().map(|slot| slot.slot);
        let slots = written.chain(changes.storage_reads.iter().copied());
        keys.extend(slots.map(|slot| Bytes::from(B256::from(slot).0)));
    }
    Ok(ExecutionWitness {
        state,
        codes: witness.codes,
        keys,
        // The parent's header is always in it; ours begins with the headers that are needed beyond it.
        headers: if witness.headers.is_empty() {
            let parent = node.chain.block_by_hash(block.header().parent_hash)?;
            vec![alloy_rlp::encode(parent.header()).into()]
        } else {
            witness.headers
        },
    })
}
