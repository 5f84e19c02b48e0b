//! Imports blocks: executes each over the whole state, then checks it again from its access list and witness alone.

use std::collections::BTreeMap;

use alloy_consensus::Header;
use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256, map::B256Map};
use sidelight_core::state::{Account, PartialState};
use sidelight_executor::{
    Ancestor, BlockError, ChainSpec, DecodedBlock, ExecutionWitness, Recorded, Rule, decode_block,
    execute_block, request_contracts, verify_body, verify_execution, verify_header_rules,
    verify_outcome,
};

use super::{
    fixture::State,
    world::{Reader, World},
};
use crate::{
    mutations::{Chain as Rules, Subject, Tally, attack},
    suites::Failure,
};

/// `BLOCKHASH` reaches this far.
const ANCESTORS: usize = 256;

/// Why a block was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportError {
    /// By the rules.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The parent is not known.
    #[error("unknown parent {0}")]
    UnknownParent(B256),
    /// A valid block that a check from the access list and the witness refuses: a fault of ours.
    #[error("{level}: {reason}")]
    Recheck {
        /// The trust level.
        level: &'static str,
        /// Why.
        reason: String,
    },
}

struct Stored {
    header: Header,
    ommers: Vec<Header>,
    total_difficulty: U256,
}

/// Blocks and their states.
pub(super) struct Chain {
    spec: ChainSpec,
    world: World,
    blocks: B256Map<Stored>,
    head: B256,
    /// Where attacks on each valid block are counted, if there are any.
    attacks: Option<Tally>,
}

impl Chain {
    /// A chain with this genesis; the state must have the header's root.
    pub(super) fn new(
        spec: ChainSpec,
        header: Header,
        pre: &BTreeMap<Address, State>,
    ) -> Result<Self, Failure> {
        let mut world = World::default();
        let mut state = PartialState::empty();
        for (address, given) in pre {
            let code_hash = keccak256(&given.code);
            world.codes.insert(code_hash, given.code.clone());
            let account = Account {
                nonce: given.nonce.saturating_to(),
                balance: given.balance,
                code_hash,
                ..Account::default()
            };
            let storage: Vec<_> = given.storage.iter().map(|(k, v)| (*k, *v)).collect();
            state.put_account(*address, &account, &storage)?;
        }
        let root = state.root_with(|hash, rlp| {
            world.nodes.insert(hash, Bytes::copy_from_slice(rlp));
        });
        super::expect_eq("genesis state root", header.state_root, root)?;
        let head = header.hash_slow();
        let genesis = Stored {
            total_difficulty: header.difficulty,
            header,
            ommers: Vec::new(),
        };
        Ok(Self {
            spec,
            world,
            blocks: B256Map::from_iter([(head, genesis)]),
            head,
            attacks: None,
        })
    }

    /// Attacks each valid block from now on.
    pub(super) fn attack(&mut self) {
        self.attacks = Some(Tally::default());
    }

    /// What was tried.
    pub(super) fn attacks(&mut self) -> Tally {
        self.attacks.take().unwrap_or_default()
    }

    /// The hash of the head.
    pub(super) const fn head(&self) -> B256 {
        self.head
    }

    /// The state root of the head.
    pub(super) fn head_root(&self) -> B256 {
        let head = self.blocks.get(&self.head);
        head.map_or(B256::ZERO, |stored| stored.header.state_root)
    }

    /// An account of the head's state, with its code.
    pub(super) fn account(&self, address: Address) -> Result<(Account, Bytes), Failure> {
        let mut state = PartialState::from_root(self.head_root());
        state.reveal_reads_with(|hash| self.world.node(hash), &[(address, Vec::new())])?;
        let account = state
            .account(address)?
            .ok_or_else(|| Failure::Failed(format!("account {address} does not exist")))?;
        let code = self.world.codes.get(&account.code_hash);
        Ok((account, code.cloned().unwrap_or_default()))
    }

