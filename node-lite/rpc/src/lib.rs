//! What the world sees of node-lite: Ethereum's JSON-RPC, the light client's protocol, and the lies with which a light client is tested.
//!
//! [`Server`] puts them on one port. [`LiteServer`] and [`Session`] are the light protocol without sockets, bytes in and bytes out. [`Lies`] stand between an honest chain and both.

mod access;
mod api;
mod args;
mod config;
mod debug_api;
mod decisions;
mod dev;
mod error;
mod eth;
mod filters;
mod lie;
mod listener;
mod lite;
mod lite_api;
mod node;
mod params;
mod server;
mod stream;

pub use access::{AllowedOrigins, OriginError};
pub use config::{Limits, ServerConfig};
pub use error::RpcError;
pub use lie::{Lie, Lies};
pub use lite::{LiteServer, Refusal, Session, SessionConfig, Turn};
pub use node::Control;
pub use server::{Server, ServerError};
