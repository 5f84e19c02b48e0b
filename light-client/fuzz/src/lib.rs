//! The fuzz targets: one for each decoder and each check of what comes from outside. `cargo xtask fuzz` runs them.
//!
//! ```text
//! decode_*   bytes -> decoder      nothing panics; what is read is written back as the same bytes
//! verify_*   bytes -> check        nothing panics; what is accepted has the properties that the check promises
//! ```
//! The context is one block of a development chain, its parent and its rules (`context`); `seeds` has what a node sends about that block. Both were written by the example `fuzz_seeds` of
//! the testkit.

pub mod context;
pub mod decoders;
pub mod input;
pub mod proof_verify;
pub mod trie_reveal;
pub mod verifiers;

/// Runs one input; a finding is a panic.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its corpus too.
pub const TARGETS: &[(&str, Target)] = &[
    ("decode_rules", decoders::rules),
    ("decode_extension", decoders::extension),
    ("decode_signed_header", decoders::signed_header),
    ("decode_evidence", decoders::evidence),
    ("decode_checkpoint", decoders::checkpoint),
    ("decode_client_message", decoders::client_message),
    ("decode_node_message", decoders::node_message),
    ("decode_update", decoders::update),
    ("decode_execution_input", decoders::execution_input),
    ("decode_block", decoders::block),
    ("decode_verdict", decoders::verdict),
    ("verify_header", verifiers::header),
    ("verify_segment", verifiers::segment),
    ("verify_evidence", verifiers::evidence),
    ("verify_checkpoint", verifiers::checkpoint),
    ("verify_bal", verifiers::bal),
    ("verify_update", verifiers::update),
    ("verify_state", verifiers::state),
    ("verify_account_proof", verifiers::account_proof),
    ("verify_storage_proof", verifiers::storage_proof),
    ("verify_execution", verifiers::execution),
    ("execute", verifiers::execute),
    ("verify_file", verifiers::file),
    ("open_store", verifiers::store),
    ("proof_verify", proof_verify::run),
    ("trie_reveal", trie_reveal::run),
];
