//! Each lie, told by one peer; another says the truth.

use super::*;
use crate::{
    tests::{child, key, sign},
    wire::Watched,
};
use alloy_primitives::{Bytes, U256};

/// A world that follows the first two blocks of A's chain; B has the whole chain.
fn world(chain: &TestChain, mode: Mode) -> World {
    let mut world = World::new(chain, config(mode))
        .with_node(A, honest(chain))
        .with_node(B, honest(chain));
    for number in 1..=2 {
        world.announce(A, chain.update(number, mode, &filter()));
        world.announce(B, chain.headers_update(number));
    }
    assert_eq!(world.head(), 2);
    world
}

/// A tells `lie` about block 3: it is caught as `kind`, block 3 is accepted from B, and A is left alone.
fn check_lie(chain: &TestChain, mode: Mode, kind: &str, lie: impl FnOnce(&mut Update)) {
    let mut world = world(chain, mode);
    let mut update = chain.update(3, mode, &filter());
    lie(&mut update);
    let is_header_true = update.signed_header.hash() == chain.signed(3).hash();
    world.announce(A, update);
    assert_eq!(world.faults(), [(Some(A), kind)]);
    if is_header_true {
        let (_, peer, request) = world.asked.last().expect("the body is fetched elsewhere");
        assert_eq!(*peer, B);
        assert!(matches!(request, Request::Transition { .. }));
    } else {
        assert_eq!(world.tip(), 2);
        world.announce(B, chain.update(3, mode, &filter()));
    }
    assert_eq!(world.head(), 3);
    let asked = world.asked_of(A);
    world.announce(A, chain.update(4, mode, &filter()));
    assert_eq!((world.head(), world.asked_of(A)), (3, asked), "A rests");
    world.pass(400_000, 100_000);
    world.announce(A, chain.update(4, mode, &filter()));
    assert_eq!(world.head(), 4, "A is used again");
}

fn bal_and_nodes(update: &mut Update) -> (&mut Bytes, &mut Vec<Bytes>) {
    match &mut update.body {
        Body::Consistent { bal, nodes } => (bal, nodes),
        other => panic!("{other:?}"),
    }
}

fn watched(update: &mut Update) -> (&mut Vec<Watched>, &mut Vec<Bytes>) {
    match &mut update.body {
        Body::Watch { watched, nodes } => (watched, nodes),
        other => panic!("{other:?}"),
    }
}

fn flip_last(bytes: &mut Bytes) {
    let mut copy = bytes.to_vec();
    *copy.last_mut().unwrap() ^= 1;
    *bytes = copy.into();
}

#[test]
fn an_altered_diff() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Consistent, "bad_bal_hash", |update| {
        flip_last(bal_and_nodes(update).0)
    });
}

#[test]
fn the_diff_of_another_block() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Consistent, "bad_bal_hash", |update| {
        *bal_and_nodes(update).0 = chain.blocks[1].raw.clone();
    });
}

#[test]
fn an_altered_witness() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Consistent, "bad_witness", |update| {
        flip_last(bal_and_nodes(update).1.last_mut().unwrap());
    });
}

#[test]
fn a_witness_with_one_node_too_many() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Consistent, "bad_witness", |update| {
        bal_and_nodes(update)
            .1
            .push(Bytes::from_static(&[0xc2, 0x20, 0x01]));
    });
}

#[test]
fn a_witness_without_its_nodes() {
    // Block 3 touches accounts whose leaves were never revealed.
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Consistent, "incomplete_witness", |update| {
        bal_and_nodes(update).1.clear();
    });
}

/// A place of the filter whose account changes in block 3, or does not.
fn place(update: &mut Update, changed: bool) -> usize {
    let found = watched(update).0.iter().position(|item| {
        matches!(item, Watched::Present { entry, .. } if entry.has_changes()) == changed
    });
    found.unwrap()
}

#[test]
fn an_altered_value_of_a_watched_account() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Watch, "altered_change", |update| {
        let at = place(update, true);
        let Watched::Present { entry, .. } = &mut watched(update).0[at] else {
            panic!()
        };
        entry.balance_changes[0].post_balance += U256::from(1);
    });
}

