//! What a model says of itself: inputs, outputs, and the values between them in the order in which they are computed.
//!
//! rten knows four element types and calls an INT64 an i32; the declared types are read from the file, so that an answer has the type that the model promises.

use rten_onnx::onnx::{GraphProto, ModelProto, ValueInfoProto};
use sidelight_tensor::{
    DType,
    limits::{MAX_NAME, MAX_RANK, MAX_TENSORS},
};

use crate::error::{EngineError, Status};

/// An input or an output. A size of -1 is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<i64>,
}

/// The interface of a model, each list sorted by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schema {
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    /// Results of nodes in the file's order, which ONNX requires to be topological.
    pub(crate) values: Vec<String>,
}

impl Schema {
    pub(crate) fn read(file: &[u8]) -> Result<Self, EngineError> {
        let model = ModelProto::parse_buf(file).map_err(|error| {
            EngineError::new(Status::Model, format_args!("not an ONNX model: {error:?}"))
        })?;
        let graph = model
            .graph
            .ok_or_else(|| EngineError::new(Status::Model, "the model has no graph"))?;
        let mut inputs = Vec::new();
        for info in graph
            .input
            .iter()
            .filter(|info| !is_initialised(&graph, info))
        {
            inputs.push(read_port(info)?);
        }
        let mut outputs = Vec::new();
        for info in &graph.output {
            outputs.push(read_port(info)?);
        }
        for ports in [&mut inputs, &mut outputs] {
            ports.sort_by(|a, b| a.name.cmp(&b.name));
            if ports.len() > MAX_TENSORS
                || ports
                    .windows(2)
                    .any(|pair| matches!(pair, [a, b] if a.name == b.name))
            {
                return Err(EngineError::new(
                    Status::Model,
                    format_args!(
                        "expected at most {MAX_TENSORS} inputs and outputs, each with its own name"
                    ),
                ));
            }
        }
        if outputs.is_empty() {
            return Err(EngineError::new(Status::Model, "the model has no output"));
        }
        let computed = graph
            .node
            .iter()
            .filter(|node| node.op_type.as_deref() != Some("Constant"));
        let values = computed
            .flat_map(|node| node.output.iter())
            .filter(|name| !name.is_empty())
            .cloned()
            .collect();
        Ok(Self {
            inputs,
            outputs,
            values,
        })
    }

    /// Inputs, then outputs: `u32 count`, then each as `u16 name length || name || u8 dtype || u8 rank || i64 size, rank times`.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for ports in [&self.inputs, &self.outputs] {
            out.extend_from_slice(&(ports.len() as u32).to_le_bytes());
            for port in ports {
                out.extend_from_slice(&(port.name.len() as u16).to_le_bytes());
                out.extend_from_slice(port.name.as_bytes());
                out.extend_from_slice(&[port.dtype.code(), port.shape.len() as u8]);
                port.shape
                    .iter()
                    .for_each(|size| out.extend_from_slice(&size.to_le_bytes()));
            }
        }
        out
    }
}

/// Old exporters list the weights among the inputs.
fn is_initialised(graph: &GraphProto, info: &ValueInfoProto) -> bool {
    graph
        .initializer
        .iter()
        .any(|tensor| tensor.name == info.name)
}

fn read_port(info: &ValueInfoProto) -> Result<Port, EngineError> {
    let name = info.name.clone().unwrap_or_default();
    if name.is_empty() || name.len() > MAX_NAME {
        return Err(EngineError::new(
            Status::Model,
            format_args!(
                "an input or output has a name of {} bytes; expected 1 to {MAX_NAME}",
                name.len()
            ),
        ));
    }
    let tensor = info
        .r#type
        .as_ref()
        .and_then(|kind| kind.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| {
        EngineError::new(
            Status::Unsupported,
            format_args!("{name}: expected a tensor, got a sequence, map or nothing"),
        )
    })?;
    let code = tensor.elem_type.map_or(0, |kind| kind.0);
    let dtype = u8::try_from(code).ok().and_then(DType::from_code);
    let dtype = dtype.filter(|dtype| {
        matches!(
            dtype,
            DType::F32 | DType::I32 | DType::I64 | DType::U8 | DType::I8 | DType::Bool
        )
    });
    let dtype = dtype.ok_or_else(|| {
        EngineError::new(
            Status::Unsupported,
            format_args!(
                "{name}: expected FP32, INT32, INT64, UINT8, INT8 or BOOL, got type {code}"
            ),
        )
    })?;
    let sizes = tensor.shape.iter().flat_map(|shape| &shape.dim);
    let shape: Vec<i64> = sizes
        .map(|dim| dim.dim_value.filter(|&size| size >= 0).unwrap_or(-1))
        .collect();
    if shape.len() > MAX_RANK {
        return Err(EngineError::new(
            Status::Unsupported,
            format_args!(
                "{name}: expected at most {MAX_RANK} dimensions, got {}",
                shape.len()
            ),
        ));
    }
    Ok(Port { name, dtype, shape })
}
