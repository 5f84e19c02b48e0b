//! What the engine says when it refuses: a status for the program, a text for the person.

use std::fmt;

/// What a call returns. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// The result stands at `engine_result`.
    Ok = 0,
    /// The message of tensors is malformed or over a limit.
    Message = 1,
    /// The file is not an ONNX model that can be read.
    Model = 2,
    /// The model needs an operator, a type or an attribute that the engine does not have.
    Unsupported = 3,
    /// Names, types or shapes of the inputs are not those of the model.
    Input = 4,
    /// An operator failed on these values.
    Run = 5,
    /// Called in the wrong order: no model, or a second one.
    State = 6,
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineError {
    /// For the program.
    pub status: Status,
    /// For the person.
    pub text: String,
}

impl EngineError {
    pub(crate) fn new(status: Status, text: impl fmt::Display) -> Self {
        Self {
            status,
            text: text.to_string(),
        }
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for EngineError {}
