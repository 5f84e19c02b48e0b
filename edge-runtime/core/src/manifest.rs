//! A model's manifest: what a device must know before it fetches or runs the file. Format `sidelight-model/1`, `docs/decision-format.md` section 7.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use alloy_primitives::B256;
use alloy_sol_types::SolStruct;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use sidelight_tensor::{
    DType, Tensor,
    limits::{MAX_NAME, MAX_RANK, MAX_TENSORS},
};
use thiserror::Error;

use crate::{
    graph::{GraphError, compute_graph_root},
    limits::{MAX_LABELS, MAX_MANIFEST_BYTES, MAX_MODEL_BYTES, MAX_TEXT},
    typed,
};

/// The format that this program reads.
const SCHEMA: &str = "sidelight-model/1";

/// Why a manifest, or a file for it, is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// More bytes than a manifest may have.
    #[error("manifest: expected at most {MAX_MANIFEST_BYTES} bytes, got {got}")]
    TooLarge {
        /// How many.
        got: usize,
    },
    /// Not the JSON of a manifest.
    #[error("manifest: {0}")]
    Json(String),
    /// A field is over a limit or makes no sense.
    #[error("{field}: expected {expected}, got {got}")]
    Field {
        /// Which.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        got: String,
    },
    /// The file has another size.
    #[error("bytes: expected {expected}, got {got}")]
    Size {
        /// By the manifest.
        expected: u64,
        /// Of the file.
        got: u64,
    },
    /// The file has another hash.
    #[error("sha256: expected {expected}, got {got}")]
    Hash {
        /// By the manifest.
        expected: B256,
        /// Of the file.
        got: B256,
    },
    /// The file has no graph that a root is over.
    #[error("graphRoot: {0}")]
    Graph(#[from] GraphError),
    /// The file has another graph.
    #[error("graphRoot: expected {expected}, got {got}")]
    GraphRoot {
        /// By the manifest.
        expected: B256,
        /// Of the file.
        got: B256,
    },
}

/// An input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Port {
    /// Its name in the graph.
    pub name: String,
    /// The name of its type in the Open Inference Protocol.
    pub dtype: String,
    /// Sizes; -1 is free.
    pub shape: Vec<i64>,
}

/// A model as its maker describes it. Public fields: it claims, and the file's hash is what holds it to the claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// `sidelight-model/1`.
    pub schema: String,
    /// Short name: lower case, digits and hyphens.
    pub id: String,
    /// For people.
    pub title: String,
    /// Name of the file beside the manifest.
    pub file: String,
    /// SHA-256 of the file.
    #[serde(with = "hex_hash")]
    pub sha256: B256,
    /// Its size.
    pub bytes: u64,
    /// `onnx`.
    pub format: String,
    /// Version of the operator set.
    pub opset: u32,
    /// The root over operators and weights.
    pub graph_root: B256,
    /// What goes in.
    pub inputs: Vec<Port>,
    /// What comes out.
    pub outputs: Vec<Port>,
    /// Operators that the engine must have.
    pub operators: Vec<String>,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
    /// Numbers in the weights.
    pub parameters: u64,
    /// Bytes of weights and values at most.
    pub peak_bytes: u64,
    /// Names of the outputs' elements.
    pub labels: Vec<String>,
    /// Id and version of what is done before.
    pub preprocess: String,
    /// Id and version of what is done after.
    pub postprocess: String,
    /// SPDX expression.
    pub licence: String,
    /// What it was trained on.
    pub data: String,
    /// What its maker measured.
    pub metrics: BTreeMap<String, f64>,
}

