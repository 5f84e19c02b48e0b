//! Every lie that a node can tell is caught by the core, and called by its name.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use alloy_primitives::{B256, U256};
use sidelight_core::evidence::verify_evidence;
use sidelight_core::fault::FaultKind;
use sidelight_core::follower::{Event, FollowerConfig};
use sidelight_core::proof::{verify_account_proof, verify_code, verify_storage_proof};
use sidelight_core::trust::TrustLevel;
use sidelight_core::wire::{Filter, Mode, NodeMessage, Request, Response};
use sidelight_testkit::{Lie, LyingNode, Tab, TestChain};

/// Blocks before the node begins to lie, and after.
const HONEST: usize = 3;
const LYING: usize = 2;

/// A chain that has a contract, and the filter that watches what its blocks change.
fn setup() -> (TestChain, Filter) {
    let mut chain = TestChain::new(7);
    let store = chain.store();
    let filter = Filter::new([(store, vec![U256::from(1)]), (chain.account(0), vec![])]).unwrap();
    for _ in 0..HONEST {
        changing_block(&mut chain);
    }
    (chain, filter)
}

/// A block that changes both watched accounts.
fn changing_block(chain: &mut TestChain) {
    let value = chain.chain().head().number() + 5;
    chain.write(1, value);
    chain.seal();
}

fn head_ms(chain: &TestChain) -> u64 {
    chain.chain().head().header().timestamp * 1_000
}

/// What a tab reports when its only node begins to tell `lie`.
fn reported(lie: Lie, mode: Mode) -> (Tab, Vec<Event>, u64) {
    let (mut chain, filter) = setup();
    let node = LyingNode::new(&chain);
    let mut tab = Tab::new(&chain, mode, filter);
    tab.set_time(head_ms(&chain));
    tab.join(&node);
    let events = tab.run();
    assert!(
        events
            .iter()
            .all(|event| matches!(event, Event::Verified(_))),
        "{events:?}"
    );
    let honest = chain.chain().head().number();
    assert_eq!(tab.follower().head().number(), honest);

    node.lie(lie);
    for _ in 0..LYING {
        changing_block(&mut chain);
    }
    tab.set_time(head_ms(&chain));
    let events = tab.run();
    (tab, events, honest)
}

