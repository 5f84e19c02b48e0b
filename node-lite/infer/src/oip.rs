//! Requests and responses of the [Open Inference Protocol, version 2](https://github.com/kserve/open-inference-protocol), with its binary tensor data extension.
//!
//! ```text
//!   JSON:     { id?, parameters?, inputs: [{ name, datatype, shape, data }], outputs?: [{ name, parameters? }] }
//!   binary:   the header Inference-Header-Content-Length says where the JSON ends; tensors follow, each of parameters.binary_data_size bytes
//! ```

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sidelight_edge_core::tensor::{
    DType, Tensor,
    limits::{MAX_RANK, MAX_TENSORS},
};

use crate::error::InferError;

/// The header of the binary extension, in requests and responses.
pub(crate) const JSON_LENGTH: &str = "inference-header-content-length";
/// Longest JSON part; larger tensors go binary.
const MAX_JSON: usize = 16 << 20;

/// Values by name; the protocol's way of saying more.
pub(crate) type Parameters = Map<String, Value>;

/// An inference request, with its tensors read.
#[derive(Debug)]
pub(crate) struct InferRequest {
    /// The caller's name for it, given back.
    pub(crate) id: Option<String>,
    /// What else it says.
    pub(crate) parameters: Parameters,
    /// In the order of the request.
    pub(crate) inputs: Vec<Tensor>,
    /// Outputs that are wanted and how; all of them where it says nothing.
    outputs: Option<BTreeMap<String, bool>>,
    /// How the others are wanted.
    is_binary: bool,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Parameters,
    inputs: Vec<Input>,
    #[serde(default)]
    outputs: Option<Vec<Output>>,
}

#[derive(Deserialize)]
struct Input {
    name: String,
    datatype: String,
    shape: Vec<u64>,
    #[serde(default)]
    parameters: Parameters,
    #[serde(default)]
    data: Option<Value>,
}

#[derive(Deserialize)]
struct Output {
    name: String,
    #[serde(default)]
    parameters: Parameters,
}

impl InferRequest {
    /// Reads a request. `json_length` is the header of the binary extension.
    pub(crate) fn decode(body: &[u8], json_length: Option<usize>) -> Result<Self, InferError> {
        let (json, mut binary) = match json_length {
            None => (body, &[][..]),
            Some(length) => body.split_at_checked(length).ok_or_else(|| {
                wrong(format!(
                    "{JSON_LENGTH}: expected at most {}, got {length}",
                    body.len()
                ))
            })?,
        };
        if json.len() > MAX_JSON {
            return Err(wrong(format!(
                "JSON: expected at most {MAX_JSON} bytes, got {}",
                json.len()
            )));
        }
        let body: Body =
            serde_json::from_slice(json).map_err(|error| wrong(format!("JSON: {error}")))?;
        let counts = [body.inputs.len(), body.outputs.as_ref().map_or(0, Vec::len)];
        if let Some(got) = counts.into_iter().find(|&count| count > MAX_TENSORS) {
            return Err(wrong(format!(
                "tensors: expected at most {MAX_TENSORS}, got {got}"
            )));
        }
        let mut inputs = Vec::with_capacity(body.inputs.len());
        for input in body.inputs {
            inputs.push(input.read(&mut binary)?);
        }
        if !binary.is_empty() {
            return Err(wrong(format!(
                "binary data: {} bytes too many",
                binary.len()
            )));
        }
        let flag =
            |parameters: &Parameters, name: &str| parameters.get(name).and_then(Value::as_bool);
        let is_binary = flag(&body.parameters, "binary_data_output").unwrap_or(false);
        let wanted = |output: Output| {
            let binary = flag(&output.parameters, "binary_data").unwrap_or(is_binary);
            (output.name, binary)
        };
        Ok(Self {
            id: body.id,
            parameters: body.parameters,
            inputs,
            outputs: body
                .outputs
                .map(|list| list.into_iter().map(wanted).collect()),
            is_binary,
        })
    }

    /// A parameter that is a text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, InferError> {
        match self.parameters.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(format!("parameters.{name}: expected a text"))),
        }
    }

    /// A parameter that is true or false.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, InferError> {
        match self.parameters.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(wrong(format!("parameters.{name}: expected true or false"))),
        }
    }
}

impl Input {
    fn read(self, binary: &mut &[u8]) -> Result<Tensor, InferError> {
        let name = &self.name;
        let dtype = DType::from_name(&self.datatype)
            .ok_or_else(|| wrong(format!("{name}: unknown datatype {:?}", self.datatype)))?;
        if self.shape.len() > MAX_RANK {
            return Err(wrong(format!(
                "{name}: expected at most {MAX_RANK} dimensions"
            )));
        }
        let bytes = match (self.parameters.get("binary_data_size"), &self.data) {
            (Some(size), None) => {
                let size = size.as_u64().and_then(|size| usize::try_from(size).ok());
                let taken = size.and_then(|size| binary.split_at_checked(size));
                let (bytes, rest) = taken.ok_or_else(|| {
                    wrong(format!(
                        "{name}: binary_data_size is more than the {} bytes that are left",
                        binary.len()
                    ))
                })?;
                *binary = rest;
                bytes.to_vec()
            }
            (None, Some(data)) => {
                let mut bytes = Vec::new();
                write_elements(name, dtype, data, &mut bytes, 0)?;
                bytes
            }
            (Some(_), Some(_)) => {
                return Err(wrong(format!("{name}: both data and binary_data_size")));
            }
            (None, None) => {
                return Err(wrong(format!("{name}: neither data nor binary_data_size")));
            }
        };
        Ok(Tensor::new(self.name, dtype, self.shape, bytes)?)
    }
}