impl Manifest {
    /// Reads a manifest. Every field that a device acts on is checked here.
    pub fn decode(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLarge { got: json.len() });
        }
        let manifest: Self = serde_json::from_slice(json)
            .map_err(|error| ManifestError::Json(alloc::format!("{error}")))?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Checks that a file is the one that the manifest describes.
    pub fn verify_file(&self, file: &[u8]) -> Result<(), ManifestError> {
        let got = u64::try_from(file.len()).unwrap_or(u64::MAX);
        if got != self.bytes {
            return Err(ManifestError::Size {
                expected: self.bytes,
                got,
            });
        }
        let got = hash_file(file);
        if got != self.sha256 {
            return Err(ManifestError::Hash {
                expected: self.sha256,
                got,
            });
        }
        self.verify_graph(file)
    }

    /// Checks the graph of a file whose size and SHA-256 the caller has checked.
    pub fn verify_graph(&self, file: &[u8]) -> Result<(), ManifestError> {
        match compute_graph_root(file)? {
            got if got == self.graph_root => Ok(()),
            got => Err(ManifestError::GraphRoot {
                expected: self.graph_root,
                got,
            }),
        }
    }

    /// The model as a decision names it.
    pub fn to_model(&self) -> typed::Model {
        typed::Model {
            fileSha256: self.sha256,
            fileBytes: self.bytes,
            format: self.format.clone(),
            opset: self.opset,
            graphRoot: self.graph_root,
            ioSchema: self.to_schema().eip712_hash_struct(),
            omsBundle: B256::ZERO,
            macs: self.macs,
            peakBytes: self.peak_bytes,
            parentModel: B256::ZERO,
        }
    }

    /// Inputs and outputs as a decision names them.
    pub fn to_schema(&self) -> typed::IoSchema {
        let ports = |ports: &[Port]| {
            let convert = |port: &Port| typed::Port {
                name: port.name.clone(),
                dtype: DType::from_name(&port.dtype).map_or(0, DType::code),
                shape: port.shape.clone(),
            };
            sort_by_name(ports).into_iter().map(convert).collect()
        };
        typed::IoSchema {
            inputs: ports(&self.inputs),
            outputs: ports(&self.outputs),
            preprocess: self.preprocess.clone(),
            postprocess: self.postprocess.clone(),
        }
    }

    /// Checks names, types and shapes of inputs before they are sent anywhere.
    pub fn check_inputs(&self, tensors: &[Tensor]) -> Result<(), ManifestError> {
        if tensors.len() != self.inputs.len() {
            return Err(field(
                "inputs",
                "one tensor for each input",
                alloc::format!("{}", tensors.len()),
            ));
        }
        for port in &self.inputs {
            let found = tensors.iter().find(|tensor| tensor.name() == port.name);
            let tensor = found.ok_or_else(|| {
                field(
                    "inputs",
                    "a tensor for each input",
                    alloc::format!("none for {}", port.name),
                )
            })?;
            let fits = port.shape.len() == tensor.shape().len()
                && port
                    .shape
                    .iter()
                    .zip(tensor.shape())
                    .all(|(&wanted, &size)| wanted < 0 || u64::try_from(wanted) == Ok(size));
            if tensor.dtype().name() != port.dtype || !fits {
                return Err(field(
                    "inputs",
                    "type and shape of the manifest",
                    alloc::format!("{}: {}{:?}", port.name, tensor.dtype(), tensor.shape()),
                ));
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.schema != SCHEMA {
            return Err(field("schema", SCHEMA, self.schema.clone()));
        }
        let texts = [
            ("title", &self.title),
            ("preprocess", &self.preprocess),
            ("postprocess", &self.postprocess),
            ("licence", &self.licence),
            ("data", &self.data),
        ];
        for (name, text) in texts {
            if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
                return Err(field(
                    name,
                    "a line of at most 512 bytes",
                    alloc::format!("{} bytes", text.len()),
                ));
            }
        }
        if !is_name(&self.id) {
            return Err(field("id", "1 to 64 of a-z, 0-9 and -", self.id.clone()));
        }
        // The name is joined to a folder: no separators, no dots but the one of the extension.
        let stem = self.file.strip_suffix(".onnx");
        if !stem.is_some_and(is_name) {
            return Err(field(
                "file",
                "a name of a-z, 0-9 and - with .onnx",
                self.file.clone(),
            ));
        }
        if self.format != "onnx" {
            return Err(field("format", "onnx", self.format.clone()));
        }
        if self.bytes == 0 || self.bytes > MAX_MODEL_BYTES {
            return Err(field(
                "bytes",
                "1 to 256 MiB",
                alloc::format!("{}", self.bytes),
            ));
        }
        if self.labels.len() > MAX_LABELS || self.labels.iter().any(|label| label.len() > MAX_TEXT)
        {
            return Err(field(
                "labels",
                "at most 32,768, each of at most 512 bytes",
                alloc::format!("{}", self.labels.len()),
            ));
        }
        check_ports("inputs", &self.inputs)?;
        check_ports("outputs", &self.outputs)
    }
}

/// SHA-256, as it stands in manifests and in the store.
pub fn hash_file(file: &[u8]) -> B256 {
    B256::from(<[u8; 32]>::from(Sha256::digest(file)))
}