    /// A slot of the head's state.
    pub(super) fn storage(&self, address: Address, slot: U256) -> Result<U256, Failure> {
        let mut state = PartialState::from_root(self.head_root());
        state.reveal_reads_with(|hash| self.world.node(hash), &[(address, vec![slot])])?;
        Ok(state.storage(address, slot)?)
    }

    /// Takes a block whose parent is known.
    pub(super) fn import(&mut self, rlp: &[u8]) -> Result<(), ImportError> {
        let decoded = decode_block(rlp)?;
        let header = &decoded.block.header;
        let parent_hash = header.parent_hash;
        let Some(parent) = self.blocks.get(&parent_hash) else {
            return Err(ImportError::UnknownParent(parent_hash));
        };
        verify_header_rules(&self.spec, header, &parent.header, parent_hash)?;
        let lineage = self.lineage(parent_hash);
        let ancestors: Vec<Ancestor<'_>> = lineage
            .iter()
            .map(|(hash, stored)| Ancestor {
                header: &stored.header,
                hash: *hash,
                ommers: &stored.ommers,
            })
            .collect();
        let body = verify_body(&self.spec, &decoded, &ancestors);
        let is_root = |error: &BlockError| error.rule() == Some(Rule::TransactionsRoot);
        let body = match body {
            Err(error) if is_root(&error) => Err(error),
            checked => Ok(checked?),
        };

        let hashes: Vec<B256> = lineage.iter().map(|(hash, _)| *hash).collect();
        let root = parent.header.state_root;
        let mut reader =
            Recorded::new(Reader::new(&self.world, root, parent.header.number, hashes));
        // Fixtures with an invalid transaction have the root of a block without it, and want the transaction's fault.
        let rules = self.spec.account_rules(header.number, header.timestamp);
        let lookup = |hash: &B256| self.world.node(hash);
        let mut between = Vec::new();
        let mut roots = |changes: &[AccountChanges]| {
            let mut state = PartialState::from_root(root);
            let nodes = state.apply_executed_with(lookup, changes, &[], &rules)?;
            between.extend(nodes.into_iter().map(|(_, node)| node));
            Ok(state.root())
        };
        let executed = execute_block(&self.spec, &decoded, &mut reader, None, &mut roots)?;
        body?;
        let (codes_read, oldest_read) = (reader.codes(), reader.oldest_block());

        let mut after = PartialState::from_root(root);
        let looked_at = request_contracts(&self.spec, header);
        let state = after
            .apply_executed_with(lookup, &executed.bal, looked_at, &rules)
            .map_err(BlockError::Trie)?;
        let mut state: Vec<Bytes> = state.into_iter().map(|(_, node)| node).collect();
        // Roots between transactions may need nodes that the whole block does not.
        for node in between {
            if !state.contains(&node) {
                state.push(node);
            }
        }
        let mut nodes = Vec::new();
        let root_after =
            after.root_with(|hash, rlp| nodes.push((hash, Bytes::copy_from_slice(rlp))));
        verify_outcome(header, &executed, root_after)?;

        let codes = codes_read
            .iter()
            .filter_map(|hash| self.world.codes.get(hash));
        let mut codes: Vec<Bytes> = codes.cloned().collect();
        codes.sort_unstable();
        let headers = lineage
            .iter()
            // The hash of a block stands in the header after it.
            .take_while(|(_, stored)| {
                oldest_read.is_some_and(|oldest| stored.header.number > oldest)
            })
            .map(|(_, stored)| Bytes::from(alloy_rlp::encode(&stored.header)));
        let mut headers: Vec<Bytes> = headers.collect();
        headers.reverse();
        let witness = ExecutionWitness {
            state,
            codes,
            headers,
        };
        self.recheck(
            &decoded,
            &parent.header,
            parent_hash,
            &executed.bal,
            &witness,
        )?;

        let parent = parent.header.clone();
        let total_difficulty = self.total_difficulty(parent_hash, header);
        let decoded = self.defend(decoded, parent, parent_hash, &executed.bal, witness)?;
        for change in &executed.bal {
            if let Some(code) = change.code_post_state() {
                self.world.codes.insert(keccak256(code), code.clone());
            }
        }
        self.world.nodes.extend(nodes);
        self.adopt(decoded, total_difficulty);
        Ok(())
    }

