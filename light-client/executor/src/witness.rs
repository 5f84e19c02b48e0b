//! Execution from a witness alone: everything that the block reads is proven against the parent's state root.

use alloy_consensus::Header;
use alloy_eip7928::AccountChanges;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256, map::B256Map};
use revm::{
    Database,
    database_interface::DBErrorMarker,
    state::{AccountInfo, Bytecode},
};
use sidelight_core::{
    execution::MAX_ANCESTORS,
    limits::{MAX_CODE_BYTES, MAX_WITNESS_NODES},
    state::{PartialState, StateError},
};

use crate::{
    account::account_info,
    block::DecodedBlock,
    body::verify_body,
    error::BlockError,
    execute::{Executed, execute_block},
    header::verify_header_rules,
    outcome::verify_outcome,
    spec::ChainSpec,
};

/// What a block's execution needs of the state before it. The names are those of `debug_executionWitness`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecutionWitness {
    /// Trie nodes: of every account and slot that the access list names, and the siblings that deletions need. Depth first, an account's storage after its leaf.
    pub state: Vec<Bytes>,
    /// Contract codes, sorted.
    pub codes: Vec<Bytes>,
    /// Ancestors in RLP, ascending, down to the oldest that `BLOCKHASH` asked for. The parent is the last; none if no hash before the parent's was asked for.
    pub headers: Vec<Bytes>,
}

/// What is wrong with a witness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// More than any block needs.
    #[error("{what}: at most {expected}, got {got}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// Most.
        expected: usize,
        /// How many.
        got: usize,
    },
    /// A node does not fit, or one that is needed is not there.
    #[error(transparent)]
    State(#[from] StateError),
    /// A code that an account has is not there.
    #[error("code {hash} is missing")]
    MissingCode {
        /// Its hash.
        hash: B256,
    },
    /// A code that nothing asked for, or one twice.
    #[error("code {hash} was not needed")]
    UnusedCode {
        /// Its hash.
        hash: B256,
    },
    /// The hash of a block was asked for that is not among the ancestors.
    #[error("the header of block {number} is missing")]
    MissingHeader {
        /// Its number.
        number: u64,
    },
    /// A header that does not lead to the parent, or that nothing asked for.
    #[error("ancestor header: expected {expected}, got {got}")]
    Header {
        /// Hash of the header that should be here.
        expected: B256,
        /// Hash of the one that is.
        got: B256,
    },
    /// Headers that nothing asked for.
    #[error("{got} ancestor headers, {expected} are needed")]
    UnusedHeaders {
        /// Needed.
        expected: usize,
        /// There.
        got: usize,
    },
    /// A header that does not decode.
    #[error("ancestor header: {0}")]
    Decode(alloy_rlp::Error),
}

impl WitnessError {
    /// Whether something is only missing.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        match self {
            Self::State(error) => error.is_incomplete(),
            Self::MissingCode { .. } | Self::MissingHeader { .. } => true,
            _ => false,
        }
    }
}

impl DBErrorMarker for WitnessError {}

/// A block whose execution was repeated from a witness. Who signed it is another check.
#[derive(Clone, Debug)]
#[must_use]
pub struct VerifiedExecution {
    executed: Executed,
    state: PartialState,
}

impl VerifiedExecution {
    /// Receipts, senders and the rest.
    #[must_use]
    pub const fn executed(&self) -> &Executed {
        &self.executed
    }

    /// The part of the state after the block that the witness showed.
    #[must_use]
    pub fn into_state(self) -> PartialState {
        self.state
    }
}

/// Executes a block from a witness and checks everything that its header says: rules against the parent, body, transactions, receipts, gas, requests and state root, and that the
/// access list that execution gives is byte for byte the one that came with the block.
///
/// `known` is what the caller knows of the state after the parent; with `PartialState::from_root` the witness must be complete. Ommers are not looked for in the ancestors.
pub fn verify_execution(
    spec: &ChainSpec,
    parent: &Header,
    parent_hash: B256,
    decoded: &DecodedBlock,
    bal: &[AccountChanges],
    witness: &ExecutionWitness,
    known: PartialState,
) -> Result<VerifiedExecution, BlockError> {
    verify_header_rules(spec, &decoded.block.header, parent, parent_hash)?;
    verify_witnessed(spec, parent, parent_hash, decoded, bal, witness, known)
}

/// As [`verify_execution`], of a header that the caller has checked against its parent by the chain's own rules.
pub(crate) fn verify_witnessed(
    spec: &ChainSpec,
    parent: &Header,
    parent_hash: B256,
    decoded: &DecodedBlock,
    bal: &[AccountChanges],
    witness: &ExecutionWitness,
    known: PartialState,
) -> Result<VerifiedExecution, BlockError> {
    let header = &decoded.block.header;
    verify_body(spec, decoded, &[])?;
    let mut db = WitnessDb::open(known, parent, parent_hash, witness)?;
    let rules = spec.account_rules(header.number, header.timestamp);
    let before = db.state.clone();
    let mut roots = |changes: &[AccountChanges]| {
        let mut state = before.clone();
        state.apply_under(changes, &rules)?;
        Ok(state.root())
    };
    let executed = execute_block(spec, decoded, &mut db, Some(bal), &mut roots);
    // What the witness does not show is nobody's fault but the sender's, whatever it made of the execution.
    if let Some(error) = db.failed.take() {
        return Err(error.into());
    }
    let executed = executed?;
    let (expected, got) = (hash_bal(bal), hash_bal(&executed.bal));
    if expected != got {
        return Err(BlockError::AccessList { expected, got });
    }
    let mut state = db.finish()?;
    state.apply_under(&executed.bal, &rules)?;
    let root = state.root();
    verify_outcome(header, &executed, root)?;
    Ok(VerifiedExecution { executed, state })
}

