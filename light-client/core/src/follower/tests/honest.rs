//! Nobody lies.

use super::*;

const MODES: [(Mode, TrustLevel); 3] = [
    (Mode::Headers, TrustLevel::Signed),
    (Mode::Watch, TrustLevel::Signed),
    (Mode::Consistent, TrustLevel::Consistent),
];

#[test]
fn every_announced_block_becomes_the_head_at_the_modes_level() {
    let chain = TestChain::with_blocks(40);
    for (mode, level) in MODES {
        let mut world = World::new(&chain, config(mode)).with_node(A, silent());
        for number in 1..=40 {
            world.announce(A, chain.update(number, mode, &filter()));
            assert_eq!(world.head(), number);
            assert_eq!(world.level_at(number), level);
            let header = &chain.headers[number as usize];
            let known = world.follower.header_by_hash(header.hash());
            assert_eq!(known, Some(header));
        }
        assert_eq!(
            world.verified(),
            (1..=40).map(|n| (n, level)).collect::<Vec<_>>()
        );
        assert_eq!(world.faults(), []);
        assert_eq!(world.asked.len(), 0, "everything came by itself");
    }
}

#[test]
fn blocks_from_several_peers_count_once() {
    let chain = TestChain::with_blocks(10);
    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(A, silent())
        .with_node(B, silent());
    for number in 1..=10 {
        world.announce(A, chain.consistent_update(number));
        world.announce(B, chain.consistent_update(number));
    }
    assert_eq!(world.verified().len(), 10);
    assert_eq!(world.faults(), []);
}

#[test]
fn a_node_without_credit_sends_headers_and_the_bodies_are_fetched() {
    let chain = TestChain::with_blocks(12);
    for (mode, level) in MODES {
        let mut world = World::new(&chain, config(mode)).with_node(A, honest(&chain));
        for number in 1..=12 {
            world.announce(A, chain.headers_update(number));
        }
        assert_eq!(world.head(), 12);
        assert_eq!(
            world.verified(),
            (1..=12).map(|n| (n, level)).collect::<Vec<_>>()
        );
        assert_eq!(
            world.asked.len(),
            if mode == Mode::Headers { 0 } else { 12 }
        );
    }
}

#[test]
fn a_long_gap_is_linked_by_headers_and_not_replayed() {
    let chain = TestChain::with_blocks(300);
    let mut config = config(Mode::Consistent);
    config.max_catch_up = 20;
    let mut world = World::new(&chain, config).with_node(A, honest(&chain));
    world.announce(A, chain.consistent_update(300));
    assert_eq!((world.head(), world.tip()), (300, 300));
    assert_eq!(world.level_at(300), TrustLevel::Consistent);
    assert_eq!(world.level_at(299), TrustLevel::Signed);
    let verified = world.verified();
    assert_eq!(verified.len(), 300, "each block once, in order");
    assert!(verified.iter().map(|(number, _)| *number).eq(1..=300));
    let replayed = verified
        .iter()
        .filter(|(_, level)| *level == TrustLevel::Consistent)
        .count();
    assert_eq!(replayed, 1);
    // One range of headers and one body.
    assert_eq!(world.asked.len(), 2);
}

#[test]
fn a_gap_of_the_limit_is_replayed_and_one_block_more_is_not() {
    let chain = TestChain::with_blocks(6);
    for (last, replayed) in [(5, 5), (6, 1)] {
        let mut config = config(Mode::Consistent);
        config.max_catch_up = 5;
        let mut world = World::new(&chain, config).with_node(A, honest(&chain));
        world.announce(A, chain.consistent_update(last));
        let mut levels = world.verified();
        levels.retain(|(_, level)| *level == TrustLevel::Consistent);
        assert_eq!(levels.len(), replayed, "up to {last}");
    }
}

