//! Slow, silent and missing peers: questions stay few, and somebody else is asked.

use super::*;

#[test]
fn silence_makes_questions_rarer() {
    let chain = TestChain::with_blocks(1);
    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(A, silent())
        .with_node(B, silent());
    world.announce(A, chain.headers_update(1));
    world.pass(600_000, 50);
    // Ten minutes of a question that nobody answers.
    assert!(world.asked.len() < 120, "{} questions", world.asked.len());
    assert!(world.asked.len() > 10, "{} questions", world.asked.len());
    let late = world
        .asked
        .iter()
        .filter(|(at, ..)| *at > world.now_ms - 300_000)
        .count();
    assert!(late * 2 < world.asked.len() + 8, "they become rarer");
    assert!(
        world
            .faults()
            .iter()
            .all(|(_, kind)| *kind == "unresponsive")
    );
    assert_eq!((world.head(), world.tip()), (0, 1));
}

#[test]
fn refusals_make_questions_rarer() {
    let chain = TestChain::with_blocks(1);
    let refuse = || -> Node { Box::new(|_| Some(Err(FailureCode::Overloaded))) };
    let mut world = World::new(&chain, config(Mode::Watch))
        .with_node(A, refuse())
        .with_node(B, refuse());
    world.announce(A, chain.headers_update(1));
    world.pass(600_000, 50);
    assert!(world.asked.len() < 250, "{} questions", world.asked.len());
}

#[test]
fn after_a_timeout_another_peer_is_asked() {
    let chain = TestChain::with_blocks(1);
    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(A, silent())
        .with_node(B, honest(&chain));
    world.announce(A, chain.headers_update(1));
    let first = world.asked[0].1;
    assert_eq!(first, A, "who announces is asked first");
    world.pass(6_000, 1_000);
    assert_eq!(world.head(), 1);
    assert_eq!(world.asked.last().unwrap().1, B);
}

#[test]
fn an_answer_that_comes_too_late_or_from_somebody_else_is_ignored() {
    let chain = TestChain::with_blocks(1);
    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(A, silent())
        .with_node(B, silent());
    world
        .follower
        .on_update(A, chain.headers_update(1), world.now_ms);
    let want = world.follower.wanted(world.now_ms).remove(0);
    let response = chain.answer(&want.request).unwrap();
    world
        .follower
        .on_response(want.id, B, response.clone(), world.now_ms);
    assert_eq!(world.head(), 0, "B was not asked");
    world.now_ms = want.deadline_ms;
    let again = world.follower.wanted(world.now_ms);
    assert_eq!(again.iter().map(|want| want.peer).collect::<Vec<_>>(), [B]);
    world
        .follower
        .on_response(want.id, A, response, world.now_ms);
    assert_eq!(world.head(), 0, "A is too late");
    assert_eq!(world.faults(), []);
}

#[test]
fn what_a_removed_peer_was_asked_goes_to_another() {
    let chain = TestChain::with_blocks(1);
    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(A, silent())
        .with_node(B, honest(&chain));
    world.announce(A, chain.headers_update(1));
    assert_eq!(world.asked_of(B), 0);
    world.follower.remove_peer(A);
    world.settle();
    assert_eq!(world.head(), 1);
}

#[test]
fn a_peer_has_few_questions_at_a_time() {
    let chain = TestChain::with_blocks(30);
    let mut config = config(Mode::Consistent);
    config.body_window = 20;
    config.max_in_flight = 3;
    let mut world = World::new(&chain, config).with_node(A, silent());
    for number in 1..=30 {
        world
            .follower
            .on_update(A, chain.headers_update(number), world.now_ms);
    }
    assert_eq!(world.follower.wanted(world.now_ms).len(), 3);
    assert_eq!(world.follower.wanted(world.now_ms).len(), 0);
    assert_eq!(world.follower.peers().next().unwrap().in_flight, 3);
}

#[test]
fn a_body_that_nobody_has_leaves_its_block_signed() {
    let chain = TestChain::with_blocks(4);
    let forgetful = |chain: &TestChain| -> Node {
        let (chain, gone) = (chain.clone(), chain.headers[2].hash());
        Box::new(move |request| match request {
            Request::Transition { block_hash, .. } if *block_hash == gone => {
                Some(Err(FailureCode::BehindHistory))
            }
            other => Some(chain.answer(other)),
        })
    };
    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(A, forgetful(&chain))
        .with_node(B, forgetful(&chain));
    for number in 1..=2 {
        world.announce(A, chain.headers_update(number));
    }
    assert_eq!(world.head(), 1, "the newest body may still come");
    for number in 3..=4 {
        world.announce(A, chain.headers_update(number));
    }
    world.pass(10_000, 500);
    let levels: Vec<_> = (1..=4).map(|number| world.level_at(number)).collect();
    let (signed, consistent) = (TrustLevel::Signed, TrustLevel::Consistent);
    assert_eq!(levels, [consistent, signed, consistent, consistent]);
    assert_eq!(world.head(), 4);
    assert_eq!(world.faults(), []);
}

#[test]
fn a_body_that_one_peer_lacks_is_asked_of_another() {
    let chain = TestChain::with_blocks(3);
    let other = chain.clone();
    let without_bodies = move |request: &Request| match request {
        Request::Transition { .. } => Some(Err(FailureCode::NotFound)),
        other_request => Some(other.answer(other_request)),
    };
    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(A, Box::new(without_bodies))
        .with_node(B, honest(&chain));
    world.announce(A, chain.headers_update(3));
    let consistent = (1..=3).map(|number| (number, TrustLevel::Consistent));
    assert_eq!(world.verified(), consistent.collect::<Vec<_>>());
}

