//! The root over a model's graph: one leaf an operator, with the weights that it reads. A dispute opens one operator without the file.
//!
//! ```text
//!   ModelProto 7 -> GraphProto 1 -> NodeProto 1 -> names of its inputs --+
//!                              5 -> TensorProto 8 -> its name -----------+--> leaf i = keccak(0 || u32be(i) || root(node) || root(weight), ...)
//! ```
//!
//! Nodes stand in a file in topological order ([ONNX IR](https://github.com/onnx/onnx/blob/main/docs/IR.md)). What is hashed are a message's bytes as they stand in the file,
//! which its SHA-256 fixes: nothing is written anew. `root` is that of CTE-1, so a weight opens by chunks of 1,024 bytes. Weights that no operator names itself, which
//! are those that only subgraphs read and the sparse ones, stand in one leaf more, in the file's order.
//!
//! **Not in it**: the versions of the operator sets (`Model.opset` has the first), functions of the model's own, and files beside the file.

use alloc::{collections::BTreeMap, vec::Vec};
use alloy_primitives::B256;
use sidelight_tensor::cte;
use thiserror::Error;

use crate::{
    limits::{MAX_NODES, MAX_WEIGHTS},
    tree::{Leaf, compute_root, hash_leaf},
};

// Numbers of fields in onnx.proto3.
const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const GRAPH_INITIALIZER: u64 = 5;
const GRAPH_SPARSE_INITIALIZER: u64 = 15;
const NODE_INPUT: u64 = 1;
const TENSOR_NAME: u64 = 8;

/// Why a file has no graph root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum GraphError {
    /// Not a message of Protocol Buffers.
    #[error(
        "{what}: expected fields of Protocol Buffers that fill it, got a break {left} bytes before its end"
    )]
    Malformed {
        /// Of what.
        what: &'static str,
        /// Bytes after the break.
        left: usize,
    },
    /// More than a graph may have.
    #[error("{what}: expected at most {limit}, got more")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// Two weights have one name; which one an operator reads is nobody's to say.
    #[error("graph.initializer: expected names that differ, got one twice, at {at}")]
    Twice {
        /// Which weight.
        at: usize,
    },
    /// No operators: nothing that a root could be over.
    #[error("graph.node: expected an operator, got none")]
    Empty,
}

/// A weight's bytes; its root is computed once, however many operators read it.
struct Weight<'a> {
    bytes: &'a [u8],
    root: Option<B256>,
}

impl Weight<'_> {
    fn root(&mut self) -> B256 {
        *self.root.get_or_insert_with(|| root_of(self.bytes))
    }
}

/// The root of an ONNX file.
pub fn compute_graph_root(file: &[u8]) -> Result<B256, GraphError> {
    let mut nodes = Vec::new();
    let mut weights = Vec::new();
    let mut names = BTreeMap::new();
    // A message in two pieces is their sum, by the rules of Protocol Buffers.
    for field in Fields::of("model", file).filter(is(MODEL_GRAPH)) {
        for field in Fields::of("graph", field?.bytes) {
            let Field { number, bytes } = field?;
            match number {
                GRAPH_NODE => push(&mut nodes, bytes, "graph.node", MAX_NODES)?,
                GRAPH_INITIALIZER | GRAPH_SPARSE_INITIALIZER => {
                    let at = weights.len();
                    let weight = Weight { bytes, root: None };
                    push(&mut weights, weight, "graph.initializer", MAX_WEIGHTS)?;
                    if number == GRAPH_INITIALIZER && names.insert(name_of(bytes)?, at).is_some() {
                        return Err(GraphError::Twice { at });
                    }
                }
                _ => {}
            }
        }
    }
    let mut leaves = Vec::new();
    for (at, &node) in (0_u32..).zip(&nodes) {
        let mut leaf = Leaf::new(at);
        leaf.add(root_of(node));
        // Nothing is kept for an input: a name of one byte costs whoever sends it three.
        for input in Fields::of("graph.node", node).filter(is(NODE_INPUT)) {
            let weight = names.get(input?.bytes).and_then(|&at| weights.get_mut(at));
            if let Some(weight) = weight {
                leaf.add(weight.root());
            }
        }
        leaves.push(leaf.finish());
    }
    let next = u32::try_from(leaves.len()).map_err(|_| GraphError::Empty)?;
    if next == 0 {
        return Err(GraphError::Empty);
    }
    let unread = weights.iter_mut().filter(|weight| weight.root.is_none());
    let unread: Vec<B256> = unread.map(Weight::root).collect();
    if !unread.is_empty() {
        leaves.push(hash_leaf(next, &unread));
    }
    Ok(compute_root(leaves))
}