#[test]
fn a_watched_account_left_out() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Watch, "omitted_change", |update| {
        let at = place(update, true);
        watched(update).0.remove(at);
    });
}

#[test]
fn a_changed_account_reported_untouched() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Watch, "false_absence", |update| {
        let (from, to) = (place(update, false), place(update, true));
        let address = watched(update).0[to].address();
        let Watched::Absent { proof, .. } = watched(update).0[from].clone() else {
            panic!()
        };
        watched(update).0[to] = Watched::Absent { address, proof };
    });
}

#[test]
fn the_watched_accounts_of_another_block() {
    let chain = TestChain::with_blocks(4);
    let other = chain.watch_update(2, &filter()).body;
    let kinds = ["false_absence", "altered_change"];
    let mut world = world(&chain, Mode::Watch);
    world.announce(
        A,
        Update {
            body: other,
            ..chain.headers_update(3)
        },
    );
    let faults = world.faults();
    assert!(
        faults.len() == 1 && kinds.contains(&faults[0].1),
        "{faults:?}"
    );
    assert_eq!(world.head(), 3);
}

#[test]
fn a_wrong_parent() {
    let chain = TestChain::with_blocks(4);
    for mode in [Mode::Headers, Mode::Watch, Mode::Consistent] {
        check_lie(&chain, mode, "wrong_parent", |update| {
            update.signed_header.header.parent_hash = B256::repeat_byte(5);
        });
    }
}

/// A third block that the sequencer signed and whose parent nobody has.
fn orphan(chain: &TestChain) -> Update {
    let signed_header = child(&chain.headers[2], &chain.rules, &key(1), |header, _| {
        header.parent_hash = B256::repeat_byte(5);
    });
    signed_header.into()
}

#[test]
fn a_signed_orphan_without_its_branch_is_a_fault() {
    let chain = TestChain::with_blocks(4);
    let mut world = world(&chain, Mode::Headers);
    world
        .nodes
        .insert(A, Box::new(|_| Some(Err(FailureCode::NotFound))));
    world.announce(A, orphan(&chain));
    assert_eq!(world.faults(), [(Some(A), "wrong_parent")]);
    let branch = Request::Headers { start: 2, count: 2 };
    assert_eq!(world.asked.last().unwrap().2, branch, "A is asked for it");
    let rests_until = world.follower.peers().next().unwrap().rest_until_ms;
    assert!(rests_until > world.now_ms, "and has none");
    world.announce(B, chain.headers_update(3));
    assert_eq!(world.head(), 3);
}

#[test]
fn a_signed_orphan_beside_the_true_block_is_evidence() {
    let chain = TestChain::with_blocks(4);
    let mut world = world(&chain, Mode::Headers);
    world.announce(A, orphan(&chain));
    assert_eq!(world.faults(), [(Some(A), "wrong_parent")]);
    let evidence = world
        .follower
        .halted()
        .expect("A shows the true block as well");
    assert_eq!(evidence.evidence().number, 3);
}

#[test]
fn a_forged_signature() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Headers, "bad_signature", |update| {
        let header = &mut update.signed_header;
        header.header.gas_used = 5;
        let digest = crate::header::compute_signing_digest(
            chain.rules.chain_id,
            chain.rules.hash(),
            3,
            header.hash(),
        );
        header.signature = sign(&key(2), digest);
    });
    check_lie(&chain, Mode::Headers, "bad_signature", |update| {
        update.signed_header.header.state_root = B256::ZERO;
        update.signed_header.signature = [0; 65];
    });
}

#[test]
fn a_forged_signature_under_a_block_that_is_known_already() {
    let chain = TestChain::with_blocks(4);
    let mut world = world(&chain, Mode::Headers);
    world.announce(B, chain.update(3, Mode::Headers, &filter()));
    world.announce(A, chain.update(3, Mode::Headers, &filter()));
    assert_eq!(world.faults(), []);
    let mut update = chain.update(3, Mode::Headers, &filter());
    update.signed_header.signature[40] ^= 1;
    world.announce(A, update);
    assert_eq!(world.faults(), [(Some(A), "bad_signature")]);
    assert_eq!(world.head(), 3);
}