#[test]
fn a_peer_that_does_not_have_the_headers_before_its_own_is_not_punished() {
    let chain = TestChain::with_blocks(3);
    let mut world = World::new(&chain, config(Mode::Headers))
        .with_node(A, Box::new(|_| Some(Err(FailureCode::NotFound))));
    world.announce(A, chain.headers_update(3));
    assert_eq!(world.asked.len(), 1);
    let status = world.follower.peers().next().unwrap();
    assert_eq!((status.faults, status.rest_until_ms), (0, 0));
}

#[test]
fn it_wakes_for_a_deadline_a_retry_or_a_poll_whichever_is_first() {
    let chain = TestChain::with_blocks(1);
    let mut world = World::new(&chain, config(Mode::Consistent)).with_node(A, silent());
    let wake = |world: &World| world.follower.next_wake_ms(world.now_ms);
    assert_eq!(wake(&world), u64::MAX, "there is nothing to wait for");
    world.announce(A, chain.headers_update(1));
    let deadline = world.now_ms + world.follower.config().request_timeout_ms;
    assert_eq!(wake(&world), deadline);
    let late = deadline + 100;
    assert_eq!(world.follower.next_wake_ms(late), late, "never in the past");

    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(A, Box::new(|_| Some(Err(FailureCode::NotFound))));
    world.announce(A, chain.headers_update(1));
    let pause = wake(&world) - world.now_ms;
    let base = world.follower.config().retry_base_ms;
    assert!((base / 2..=base).contains(&pause), "{pause}");
    world.follower.config.poll_ms = 100;
    assert_eq!(wake(&world), world.now_ms + 100);
    world.follower.config.poll_ms = u64::MAX;
    world.pass(pause - 1, pause - 1);
    assert_eq!(world.asked.len(), 1);
    world.pass(1, 1);
    assert_eq!(world.asked.len(), 2);
}

#[test]
fn who_has_announced_a_block_is_asked_for_its_body_first() {
    let chain = TestChain::with_blocks(1);
    let mut world = World::new(&chain, config(Mode::Consistent))
        .with_node(A, silent())
        .with_node(B, silent());
    world.announce(B, chain.headers_update(1));
    assert_eq!((world.asked_of(A), world.asked_of(B)), (0, 1));
}

#[test]
fn a_silent_peer_is_asked_for_its_head() {
    let chain = TestChain::with_blocks(5);
    let mut config = config(Mode::Consistent);
    config.poll_ms = 1_000;
    let mut world = World::new(&chain, config).with_node(A, honest(&chain));
    world.pass(3_000, 500);
    assert_eq!(world.head(), 5, "found by polling alone");
    let polls = world
        .asked
        .iter()
        .filter(|(.., request)| *request == Request::Head)
        .count();
    assert!((2..=4).contains(&polls), "{polls} polls in three seconds");
}

#[test]
fn a_head_below_an_earlier_one_is_stale() {
    let chain = TestChain::with_blocks(9);
    let mut old = chain.clone();
    old.headers.truncate(6);
    old.blocks.truncate(5);
    let mut config = config(Mode::Headers);
    config.poll_ms = 1_000;
    let mut world = World::new(&chain, config).with_node(A, honest(&chain));
    world.pass(2_000, 500);
    assert_eq!(world.head(), 9);
    world.nodes.insert(A, honest(&old));
    world.pass(2_000, 500);
    assert_eq!(world.faults(), [(Some(A), "stale_head")]);
    assert_eq!(world.head(), 9, "the height never falls");
}

#[test]
fn a_peer_that_stays_behind_the_others_is_stale() {
    let chain = TestChain::with_blocks(40);
    let mut world = World::new(&chain, config(Mode::Headers))
        .with_node(A, honest(&chain))
        .with_node(B, honest(&chain));
    world.announce(B, chain.headers_update(1));
    for number in 1..=40 {
        world.announce(A, chain.headers_update(number));
    }
    let grace = world.follower.config().lag_grace_ms;
    world.pass(grace, grace / 10);
    assert_eq!(world.faults(), [], "it may catch up");
    world.pass(1, 1);
    assert_eq!(world.faults(), [(Some(B), "stale_head")]);
}

#[test]
fn an_old_head_is_said_to_be_stale_once() {
    let chain = TestChain::with_blocks(3);
    let mut config = config(Mode::Headers);
    config.stale_after_ms = 15_000;
    let mut world = World::new(&chain, config).with_node(A, silent());
    world.announce(A, chain.headers_update(2));
    let stale = |world: &World| {
        let ages = world.events.iter().filter_map(|event| match event {
            Event::Stale { age_ms } => Some(*age_ms),
            _ => None,
        });
        ages.collect::<Vec<_>>()
    };
    // Block 2 is unconnected: the head is still the genesis block, 4 s old.
    world.nodes.insert(A, honest(&chain));
    world.settle();
    assert!(stale(&world).is_empty() && !world.follower.is_stale());
    world.pass(40_000, 1_000);
    let ages = stale(&world);
    assert_eq!(ages.len(), 1);
    assert!(ages[0] > 15_000 && ages[0] < 17_000);
    assert!(world.follower.is_stale());
}
