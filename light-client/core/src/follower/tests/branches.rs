//! A sequencer that signs two branches, nodes that serve either, lies, losses, and verdicts of whoever executes blocks, in any order: no level is ever above what was checked, and the
//! longer branch wins.

use super::{
    chaos::{bend_response, bend_update},
    *,
};
use crate::{
    fault::{FaultKind, Mismatch},
    tests::TestChain,
};
use proptest::{collection::vec, prelude::*};
use std::sync::LazyLock;

/// As long as the chain of `chaos`, of which this one's first branch is the same: what is bent there is told here too.
const LENGTH: u64 = 24;
const FORK: usize = 14;
const LONGER: u64 = 13;

/// The longer branch is the second.
static BRANCHES: LazyLock<[TestChain; 2]> = LazyLock::new(|| {
    let chain = TestChain::with_blocks(LENGTH);
    let mut branch = chain.fork(FORK);
    branch.extend(LONGER);
    [chain, branch]
});

#[derive(Clone, Debug)]
enum Step {
    /// A peer announces a block of a branch, bent as the number says.
    Announce {
        branch: bool,
        number: u64,
        bend: u16,
    },
    /// The oldest question in flight is answered from a branch, bent as the number says.
    Answer { branch: bool, bend: u16 },
    /// The oldest question in flight fails or is lost.
    Fail { code: Option<bool> },
    /// The driver says that it has executed a block.
    Execute { branch: bool, number: u64 },
    /// The driver says that a block is invalid.
    Invalid { branch: bool, number: u64 },
    /// Time passes.
    Wait { ms: u64 },
}

