//! Attacks of our own on blocks that others, or seeded chains, have made: each valid block is changed in one thing at a time, and each change must be refused for a reason of the right
//! class. Changes that must not matter must not.
//!
//! ```text
//!  Subject: a valid block, its parent, access list, witness
//!     |--- header    each field                      --> the rule of that field
//!     |--- list      order, doubles, no-ops, kinds   --> the block's fault
//!     |--- body      transactions, signatures        --> the block's fault, or the sender's where the header does not commit to it
//!     |--- witness   nodes, codes, ancestors         --> the sender's fault
//!     +--- message   what carries the input          --> refused before it is inflated
//! ```

mod body;
mod header;
mod list;
mod message;
mod witness;

use std::collections::BTreeMap;

use alloy_consensus::Header;
use alloy_eip7928::AccountChanges;
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes, keccak256};
use sidelight_core::state::PartialState;
use sidelight_executor::{
    BlockError, ChainSpec, DecodedBlock, ExecutionInput, ExecutionWitness, InputError, Rule,
    full_input, verify_execution, verify_input,
};

/// How many mutants each class has had.
pub type Tally = BTreeMap<&'static str, u64>;

/// Most mutants of one kind in one block: of a witness of a thousand nodes, a few from all over it.
const SAMPLES: usize = 6;
/// Blocks with more gas than this are executed for a few mutants of each class only.
const HEAVY_GAS: u64 = 3_000_000;

/// Whose header rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Ethereum's; the header does not commit to the access list.
    Ethereum,
    /// A Sidelight chain's, whose header rules and signatures the caller checks; the header commits to the access list.
    Sidelight,
}

/// A valid block with everything that executing it takes.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The chain's rules.
    pub spec: ChainSpec,
    /// Whose header rules hold.
    pub chain: Chain,
    /// The header before.
    pub parent: Header,
    /// Its hash.
    pub parent_hash: B256,
    /// The block.
    pub decoded: DecodedBlock,
    /// Its access list.
    pub bal: Vec<AccountChanges>,
    /// What it reads.
    pub witness: ExecutionWitness,
}

/// What must come of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// It breaks this rule.
    Breaks(Rule),
    /// The block is not valid, whoever sent it.
    BlockInvalid,
    /// The sender is to blame; nothing is known of the block.
    SenderAtFault,
    /// Refused, and which of the two depends on what the change makes of the execution.
    Refused,
    /// Nothing is wrong.
    Valid,
    /// It may change nothing that execution sees; if it does, it is refused.
    ValidOrRefused,
}

/// Mutants of one block, and what became of them.
struct Trial<'a> {
    subject: &'a Subject,
    tally: &'a mut Tally,
    survivors: Vec<String>,
}

impl Trial<'_> {
    /// Changes one thing, and holds the outcome against what is expected. A change that changes nothing is not counted.
    fn try_one(
        &mut self,
        class: &'static str,
        expected: Expected,
        mutate: impl FnOnce(&mut Subject),
    ) {
        let mut mutant = self.subject.clone();
        mutate(&mut mutant);
        if mutant.is_as(self.subject) {
            return;
        }
        let outcome = mutant.judge();
        let is_right = match (&outcome, expected) {
            (Ok(()), Expected::Valid | Expected::ValidOrRefused) => true,
            (Err(InputError::Block(BlockError::Rule(broken))), Expected::Breaks(rule)) => {
                broken.rule == rule
            }
            (Err(error), Expected::BlockInvalid) => error.is_block_invalid(),
            (Err(error), Expected::SenderAtFault) => !error.is_block_invalid(),
            (Err(_), Expected::Refused | Expected::ValidOrRefused) => true,
            _ => false,
        };
        self.count(class);
        if !is_right {
            let got = match outcome {
                Ok(()) => "it is valid".to_owned(),
                Err(error) => format!("{error} ({error:?})"),
            };
            self.survive(class, &format!("expected {expected:?}, got: {got}"));
        }
    }

    fn count(&mut self, class: &'static str) {
        *self.tally.entry(class).or_default() += 1;
    }

    fn survive(&mut self, class: &str, reason: &str) {
        self.survivors.push(format!("{class}: {reason}"));
    }

    /// Some of `0..count`, the first and the last among them.
    fn sample(&self, count: usize) -> impl Iterator<Item = usize> + use<> {
        let most = match self.subject.decoded.block.header.gas_used {
            0..=HEAVY_GAS => SAMPLES,
            _ => 2,
        };
        let step = count.div_ceil(most).max(1);
        (0..count).rev().step_by(step)
    }
}

impl Subject {
    fn is_as(&self, other: &Self) -> bool {
        self.decoded.block == other.decoded.block
            && self.bal == other.bal
            && self.witness == other.witness
    }

    /// Executes the block, as a client does that has verified the parent.
    fn judge(&self) -> Result<(), InputError> {
        let known = PartialState::from_root(self.parent.state_root);
        match self.chain {
            Chain::Ethereum => verify_execution(
                &self.spec,
                &self.parent,
                self.parent_hash,
                &self.decoded,
                &self.bal,
                &self.witness,
                known,
            )
            .map(drop)
            .map_err(InputError::Block),
            Chain::Sidelight => {
                let input = self.input();
                let mut header = self.decoded.block.header.clone();
                header.block_access_list_hash = Some(keccak256(&input.bal));
                verify_input(&self.spec, &self.parent, &header, input, known).map(drop)
            }
        }
    }

    /// What a node sends so that the block can be executed.
    fn input(&self) -> ExecutionInput {
        let transactions = self.decoded.block.body.transactions.iter();
        full_input(
            alloy_rlp::encode(&self.bal).into(),
            transactions
                .map(|transaction| Bytes::from(transaction.encoded_2718()))
                .collect(),
            self.witness.clone(),
        )
    }
}

/// Attacks one block. Counts what it tried and returns what was not refused as it should be.
#[must_use]
pub fn attack(subject: &Subject, tally: &mut Tally) -> Vec<String> {
    let mut trial = Trial {
        subject,
        tally,
        survivors: Vec::new(),
    };
    if let Err(error) = subject.judge() {
        trial.survive("unchanged", &error.to_string());
        return trial.survivors;
    }
    header::attack(&mut trial);
    list::attack(&mut trial);
    body::attack(&mut trial);
    witness::attack(&mut trial);
    message::attack(&mut trial);
    trial.survivors
}