fn hash_bal(bal: &[AccountChanges]) -> B256 {
    let mut raw = Vec::new();
    alloy_rlp::encode_list(bal, &mut raw);
    keccak256(raw)
}

/// The witness as revm's database. Three outcomes for each read: a value, proven absent, or an error.
#[derive(Debug)]
struct WitnessDb {
    state: PartialState,
    codes: B256Map<Code>,
    parent: u64,
    /// Hashes of the ancestors, the parent's first.
    hashes: Vec<B256>,
    /// How many of them were asked for.
    hashes_used: usize,
    headers: usize,
    /// The first read that the witness does not answer.
    failed: Option<WitnessError>,
}

#[derive(Debug)]
struct Code {
    bytes: Bytecode,
    used: bool,
}

impl WitnessDb {
    fn open(
        mut state: PartialState,
        parent: &Header,
        parent_hash: B256,
        witness: &ExecutionWitness,
    ) -> Result<Self, WitnessError> {
        check_count("nodes", MAX_WITNESS_NODES, witness.state.len())?;
        check_count("codes", MAX_WITNESS_NODES, witness.codes.len())?;
        check_count("headers", MAX_ANCESTORS, witness.headers.len())?;
        state.reveal(&witness.state)?;
        let mut codes = B256Map::default();
        for code in &witness.codes {
            check_count("bytes of code", MAX_CODE_BYTES, code.len())?;
            let hash = keccak256(code);
            // Bytes that begin like an EIP-7702 designation but are none can only be code from before that rule.
            let bytes = Bytecode::new_raw_checked(code.clone())
                .unwrap_or_else(|_| Bytecode::new_legacy(code.clone()));
            let code = Code { bytes, used: false };
            if codes.insert(hash, code).is_some() {
                return Err(WitnessError::UnusedCode { hash });
            }
        }
        Ok(Self {
            state,
            codes,
            parent: parent.number,
            hashes: link_headers(&witness.headers, parent_hash)?,
            hashes_used: 0,
            headers: witness.headers.len(),
            failed: None,
        })
    }

    /// Remembers the first read that failed: on its way through the machine an error may lose its kind.
    fn note<T>(&mut self, read: Result<T, WitnessError>) -> Result<T, WitnessError> {
        if let Err(error) = &read {
            self.failed.get_or_insert_with(|| error.clone());
        }
        read
    }

    /// The state, once it is clear that the witness held nothing that was not needed.
    fn finish(self) -> Result<PartialState, WitnessError> {
        if let Some((hash, _)) = self.codes.iter().find(|(_, code)| !code.used) {
            return Err(WitnessError::UnusedCode { hash: *hash });
        }
        // The hash of the parent stands in the block, and each header holds that of the one before.
        let expected = self.hashes_used.saturating_sub(1);
        if self.headers != expected {
            return Err(WitnessError::UnusedHeaders {
                expected,
                got: self.headers,
            });
        }
        Ok(self.state)
    }
}

fn check_count(what: &'static str, expected: usize, got: usize) -> Result<(), WitnessError> {
    if got <= expected {
        return Ok(());
    }
    Err(WitnessError::TooMany {
        what,
        expected,
        got,
    })
}

/// Hashes of the ancestors, the parent's first, from headers that end with the parent.
fn link_headers(headers: &[Bytes], parent_hash: B256) -> Result<Vec<B256>, WitnessError> {
    let mut hashes = vec![parent_hash];
    let mut expected = parent_hash;
    for rlp in headers.iter().rev() {
        let got = keccak256(rlp);
        if got != expected {
            return Err(WitnessError::Header { expected, got });
        }
        let mut rest = rlp.as_ref();
        let header =
            <Header as alloy_rlp::Decodable>::decode(&mut rest).map_err(WitnessError::Decode)?;
        expected = header.parent_hash;
        hashes.push(expected);
    }
    Ok(hashes)
}

impl Database for WitnessDb {
    type Error = WitnessError;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, WitnessError> {
        let account = self.state.account(address);
        let account = self.note(account.map_err(WitnessError::State))?;
        Ok(account.as_ref().map(account_info))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, WitnessError> {
        if hash == KECCAK256_EMPTY || hash.is_zero() {
            return Ok(Bytecode::default());
        }
        let code = self.codes.get_mut(&hash).map(|code| {
            code.used = true;
            code.bytes.clone()
        });
        self.note(code.ok_or(WitnessError::MissingCode { hash }))
    }

    fn storage(&mut self, address: Address, slot: U256) -> Result<U256, WitnessError> {
        let value = self.state.storage(address, slot);
        self.note(value.map_err(WitnessError::State))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, WitnessError> {
        let back = self.parent.checked_sub(number);
        let back = back.and_then(|back| usize::try_from(back).ok());
        let hash = back.and_then(|back| self.hashes.get(back).copied());
        if let Some(back) = back {
            self.hashes_used = self.hashes_used.max(back.saturating_add(1));
        }
        self.note(hash.ok_or(WitnessError::MissingHeader { number }))
    }
}
