//! A chain with real state and signatures, and an honest node that answers for it.

use super::{address_of, child, genesis_header, key};
use crate::{
    extension::Extension,
    header::{SignedHeader, VerifiedHeader, verify_header},
    merkle::{compute_accounts_root, prove_absence, prove_inclusion},
    rules::ChainRules,
    state::{Account, PartialState},
    wire::{Body, FailureCode, Filter, Mode, ProofResponse, Request, Response, Update, Watched},
};
use alloc::{vec, vec::Vec};
use alloy_consensus::{Header, constants::KECCAK_EMPTY};
use alloy_eip7928::{AccountChanges, BalanceChange, BlockAccessIndex, SlotChanges, StorageChange};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use std::collections::HashMap;

/// Accounts that exist in the genesis block: `account(0) .. account(ACCOUNTS)`.
pub(crate) const ACCOUNTS: u8 = 16;

/// The address of a test account.
pub(crate) fn account(seed: u8) -> Address {
    Address::from_slice(&keccak256([b'a', seed])[..20])
}

#[derive(Clone)]
pub(crate) struct Sealed {
    pub(crate) signed: SignedHeader,
    pub(crate) bal: Vec<AccountChanges>,
    pub(crate) raw: Bytes,
    /// Nodes of the parent's state that applying the list needs.
    pub(crate) witness: Vec<Bytes>,
}

/// Blocks on a genesis with [`ACCOUNTS`] accounts, signed by `key(1)` until [`TestChain::rotate`].
#[derive(Clone)]
pub(crate) struct TestChain {
    pub(crate) rules: ChainRules,
    /// By number, the genesis first.
    pub(crate) headers: Vec<VerifiedHeader>,
    /// By number minus one.
    pub(crate) blocks: Vec<Sealed>,
    /// Makes the blocks of two chains differ.
    pub(crate) salt: u8,
    signer: u8,
    nodes: HashMap<B256, Bytes>,
}

impl TestChain {
    pub(crate) fn new() -> Self {
        let mut nodes = HashMap::new();
        let mut state = PartialState::empty();
        for seed in 0..ACCOUNTS {
            let account_state = Account {
                balance: U256::from(1_000_000),
                code_hash: KECCAK_EMPTY,
                ..Account::default()
            };
            let slots: Vec<_> = (1..40_u64)
                .map(|slot| (U256::from(slot), U256::from(slot * 7)))
                .collect();
            state
                .put_account(account(seed), &account_state, &slots)
                .unwrap();
        }
        let root = state.root_with(|hash, rlp| {
            nodes.insert(hash, Bytes::copy_from_slice(rlp));
        });
        let header = genesis_header(root);
        let rules = ChainRules::dev(header.hash_slow(), address_of(&key(1)));
        let genesis = VerifiedHeader::genesis(header, &rules).unwrap();
        Self {
            rules,
            headers: vec![genesis],
            blocks: Vec::new(),
            salt: 0,
            signer: 1,
            nodes,
        }
    }

    /// `length` blocks with changes.
    pub(crate) fn with_blocks(length: u64) -> Self {
        let mut chain = Self::new();
        chain.extend(length);
        chain
    }

    pub(crate) fn extend(&mut self, length: u64) {
        for _ in 0..length {
            let number = self.tip().number() + 1;
            self.push(self.changes_for(number));
        }
    }

    /// The same chain up to block `number`, of which other blocks follow.
    pub(crate) fn fork(&self, number: usize) -> Self {
        let mut fork = self.clone();
        fork.headers.truncate(number + 1);
        fork.blocks.truncate(number);
        fork.salt += 1;
        fork
    }

    pub(crate) fn tip(&self) -> &VerifiedHeader {
        self.headers.last().unwrap()
    }

    /// Some changes that depend on the number only: a transfer, writes, new and deleted slots, a read.
    pub(crate) fn changes_for(&self, number: u64) -> Vec<AccountChanges> {
        let at = BlockAccessIndex::new(1);
        let byte = |shift: u64| ((number * 5 + shift) % u64::from(ACCOUNTS)) as u8;
        let mut changes: Vec<AccountChanges> = (0..3)
            .map(|i| {
                let mut entry = AccountChanges::new(account(byte(i)));
                let balance = U256::from(1_000_000 + number * 10 + i);
                entry.balance_changes.push(BalanceChange::new(at, balance));
                for slot in [number % 39 + 1, number % 39 + 100] {
                    let value = if slot % 3 == 0 {
                        U256::ZERO
                    } else {
                        U256::from(number + i)
                    };
                    let change = StorageChange::new(at, value);
                    entry
                        .storage_changes
                        .push(SlotChanges::new(U256::from(slot), vec![change]));
                }
                entry
            })
            .collect();
        let mut read = AccountChanges::new(account(byte(3)));
        read.storage_reads.push(U256::from(5));
        changes.push(read);
        changes.sort_by_key(|entry| entry.address);
        changes
    }

    /// The next block is signed by `key(seed)`.
    pub(crate) fn rotate(&mut self, seed: u8) {
        self.push_with(Vec::new(), |_, extension| {
            extension.next_signer = address_of(&key(seed))
        });
        self.signer = seed;
    }

    pub(crate) fn push_empty(&mut self) {
        self.push(Vec::new());
    }