#[test]
fn headers_that_go_on_from_a_known_one_and_do_not_follow_it() {
    let chain = TestChain::with_blocks(4);
    let mut world = world(&chain, Mode::Headers);
    let gapped = alloc::vec![chain.signed(2), orphan(&chain).signed_header];
    world.nodes.insert(
        A,
        Box::new(move |_| Some(Ok(Response::Headers(gapped.clone())))),
    );
    world.announce(A, orphan(&chain));
    let twice = [(Some(A), "wrong_parent"), (Some(A), "wrong_parent")];
    assert_eq!(world.faults(), twice, "the orphan, and the answer");
    world.pass(10_000, 1_000);
    assert_eq!(world.asked_of(A), 1, "A is not asked again");
    world.announce(B, chain.headers_update(3));
    assert_eq!(world.head(), 3);
}

#[test]
fn a_broken_rule() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Headers, "bad_header", |update| {
        update.signed_header.header.base_fee_per_gas = Some(1);
    });
}

#[test]
fn blocks_from_the_future() {
    let chain = TestChain::with_blocks(3);
    // The newest one alone, and one that the blocks before it are fetched for.
    for number in [1, 3] {
        let mut world = World::new(&chain, config(Mode::Headers)).with_node(A, honest(&chain));
        world.now_ms -= 100_000;
        world.announce(A, chain.headers_update(number));
        assert_eq!(world.faults(), [(Some(A), "bad_header")], "{number}");
        assert_eq!(world.tip(), 0);
        world.now_ms += 100_000;
        world.announce(A, chain.headers_update(number));
        assert_eq!(world.head(), number, "their time has come");
    }
}

#[test]
fn a_stale_head() {
    let chain = TestChain::with_blocks(4);
    check_lie(&chain, Mode::Headers, "stale_head", |update| {
        *update = chain.headers_update(1)
    });
}

#[test]
fn an_answer_about_another_block() {
    let chain = TestChain::with_blocks(3);
    let other = chain.clone();
    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(
            A,
            Box::new(move |_| Some(Ok(Response::Transition(other.consistent_update(2))))),
        )
        .with_node(B, honest(&chain));
    world.announce(A, chain.headers_update(1));
    assert_eq!(world.faults(), [(Some(A), "wrong_response")]);
    assert_eq!(world.head(), 1);
}

#[test]
fn an_answer_of_another_kind() {
    let chain = TestChain::with_blocks(3);
    let mut world = World::new(&chain, config(Mode::Watch))
        .with_node(A, Box::new(|_| Some(Ok(Response::Code(Bytes::new())))))
        .with_node(B, honest(&chain));
    world.announce(A, chain.headers_update(1));
    assert_eq!(world.faults(), [(Some(A), "wrong_response")]);
    assert_eq!(world.head(), 1);
}

#[test]
fn headers_that_were_not_asked_for() {
    let chain = TestChain::with_blocks(9);
    type Pick = fn(&TestChain, u64) -> Vec<SignedHeader>;
    let picks: [Pick; 4] = [
        |_, _| Vec::new(),
        |chain, start| alloc::vec![chain.signed(start + 1)],
        |chain, start| alloc::vec![chain.signed(start), chain.signed(start)],
        |chain, start| alloc::vec![chain.signed(start), chain.signed(start + 2)],
    ];
    for pick in picks {
        let liar = chain.clone();
        let mut world = World::new(&chain, config(Mode::Headers))
            .with_node(
                A,
                Box::new(move |request| match request {
                    Request::Headers { start, .. } => {
                        Some(Ok(Response::Headers(pick(&liar, *start))))
                    }
                    other => Some(liar.answer(other)),
                }),
            )
            .with_node(B, honest(&chain));
        world.announce(A, chain.headers_update(7));
        assert_eq!(world.faults(), [(Some(A), "wrong_response")]);
        assert_eq!(world.tip(), 0);
        world.announce(B, chain.headers_update(7));
        assert_eq!(world.head(), 7);
    }
}

