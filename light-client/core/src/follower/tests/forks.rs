//! Two blocks at one height.

use super::*;
use crate::{
    evidence::verify_evidence,
    header::verify_header,
    tests::{child, key},
};

fn follow_config(mode: Mode) -> FollowerConfig {
    FollowerConfig {
        reorgs: Reorgs::Follow,
        ..config(mode)
    }
}

/// A chain and another one that shares its first `fork` blocks.
fn forked(length: u64, fork: usize, other: u64) -> (TestChain, TestChain) {
    let chain = TestChain::with_blocks(length);
    let mut branch = chain.fork(fork);
    branch.extend(other);
    (chain, branch)
}

fn announce_all(world: &mut World, id: PeerId, chain: &TestChain, from: u64, mode: Mode) {
    for number in from..=chain.tip().number() {
        world.announce(id, chain.update(number, mode, &filter()));
    }
}

fn check_halted(world: &World, number: u64, head: u64) {
    let halts: Vec<_> = world
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Halted(evidence) => Some(evidence.evidence().clone()),
            _ => None,
        })
        .collect();
    assert_eq!(halts.len(), 1, "{:?}", world.faults());
    assert_eq!(halts[0].number, number);
    assert!(verify_evidence(&halts[0]).is_ok());
    assert_eq!(world.head(), head);
}

#[test]
fn a_second_header_at_any_height_halts_with_evidence() {
    for fork in 0..5 {
        let (chain, branch) = forked(5, fork, 1);
        let mut world = World::new(&chain, config(Mode::Consistent))
            .with_node(A, honest(&chain))
            .with_node(B, honest(&branch));
        announce_all(&mut world, A, &chain, 1, Mode::Consistent);
        let number = fork as u64 + 1;
        world.announce(B, branch.consistent_update(number));
        check_halted(&world, number, 5);
    }
}

#[test]
fn a_halted_follower_takes_and_asks_nothing_more() {
    let (chain, branch) = forked(6, 3, 1);
    let mut world = World::new(&chain, config(Mode::Headers))
        .with_node(A, honest(&chain))
        .with_node(B, honest(&branch));
    (1..=5).for_each(|number| world.announce(A, chain.headers_update(number)));
    world.announce(B, branch.headers_update(4));
    check_halted(&world, 4, 5);
    let asked = world.asked.len();
    world.announce(A, chain.headers_update(6));
    world.announce(B, branch.headers_update(4));
    world.pass(100_000, 5_000);
    check_halted(&world, 4, 5);
    assert_eq!(world.asked.len(), asked);
    assert!(world.follower.halted().unwrap().concerns(&chain.rules));
}

#[test]
fn a_branch_whose_fork_was_not_seen_is_searched_for_and_halts() {
    for (fork, other) in [(4, 3), (1, 6), (0, 9)] {
        let (chain, branch) = forked(5, fork, other);
        let mut world = World::new(&chain, config(Mode::Headers))
            .with_node(A, honest(&chain))
            .with_node(B, honest(&branch));
        announce_all(&mut world, A, &chain, 1, Mode::Headers);
        // Only the newest header of the branch, which is above our tip and proves nothing by itself.
        world.announce(B, branch.headers_update(branch.tip().number()));
        assert!(
            world.follower.halted().is_some(),
            "fork at {fork}: {:?}",
            world.faults()
        );
        assert_eq!(world.head(), 5);
    }
}

#[test]
fn a_branch_below_what_is_retained_is_evidence_as_well() {
    let (chain, branch) = forked(30, 3, 40);
    let config = FollowerConfig {
        retain: 10,
        ..config(Mode::Headers)
    };
    let mut world = World::new(&chain, config)
        .with_node(A, honest(&chain))
        .with_node(B, honest(&branch));
    announce_all(&mut world, A, &chain, 1, Mode::Headers);
    world.announce(B, branch.headers_update(40));
    let evidence = world.follower.halted().expect("heights that both have");
    assert!((20..=30).contains(&evidence.evidence().number));
    assert_eq!(world.follower.head().hash(), chain.tip().hash());
}

#[test]
fn a_header_at_a_known_height_that_somebody_else_signed_is_no_evidence() {
    let (chain, branch) = forked(5, 2, 1);
    let mut world = World::new(&chain, config(Mode::Headers))
        .with_node(A, honest(&chain))
        .with_node(B, honest(&branch));
    announce_all(&mut world, A, &chain, 1, Mode::Headers);
    let mut forged = branch.headers_update(3);
    forged.signed_header.signature[10] ^= 1;
    world.announce(B, forged);
    assert_eq!(world.faults(), [(Some(B), "bad_signature")]);
    assert!(world.follower.halted().is_none());
    // With a parent that nobody knows, at a height that we have.
    world.follower.add_peer(C, world.now_ms);
    world.nodes.insert(C, honest(&branch));
    let mut forged = branch.headers_update(3);
    forged.signed_header.header.parent_hash = B256::repeat_byte(9);
    world.announce(C, forged);
    assert_eq!(world.faults()[1..], [(Some(C), "bad_signature")]);
    assert!(world.follower.halted().is_none());
}

