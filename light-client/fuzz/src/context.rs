//! One block of a development chain and what a client knows before it: rules, the signed header before it, its own.

use std::sync::LazyLock;

use sidelight_core::{
    checkpoint::verify_anchor,
    header::{SignedHeader, VerifiedHeader, verify_header},
    rules::ChainRules,
};

/// The rules.
pub static RULES: LazyLock<ChainRules> = LazyLock::new(|| {
    ChainRules::decode(include_bytes!("../context/rules.rlp")).expect("rules of this program")
});

/// The header before the block.
pub static PARENT: LazyLock<VerifiedHeader> = LazyLock::new(|| {
    let signed = SignedHeader::decode(include_bytes!("../context/parent.rlp"));
    let signed = signed.expect("a header of this program");
    verify_anchor(&signed, RULES.genesis_signer, &RULES, u64::MAX).expect("it is signed")
});

/// The block's header.
pub static HEADER: LazyLock<VerifiedHeader> = LazyLock::new(|| {
    let signed = SignedHeader::decode(include_bytes!("../context/header.rlp"));
    let signed = signed.expect("a header of this program");
    verify_header(&signed, &PARENT, &RULES, u64::MAX).expect("it follows")
});
