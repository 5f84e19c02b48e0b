//! The Sidelight light client: one code base for browsers and native programs.
//!
//! Bytes enter through [`platform`] and [`transport`] or a [`store`], are judged by `sidelight-core`, and leave as [`dto`]s with a trust label. This crate has no check of its own.

pub mod dto;
pub mod error;
pub mod files;
pub mod platform;
pub mod store;
pub mod transport;
mod view;