#[test]
fn garbage_signatures_inside_a_segment_do_not_hide_an_equivocation() {
    let (chain, branch) = forked(8, 3, 1);
    let mut garbled = chain.clone();
    garbled.blocks[3].signed.signature = [7; 65];
    let mut world = World::new(&chain, config(Mode::Headers)).with_node(A, honest(&garbled));
    world.announce(A, chain.headers_update(8));
    assert_eq!(world.head(), 8, "the last signature covers block 4");

    // B proves another block 4; our own block 4 comes with a signature of nobody.
    world = world
        .with_node(B, honest(&branch))
        .with_node(C, honest(&chain));
    world.announce(B, branch.headers_update(4));
    world.pass(20_000, 500);
    check_halted(&world, 4, 8);
    assert!(
        world.faults().contains(&(Some(A), "bad_signature")),
        "A is found out: {:?}",
        world.faults()
    );
}

#[test]
fn new_blocks_do_not_hide_an_equivocation_whose_signature_is_fetched() {
    let (chain, branch) = forked(9, 3, 1);
    let mut garbled = chain.clone();
    garbled.blocks[3].signed.signature = [7; 65];
    let mut world = World::new(&chain, config(Mode::Headers))
        .with_node(A, honest(&garbled))
        .with_node(B, silent());
    world.announce(A, chain.headers_update(8));
    world.nodes.insert(A, silent());
    world.announce(B, branch.headers_update(4));
    world.announce(A, chain.headers_update(9));
    assert!(world.follower.halted().is_none(), "nothing is proven yet");
    world = world.with_node(C, honest(&chain));
    world.pass(20_000, 500);
    check_halted(&world, 4, 9);
}

#[test]
fn a_signature_below_what_is_retained_is_not_asked_for() {
    let (chain, branch) = forked(9, 3, 1);
    let mut garbled = chain.clone();
    garbled.blocks[3].signed.signature = [7; 65];
    let config = FollowerConfig {
        retain: 5,
        ..config(Mode::Headers)
    };
    let mut world = World::new(&chain, config)
        .with_node(A, honest(&garbled))
        .with_node(B, silent());
    world.announce(A, chain.headers_update(8));
    world.nodes.insert(A, silent());
    world.announce(B, branch.headers_update(4));
    let signature = Request::Headers { start: 4, count: 1 };
    assert_eq!(world.asked.last().unwrap().2, signature);
    // Block 4 is the oldest now, and its parent is gone.
    world.asked.clear();
    world.announce(A, chain.headers_update(9));
    world.pass(20_000, 500);
    assert_eq!(world.asked, []);
}

#[test]
fn a_block_whose_parent_another_peer_brings_is_taken() {
    let (chain, branch) = forked(4, 2, 2);
    let mut world = World::new(&chain, follow_config(Mode::Headers))
        .with_node(A, honest(&chain))
        .with_node(B, silent())
        .with_node(C, silent());
    announce_all(&mut world, A, &chain, 1, Mode::Headers);
    let [lower, upper] = [3, 4].map(|number| branch.headers[number as usize].hash());
    world.announce(B, branch.headers_update(4));
    assert!(world.follower.header_by_hash(upper).is_none());
    world.announce(C, branch.headers_update(3));
    assert!(world.follower.header_by_hash(lower).is_some());
    assert!(world.follower.header_by_hash(upper).is_some());
}

#[test]
fn a_claim_that_the_tip_catches_up_with_and_that_does_not_follow_it_is_searched_for() {
    let (chain, branch) = forked(4, 3, 2);
    let mut world = World::new(&chain, config(Mode::Headers))
        .with_node(A, silent())
        .with_node(B, silent());
    world.announce(A, branch.headers_update(5));
    for number in 1..=3 {
        world.announce(B, chain.headers_update(number));
        assert_eq!(world.faults(), [], "it is ahead");
    }
    world.nodes.insert(A, honest(&branch));
    world.announce(B, chain.headers_update(4));
    assert_eq!(world.faults(), [(Some(A), "wrong_parent")]);
    check_halted(&world, 4, 4);
}