    fn total_difficulty(&self, parent: B256, header: &Header) -> U256 {
        let before = self.blocks.get(&parent);
        let before = before.map_or(U256::ZERO, |parent| parent.total_difficulty);
        before.saturating_add(header.difficulty)
    }

    /// Attacks a valid block, if that was asked for.
    fn defend(
        &mut self,
        decoded: DecodedBlock,
        parent: Header,
        parent_hash: B256,
        bal: &[AccountChanges],
        witness: ExecutionWitness,
    ) -> Result<DecodedBlock, ImportError> {
        let Some(tally) = &mut self.attacks else {
            return Ok(decoded);
        };
        let subject = Subject {
            spec: self.spec.clone(),
            chain: Rules::Ethereum,
            parent,
            parent_hash,
            decoded,
            bal: bal.to_vec(),
            witness,
        };
        match attack(&subject, tally).as_slice() {
            [] => Ok(subject.decoded),
            survivors => Err(ImportError::Recheck {
                level: "survived",
                reason: survivors.join("; "),
            }),
        }
    }

    /// Checks a block at `consistent` and at `executed`, from what a peer would send.
    fn recheck(
        &self,
        decoded: &DecodedBlock,
        parent: &Header,
        parent_hash: B256,
        bal: &[AccountChanges],
        witness: &ExecutionWitness,
    ) -> Result<(), ImportError> {
        let refuse = |level, reason: String| Err(ImportError::Recheck { level, reason });
        let header = &decoded.block.header;
        let mut sent = PartialState::from_root(parent.state_root);
        let rules = self.spec.account_rules(header.number, header.timestamp);
        let lookup = |hash: &B256| self.world.node(hash);
        let nodes = match sent.apply_with_under(lookup, bal, &rules) {
            Ok(nodes) => nodes,
            Err(error) => return refuse("consistent", error.to_string()),
        };
        let mut state = PartialState::from_root(parent.state_root);
        if let Err(error) = state
            .reveal(&nodes)
            .and_then(|()| state.apply_under(bal, &rules))
        {
            return refuse("consistent", error.to_string());
        }
        let root = state.root();
        if root != header.state_root {
            let (expected, got) = (header.state_root, root);
            return refuse(
                "consistent",
                format!("root: expected {expected}, got {got}"),
            );
        }
        let known = PartialState::from_root(parent.state_root);
        match verify_execution(
            &self.spec,
            parent,
            parent_hash,
            decoded,
            bal,
            witness,
            known,
        ) {
            Ok(_) => Ok(()),
            Err(error) => refuse("executed", error.to_string()),
        }
    }

    /// A block and those before it, the newest first.
    fn lineage(&self, from: B256) -> Vec<(B256, &Stored)> {
        let mut hash = from;
        let mut lineage = Vec::new();
        while lineage.len() < ANCESTORS
            && let Some(stored) = self.blocks.get(&hash)
        {
            lineage.push((hash, stored));
            hash = stored.header.parent_hash;
        }
        lineage
    }

    /// Before Paris the heaviest chain is followed; after it, the chain that was imported last.
    fn adopt(&mut self, decoded: DecodedBlock, total_difficulty: U256) {
        let DecodedBlock { block, hash, .. } = decoded;
        let head = self.blocks.get(&self.head);
        let heaviest = head.map_or(U256::ZERO, |head| head.total_difficulty);
        if block.header.difficulty.is_zero() || total_difficulty > heaviest {
            self.head = hash;
        }
        let stored = Stored {
            header: block.header,
            ommers: block.body.ommers,
            total_difficulty,
        };
        self.blocks.insert(hash, stored);
    }
}