/// Elements in row-major order, nested or flat.
fn write_elements(
    name: &str,
    dtype: DType,
    value: &Value,
    bytes: &mut Vec<u8>,
    depth: usize,
) -> Result<(), InferError> {
    if let Value::Array(values) = value {
        if depth > MAX_RANK {
            return Err(wrong(format!("{name}: nested deeper than {MAX_RANK}")));
        }
        return values
            .iter()
            .try_for_each(|value| write_elements(name, dtype, value, bytes, depth + 1));
    }
    let refused = || wrong(format!("{name}: {value} is no {dtype}"));
    let integer = || value.as_i64().ok_or_else(refused);
    macro_rules! put {
        ($native:ty) => {
            bytes.extend(
                <$native>::try_from(integer()?)
                    .map_err(|_| refused())?
                    .to_le_bytes(),
            )
        };
    }
    match dtype {
        DType::Bool => bytes.push(u8::from(value.as_bool().ok_or_else(refused)?)),
        DType::U8 => put!(u8),
        DType::I8 => put!(i8),
        DType::U16 => put!(u16),
        DType::I16 => put!(i16),
        DType::U32 => put!(u32),
        DType::I32 => put!(i32),
        DType::I64 => put!(i64),
        DType::U64 => bytes.extend(value.as_u64().ok_or_else(refused)?.to_le_bytes()),
        DType::F32 => {
            let number = value.as_f64().ok_or_else(refused)? as f32;
            if number.is_infinite() {
                return Err(refused());
            }
            bytes.extend(number.to_le_bytes());
        }
        DType::F64 => bytes.extend(value.as_f64().ok_or_else(refused)?.to_le_bytes()),
        DType::Bytes => {
            let text = value.as_str().ok_or_else(refused)?;
            let length = u32::try_from(text.len()).map_err(|_| refused())?;
            bytes.extend(length.to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        other => return Err(wrong(format!("{name}: {other} goes as binary data only"))),
    }
    Ok(())
}

/// An output in the JSON part.
#[derive(Serialize)]
struct OutputJson<'a> {
    name: &'a str,
    datatype: &'static str,
    shape: &'a [u64],
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<Value>>,
}

/// A response: the body, and the length of its JSON part where tensors follow it.
pub(crate) fn encode_response(
    request: &InferRequest,
    model: &str,
    outputs: &[Tensor],
    parameters: &Parameters,
) -> Result<(Vec<u8>, Option<usize>), InferError> {
    if let Some(wanted) = &request.outputs
        && let Some(name) = wanted
            .keys()
            .find(|name| !outputs.iter().any(|output| output.name() == *name))
    {
        return Err(wrong(format!("the model has no output {name}")));
    }
    let mut binary = Vec::new();
    let mut list = Vec::with_capacity(outputs.len());
    for output in outputs {
        let is_binary = match &request.outputs {
            None => request.is_binary,
            Some(wanted) => match wanted.get(output.name()) {
                Some(&is_binary) => is_binary,
                None => continue,
            },
        };
        let (parameters, data) = if is_binary {
            binary.push(output.bytes());
            (
                Some(json!({ "binary_data_size": output.bytes().len() })),
                None,
            )
        } else {
            (None, Some(read_elements(output)?))
        };
        list.push(OutputJson {
            name: output.name(),
            datatype: output.dtype().name(),
            shape: output.shape(),
            parameters,
            data,
        });
    }
    let mut body = json!({ "model_name": model, "model_version": "1", "outputs": list });
    if let Some(id) = &request.id {
        body["id"] = json!(id);
    }
    if !parameters.is_empty() {
        body["parameters"] = Value::Object(parameters.clone());
    }
    let mut bytes = body.to_string().into_bytes();
    let length = (!binary.is_empty()).then_some(bytes.len());
    for part in binary {
        bytes.extend(part);
    }
    Ok((bytes, length))
}

/// The elements as JSON.
fn read_elements(tensor: &Tensor) -> Result<Vec<Value>, InferError> {
    let bytes = tensor.bytes();
    macro_rules! numbers {
        ($native:ty) => {{
            let (chunks, _) = bytes.as_chunks::<{ size_of::<$native>() }>();
            chunks
                .iter()
                .map(|&chunk| json!(<$native>::from_le_bytes(chunk)))
                .collect()
        }};
    }
    let values: Vec<Value> = match tensor.dtype() {
        DType::F32 => numbers!(f32),
        DType::F64 => numbers!(f64),
        DType::U8 => numbers!(u8),
        DType::I8 => numbers!(i8),
        DType::U16 => numbers!(u16),
        DType::I16 => numbers!(i16),
        DType::U32 => numbers!(u32),
        DType::I32 => numbers!(i32),
        DType::U64 => numbers!(u64),
        DType::I64 => numbers!(i64),
        DType::Bool => bytes.iter().map(|&byte| json!(byte == 1)).collect(),
        other => {
            return Err(InferError::Unsupported(format!(
                "{}: {other} in JSON; ask for binary_data",
                tensor.name()
            )));
        }
    };
    // JSON has neither NaN nor infinity.
    if values.iter().any(Value::is_null) {
        return Err(InferError::Unsupported(format!(
            "{}: NaN or infinity in JSON; ask for binary_data",
            tensor.name()
        )));
    }
    Ok(values)
}

pub(crate) fn wrong(text: String) -> InferError {
    InferError::Request(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(json: &str) -> Result<InferRequest, InferError> {
        InferRequest::decode(json.as_bytes(), None)
    }

    #[test]
    fn nested_and_flat_data_are_the_same_tensor() {
        let flat = decode(
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[1,2.5,-3,0]}]}"#,
        )
        .unwrap();
        let nested = decode(
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[2,2],"data":[[1,2.5],[-3,0]]}]}"#,
        )
        .unwrap();
        assert_eq!(flat.inputs, nested.inputs);
        assert_eq!(flat.inputs[0].to_f32().unwrap(), [1.0, 2.5, -3.0, 0.0]);
    }

    #[test]
    fn binary_tensors_follow_the_json_and_fill_it_exactly() {
        let json = r#"{"inputs":[{"name":"x","datatype":"UINT8","shape":[3],"parameters":{"binary_data_size":3}}]}"#;
        let body = [json.as_bytes(), &[1, 2, 3]].concat();
        let request = InferRequest::decode(&body, Some(json.len())).unwrap();
        assert_eq!(request.inputs[0].bytes(), [1, 2, 3]);
        let more = [body.as_slice(), &[4]].concat();
        assert!(InferRequest::decode(&more, Some(json.len())).is_err());
        assert!(InferRequest::decode(&body[..body.len() - 1], Some(json.len())).is_err());
        assert!(InferRequest::decode(&body, Some(body.len() + 1)).is_err());
    }

    #[test]
    fn values_outside_their_type_are_refused_by_name() {
        for (datatype, data) in [
            ("UINT8", "[256]"),
            ("UINT8", "[-1]"),
            ("INT8", "[128]"),
            ("INT32", "[1.5]"),
            ("BOOL", "[1]"),
            ("FP32", "[\"1\"]"),
            ("FP32", "[1e40]"),
            ("FP32", "[1,2]"),
            ("FP16", "[1]"),
            ("FP8", "[1]"),
            ("UINT8", "[[[[[[[[[[1]]]]]]]]]]"),
        ] {
            let json = format!(
                r#"{{"inputs":[{{"name":"pixel","datatype":"{datatype}","shape":[1],"data":{data}}}]}}"#
            );
            let error = decode(&json).unwrap_err().to_string();
            assert!(error.contains("pixel"), "{error}");
        }
    }

    #[test]
    fn outputs_come_as_they_were_asked_for() {
        let json = r#"{"id":"7","inputs":[],"outputs":[{"name":"b","parameters":{"binary_data":true}},{"name":"a"}]}"#;
        let request = decode(json).unwrap();
        let outputs = [
            Tensor::f32("a", &[1], &[0.5]).unwrap(),
            Tensor::f32("b", &[1], &[1.0]).unwrap(),
            Tensor::f32("c", &[1], &[2.0]).unwrap(),
        ];
        let (body, length) = encode_response(&request, "m", &outputs, &Parameters::new()).unwrap();
        let (json, binary) = body.split_at(length.unwrap());
        assert_eq!(binary, 1.0_f32.to_le_bytes());
        let json: Value = serde_json::from_slice(json).unwrap();
        assert_eq!(json["id"], "7");
        assert_eq!(json["outputs"][0]["data"], json!([0.5]));
        assert_eq!(json["outputs"][1]["parameters"]["binary_data_size"], 4);
        assert_eq!(json["outputs"].as_array().unwrap().len(), 2);
        assert!(encode_response(&request, "m", &outputs[..1], &Parameters::new()).is_err());
    }

    #[test]
    fn json_never_holds_nan_as_something_else() {
        let request = decode(r#"{"inputs":[]}"#).unwrap();
        let outputs = [Tensor::f32("a", &[1], &[f32::NAN]).unwrap()];
        assert!(matches!(
            encode_response(&request, "m", &outputs, &Parameters::new()),
            Err(InferError::Unsupported(_))
        ));
    }
}
