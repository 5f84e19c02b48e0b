//! One model, loaded.

use rten::{Model, ModelOptions, NodeId, RunError, RunErrorKind, ValueOrView};
use sidelight_tensor::{Tensor, decode_message, encode_message};

use crate::{
    convert::{to_tensor, to_value},
    error::{EngineError, Status},
    schema::{Port, Schema},
};

/// Flag of `engine_load`: keep the graph as the file has it. Fused operators may round differently, so the flag is part of what a decision commits to; a trace needs it.
pub const UNOPTIMISED: u32 = 1;

/// A model that can be run.
#[derive(Debug)]
pub struct Session {
    model: Model,
    schema: Schema,
    flags: u32,
}

impl Session {
    /// Reads an ONNX file.
    pub fn load(file: Vec<u8>, flags: u32) -> Result<Self, EngineError> {
        if flags & !UNOPTIMISED != 0 {
            return Err(EngineError::new(
                Status::Unsupported,
                format_args!("flags: expected 0 or {UNOPTIMISED}, got {flags}"),
            ));
        }
        let schema = Schema::read(&file)?;
        let mut options = ModelOptions::with_all_ops();
        options.enable_optimization(flags & UNOPTIMISED == 0);
        let model = options.load(file).map_err(|error| {
            let status = match error.kind() {
                rten::LoadErrorKind::OperatorInvalid => Status::Unsupported,
                _ => Status::Model,
            };
            EngineError::new(status, error)
        })?;
        Ok(Self {
            model,
            schema,
            flags,
        })
    }

    /// The interface of the model.
    pub fn describe(&self) -> Vec<u8> {
        self.schema.encode()
    }

    /// Runs the model on a message of inputs; the outputs, as a message.
    pub fn run(&self, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        let names: Vec<&str> = self
            .schema
            .outputs
            .iter()
            .map(|port| port.name.as_str())
            .collect();
        let values = self.compute(message, &names)?;
        let mut tensors = Vec::with_capacity(values.len());
        for (port, value) in self.schema.outputs.iter().zip(&values) {
            tensors.push(to_tensor(&port.name, Some(port.dtype), value)?);
        }
        encode_message(&tensors).map_err(|error| EngineError::new(Status::Run, error))
    }

    /// Runs the model and commits to every value on the way: `u32 count`, then each as
    /// `u16 name length || name || u8 dtype || u8 rank || u64 size, rank times || u64 byte length || CTE-1 root`, in the order of the file.
    pub fn trace(&self, message: &[u8]) -> Result<Vec<u8>, EngineError> {
        if self.flags & UNOPTIMISED == 0 {
            return Err(EngineError::new(
                Status::State,
                "a trace needs a model that was loaded without optimisation",
            ));
        }
        let names: Vec<&str> = self.schema.values.iter().map(String::as_str).collect();
        let values = self.compute(message, &names)?;
        let mut out = (values.len() as u32).to_le_bytes().to_vec();
        for (name, value) in names.iter().zip(values) {
            let tensor = to_tensor(name, None, &value)?;
            drop(value);
            out.extend_from_slice(&(name.len() as u16).to_le_bytes());
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(&[tensor.dtype().code(), tensor.shape().len() as u8]);
            tensor
                .shape()
                .iter()
                .for_each(|size| out.extend_from_slice(&size.to_le_bytes()));
            out.extend_from_slice(&(tensor.bytes().len() as u64).to_le_bytes());
            out.extend_from_slice(&tensor.root());
        }
        Ok(out)
    }

    fn compute(&self, message: &[u8], names: &[&str]) -> Result<Vec<rten::Value>, EngineError> {
        let tensors =
            decode_message(message).map_err(|error| EngineError::new(Status::Message, error))?;
        check_inputs(&self.schema.inputs, &tensors)?;
        let mut inputs: Vec<(NodeId, ValueOrView<'_>)> = Vec::with_capacity(tensors.len());
        for tensor in &tensors {
            inputs.push((self.node(tensor.name())?, to_value(tensor)?.into()));
        }
        let mut outputs = Vec::with_capacity(names.len());
        for name in names {
            outputs.push(self.node(name)?);
        }
        self.model.run(inputs, &outputs, None).map_err(from_run)
    }

    fn node(&self, name: &str) -> Result<NodeId, EngineError> {
        self.model.find_node(name).ok_or_else(|| {
            EngineError::new(
                Status::Model,
                format_args!("{name} is not a value of the graph"),
            )
        })
    }
}

/// Exactly the model's inputs; both lists are sorted by name.
fn check_inputs(ports: &[Port], tensors: &[Tensor]) -> Result<(), EngineError> {
    if !ports
        .iter()
        .map(|port| port.name.as_str())
        .eq(tensors.iter().map(Tensor::name))
    {
        let expected: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
        let got: Vec<&str> = tensors.iter().map(Tensor::name).collect();
        return Err(EngineError::new(
            Status::Input,
            format_args!("inputs: expected {expected:?}, got {got:?}"),
        ));
    }
    for (port, tensor) in ports.iter().zip(tensors) {
        if port.dtype != tensor.dtype() {
            return Err(EngineError::new(
                Status::Input,
                format_args!(
                    "type of {}: expected {}, got {}",
                    port.name,
                    port.dtype,
                    tensor.dtype()
                ),
            ));
        }
        let fits = port
            .shape
            .iter()
            .zip(tensor.shape())
            .all(|(&wanted, &size)| wanted < 0 || u64::try_from(wanted) == Ok(size));
        if port.shape.len() != tensor.shape().len() || !fits {
            return Err(EngineError::new(
                Status::Input,
                format_args!(
                    "shape of {}: expected {:?}, got {:?}",
                    port.name,
                    port.shape,
                    tensor.shape()
                ),
            ));
        }
    }
    Ok(())
}

fn from_run(error: RunError) -> EngineError {
    let status = match error.kind() {
        RunErrorKind::InvalidInput | RunErrorKind::NodeNotFound => Status::Input,
        _ => Status::Run,
    };
    EngineError::new(status, error)
}
