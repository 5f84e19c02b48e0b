//! One file a page. The address is the state: what a page shows can be linked to.

pub(crate) mod address;
pub(crate) mod block;
pub(crate) mod decision;
pub(crate) mod home;
pub(crate) mod infer;
pub(crate) mod models;
pub(crate) mod not_found;
pub(crate) mod settings;
pub(crate) mod tx;
pub(crate) mod verify;
