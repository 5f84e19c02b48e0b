//! `BlockchainTests`: chains of blocks, valid and invalid, from a genesis state.
//!
//! Each valid block is executed over the whole state, which gives its access list and witness; then it is checked from these alone, at `consistent` and at `executed`. An invalid
//! block must be refused for a reason of the class that the fixture names.

mod chain;
mod class;
mod fixture;
mod world;

use alloy_primitives::U256;
use serde_json::Value;
use sidelight_executor::{ChainSpec, Fork};

use super::{Failure, Outcome, expect_eq};
use crate::mutations::Tally;
use chain::Chain;
use fixture::{Block, Fixture};

/// Runs a case.
pub(super) fn check(case: Value) -> Outcome {
    run(case, None)
}

/// Runs a case, and attacks every valid block of it.
pub(super) fn attack(case: Value) -> (Outcome, Tally) {
    let mut tally = Tally::default();
    let outcome = run(case, Some(&mut tally));
    (outcome, tally)
}

fn run(case: Value, tally: Option<&mut Tally>) -> Outcome {
    let fixture: Fixture = serde_json::from_value(case)?;
    let spec = spec_of(&fixture.network)?;
    let genesis = fixture.genesis_header()?;
    let mut chain = Chain::new(spec, genesis, &fixture.pre)?;
    if tally.is_some() {
        chain.attack();
    }
    let imported = import_all(&mut chain, &fixture);
    if let Some(tally) = tally {
        *tally = chain.attacks();
    }
    imported?;
    check_end(&mut chain, &fixture)
}

fn import_all(chain: &mut Chain, fixture: &Fixture) -> Outcome {
    for (at, block) in fixture.blocks.iter().enumerate() {
        import(chain, block).map_err(|failure| match failure {
            Failure::Failed(reason) => Failure::Failed(format!("block {at}: {reason}")),
            skipped @ Failure::Skipped(_) => skipped,
        })?;
    }
    Ok(())
}

fn import(chain: &mut Chain, block: &Block) -> Outcome {
    let exception = block.expect_exception.as_deref();
    match (chain.import(&block.rlp), exception) {
        (Ok(()), None) => Ok(()),
        (Ok(()), Some(exception)) => Err(format!("expected {exception}, got a valid block").into()),
        (Err(error), None) => Err(format!("expected a valid block, got: {error}").into()),
        (Err(error), Some(exception)) if class::covers(exception, &error) => Ok(()),
        (Err(error), Some(exception)) => {
            Err(format!("expected {exception}, got another reason: {error}").into())
        }
    }
}

/// The head, and the state that it leaves.
fn check_end(chain: &mut Chain, fixture: &Fixture) -> Outcome {
    expect_eq("head", fixture.lastblockhash, chain.head())?;
    if let Some(root) = fixture.post_state_hash {
        expect_eq("state root", root, chain.head_root())?;
    }
    for (address, expected) in fixture.post_state.iter().flatten() {
        let (account, code) = chain.account(*address)?;
        expect_eq("balance", expected.balance, account.balance)?;
        expect_eq("nonce", expected.nonce, U256::from(account.nonce))?;
        expect_eq("code", &expected.code, &code)?;
        for (slot, value) in &expected.storage {
            expect_eq("slot", *value, chain.storage(*address, *slot)?)?;
        }
    }
    Ok(())
}

/// The rules of a fork by its name in the suites.
pub(super) fn spec_of(network: &str) -> Result<ChainSpec, Failure> {
    let at = |fork| Ok(ChainSpec::from_genesis_at(fork, 1));
    match network {
        "Frontier" => at(Fork::Frontier),
        "Homestead" => at(Fork::Homestead),
        "EIP150" | "TangerineWhistle" => at(Fork::Tangerine),
        "EIP158" | "SpuriousDragon" => at(Fork::SpuriousDragon),
        "Byzantium" => at(Fork::Byzantium),
        "Constantinople" => at(Fork::Constantinople),
        "ConstantinopleFix" | "Petersburg" => at(Fork::Petersburg),
        "Istanbul" => at(Fork::Istanbul),
        "MuirGlacier" => at(Fork::MuirGlacier),
        "Berlin" => at(Fork::Berlin),
        "London" => at(Fork::London),
        "ArrowGlacier" => at(Fork::ArrowGlacier),
        "GrayGlacier" => at(Fork::GrayGlacier),
        "Merge" | "Paris" => at(Fork::Paris),
        "Shanghai" => at(Fork::Shanghai),
        "Cancun" => at(Fork::Cancun),
        "Prague" => at(Fork::Prague),
        "Osaka" => at(Fork::Osaka),
        other => Err(Failure::Skipped(format!("network {other} is not known"))),
    }
}