fn step(with_invalid: bool) -> impl Strategy<Value = Step> {
    let number = 1..=LENGTH;
    prop_oneof![
        6 => (any::<bool>(), number.clone(), any::<u16>())
            .prop_map(|(branch, number, bend)| Step::Announce { branch, number, bend }),
        6 => (any::<bool>(), any::<u16>()).prop_map(|(branch, bend)| Step::Answer { branch, bend }),
        1 => any::<Option<bool>>().prop_map(|code| Step::Fail { code }),
        3 => (any::<bool>(), number.clone())
            .prop_map(|(branch, number)| Step::Execute { branch, number }),
        u32::from(with_invalid) => (any::<bool>(), number)
            .prop_map(|(branch, number)| Step::Invalid { branch, number }),
        2 => (0..6_000_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

fn branch_of(branch: bool) -> &'static TestChain {
    &BRANCHES[usize::from(branch)]
}

/// What the driver has said, and the follower has taken.
#[derive(Default)]
struct Said {
    executed: Vec<B256>,
    /// The lowest block that is not valid, of the branch that was followed then.
    invalid: Option<(u64, B256)>,
}

fn play(mode: Mode, steps: Vec<Step>) {
    let config = FollowerConfig {
        reorgs: Reorgs::Follow,
        poll_ms: 2_000,
        max_catch_up: 6,
        ..config(mode)
    };
    let mut world = World::new(&BRANCHES[1], config);
    for id in [A, B, C] {
        world = world.with_node(id, silent());
    }
    let mut said = Said::default();
    let mut open: VecDeque<Want> = VecDeque::new();
    for step in steps {
        let now = world.now_ms;
        match step {
            Step::Announce {
                branch,
                number,
                bend,
            } => {
                let peer = if branch { C } else { A };
                let mut update = branch_of(branch).update(number, mode, &filter());
                bend_update(&mut update, bend);
                world.follower.on_update(peer, update, now);
            }
            Step::Answer { branch, bend } => {
                if let Some(want) = open.pop_front()
                    && let Ok(mut response) = branch_of(branch).answer(&want.request)
                {
                    bend_response(&mut response, bend);
                    world
                        .follower
                        .on_response(want.id, want.peer, response, now);
                }
            }
            Step::Fail { code } => {
                if let Some(want) = open.pop_front()
                    && let Some(code) = code
                {
                    let code = code.then_some(FailureCode::NotFound);
                    world.follower.on_failure(want.id, want.peer, code, now);
                }
            }
            Step::Execute { branch, number } => {
                let hash = branch_of(branch).headers[number as usize].hash();
                let before = world.follower.level(hash);
                if world.follower.note_executed(hash) {
                    assert!(before >= TrustLevel::Consistent, "executed from {before:?}");
                    said.executed.push(hash);
                } else {
                    assert_eq!(world.follower.level(hash), before, "nothing changes");
                }
            }
            Step::Invalid { branch, number } => {
                let hash = branch_of(branch).headers[number as usize].hash();
                // Nothing else is ever executed.
                if world.follower.level(hash) < TrustLevel::Consistent {
                    continue;
                }
                let mismatch = Mismatch::new("header.gas_used", 1_u64, 2_u64);
                let fault = Fault::new(FaultKind::InvalidExecution, mismatch).at(number, hash);
                if world.follower.note_invalid(fault) {
                    let found = (number, hash);
                    said.invalid = Some(said.invalid.map_or(found, |known| known.min(found)));
                }
            }
            Step::Wait { ms } => world.now_ms += ms,
        }
        open.extend(world.follower.wanted(world.now_ms));
        check(&mut world, mode, &mut said);
    }

    for (id, branch) in [(A, false), (B, true), (C, true)] {
        world.nodes.insert(id, honest(branch_of(branch)));
    }
    world.pass(1_200_000, 20_000);
    check(&mut world, mode, &mut said);
    if said.invalid.is_none() {
        let longest = BRANCHES[1].tip();
        assert_eq!(
            world.follower.head().hash(),
            longest.hash(),
            "the longer branch wins: {:?}",
            world.faults()
        );
    }
}

fn check(world: &mut World, mode: Mode, said: &mut Said) {
    world.collect();
    // A branch that is left takes its contradiction with it, also when it is taken again at once.
    for event in world.events.drain(..) {
        if let Event::Reorg {
            depth, old_head, ..
        } = event
        {
            let mut headers = BRANCHES.iter().flat_map(|chain| &chain.headers);
            let old = headers.find(|header| header.hash() == old_head);
            let ancestor = old.unwrap().number() - depth;
            said.invalid = said.invalid.filter(|(number, _)| *number <= ancestor);
        }
    }
    let follower = &world.follower;
    assert!(follower.halted().is_none(), "the policy is to go on");
    assert_eq!(
        follower.conflict().and_then(|fault| fault.number),
        said.invalid.map(|(number, _)| number)
    );
    let is_signed = |header: &VerifiedHeader| {
        let known = |chain: &TestChain| {
            let at = chain.headers.get(header.number() as usize);
            at.is_some_and(|known| known.hash() == header.hash())
        };
        BRANCHES.iter().any(known)
    };
    for header in [follower.head(), follower.tip()] {
        assert!(is_signed(header), "a block that nobody has signed");
    }
    for header in BRANCHES.iter().flat_map(|chain| &chain.headers[1..]) {
        let (hash, level) = (header.hash(), follower.level(header.hash()));
        if level == TrustLevel::Executed {
            assert!(said.executed.contains(&hash), "executed by nobody");
            let is_on_branch = follower
                .header_by_number(header.number())
                .is_some_and(|canonical| canonical.hash() == hash);
            let is_below = said.invalid.is_none_or(|(from, _)| header.number() < from);
            assert!(is_below || !is_on_branch, "it stands on an invalid block");
        }
        if level >= TrustLevel::Consistent {
            assert_eq!(mode, Mode::Consistent);
            assert_eq!(
                world.seen.get(&hash),
                Some(&TrustLevel::Consistent),
                "consistent, and never said so"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn two_branches_and_executions_in_any_order_keep_every_level_true(steps in vec(step(false), 0..100)) {
        play(Mode::Consistent, steps);
    }

    #[test]
    fn verdicts_against_blocks_in_any_order_leave_nothing_executed_above_them(steps in vec(step(true), 0..100)) {
        play(Mode::Consistent, steps);
    }

    #[test]
    fn watching_two_branches_never_claims_more_than_signed(steps in vec(step(true), 0..100)) {
        play(Mode::Watch, steps);
    }
}
