//! A refusal as JavaScript sees it.

use serde::Serialize;
use sidelight_edge_core::{
    batch::BatchError, decision::DecisionError, tensor::Difference, verdict::RecordError,
};

/// Which level a decision does not have, and because of which field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// `committed` or `reproduced`; `null` where an argument was wrong.
    pub level: Option<&'static str>,
    /// The field, by its path in the file.
    pub field: &'static str,
    /// `false`: the field is false. `missing`: it is not there. `unsupported`: this device cannot tell.
    pub kind: Kind,
    /// For people.
    pub message: String,
    /// What was to be there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<String>,
    /// The first tensor that differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
    /// And its first element.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
}

/// What a refusal says about the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something in it is not true.
    False,
    /// It does not hold what the level takes.
    Missing,
    /// This device cannot repeat the run.
    Unsupported,
    /// The caller's mistake.
    Argument,
}

impl Refusal {
    /// An argument that makes no sense.
    pub fn argument(field: &'static str, reason: impl ToString) -> Self {
        Self {
            level: None,
            field,
            kind: Kind::Argument,
            message: format!("{field}: {}", reason.to_string()),
            expected: None,
            got: None,
            tensor: None,
            index: None,
        }
    }
}

impl From<RecordError> for Refusal {
    fn from(error: RecordError) -> Self {
        let kind = match &error {
            RecordError::Missing { .. } => Kind::Missing,
            RecordError::Unsupported { .. } => Kind::Unsupported,
            _ => Kind::False,
        };
        let refusal = Self {
            level: Some(error.level().as_str()),
            field: error.field(),
            kind,
            message: error.to_string(),
            expected: None,
            got: None,
            tensor: None,
            index: None,
        };
        let pair = |expected: String, got: String| Self {
            expected: Some(expected),
            got: Some(got),
            ..refusal.clone()
        };
        match error {
            RecordError::Field { expected, got, .. } => pair(expected, got),
            RecordError::Trace { expected, got } => pair(expected.to_string(), got.to_string()),
            RecordError::Decision(DecisionError::Field { expected, got, .. })
            | RecordError::Batch(BatchError::Root { expected, got }) => {
                pair(expected.to_string(), got.to_string())
            }
            RecordError::Decision(DecisionError::Signer { expected, got }) => {
                pair(expected.to_string(), got.to_string())
            }
            RecordError::Output(Difference::Element {
                name,
                index,
                expected,
                got,
            }) => Self {
                tensor: Some(name),
                index: Some(index),
                ..pair(expected, got)
            },
            RecordError::Output(Difference::Form {
                name,
                expected,
                got,
            }) => Self {
                tensor: Some(name),
                ..pair(expected, got)
            },
            _ => refusal,
        }
    }
}
