//! The Sidelight explorer: shows what a light client in this tab has verified, how, and against what.
//!
//! ```text
//! routes/ --- ui/            pages on a kit of components
//!    |
//! state.rs <- feed.rs        signals; block events, four times a second
//!    |
//! worker.rs                  DTOs in and out of the verifier
//! decisions.rs               models and decisions, by the package's functions for them
//!
//! dev.rs                     the lying node's switches; the only code that talks to a node
//! ```

#![allow(
    unreachable_pub,
    reason = "the component macro makes the props of every component public"
)]

mod app;
mod decisions;
mod dev;
mod digit;
mod download;
mod feed;
mod format;
mod health;
mod reads;
mod routes;
mod search;
mod settings;
mod state;
mod transfers;
mod ui;
mod worker;

fn main() {
    // The browser has just compiled and started this module: drawing is a task of its own.
    leptos::prelude::set_timeout(mount, std::time::Duration::ZERO);
}

fn mount() {
    if let Some(boot) = leptos::prelude::document().get_element_by_id("boot") {
        boot.remove();
    }
    leptos::mount::mount_to_body(app::App);
}
