//! A proof, path by path and node by node, from the signed root down to the value.

use leptos::prelude::*;
use sidelight_client::dto::{NodeKind, ProofNode, ProofPath, ProofView};

use super::hash::Hash;
use crate::format::bytes;

/// The paths of a proof, the first one open.
#[component]
pub(crate) fn Proof(proof: ProofView) -> impl IntoView {
    let paths = proof.paths.into_iter().enumerate();
    view! {
        <div class="proof">
            {paths.map(|(index, path)| view! { <Path path open=index == 0 /> }).collect_view()}
        </div>
    }
}

#[component]
fn Path(path: ProofPath, open: bool) -> impl IntoView {
    let size: u64 = path.nodes.iter().map(|node| node.bytes).sum();
    let summary = format!("{} nodes, {}", path.nodes.len(), bytes(size as f64));
    view! {
        <details class="proof-path" open=open>
            <summary>
                <span class="proof-label mono">{path.label}</span>
                <span class="quiet small nowrap">{summary}</span>
            </summary>
            <ol class="proof-nodes">{path.nodes.into_iter().map(|node| view! { <Node node /> }).collect_view()}</ol>
        </details>
    }
}

#[component]
fn Node(node: ProofNode) -> impl IntoView {
    let (kind, nibbles_mean) = match node.kind {
        NodeKind::Branch => ("branch", "takes digit"),
        NodeKind::Extension => ("extension", "skips"),
        NodeKind::Leaf => ("leaf", "rest of the key"),
    };
    let rlp = node.rlp.map(|rlp| {
        view! {
            <details class="proof-rlp">
                <summary>"encoding"</summary>
                <pre>{rlp.to_string()}</pre>
            </details>
        }
    });
    view! {
        <li class="proof-node" data-kind=kind>
            <span class="proof-kind">{kind}</span>
            <Hash value=node.hash.to_string() />
            <span class="quiet small number nowrap">{bytes(node.bytes as f64)}</span>
            <span class="proof-nibbles small">
                <span class="quiet">{nibbles_mean} " "</span>
                <span class="mono">{if node.nibbles.is_empty() { "–".to_owned() } else { node.nibbles }}</span>
            </span>
            {rlp}
        </li>
    }
}