#[test]
fn a_claim_that_nobody_can_back_gives_no_endless_questions() {
    let chain = TestChain::with_blocks(3);
    let mut world = World::new(&chain, config(Mode::Headers)).with_node(A, honest(&chain));
    for number in [u64::MAX, u64::MAX - 1, 1 << 40] {
        let mut update = chain.headers_update(3);
        update.signed_header.header.number = number;
        world.announce(A, update);
    }
    assert_eq!(world.head(), 3, "what it has is taken");
    assert!(world.asked.len() <= 8, "{:?}", world.asked);
}

#[test]
fn a_header_that_only_looks_like_the_genesis() {
    let chain = TestChain::with_blocks(2);
    let mut world = World::new(&chain, config(Mode::Headers)).with_node(A, honest(&chain));
    let mut update = chain.headers_update(1);
    update.signed_header.header.number = 0;
    world.announce(A, update);
    assert_eq!(world.faults(), [(Some(A), "bad_header")]);
}

/// A chain whose block 3 says a wrong state root, with honest-looking blocks on top.
fn contradicting() -> TestChain {
    let mut chain = TestChain::with_blocks(2);
    let bal = chain.changes_for(3);
    chain.push_with(bal, |header, _| header.state_root = chain_root());
    let mut late = chain.clone();
    for _ in 0..3 {
        let signed = child(late.tip(), &late.rules, &key(1), |_, _| {});
        let header = crate::header::verify_header(&signed, late.tip(), &late.rules, u64::MAX / 2);
        late.headers.push(header.unwrap());
        let mut block = late.blocks[2].clone();
        block.signed = signed;
        late.blocks.push(block);
    }
    late
}

/// A root that no list of these tests gives.
fn chain_root() -> B256 {
    B256::repeat_byte(0xbb)
}

#[test]
fn the_sequencers_own_contradiction_holds_the_head_for_good() {
    let chain = contradicting();
    let config = FollowerConfig {
        max_catch_up: 2,
        ..config(Mode::Consistent)
    };
    let mut world = World::new(&chain, config)
        .with_node(A, honest(&chain))
        .with_node(B, honest(&chain));
    for number in 1..=6 {
        world.announce(A, chain.consistent_update(number));
        world.announce(B, chain.consistent_update(number));
    }
    world.pass(100_000, 10_000);
    assert_eq!(world.faults(), [(Some(A), "state_root_mismatch")]);
    assert_eq!(
        (world.head(), world.tip()),
        (2, 6),
        "headers go on beyond what is replayed, the head does not"
    );
    let conflict = world.follower.conflict().unwrap();
    assert_eq!(
        (conflict.kind(), conflict.number),
        ("state_root_mismatch", Some(3))
    );
    assert_eq!(conflict.mismatch.expected, chain_root().into());
    assert_eq!(world.level_at(3), TrustLevel::Signed);
    let status: Vec<_> = world.follower.peers().collect();
    assert!(
        status.iter().all(|peer| peer.faults == 0),
        "no peer is to blame"
    );
}

#[test]
fn what_the_driver_finds_wrong_counts_as_a_lie() {
    let chain = TestChain::with_blocks(3);
    let mut world = world(&chain, Mode::Headers);
    let mismatch = Mismatch::new("update.seq", 4_u64, 6_u64);
    let fault = Fault::new(FaultKind::SequenceGap, mismatch);
    world.follower.report(A, fault, world.now_ms);
    world.announce(A, chain.headers_update(3));
    assert_eq!(world.faults(), [(Some(A), "sequence_gap")]);
    assert_eq!(world.head(), 2, "A rests");
}

#[test]
fn a_peer_that_lies_again_rests_longer() {
    let chain = TestChain::with_blocks(4);
    let mut world = World::new(&chain, config(Mode::Headers)).with_node(A, honest(&chain));
    let mut rests = Vec::new();
    for _ in 0..12 {
        let mut lie = chain.headers_update(1);
        lie.signed_header.header.gas_limit = 1;
        world.announce(A, lie);
        let until = world.follower.peers().next().unwrap().rest_until_ms;
        rests.push(until - world.now_ms);
        world.now_ms = until;
    }
    assert!(rests[0] >= 3_750 && rests[0] <= 5_000);
    assert!(
        rests.windows(2).take(5).all(|pair| pair[1] > pair[0]),
        "{rests:?}"
    );
    assert!(rests.iter().all(|rest| *rest <= 300_000));
}