#[test]
fn a_gap_longer_than_one_answer_is_fetched_piece_by_piece() {
    let mut chain = TestChain::new();
    (0..2_500).for_each(|_| chain.push_empty());
    let mut world = World::new(&chain, config(Mode::Headers)).with_node(A, honest(&chain));
    world.announce(A, chain.headers_update(2_500));
    assert_eq!(world.head(), 2_500);
    assert_eq!(world.asked.len(), 3);
    assert!(world.follower.header_by_number(2_500 - 1_024).is_some());
    assert!(
        world.follower.header_by_number(2_500 - 1_025).is_none(),
        "beyond what is retained"
    );
}

#[test]
fn a_short_gap_is_replayed_in_order() {
    let chain = TestChain::with_blocks(20);
    let mut world = World::new(&chain, config(Mode::Consistent)).with_node(A, honest(&chain));
    world.announce(A, chain.consistent_update(20));
    let all: Vec<_> = (1..=20).map(|n| (n, TrustLevel::Consistent)).collect();
    assert_eq!(world.verified(), all);
}

#[test]
fn the_state_after_the_head_can_be_read() {
    let chain = TestChain::with_blocks(3);
    let mut world = World::new(&chain, config(Mode::Consistent)).with_node(A, silent());
    for number in 1..=3 {
        world.announce(A, chain.consistent_update(number));
    }
    let entry = chain.blocks[2]
        .bal
        .iter()
        .find(|entry| entry.has_changes())
        .unwrap();
    let state = world.follower.state().unwrap();
    let account = state.account(entry.address).unwrap().unwrap();
    assert_eq!(Some(account.balance), entry.balance_post_state());
}

#[test]
fn pruning_does_not_lose_the_thread() {
    let chain = TestChain::with_blocks(140);
    let mut config = config(Mode::Consistent);
    config.keep_nodes_for = 2;
    let mut world = World::new(&chain, config).with_node(A, silent());
    let mut sizes = alloc::vec![0];
    for number in 1..=140 {
        world.announce(A, chain.consistent_update(number));
        sizes.push(world.follower.state().unwrap().size().nodes);
    }
    assert_eq!(world.head(), 140);
    assert_eq!(world.faults(), []);
    for (number, pair) in (1..).zip(sizes.windows(2)).skip(1) {
        let is_pruned = pair[1] * 2 < pair[0];
        assert_eq!(is_pruned, number % 32 == 0, "block {number}: {pair:?}");
    }
}

#[test]
fn the_mode_can_change_on_the_way() {
    let chain = TestChain::with_blocks(12);
    let mut world = World::new(&chain, config(Mode::Headers)).with_node(A, honest(&chain));
    for (from, mode) in [
        (1, Mode::Headers),
        (4, Mode::Consistent),
        (7, Mode::Watch),
        (10, Mode::Headers),
    ] {
        world.follower.set_mode(mode, world.now_ms);
        for number in from..from + 3 {
            // The node learns of it late and goes on in the old way.
            world.announce(A, chain.headers_update(number));
        }
    }
    let levels: Vec<_> = world
        .verified()
        .into_iter()
        .map(|(_, level)| level)
        .collect();
    let (signed, consistent) = (TrustLevel::Signed, TrustLevel::Consistent);
    assert_eq!(levels[..3], [signed; 3]);
    assert_eq!(levels[3..6], [consistent; 3]);
    assert_eq!(levels[6..], [signed; 6]);
    assert_eq!(world.faults(), []);
}

#[test]
fn an_update_for_the_filter_of_a_moment_ago_is_no_fault() {
    let chain = TestChain::with_blocks(3);
    let mut world = World::new(&chain, config(Mode::Watch)).with_node(A, honest(&chain));
    world.announce(A, chain.watch_update(1, &filter()));
    let other = Filter::new([(crate::tests::account(1), Vec::new())]).unwrap();
    world.follower.set_filter(other, world.now_ms);
    world.announce(A, chain.watch_update(2, &filter()));
    assert_eq!(world.faults(), []);
    assert_eq!(world.head(), 2, "fetched for the new filter");
    world.now_ms += world.follower.config().request_timeout_ms;
    world.announce(A, chain.watch_update(3, &filter()));
    assert_eq!(world.faults(), [(Some(A), "omitted_change")]);
}