fn sort_by_name(ports: &[Port]) -> Vec<&Port> {
    let mut sorted: Vec<&Port> = ports.iter().collect();
    sorted.sort_by_key(|port| &port.name);
    sorted
}

fn check_ports(name: &'static str, ports: &[Port]) -> Result<(), ManifestError> {
    if ports.len() > MAX_TENSORS || (name == "outputs" && ports.is_empty()) {
        return Err(field(name, "1 to 64", alloc::format!("{}", ports.len())));
    }
    for pair in sort_by_name(ports).windows(2) {
        if let [before, port] = pair
            && before.name == port.name
        {
            return Err(field(name, "names that differ", port.name.clone()));
        }
    }
    for port in ports {
        let known = DType::from_name(&port.dtype).is_some();
        let sane = port.shape.len() <= MAX_RANK && port.shape.iter().all(|&size| size >= -1);
        if !known || !sane || port.name.is_empty() || port.name.len() > MAX_NAME {
            return Err(field(
                name,
                "a name, a type of CTE-1, and at most 8 sizes from -1",
                alloc::format!("{port:?}"),
            ));
        }
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(known)
}

fn field(field: &'static str, expected: &'static str, got: String) -> ManifestError {
    ManifestError::Field {
        field,
        expected,
        got,
    }
}

/// SHA-256 is written without `0x`, as the programs that print it do.
mod hex_hash {
    use alloc::string::String;
    use alloy_primitives::{B256, hex};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(hash: &B256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<B256, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.len() != 64 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(D::Error::custom(
                "sha256: expected 64 digits of hex in lower case",
            ));
        }
        hex::decode_to_array(text)
            .map(B256::new)
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn models() -> Vec<(Manifest, Vec<u8>)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let manifest = Manifest::decode(&fs::read(&path).unwrap()).unwrap();
                let file = fs::read(folder.join(&manifest.file)).unwrap();
                found.push((manifest, file));
            }
        }
        found
    }

    #[test]
    fn every_manifest_in_the_repository_describes_its_file() {
        let models = models();
        assert!(models.len() >= 7, "{}", models.len());
        for (manifest, file) in models {
            assert_eq!(manifest.verify_file(&file), Ok(()), "{}", manifest.id);
        }
    }

    #[test]
    fn one_changed_bit_of_a_file_is_another_file() {
        let digits = |(manifest, _): &(Manifest, _)| manifest.id == "digits-mlp-f32";
        let (manifest, mut file) = models().into_iter().find(digits).unwrap();
        // A weight.
        let middle = file.len() / 2;
        file[middle] ^= 1;
        assert!(matches!(
            manifest.verify_file(&file),
            Err(ManifestError::Hash { .. })
        ));
        let mut claimed = manifest.clone();
        claimed.sha256 = hash_file(&file);
        assert!(matches!(
            claimed.verify_file(&file),
            Err(ManifestError::GraphRoot { .. })
        ));
        file.pop();
        assert!(matches!(
            manifest.verify_file(&file),
            Err(ManifestError::Size { .. })
        ));
    }

    #[test]
    fn names_that_leave_the_folder_and_unknown_fields_are_refused() {
        let (manifest, _) = models().remove(0);
        let with = |name: &str, value: serde_json::Value| {
            let mut json = serde_json::to_value(&manifest).unwrap();
            json[name] = value;
            Manifest::decode(&serde_json::to_vec(&json).unwrap())
        };
        assert!(with("title", "another".into()).is_ok());
        for file in [
            "../x.onnx",
            "/x.onnx",
            "x",
            ".onnx",
            "a/b.onnx",
            "a\\b.onnx",
            "X.onnx",
        ] {
            assert!(
                matches!(
                    with("file", file.into()),
                    Err(ManifestError::Field { field: "file", .. })
                ),
                "{file}"
            );
        }
        assert!(matches!(
            with("surprise", 1.into()),
            Err(ManifestError::Json(_))
        ));
        assert!(matches!(
            with("bytes", 0.into()),
            Err(ManifestError::Field { field: "bytes", .. })
        ));
        assert!(matches!(
            with("sha256", "ab".into()),
            Err(ManifestError::Json(_))
        ));
        assert!(matches!(
            with("schema", "sidelight-model/2".into()),
            Err(ManifestError::Field {
                field: "schema",
                ..
            })
        ));
        assert!(matches!(
            Manifest::decode(&[b' '; MAX_MANIFEST_BYTES + 1]),
            Err(ManifestError::TooLarge { .. })
        ));
    }
}
