//! Draws verified proofs for people: each node of each path, what it hashes to and which part of the key it consumes.

use alloy_primitives::{Address, B256, Bytes, U256, hex, keccak256};
use sidelight_core::trie::{
    nibbles::Path,
    node::{ChildView, NodeView},
};

use crate::dto::{NodeKind, ProofNode, ProofPath, ProofView};

/// A proof of an account and of slots of it, from nodes that have been verified.
pub(crate) fn draw_account(
    address: Address,
    account: &[Bytes],
    storage: &[(U256, Vec<Bytes>)],
) -> ProofView {
    let mut paths = vec![draw_path(
        account_label(address),
        keccak256(address),
        account,
    )];
    paths.extend(storage.iter().map(|(slot, nodes)| draw_slot(*slot, nodes)));
    collect(
        if storage.is_empty() {
            "account"
        } else {
            "storage"
        },
        paths,
    )
}

fn draw_slot(slot: U256, nodes: &[Bytes]) -> ProofPath {
    draw_path(
        format!("slot {slot:#x}"),
        keccak256(slot.to_be_bytes::<32>()),
        nodes,
    )
}

fn account_label(address: Address) -> String {
    format!("account {address}")
}

pub(crate) fn collect(kind: &str, paths: Vec<ProofPath>) -> ProofView {
    let bytes = paths
        .iter()
        .flat_map(|path| &path.nodes)
        .map(|node| node.bytes)
        .sum();
    ProofView {
        kind: kind.into(),
        bytes,
        paths,
    }
}

fn draw_path(label: String, key: B256, nodes: &[Bytes]) -> ProofPath {
    let mut depth = 0usize;
    let path = Path::of_key(key.as_slice());
    let nodes = nodes
        .iter()
        .filter_map(|node| draw_node(node, path, &mut depth))
        .collect();
    ProofPath { label, nodes }
}

/// One node; `depth` is how many nibbles of the key lie above it.
fn draw_node(node: &Bytes, key: Path<'_>, depth: &mut usize) -> Option<ProofNode> {
    let (kind, nibbles) = match NodeView::decode(node).ok()? {
        NodeView::Branch { children, .. } => {
            let nibble = key.at(*depth);
            *depth = depth.saturating_add(1);
            let mut taken = digits(std::iter::once(nibble));
            // A small child stands inside its parent and is no node of the proof.
            if let Some(ChildView::Inline(inline)) = children.get(usize::from(nibble)) {
                taken.push_str(&inline_digits(inline));
            }
            (NodeKind::Branch, taken)
        }
        NodeView::Extension { path, .. } => {
            *depth = depth.saturating_add(path.len());
            (NodeKind::Extension, digits(path.iter()))
        }
        NodeView::Leaf { path, .. } => (NodeKind::Leaf, digits(path.iter())),
    };
    let rlp = (kind == NodeKind::Leaf).then(|| node.clone());
    Some(ProofNode {
        kind,
        hash: keccak256(node),
        bytes: node.len() as u64,
        nibbles,
        rlp,
    })
}

fn inline_digits(node: &[u8]) -> String {
    match NodeView::decode(node) {
        Ok(NodeView::Leaf { path, .. } | NodeView::Extension { path, .. }) => digits(path.iter()),
        _ => String::new(),
    }
}

fn digits(nibbles: impl Iterator<Item = u8>) -> String {
    nibbles
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect()
}

/// `0x` and hex digits.
pub(crate) fn hex(bytes: impl AsRef<[u8]>) -> String {
    hex::encode_prefixed(bytes)
}
