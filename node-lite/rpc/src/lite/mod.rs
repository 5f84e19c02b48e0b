//! The light client's protocol from the node's side (`docs/wire-format.md` section 3): what a request is answered with, and what a stream sends. No sockets in here: bytes in, bytes out,
//! so that the testkit uses the very same code.

mod encode;
mod server;
mod session;
mod update;

pub use server::{LiteServer, Refusal};
pub use session::{Session, SessionConfig, Turn};

pub(crate) use encode::ZSTD_LEVEL;
pub(crate) use update::{build_body, prove_watched};
