//! Bodies that wait for their turn: whose they are, how much room they take, and for what they were asked.

use super::*;
use crate::limits::MAX_DECODED_BYTES;

/// Nobody answers, so a body waits until those before it are announced.
fn world(chain: &TestChain, mode: Mode) -> World {
    World::new(chain, config(mode))
        .with_node(A, silent())
        .with_node(B, silent())
        .with_node(C, silent())
}

/// A block with a body that no check would pass.
fn junk(chain: &TestChain, number: u64, bytes: usize) -> Update {
    let bal = alloc::vec![0; bytes].into();
    let nodes = Vec::new();
    Update {
        body: Body::Consistent { bal, nodes },
        ..chain.headers_update(number)
    }
}

#[test]
fn a_waiting_body_is_not_replaced_by_what_another_peer_sends() {
    let chain = TestChain::with_blocks(2);
    let mut world = world(&chain, Mode::Consistent);
    world.announce(A, chain.headers_update(1));
    world.announce(A, chain.consistent_update(2));
    world.announce(B, junk(&chain, 2, 10));
    world.announce(C, chain.consistent_update(1));
    assert_eq!(world.head(), 2);
    assert_eq!(world.faults(), []);
}

#[test]
fn the_bodies_of_a_removed_peer_are_forgotten_and_no_others() {
    let chain = TestChain::with_blocks(3);
    let mut world = world(&chain, Mode::Consistent);
    world.announce(A, chain.headers_update(1));
    world.announce(B, chain.consistent_update(2));
    world.announce(A, chain.consistent_update(3));
    world.follower.remove_peer(A);
    world.announce(C, chain.consistent_update(1));
    assert_eq!(world.head(), 2, "B's is still there, A's is not");
}

#[test]
fn waiting_bodies_take_limited_room_and_the_next_one_is_always_taken() {
    let chain = TestChain::with_blocks(3);
    let mut world = world(&chain, Mode::Consistent);
    world.announce(A, chain.headers_update(1));
    world.announce(A, junk(&chain, 2, MAX_DECODED_BYTES));
    assert_eq!(world.follower.held_bytes(), MAX_DECODED_BYTES);
    world.announce(B, junk(&chain, 3, 1));
    assert_eq!(world.follower.held_bytes(), MAX_DECODED_BYTES, "full");
    world.announce(C, chain.consistent_update(1));
    assert_eq!(world.head(), 1);
    assert_eq!(world.faults(), [(Some(A), "oversized")]);
    assert_eq!(world.follower.held_bytes(), 0);
}

#[test]
fn while_much_waits_only_the_next_body_is_asked_for() {
    let chain = TestChain::with_blocks(3);
    for (bytes, asked) in [(MAX_DECODED_BYTES / 2, 2), (MAX_DECODED_BYTES / 2 + 1, 1)] {
        let mut world = world(&chain, Mode::Consistent);
        world.announce(A, chain.headers_update(1));
        world.announce(A, junk(&chain, 2, bytes));
        world.announce(A, chain.headers_update(3));
        assert_eq!(world.asked.len(), asked, "{bytes} bytes wait");
    }
}

#[test]
fn what_came_for_another_filter_is_not_held_against_the_new_one() {
    let chain = TestChain::with_blocks(2);
    let mut world = world(&chain, Mode::Watch);
    let now = world.now_ms;
    world.follower.on_update(A, chain.headers_update(1), now);
    let asked = world.follower.wanted(now).remove(0);
    world
        .follower
        .on_update(A, chain.watch_update(2, &filter()), now);
    let other = Filter::new([(crate::tests::account(1), Vec::new())]).unwrap();
    world.follower.set_filter(other.clone(), now);
    let answer = Response::Transition(chain.watch_update(1, &filter()));
    world.follower.on_response(asked.id, A, answer, now);
    world.announce(C, chain.watch_update(1, &other));
    assert_eq!(world.head(), 1, "block 2 came for the filter before");
    assert_eq!(world.faults(), []);
}

#[test]
fn another_filter_is_asked_for_at_once() {
    let chain = TestChain::with_blocks(1);
    let mut world = World::new(&chain, config(Mode::Watch))
        .with_node(A, Box::new(|_| Some(Err(FailureCode::NotFound))));
    world.announce(A, chain.headers_update(1));
    assert_eq!(world.asked.len(), 1, "and then there is a pause");
    world.follower.set_filter(Filter::default(), world.now_ms);
    world.settle();
    assert_eq!(world.asked.len(), 2);
}
