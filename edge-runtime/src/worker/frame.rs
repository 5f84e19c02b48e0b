//! What a worker and its parent say to each other, over its standard input and output.
//!
//! ```text
//!   frame     u32 length || u8 kind or status || body
//!
//!   load  1   u8 back end || u8 options || 32 sha256 || file          -> the runtime's description, ABI-encoded
//!   run   2   u8 back end || u8 options || 32 sha256 || message       -> u64 nanoseconds || message
//! ```
//!
//! Little-endian. A status other than 0 has a text as its body: [`to_status`].

use std::io::{self, Read, Write};

use sidelight_edge_core::limits::MAX_MODEL_BYTES;

use crate::backend::BackendError;

/// Longest frame: a model file with its header, or tensors of that size.
const MAX_FRAME: usize = MAX_MODEL_BYTES as usize + 1024;
/// Bytes that are read at once: a length alone allocates nothing.
const STEP: usize = 1 << 20;

pub(super) const LOAD: u8 = 1;
pub(super) const RUN: u8 = 2;
pub(super) const OK: u8 = 0;
/// The model has to be loaded first.
pub(super) const NOT_LOADED: u8 = 255;

/// One request or answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

impl Frame {
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let length = self.body.len().saturating_add(1);
        if length > MAX_FRAME {
            return Err(too_long(length));
        }
        to.write_all(&(length as u32).to_le_bytes())?;
        to.write_all(&[self.kind])?;
        to.write_all(&self.body)?;
        to.flush()
    }

    /// The next frame; `None` where the other side has closed.
    pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Self>> {
        let mut head = [0; 4];
        match from.read(&mut head)? {
            0 => return Ok(None),
            read => from.read_exact(&mut head[read..])?,
        }
        let length = u32::from_le_bytes(head) as usize;
        if length == 0 || length > MAX_FRAME {
            return Err(too_long(length));
        }
        let mut kind = [0];
        from.read_exact(&mut kind)?;
        let mut body = Vec::new();
        while body.len() < length - 1 {
            let start = body.len();
            body.resize((length - 1).min(start + STEP), 0);
            from.read_exact(&mut body[start..])?;
        }
        Ok(Some(Self {
            kind: kind[0],
            body,
        }))
    }
}

fn too_long(got: usize) -> io::Error {
    let text = format!("frame: expected 1 to {MAX_FRAME} bytes, got {got}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// An error as an answer.
pub(super) fn to_status(error: &BackendError) -> (u8, String) {
    match error {
        BackendError::Model(text) => (1, text.clone()),
        BackendError::Unsupported(text) => (2, text.clone()),
        BackendError::Input(text) => (3, text.clone()),
        BackendError::Run(text) => (4, text.clone()),
        BackendError::Steps { limit } => (5, limit.to_string()),
        BackendError::Stopped { text, memory } => (6, format!("{memory} {text}")),
        BackendError::Tensors(error) => (3, error.to_string()),
        error => (7, error.to_string()),
    }
}

pub(super) fn from_status(status: u8, body: &[u8]) -> BackendError {
    let text = String::from_utf8_lossy(body).into_owned();
    match status {
        1 => BackendError::Model(text),
        2 => BackendError::Unsupported(text),
        3 => BackendError::Input(text),
        4 => BackendError::Run(text),
        5 => BackendError::Steps {
            limit: text.parse().unwrap_or_default(),
        },
        6 => {
            let (memory, text) = text.split_once(' ').unwrap_or(("0", &text));
            BackendError::Stopped {
                text: text.into(),
                memory: memory.parse().unwrap_or_default(),
            }
        }
        _ => BackendError::Backend(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_and_a_cut_one_does_not() {
        let frame = Frame {
            kind: RUN,
            body: vec![7; 3_000_000],
        };
        let mut bytes = Vec::new();
        frame.write(&mut bytes).unwrap();
        assert_eq!(Frame::read(&mut bytes.as_slice()).unwrap(), Some(frame));
        assert_eq!(Frame::read(&mut [].as_slice()).unwrap(), None);
        for end in [1, 4, 5, bytes.len() - 1] {
            assert!(Frame::read(&mut &bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_anything_is_read() {
        assert!(Frame::read(&mut u32::MAX.to_le_bytes().as_slice()).is_err());
        assert!(Frame::read(&mut [0; 4].as_slice()).is_err());
    }

    #[test]
    fn errors_keep_their_kind() {
        for error in [
            BackendError::Model("m".into()),
            BackendError::Unsupported("u".into()),
            BackendError::Input("i".into()),
            BackendError::Run("r".into()),
            BackendError::Steps { limit: 9 },
            BackendError::Stopped {
                text: "a b".into(),
                memory: 5,
            },
        ] {
            let (status, text) = to_status(&error);
            assert_eq!(from_status(status, text.as_bytes()), error);
        }
    }
}
