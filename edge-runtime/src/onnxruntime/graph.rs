//! Which operators a model file has: enough of [ONNX's protobuf](https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) to say whether every step of it is exact.
//!
//! ```text
//!   ModelProto   7 graph, 25 functions        GraphProto  1 node        NodeProto  4 op_type, 7 domain
//! ```

/// Fields of the messages above.
const MODEL_GRAPH: u64 = 7;
const MODEL_FUNCTIONS: u64 = 25;
const GRAPH_NODE: u64 = 1;
const NODE_OP: u64 = 4;
const NODE_DOMAIN: u64 = 7;

/// Products of integers, summed up in integers.
const PRODUCTS: &[&str] = &["ConvInteger", "MatMulInteger"];
/// One correctly rounded operation an element, or none at all. Nothing here sums floating-point numbers, so there is no order that could differ.
const EXACT: &[&str] = &[
    "Add",
    "ArgMax",
    "Cast",
    "Clip",
    "Concat",
    "Constant",
    "DequantizeLinear",
    "Div",
    "Flatten",
    "Gather",
    "Identity",
    "Max",
    "MaxPool",
    "Min",
    "Mul",
    "QuantizeLinear",
    "Relu",
    "Reshape",
    "Shape",
    "Slice",
    "Squeeze",
    "Sub",
    "Transpose",
    "Unsqueeze",
];

/// Whether a file is a statically quantised network whose every sum is one of integers. What cannot be read is not.
pub(super) fn is_static_int8(file: &[u8]) -> bool {
    read(file).is_some_and(|nodes| {
        let known = |op: &&str| PRODUCTS.contains(op) || EXACT.contains(op);
        nodes.iter().all(known) && nodes.iter().any(|op| PRODUCTS.contains(op))
    })
}

/// The operators of the graph, in the file's order; `None` where there are operators beyond ONNX's own, or the file is malformed.
fn read(file: &[u8]) -> Option<Vec<&str>> {
    let mut operators = Vec::new();
    let mut graph = None;
    for field in Fields(file) {
        match field? {
            // A second graph would be merged into the first.
            (MODEL_GRAPH, _) if graph.is_some() => return None,
            (MODEL_GRAPH, Value::Bytes(bytes)) => graph = Some(bytes),
            // A function of the file can give any operator another meaning.
            (MODEL_FUNCTIONS, _) => return None,
            _ => {}
        }
    }
    for field in Fields(graph?) {
        if let (GRAPH_NODE, Value::Bytes(node)) = field? {
            operators.push(read_node(node)?);
        }
    }
    Some(operators)
}

fn read_node(node: &[u8]) -> Option<&str> {
    let mut operator = None;
    for field in Fields(node) {
        match field? {
            (NODE_OP, Value::Bytes(text)) => operator = Some(std::str::from_utf8(text).ok()?),
            (NODE_DOMAIN, Value::Bytes(domain)) if !domain.is_empty() && domain != b"ai.onnx" => {
                return None;
            }
            _ => {}
        }
    }
    operator
}

enum Value<'a> {
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message. Ends after the first one that is malformed, which is `None`.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, Value<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => {
                self.varint()?;
                Value::Other
            }
            1 => self.skip(8)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.skip(4)?,
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn skip(&mut self, length: usize) -> Option<Value<'a>> {
        self.take(length).map(|_| Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn file(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
        fs::read(folder.join(name)).unwrap()
    }

    #[test]
    fn quantised_models_are_exact_and_floating_point_ones_are_not() {
        for name in ["digits-mlp-int8.onnx", "digits-cnn-int8.onnx"] {
            assert!(is_static_int8(&file(name)), "{name}");
        }
        for name in [
            "digits-mlp-f32.onnx",
            "digits-cnn-f32.onnx",
            "risk-f32.onnx",
            "anomaly-f32.onnx",
            "load-f32.onnx",
        ] {
            assert!(!is_static_int8(&file(name)), "{name}");
        }
    }

    #[test]
    fn a_file_cut_anywhere_is_never_exact_and_never_a_panic() {
        let whole = file("digits-mlp-int8.onnx");
        for end in 0..whole.len() {
            // The graph is one field of the model: nothing shorter holds all of it, but what stands after it may be missing.
            if is_static_int8(&whole[..end]) {
                assert!(read(&whole[..end]) == read(&whole), "{end}");
            }
        }
    }

    #[test]
    fn an_operator_of_another_domain_is_not_known() {
        // node { op_type: "Add", domain: "x" }
        let node = [0x22, 3, b'A', b'd', b'd', 0x3a, 1, b'x'];
        assert_eq!(read_node(&node), None);
        assert_eq!(read_node(&node[..5]), Some("Add"));
    }
}
