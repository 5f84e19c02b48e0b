//! A model's inputs from files: JSON, or bytes.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use eyre::{Context, Result, bail, eyre};
use serde_json::Value;
use sidelight_edge_core::{
    manifest::{Manifest, Port},
    tensor::{DType, Tensor, limits::MAX_TENSOR_BYTES},
};

/// Reads JSON: the numbers of the only input, or the protocol's `inputs`.
pub(crate) fn from_json(path: &Path, manifest: &Manifest) -> Result<Vec<Tensor>> {
    let value: Value = serde_json::from_slice(&read(path)?).wrap_err("input")?;
    let tensors = match value.get("inputs").and_then(Value::as_array) {
        None => vec![tensor(only(manifest)?, None, &value)?],
        Some(inputs) => inputs
            .iter()
            .map(|input| {
                let name = input["name"].as_str().unwrap_or_default();
                let port = manifest.inputs.iter().find(|port| port.name == name);
                let port = port.ok_or_else(|| eyre!("the model has no input {name:?}"))?;
                tensor(port, input.get("shape"), &input["data"])
            })
            .collect::<Result<_>>()?,
    };
    manifest.check_inputs(&tensors)?;
    Ok(tensors)
}

/// Reads the bytes of the only input.
pub(crate) fn from_bytes(path: &Path, manifest: &Manifest) -> Result<Vec<Tensor>> {
    let port = only(manifest)?;
    let dtype = dtype(port)?;
    let bytes = read(path)?;
    let count = bytes.len() / dtype.size().unwrap_or(1);
    let tensors = vec![Tensor::new(
        &port.name,
        dtype,
        shape(port, None, count)?,
        bytes,
    )?];
    manifest.check_inputs(&tensors)?;
    Ok(tensors)
}

fn only(manifest: &Manifest) -> Result<&Port> {
    match manifest.inputs.as_slice() {
        [port] => Ok(port),
        ports => bail!(
            "the model has {} inputs; name them: {{\"inputs\": [...]}}",
            ports.len()
        ),
    }
}

fn tensor(port: &Port, said: Option<&Value>, data: &Value) -> Result<Tensor> {
    let dtype = dtype(port)?;
    let mut numbers = Vec::new();
    flatten(data, &mut numbers, 0)?;
    let mut bytes = Vec::new();
    for number in &numbers {
        write(number, dtype, &mut bytes)
            .ok_or_else(|| eyre!("{}: {number} is no {dtype}", port.name))?;
    }
    Ok(Tensor::new(
        &port.name,
        dtype,
        shape(port, said, numbers.len())?,
        bytes,
    )?)
}

fn flatten<'a>(value: &'a Value, to: &mut Vec<&'a Value>, depth: usize) -> Result<()> {
    match value {
        Value::Array(values) if depth < 16 => values
            .iter()
            .try_for_each(|value| flatten(value, to, depth + 1)),
        Value::Number(_) | Value::Bool(_) => {
            to.push(value);
            Ok(())
        }
        other => bail!(
            "input: expected numbers, got {}",
            other.to_string().chars().take(40).collect::<String>()
        ),
    }
}

fn write(value: &Value, dtype: DType, to: &mut Vec<u8>) -> Option<()> {
    macro_rules! put {
        ($native:ty) => {
            to.extend(<$native>::try_from(value.as_i64()?).ok()?.to_le_bytes())
        };
    }
    match dtype {
        DType::F32 => to.extend((value.as_f64()? as f32).to_le_bytes()),
        DType::F64 => to.extend(value.as_f64()?.to_le_bytes()),
        DType::Bool => to.push(u8::from(value.as_bool()?)),
        DType::U8 => put!(u8),
        DType::I8 => put!(i8),
        DType::U16 => put!(u16),
        DType::I16 => put!(i16),
        DType::U32 => put!(u32),
        DType::I32 => put!(i32),
        DType::I64 => put!(i64),
        DType::U64 => to.extend(value.as_u64()?.to_le_bytes()),
        _ => return None,
    }
    Some(())
}

fn dtype(port: &Port) -> Result<DType> {
    DType::from_name(&port.dtype).ok_or_else(|| eyre!("{}: unknown type {}", port.name, port.dtype))
}

/// The manifest's shape; at most one free size follows from the number of elements.
fn shape(port: &Port, said: Option<&Value>, count: usize) -> Result<Vec<u64>> {
    if let Some(said) = said {
        return Ok(serde_json::from_value(said.clone())?);
    }
    let known: u64 = port
        .shape
        .iter()
        .filter_map(|&size| u64::try_from(size).ok())
        .product();
    let free = port.shape.iter().filter(|&&size| size < 0).count();
    if free > 1 {
        bail!("{}: {free} free sizes; say the shape", port.name);
    }
    let rest = (count as u64).checked_div(known).unwrap_or(0);
    Ok(port
        .shape
        .iter()
        .map(|&size| u64::try_from(size).unwrap_or(rest))
        .collect())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // JSON takes a few bytes for each one of the tensor.
    let limit = MAX_TENSOR_BYTES * 4;
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    } else {
        let file = fs::File::open(path).wrap_err_with(|| path.display().to_string())?;
        file.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
