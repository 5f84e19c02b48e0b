//! Any interleaving of truths, lies, delays and losses: what must hold at every step, and that the truth wins in the end.

use super::*;
use crate::{tests::TestChain, wire::Watched};
use alloy_primitives::Bytes;
use proptest::{collection::vec, prelude::*};
use std::sync::LazyLock;

const LENGTH: u64 = 24;

static CHAIN: LazyLock<TestChain> = LazyLock::new(|| TestChain::with_blocks(LENGTH));

#[derive(Clone, Debug)]
enum Step {
    /// A peer announces a block, bent as the number says.
    Announce { peer: u32, number: u64, bend: u16 },
    /// The oldest question in flight is answered, bent as the number says.
    Answer { bend: u16 },
    /// The oldest question in flight fails.
    Fail { code: bool },
    /// The oldest question in flight is forgotten.
    Lose,
    /// Time passes.
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4_u32, 1..=LENGTH, any::<u16>())
            .prop_map(|(peer, number, bend)| Step::Announce { peer, number, bend }),
        4 => any::<u16>().prop_map(|bend| Step::Answer { bend }),
        1 => any::<bool>().prop_map(|code| Step::Fail { code }),
        1 => Just(Step::Lose),
        2 => (0..8_000_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// An update with one lie, or none for half of the numbers.
pub(super) fn bend_update(update: &mut Update, bend: u16) {
    let pick = usize::from(bend >> 5);
    let flip = |bytes: &mut Bytes| {
        let mut copy = bytes.to_vec();
        if let Some(at) = pick.checked_rem(copy.len()) {
            copy[at] ^= 1 << (bend & 7);
        }
        *bytes = copy.into();
    };
    match bend % 22 {
        0 => update.signed_header.signature[pick % 65] ^= 1,
        1 => update.signed_header.header.state_root.0[pick % 32] ^= 1,
        2 => update.signed_header.header.number ^= 1 << (pick % 64),
        3 => update.signed_header.header.parent_hash.0[pick % 32] ^= 1,
        4 => update.signed_header.extension.next_signer.0[pick % 20] ^= 1,
        5 => update.signed_header.header.timestamp ^= 1 << (pick % 64),
        6 => update.body = Body::Headers,
        bend @ 7..=10 => match &mut update.body {
            Body::Consistent { bal, nodes } => match bend {
                7 => flip(bal),
                8 => drop(nodes.pop()),
                9 => nodes.iter_mut().take(1 + pick % 4).for_each(flip),
                _ => nodes.clear(),
            },
            Body::Watch { watched, nodes } => match bend {
                7 => drop(watched.pop()),
                8 => drop(nodes.pop()),
                9 => nodes.iter_mut().take(1 + pick % 4).for_each(flip),
                _ => {
                    if let Some(Watched::Present { entry, .. }) = watched.first_mut() {
                        entry.balance_changes.clear();
                    }
                }
            },
            Body::Headers => {}
        },
        _ => {}
    }
}

pub(super) fn bend_response(response: &mut Response, bend: u16) {
    match response {
        Response::Transition(update) => bend_update(update, bend),
        Response::Headers(headers) => match bend % 12 {
            0 => headers.clear(),
            1 => drop(headers.pop()),
            2 => headers.reverse(),
            3 | 4 => {
                let at = usize::from(bend >> 4) % headers.len();
                headers[at].signature[3] ^= 1;
            }
            5 => {
                let at = usize::from(bend >> 4) % headers.len();
                headers[at].header.gas_used ^= 1;
            }
            _ => {}
        },
        Response::Head(signed) if bend.is_multiple_of(5) => {
            *signed = CHAIN.signed(u64::from(bend) % LENGTH + 1);
        }
        _ => {}
    }
}

fn play(mode: Mode, reorgs: Reorgs, steps: Vec<Step>) {
    let chain = &*CHAIN;
    let config = FollowerConfig {
        reorgs,
        poll_ms: 2_000,
        max_catch_up: 6,
        ..config(mode)
    };
    let mut world = World::new(chain, config);
    for id in [A, B, C] {
        world = world.with_node(id, silent());
    }
    let mut open: VecDeque<Want> = VecDeque::new();
    for step in steps {
        let now = world.now_ms;
        match step {
            Step::Announce { peer, number, bend } => {
                let mut update = chain.update(number, mode, &filter());
                bend_update(&mut update, bend);
                world.follower.on_update(PeerId(peer), update, now);
            }
            Step::Answer { bend } => {
                if let Some(want) = open.pop_front()
                    && let Ok(mut response) = chain.answer(&want.request)
                {
                    bend_response(&mut response, bend);
                    world
                        .follower
                        .on_response(want.id, want.peer, response, now);
                }
            }
            Step::Fail { code } => {
                if let Some(want) = open.pop_front() {
                    let code = code.then_some(FailureCode::NotFound);
                    world.follower.on_failure(want.id, want.peer, code, now);
                }
            }
            Step::Lose => drop(open.pop_front()),
            Step::Wait { ms } => world.now_ms += ms,
        }
        open.extend(world.follower.wanted(world.now_ms));
        check(&mut world, mode);
    }

    // Everybody tells the truth from now on.
    for id in [A, B, C] {
        world.nodes.insert(id, honest(chain));
    }
    world.pass(1_200_000, 20_000);
    check(&mut world, mode);
    assert_eq!(world.head(), LENGTH, "the truth wins: {:?}", world.faults());
}

/// What holds at every step: the head is a true block, on verified parents, at a level that was checked.
fn check(world: &mut World, mode: Mode) {
    world.collect();
    let follower = &world.follower;
    assert!(follower.halted().is_none(), "nobody equivocated");
    assert!(
        follower.conflict().is_none(),
        "the sequencer did not contradict itself"
    );
    for header in [follower.head(), follower.tip()] {
        assert_eq!(
            header.hash(),
            CHAIN.headers[header.number() as usize].hash()
        );
    }
    for number in 0..=LENGTH {
        let level = world.level_at(number);
        let most = if mode == Mode::Consistent {
            TrustLevel::Consistent
        } else {
            TrustLevel::Signed
        };
        assert!(level <= most);
        if let Some(said) = world.seen.get(&CHAIN.headers[number as usize].hash()) {
            assert_eq!(level, *said, "the level is the one that was announced");
        }
    }
    for event in world.events.drain(..) {
        if let Event::Verified(block) = event
            && let VerifiedBody::Consistent(transition) = &block.body
        {
            let truth = &CHAIN.blocks[block.header.number() as usize - 1].bal;
            assert_eq!(transition.bal().changes(), truth);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn headers_survive_chaos(steps in vec(step(), 0..120)) {
        play(Mode::Headers, Reorgs::Halt, steps);
    }

    #[test]
    fn watching_survives_chaos(steps in vec(step(), 0..120)) {
        play(Mode::Watch, Reorgs::Halt, steps);
    }

    #[test]
    fn consistency_survives_chaos(steps in vec(step(), 0..120)) {
        play(Mode::Consistent, Reorgs::Halt, steps);
    }

    #[test]
    fn following_branches_survives_chaos(steps in vec(step(), 0..120)) {
        play(Mode::Consistent, Reorgs::Follow, steps);
    }
}
