//! Blocks that the driver executed.

use super::*;
use crate::fault::{FaultKind, Mismatch};

fn world(chain: &TestChain, mode: Mode, blocks: u64) -> World {
    let mut world = World::new(chain, config(mode)).with_node(A, honest(chain));
    for number in 1..=blocks {
        world.announce(A, chain.update(number, mode, &filter()));
    }
    world
}

fn invalid(chain: &TestChain, number: usize) -> Fault {
    let mismatch = Mismatch::new("header.gas_used", 1_u64, 2_u64);
    Fault::new(FaultKind::InvalidExecution, mismatch)
        .at(number as u64, chain.headers[number].hash())
}

#[test]
fn only_a_consistent_block_of_the_followed_branch_becomes_executed() {
    let chain = TestChain::with_blocks(4);
    let mut consistent = world(&chain, Mode::Consistent, 3);
    assert!(consistent.follower.note_executed(chain.headers[2].hash()));
    assert_eq!(consistent.level_at(2), TrustLevel::Executed);
    assert_eq!(consistent.level_at(3), TrustLevel::Consistent);
    assert!(
        !consistent.follower.note_executed(chain.headers[4].hash()),
        "never seen"
    );
    let mut signed = world(&chain, Mode::Headers, 3);
    assert!(!signed.follower.note_executed(chain.headers[2].hash()));
    assert_eq!(signed.level_at(2), TrustLevel::Signed);
}

#[test]
fn nothing_from_an_invalid_block_on_is_executed_and_the_head_stays() {
    let chain = TestChain::with_blocks(5);
    let mut world = world(&chain, Mode::Consistent, 4);
    assert!(world.follower.note_executed(chain.headers[4].hash()));
    assert!(world.follower.note_invalid(invalid(&chain, 3)));
    assert_eq!(
        world.follower.conflict().map(|fault| fault.kind),
        Some(FaultKind::InvalidExecution)
    );
    assert_eq!(
        world.level_at(4),
        TrustLevel::Consistent,
        "it stands on an invalid block"
    );
    for number in [3, 4] {
        assert!(!world.follower.note_executed(chain.headers[number].hash()));
    }
    assert!(
        world.follower.note_executed(chain.headers[2].hash()),
        "below it nothing changes"
    );
    world.announce(A, chain.consistent_update(5));
    assert_eq!(world.head(), 4);
}

#[test]
fn the_lowest_contradiction_is_kept_and_only_contradictions_are_taken() {
    let chain = TestChain::with_blocks(4);
    let mut world = world(&chain, Mode::Consistent, 4);
    let peer_fault = Fault {
        kind: FaultKind::BadWitness,
        ..invalid(&chain, 2)
    };
    assert!(!world.follower.note_invalid(peer_fault));
    assert!(world.follower.conflict().is_none());
    for number in [3, 2, 4] {
        assert!(world.follower.note_invalid(invalid(&chain, number)));
    }
    assert_eq!(
        world.follower.conflict().and_then(|fault| fault.number),
        Some(2)
    );
}