fn root_of(bytes: &[u8]) -> B256 {
    B256::new(cte::compute_root(bytes))
}

/// The last name counts, as in any reader.
fn name_of(tensor: &[u8]) -> Result<&[u8], GraphError> {
    let mut name = &[][..];
    for field in Fields::of("graph.initializer", tensor).filter(is(TENSOR_NAME)) {
        name = field?.bytes;
    }
    Ok(name)
}

fn push<T>(list: &mut Vec<T>, item: T, what: &'static str, limit: usize) -> Result<(), GraphError> {
    if list.len() == limit {
        return Err(GraphError::TooMany { what, limit });
    }
    list.push(item);
    Ok(())
}

/// A field of a message that has bytes; those of numbers have none here.
#[derive(Clone, Copy)]
struct Field<'a> {
    number: u64,
    bytes: &'a [u8],
}

/// One field's number, and errors, which end the message.
fn is<'a>(number: u64) -> impl Fn(&Result<Field<'a>, GraphError>) -> bool {
    move |field| !matches!(field, Ok(field) if field.number != number)
}

/// The fields of a message, in order ([encoding](https://protobuf.dev/programming-guides/encoding/)). Strict where readers differ: a length that does not fit is refused and never cut, and groups,
/// which `onnx.proto3` does not have, are refused.
struct Fields<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    const fn of(what: &'static str, message: &'a [u8]) -> Self {
        Self {
            what,
            rest: message,
        }
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let tag = self.varint()?;
        let bytes = match tag & 7 {
            0 => self.varint().map(|_| &[][..])?,
            1 => self.take(8).map(|_| &[][..])?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                self.take(length)?
            }
            5 => self.take(4).map(|_| &[][..])?,
            _ => return None,
        };
        let number = tag >> 3;
        (number != 0).then_some(Field { number, bytes })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take(1)?.try_into().ok()?;
            let bits = u64::from(byte & 0x7f);
            let placed = bits.checked_shl(shift)?;
            if placed >> shift != bits {
                return None;
            }
            value |= placed;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(length)?;
        self.rest = tail;
        Some(head)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, GraphError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let left = self.rest.len();
        Some(self.field().ok_or_else(|| {
            self.rest = &[];
            GraphError::Malformed {
                what: self.what,
                left,
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        assert!(bytes.len() < 128);
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn node(inputs: &[&str]) -> Vec<u8> {
        let inputs: Vec<u8> = inputs
            .iter()
            .flat_map(|input| field(1, input.as_bytes()))
            .collect();
        field(1, &[inputs, field(4, b"Add")].concat())
    }

    fn weight(name: &str, raw: &[u8]) -> Vec<u8> {
        field(5, &[field(9, raw), field(8, name.as_bytes())].concat())
    }

    fn model(graph: &[Vec<u8>]) -> Vec<u8> {
        [vec![0x08, 0x09], field(7, &graph.concat())].concat()
    }

    fn root(graph: &[Vec<u8>]) -> B256 {
        compute_graph_root(&model(graph)).unwrap()
    }

    #[test]
    fn a_leaf_is_the_operator_and_the_weights_that_it_reads() {
        let (add, bias) = (node(&["x", "b"]), weight("b", &[1, 2, 3]));
        let leaf = hash_leaf(0, &[root_of(&add[2..]), root_of(&bias[2..])]);
        assert_eq!(root(&[add.clone(), bias.clone()]), leaf);
        // The weights stand beside the operators, before or after.
        assert_eq!(root(&[bias.clone(), add.clone()]), leaf);
        // What a graph is called is not in the root.
        assert_eq!(root(&[add, bias, field(2, b"name")]), leaf);
    }

    #[test]
    fn operators_their_order_and_every_weight_decide_about_the_root() {
        let graph = [
            node(&["x", "w"]),
            node(&["y", "b"]),
            weight("w", &[1]),
            weight("b", &[2]),
            weight("inner", &[3]),
            field(15, &[4]),
        ];
        let whole = root(&graph);
        for (at, other) in [
            (0, node(&["x", "b"])),
            (2, weight("w", &[9])),
            (3, weight("b", &[9])),
            (4, weight("inner", &[9])),
            (5, field(15, &[9])),
        ] {
            let mut changed = graph.clone();
            changed[at] = other;
            assert_ne!(root(&changed), whole, "{at}");
        }
        let mut swapped = graph.clone();
        swapped.swap(0, 1);
        assert_ne!(root(&swapped), whole);
        for at in 0..graph.len() {
            let mut shorter = graph.to_vec();
            shorter.remove(at);
            assert_ne!(root(&shorter), whole, "{at}");
        }
    }

    #[test]
    fn a_graph_in_two_pieces_is_their_sum() {
        let (add, bias) = (node(&["x", "b"]), weight("b", &[1]));
        let pieces = [field(7, &add), field(7, &bias)].concat();
        assert_eq!(compute_graph_root(&pieces).unwrap(), root(&[add, bias]));
    }

    #[test]
    fn what_two_readers_could_take_for_two_graphs_is_refused() {
        let twice = model(&[node(&["x"]), weight("w", &[1]), weight("w", &[2])]);
        assert_eq!(compute_graph_root(&twice), Err(GraphError::Twice { at: 1 }));
        assert_eq!(compute_graph_root(&[]), Err(GraphError::Empty));
        assert_eq!(
            compute_graph_root(&model(&[weight("w", &[1])])),
            Err(GraphError::Empty)
        );
        let malformed: [&[u8]; 8] = [
            // A length beyond the end, one that ends so only after a cut to 32 bits, one above 64 bits.
            &[0x3a, 5, 0],
            &[0x3a, 0x80, 0x80, 0x80, 0x80, 0x10],
            &[
                0x3a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02,
            ],
            // Groups, wire types that do not exist, a field without a number.
            &[0x3b, 0x3c],
            &[0x3e],
            &[0x02, 0],
            // Numbers that end early.
            &[0x39, 0, 0],
            &[0x80],
        ];
        for bytes in malformed {
            assert_eq!(
                compute_graph_root(bytes),
                Err(GraphError::Malformed {
                    what: "model",
                    left: bytes.len()
                }),
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn no_more_operators_than_the_limit() {
        let empty = field(1, &[]);
        let graph = empty.repeat(MAX_NODES + 1);
        let mut file = vec![0x3a];
        let mut length = graph.len();
        while length > 0x7f {
            file.push(length as u8 | 0x80);
            length >>= 7;
        }
        file.push(length as u8);
        file.extend(graph);
        assert_eq!(
            compute_graph_root(&file),
            Err(GraphError::TooMany {
                what: "graph.node",
                limit: MAX_NODES
            })
        );
    }

    #[test]
    fn a_shortened_model_has_no_root_or_the_same() {
        let file = include_bytes!("../../models/probe-f32.onnx");
        let whole = compute_graph_root(file).unwrap();
        let roots = (0..file.len()).filter_map(|length| compute_graph_root(&file[..length]).ok());
        // What stands after the graph: the operator set.
        assert_eq!(roots.collect::<Vec<_>>(), [whole]);
    }
}
