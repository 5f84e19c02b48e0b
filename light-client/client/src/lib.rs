//! The Sidelight light client: one code base for browsers and native programs.
//!
//! ```text
//! platform ---- transport ----+
//!                             +--> driver (the core's follower) --> reads --> rpc, dto
//! store ----------------------+                                      |
//!                                                                    +--> files
//! ```
//!
//! Bytes enter through [`platform`] and [`transport`] or a [`store`], are judged by `sidelight-core`, and leave as [`dto`]s with a trust label. This crate has no check of its own.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sidelight_client::{BlockId, Client, dto::StartOptions, platform};
//!
//! let options = StartOptions { nodes: vec!["http://127.0.0.1:8545".into()], ..StartOptions::default() };
//! let client = Client::start(options, platform::current()).await?;
//! client.wait_synced().await?;
//! let account = client.account("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse()?, &[], BlockId::Latest).await?;
//! println!("{} wei, {:?}", account.balance.value, account.balance.trust.level);
//! # Ok(())
//! # }
//! ```

#![allow(
    clippy::arc_with_non_send_sync,
    reason = "in a browser everything lives on one thread, natively these are Send and Sync"
)]
pub mod chains;
mod driver;
pub mod dto;
pub mod error;
pub mod files;
mod json;
pub mod platform;
mod reads;
pub mod rpc;
pub mod store;
pub mod transport;
mod view;

pub use driver::Client;
pub use error::ClientError;
pub use reads::{BlockId, LogQuery};

#[cfg(test)]
mod testing;