    pub(crate) fn push(&mut self, bal: Vec<AccountChanges>) {
        self.push_with(bal, |_, _| {});
    }

    /// A block whose header is edited before it is signed.
    pub(crate) fn push_with(
        &mut self,
        bal: Vec<AccountChanges>,
        edit: impl FnOnce(&mut Header, &mut Extension),
    ) {
        let mut raw = Vec::new();
        alloy_rlp::encode_list(&bal, &mut raw);
        let mut state = PartialState::from_root(self.tip().state_root());
        let witness = state
            .apply_with(|hash| self.nodes.get(hash).cloned(), &bal)
            .unwrap();
        let root = state.root_with(|hash, rlp| {
            self.nodes.insert(hash, Bytes::copy_from_slice(rlp));
        });
        let signed = child(
            self.tip(),
            &self.rules,
            &key(self.signer),
            |header, extension| {
                header.state_root = root;
                header.block_access_list_hash = Some(keccak256(&raw));
                header.mix_hash = B256::repeat_byte(self.salt);
                extension.accounts_root = compute_accounts_root(&bal);
                edit(header, extension);
            },
        );
        let now = self.now_s() + 10;
        let header = verify_header(&signed, self.tip(), &self.rules, now).unwrap();
        self.headers.push(header);
        self.blocks.push(Sealed {
            signed,
            bal,
            raw: raw.into(),
            witness,
        });
    }

    /// A time shortly after the tip, in seconds.
    pub(crate) fn now_s(&self) -> u64 {
        self.tip().timestamp() + 1
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_s() * 1_000
    }

    pub(crate) fn signed(&self, number: u64) -> SignedHeader {
        self.blocks[number as usize - 1].signed.clone()
    }

    pub(crate) fn headers_update(&self, number: u64) -> Update {
        Update {
            signed_header: self.signed(number),
            body: Body::Headers,
        }
    }

    pub(crate) fn consistent_update(&self, number: u64) -> Update {
        let Sealed {
            signed,
            raw,
            witness,
            ..
        } = self.blocks[number as usize - 1].clone();
        Update {
            signed_header: signed,
            body: Body::Consistent {
                bal: raw,
                nodes: witness,
            },
        }
    }

    pub(crate) fn watch_update(&self, number: u64, filter: &Filter) -> Update {
        let Sealed { signed, bal, .. } = self.blocks[number as usize - 1].clone();
        let mut reads = Vec::new();
        let watched = filter.accounts().iter().map(|wanted| {
            let place = bal.binary_search_by_key(&wanted.address, |entry| entry.address);
            match place {
                Ok(index) => {
                    if bal[index].has_changes() {
                        reads.push((wanted.address, wanted.slots.clone()));
                    }
                    let proof = prove_inclusion(&bal, index).unwrap();
                    Watched::Present {
                        entry: bal[index].clone(),
                        proof,
                    }
                }
                Err(_) => {
                    let proof = prove_absence(&bal, wanted.address).unwrap();
                    Watched::Absent {
                        address: wanted.address,
                        proof,
                    }
                }
            }
        });
        let watched: Vec<_> = watched.collect();
        let nodes = self.multiproof(signed.header.state_root, &reads);
        Update {
            signed_header: signed,
            body: Body::Watch { watched, nodes },
        }
    }

    pub(crate) fn update(&self, number: u64, mode: Mode, filter: &Filter) -> Update {
        match mode {
            Mode::Headers => self.headers_update(number),
            Mode::Watch => self.watch_update(number, filter),
            Mode::Consistent => self.consistent_update(number),
        }
    }

    pub(crate) fn multiproof(&self, root: B256, reads: &[(Address, Vec<U256>)]) -> Vec<Bytes> {
        let mut state = PartialState::from_root(root);
        state
            .reveal_reads_with(|hash| self.nodes.get(hash).cloned(), reads)
            .unwrap()
    }

    /// What an honest node answers.
    pub(crate) fn answer(&self, request: &Request) -> Result<Response, FailureCode> {
        let by_hash = |hash: B256| {
            let place = self.headers.iter().position(|header| header.hash() == hash);
            place
                .map(|number| number as u64)
                .filter(|number| *number > 0)
        };
        match request {
            Request::Head => match self.blocks.last() {
                Some(block) => Ok(Response::Head(block.signed.clone())),
                None => Err(FailureCode::NotFound),
            },
            Request::Headers { start, count } => {
                let first = start.checked_sub(1).ok_or(FailureCode::NotFound)? as usize;
                let last = (first + *count as usize).min(self.blocks.len());
                let blocks = self
                    .blocks
                    .get(first..last)
                    .filter(|blocks| !blocks.is_empty());
                let blocks = blocks.ok_or(FailureCode::NotFound)?;
                Ok(Response::Headers(
                    blocks.iter().map(|block| block.signed.clone()).collect(),
                ))
            }
            Request::Transition {
                block_hash,
                mode,
                filter,
            } => {
                let number = by_hash(*block_hash).ok_or(FailureCode::NotFound)?;
                Ok(Response::Transition(self.update(number, *mode, filter)))
            }
            Request::Proof { .. } => Ok(Response::Proof(ProofResponse::default())),
            _ => Err(FailureCode::NotSupported),
        }
    }
}