#[test]
fn an_equivocation_is_said_once_whoever_shows_it() {
    let (chain, branch) = forked(4, 2, 2);
    let mut world = World::new(&chain, follow_config(Mode::Headers))
        .with_node(A, silent())
        .with_node(B, silent())
        .with_node(C, silent());
    announce_all(&mut world, A, &chain, 1, Mode::Headers);
    // Its parent is not here, so it is not kept.
    world.announce(B, branch.headers_update(4));
    world.announce(C, branch.headers_update(4));
    let said = |event: &&Event| matches!(event, Event::Evidence(_));
    assert_eq!(world.events.iter().filter(said).count(), 1);
}

#[test]
fn a_sequencer_that_signs_without_end_fills_no_memory() {
    let config = FollowerConfig {
        retain: 1,
        ..follow_config(Mode::Headers)
    };
    let start = TestChain::new();
    let mut world = World::new(&start, config).with_node(A, silent());
    for salt in 0..20 {
        let mut chain = start.clone();
        chain.salt = salt;
        chain.push_empty();
        world.announce(A, chain.headers_update(1));
        let is_kept = world.level_of(chain.tip()) == TrustLevel::Signed;
        // With the start they are sixteen.
        assert_eq!(is_kept, salt < 15, "{salt}");
    }
    assert_eq!(world.faults(), [(Some(A), "reorg_too_deep"); 5]);
}

#[test]
fn a_longer_branch_of_another_signer_is_followed() {
    let chain = TestChain::with_blocks(5);
    let mut branch = chain.fork(2);
    branch.rotate(2);
    branch.extend(3);
    let mut world = World::new(&chain, follow_config(Mode::Headers))
        .with_node(A, honest(&chain))
        .with_node(B, honest(&branch));
    announce_all(&mut world, A, &chain, 1, Mode::Headers);
    announce_all(&mut world, B, &branch, 3, Mode::Headers);
    assert_eq!(world.follower.head().hash(), branch.tip().hash());
    assert_eq!(world.faults(), []);
}

#[test]
fn a_longer_branch_is_followed_from_any_retained_depth() {
    for mode in [Mode::Headers, Mode::Watch, Mode::Consistent] {
        for fork in [0, 1, 5, 9, 11] {
            let (chain, branch) = forked(12, fork, 12 - fork as u64 + 2);
            let mut world = World::new(&chain, follow_config(mode))
                .with_node(A, honest(&chain))
                .with_node(B, honest(&branch));
            announce_all(&mut world, A, &chain, 1, mode);
            announce_all(&mut world, B, &branch, fork as u64 + 1, mode);
            assert_eq!(
                world.follower.head().hash(),
                branch.tip().hash(),
                "{mode:?} {fork}"
            );
            assert_eq!(world.head(), 14);
            let reorgs: Vec<_> = world
                .events
                .iter()
                .filter_map(|event| match event {
                    Event::Reorg {
                        depth,
                        old_head,
                        new_head,
                    } => Some((*depth, *old_head, *new_head)),
                    _ => None,
                })
                .collect();
            let depth = 12 - fork as u64;
            let heads = (chain.tip().hash(), branch.headers[13].hash());
            assert_eq!(reorgs, [(depth, heads.0, heads.1)]);
            let evidence = world
                .events
                .iter()
                .filter(|e| matches!(e, Event::Evidence(_)))
                .count();
            assert_eq!(
                evidence as u64, depth,
                "one for each height with two blocks"
            );
            assert!(world.follower.halted().is_none());
            assert_eq!(world.faults(), []);
            if mode == Mode::Consistent {
                assert_eq!(world.level_at(14), TrustLevel::Consistent);
            }
        }
    }
}

#[test]
fn a_branch_announced_by_its_newest_header_is_followed() {
    for fork in [0, 3, 11] {
        let (chain, branch) = forked(12, fork, 12 - fork as u64 + 4);
        let mut world = World::new(&chain, follow_config(Mode::Consistent))
            .with_node(A, honest(&chain))
            .with_node(B, honest(&branch));
        announce_all(&mut world, A, &chain, 1, Mode::Consistent);
        world.announce(B, branch.consistent_update(16));
        world.pass(5_000, 500);
        assert_eq!(
            world.follower.head().hash(),
            branch.tip().hash(),
            "fork at {fork}"
        );
        assert_eq!(world.level_at(16), TrustLevel::Consistent);
        assert!(world.asked.len() < 30, "{}", world.asked.len());
    }
}

