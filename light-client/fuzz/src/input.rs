//! What the fuzz targets share: inputs whose nodes fit together by hash, which random bytes never do.
//!
//! ```text
//! input  = count (1 byte) || count * (length (2 bytes) || node) || (key (32 bytes) || length (1 byte) || value) ...
//! ```
//!
//! After every `0xa0` in a node, the 32 bytes that follow become the hash of an earlier node, chosen by the first of them. So a reference fits by construction, and
//! everything else about a node is the fuzzer's.

use alloy_primitives::{B256, Bytes, keccak256};

/// Nodes, children before parents, and changes of keys; an empty value removes a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Without equal ones.
    pub nodes: Vec<Bytes>,
    /// In no order.
    pub changes: Vec<(B256, Option<Vec<u8>>)>,
}

impl Input {
    /// Reads an input; what is missing at the end is left out.
    pub fn parse(mut bytes: &[u8]) -> Self {
        let mut input = Self::default();
        let mut hashes: Vec<B256> = Vec::new();
        let count = take(&mut bytes, 1).first().copied().unwrap_or(0);
        for _ in 0..count {
            let length = match take(&mut bytes, 2) {
                [high, low] => usize::from(u16::from_be_bytes([*high, *low])),
                _ => break,
            };
            let mut node = take(&mut bytes, length).to_vec();
            for_each_reference(&mut node, |reference| {
                if !hashes.is_empty() {
                    let earlier = hashes[usize::from(reference[0]) % hashes.len()];
                    reference.copy_from_slice(earlier.as_slice());
                }
            });
            let hash = keccak256(&node);
            if !hashes.contains(&hash) {
                hashes.push(hash);
                input.nodes.push(node.into());
            }
        }
        while bytes.len() > 32 {
            let key = B256::from_slice(take(&mut bytes, 32));
            let length = take(&mut bytes, 1)[0];
            let value = take(&mut bytes, length.into());
            let value = (!value.is_empty()).then(|| value.to_vec());
            input.changes.push((key, value));
        }
        input
    }

    /// Writes an input that [`parse`](Self::parse) reads, if references among the nodes go to earlier ones.
    pub fn encode(&self) -> Vec<u8> {
        let hashes: Vec<B256> = self.nodes.iter().map(keccak256).collect();
        let mut out = vec![u8::try_from(self.nodes.len()).expect("few nodes")];
        for node in &self.nodes {
            let mut node = node.to_vec();
            for_each_reference(&mut node, |reference| {
                if let Some(index) = hashes.iter().position(|hash| hash == reference) {
                    reference[0] = u8::try_from(index).expect("few nodes");
                }
            });
            let length = u16::try_from(node.len()).expect("small nodes");
            out.extend(length.to_be_bytes());
            out.extend(node);
        }
        for (key, value) in &self.changes {
            let value = value.as_deref().unwrap_or_default();
            out.extend(key);
            out.push(u8::try_from(value.len()).expect("small values"));
            out.extend(value);
        }
        out
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count.min(bytes.len()));
    *bytes = rest;
    taken
}

fn for_each_reference(node: &mut [u8], mut visit: impl FnMut(&mut [u8])) {
    let mut at = 0;
    while at + 33 <= node.len() {
        if node[at] == 0xa0 {
            visit(&mut node[at + 1..at + 33]);
            at += 33;
        } else {
            at += 1;
        }
    }
}