fn kinds(events: &[Event]) -> Vec<&'static str> {
    events
        .iter()
        .filter_map(|event| {
            if let Event::Fault { fault, .. } = event {
                Some(fault.kind())
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn a_lie_about_a_block_is_caught_in_the_mode_that_looks_at_it() {
    let table = [
        (
            Lie::AlteredDiffValue,
            Mode::Consistent,
            FaultKind::BadBalHash,
        ),
        (Lie::AlteredDiffValue, Mode::Watch, FaultKind::AlteredChange),
        (
            Lie::AlteredDiffCommitted,
            Mode::Consistent,
            FaultKind::StateRootMismatch,
        ),
        (
            Lie::AlteredDiffCommitted,
            Mode::Watch,
            FaultKind::PostStateMismatch,
        ),
        (Lie::OmittedChange, Mode::Consistent, FaultKind::BadBalHash),
        (Lie::OmittedChange, Mode::Watch, FaultKind::OmittedChange),
        (Lie::FalseAbsence, Mode::Consistent, FaultKind::BadBalHash),
        (Lie::FalseAbsence, Mode::Watch, FaultKind::FalseAbsence),
        (Lie::OtherBlockDiff, Mode::Consistent, FaultKind::BadBalHash),
        (Lie::OtherBlockDiff, Mode::Watch, FaultKind::AlteredChange),
        (Lie::WrongParent, Mode::Headers, FaultKind::WrongParent),
        (Lie::WrongParent, Mode::Consistent, FaultKind::WrongParent),
        (Lie::ForgedSignature, Mode::Headers, FaultKind::BadSignature),
        (Lie::ForgedSignature, Mode::Watch, FaultKind::BadSignature),
        (
            Lie::TruncatedFrame,
            Mode::Consistent,
            FaultKind::BadEnvelope,
        ),
        (Lie::OversizedFrame, Mode::Consistent, FaultKind::Oversized),
        (
            Lie::DecompressionBomb,
            Mode::Consistent,
            FaultKind::DecompressionBomb,
        ),
    ];
    for (lie, mode, expected) in table {
        let (tab, events, honest) = reported(lie, mode);
        let kinds = kinds(&events);
        assert_eq!(
            kinds.first(),
            Some(&expected.as_str()),
            "{} in {}: {events:#?}",
            lie.name(),
            mode.as_str()
        );
        assert_eq!(
            tab.follower().head().number(),
            honest,
            "{} in {}: the head moved",
            lie.name(),
            mode.as_str()
        );
    }
}

#[test]
fn two_headers_at_one_height_halt_the_tab_with_evidence_that_anyone_can_check() {
    let (tab, events, _) = reported(Lie::Equivocation, Mode::Consistent);
    let evidence = events
        .iter()
        .find_map(|event| {
            if let Event::Halted(evidence) = event {
                Some(evidence)
            } else {
                None
            }
        })
        .expect("no evidence");
    assert!(
        verify_evidence(evidence.evidence())
            .unwrap()
            .concerns(tab.follower().rules())
    );
    assert!(tab.follower().halted().is_some());
}

#[test]
fn a_stale_head_is_noticed_by_its_age_and_beside_an_honest_node() {
    let (mut chain, filter) = setup();
    let (liar, honest) = (LyingNode::new(&chain), LyingNode::new(&chain));
    let config = FollowerConfig {
        mode: Mode::Headers,
        filter,
        max_lag: 1,
        ..FollowerConfig::default()
    };
    let mut tab = Tab::with_config(&chain, config.clone());
    tab.set_time(head_ms(&chain));
    let id = tab.join(&liar);
    tab.run();
    liar.lie(Lie::StaleHead);
    for _ in 0..5 {
        changing_block(&mut chain);
    }
    tab.set_time(head_ms(&chain) + config.stale_after_ms + 1_000);
    assert!(
        tab.run()
            .iter()
            .any(|event| matches!(event, Event::Stale { .. }))
    );

    tab.join(&honest);
    let mut events = tab.run();
    assert_eq!(
        tab.follower().head().number(),
        chain.chain().head().number()
    );
    tab.set_time(head_ms(&chain) + config.stale_after_ms + config.lag_grace_ms + 60_000);
    events.extend(tab.run());
    let blamed = |event: &Event| matches!(event, Event::Fault { peer: Some(peer), fault } if *peer == id && fault.kind == FaultKind::StaleHead);
    assert!(events.iter().any(blamed), "{events:#?}");
}

#[test]
fn false_values_and_code_do_not_pass_their_proofs() {
    let (mut chain, _) = setup();
    let (store, account) = (chain.store(), chain.account(0));
    let node = LyingNode::new(&chain);
    let head = chain.chain().head();
    let proof = |address, slots| {
        let request = Request::Proof {
            block_hash: head.hash,
            address,
            slots,
        };
        match NodeMessage::decode(&node.ask(1, request)).unwrap() {
            NodeMessage::Response {
                response: Response::Proof(proof),
                ..
            } => proof,
            other => panic!("{other:?}"),
        }
    };
    let read =
        |address| verify_account_proof(head.state_root(), address, &proof(address, vec![]).account);
    let slot = U256::from(1);
    let contract = read(store).unwrap().unwrap();
    let read_slot = || {
        verify_storage_proof(
            contract.storage_root,
            slot.into(),
            &proof(store, vec![slot]).storage[0].1,
        )
    };
    let code =
        |code_hash: B256| match NodeMessage::decode(&node.ask(2, Request::Code { code_hash }))
            .unwrap()
        {
            NodeMessage::Response {
                response: Response::Code(code),
                ..
            } => code,
            other => panic!("{other:?}"),
        };
    assert!(read(account).unwrap().is_some());
    assert_eq!(read_slot(), Ok(U256::from(head.number() + 4)));
    verify_code(&code(contract.code_hash), contract.code_hash).unwrap();

    node.lie(Lie::WrongBalance);
    assert!(read(account).is_err());
    node.be_honest();
    node.lie(Lie::FalseAbsence);
    assert!(
        read(account).is_err(),
        "a path that stops too early is not a proof of absence"
    );
    node.be_honest();
    node.lie(Lie::WrongStorage);
    assert!(read_slot().is_err());
    node.be_honest();
    node.lie(Lie::WrongCode);
    assert!(verify_code(&code(contract.code_hash), contract.code_hash).is_err());
}

#[test]
fn a_run_of_ancestors_costs_less_than_two_thirds_of_the_signed_headers() {
    let mut chain = TestChain::new(3);
    for _ in 0..300 {
        chain.busy_block();
    }
    let node = LyingNode::new(&chain);
    let head = chain.chain().head();
    let signed = Request::Headers {
        start: head.number() - 255,
        count: 256,
    };
    let plain = Request::Ancestors {
        block_hash: head.hash,
        count: 256,
    };
    let (signed, plain) = (node.ask(1, signed), node.ask(1, plain));
    assert!(
        plain.len() * 3 < signed.len() * 2,
        "{} and {} bytes",
        plain.len(),
        signed.len()
    );
}

#[test]
fn when_the_node_is_honest_again_the_tab_goes_on() {
    let (mut chain, filter) = setup();
    let node = LyingNode::new(&chain);
    let mut tab = Tab::new(&chain, Mode::Consistent, filter);
    tab.set_time(head_ms(&chain));
    tab.join(&node);
    tab.run();
    node.lie(Lie::AlteredDiffValue);
    changing_block(&mut chain);
    tab.set_time(head_ms(&chain));
    assert!(!kinds(&tab.run()).is_empty());
    node.be_honest();
    changing_block(&mut chain);
    // The node is left alone for a while first.
    tab.set_time(head_ms(&chain) + tab.follower().config().ban_max_ms);
    tab.run();
    assert_eq!(tab.follower().head().hash(), chain.chain().head().hash);
}

#[test]
fn seeded_chains_are_followed_in_every_mode() {
    for seed in 0..4 {
        for mode in [Mode::Headers, Mode::Watch, Mode::Consistent] {
            let mut chain = TestChain::new(seed);
            let store = chain.store();
            let filter = Filter::new([
                (store, (0..16).map(U256::from).collect()),
                (chain.account(1), vec![]),
            ])
            .unwrap();
            let node = LyingNode::new(&chain);
            let mut tab = Tab::new(&chain, mode, filter);
            tab.join(&node);
            for _ in 0..12 {
                chain.busy_block();
                tab.set_time(head_ms(&chain));
                let events = tab.run();
                assert!(
                    events
                        .iter()
                        .all(|event| matches!(event, Event::Verified(_))),
                    "seed {seed}: {events:#?}"
                );
                assert_eq!(tab.follower().head().hash(), chain.chain().head().hash);
            }
            let expected = if mode == Mode::Consistent {
                TrustLevel::Consistent
            } else {
                TrustLevel::Signed
            };
            let level = tab.follower().level(chain.chain().head().hash);
            assert!(level >= expected, "seed {seed}: {level:?}");
        }
    }
}