#[test]
fn a_branch_that_is_not_longer_changes_nothing() {
    let (chain, branch) = forked(8, 4, 4);
    let mut world = World::new(&chain, follow_config(Mode::Consistent))
        .with_node(A, honest(&chain))
        .with_node(B, honest(&branch));
    announce_all(&mut world, A, &chain, 1, Mode::Consistent);
    announce_all(&mut world, B, &branch, 5, Mode::Consistent);
    assert_eq!(world.follower.head().hash(), chain.tip().hash());
    assert!(
        !world
            .events
            .iter()
            .any(|event| matches!(event, Event::Reorg { .. }))
    );
}

#[test]
fn back_and_forth_between_branches() {
    let (mut chain, mut branch) = forked(4, 2, 3);
    let mut world = World::new(&chain, follow_config(Mode::Consistent))
        .with_node(A, silent())
        .with_node(B, silent());
    announce_all(&mut world, A, &chain, 1, Mode::Consistent);
    announce_all(&mut world, B, &branch, 3, Mode::Consistent);
    for _ in 0..4 {
        let (from, other) = (chain.tip().number() + 1, branch.tip().number() + 1);
        chain.extend(2);
        branch.extend(2);
        world.now_ms += 4_000;
        world.nodes.insert(A, honest(&chain));
        world.nodes.insert(B, honest(&branch));
        announce_all(&mut world, A, &chain, from, Mode::Consistent);
        assert_eq!(world.follower.head().hash(), chain.tip().hash());
        announce_all(&mut world, B, &branch, other, Mode::Consistent);
        assert_eq!(world.follower.head().hash(), branch.tip().hash());
        world.pass(2_000, 500);
    }
    assert_eq!(world.faults(), []);
}

#[test]
fn a_branch_below_what_is_retained_is_a_fault_and_no_panic() {
    let (chain, branch) = forked(30, 3, 40);
    let config = FollowerConfig {
        retain: 10,
        ..follow_config(Mode::Headers)
    };
    let mut world = World::new(&chain, config)
        .with_node(A, honest(&chain))
        .with_node(B, honest(&branch));
    announce_all(&mut world, A, &chain, 1, Mode::Headers);
    world.announce(B, branch.headers_update(40));
    world.pass(5_000, 500);
    assert_eq!(world.faults(), [(Some(B), "reorg_too_deep")]);
    assert_eq!(world.follower.head().hash(), chain.tip().hash());
}

#[test]
fn a_conflict_on_a_branch_that_is_left_is_over() {
    let mut chain = TestChain::with_blocks(2);
    let bal = chain.changes_for(3);
    chain.push_with(bal, |header, _| header.state_root = B256::repeat_byte(1));
    let mut branch = chain.fork(2);
    branch.extend(3);
    let mut world = World::new(&chain, follow_config(Mode::Consistent))
        .with_node(A, honest(&chain))
        .with_node(B, honest(&branch));
    announce_all(&mut world, A, &chain, 1, Mode::Consistent);
    assert!(world.follower.conflict().is_some());
    announce_all(&mut world, B, &branch, 3, Mode::Consistent);
    assert!(world.follower.conflict().is_none());
    assert_eq!(
        (world.head(), world.level_at(5)),
        (5, TrustLevel::Consistent)
    );
}

#[test]
fn a_conflict_below_the_fork_stays() {
    let mut chain = TestChain::with_blocks(2);
    let bal = chain.changes_for(3);
    chain.push_with(bal, |header, _| header.state_root = B256::repeat_byte(1));
    let on_it = |length: u64, salt| {
        let mut parent = chain.tip().clone();
        let blocks = (0..length).map(|_| {
            let signed = child(&parent, &chain.rules, &key(1), |header, _| {
                header.mix_hash = B256::repeat_byte(salt);
            });
            parent = verify_header(&signed, &parent, &chain.rules, u64::MAX / 2).unwrap();
            Update::from(signed)
        });
        blocks.collect::<Vec<_>>()
    };
    let mut world = World::new(&chain, follow_config(Mode::Consistent)).with_node(A, silent());
    announce_all(&mut world, A, &chain, 1, Mode::Consistent);
    let conflict = world.follower.conflict().cloned();
    assert!(conflict.is_some());
    world = world.with_node(B, silent());
    on_it(1, 1)
        .into_iter()
        .for_each(|block| world.announce(A, block));
    on_it(2, 2)
        .into_iter()
        .for_each(|block| world.announce(B, block));
    assert!(
        world
            .events
            .iter()
            .any(|event| matches!(event, Event::Reorg { depth: 1, .. }))
    );
    assert_eq!(world.follower.conflict(), conflict.as_ref());
    assert_eq!((world.head(), world.tip()), (2, 5));
}
