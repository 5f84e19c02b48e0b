//! From pooled transactions to a signed block that clients accept: build, commit, assemble the header, sign, verify.

use std::{
    collections::BTreeSet,
    time::{SystemTime, UNIX_EPOCH},
};

use alloy_consensus::{
    Header,
    constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH},
};
use alloy_eips::{eip2718::Encodable2718, eip4895::Withdrawals};
use alloy_primitives::{Address, B64, B256, Bytes, U256, keccak256};
use node_lite_state::Committed;
use sidelight_core::{
    bal::verify_bal,
    execution::{Retained, touched_hashes},
    extension::Extension,
    header::{VerifiedHeader, compute_base_fee, verify_header},
    merkle::compute_accounts_root,
    proof::compute_ordered_root,
    state::CurrentRules,
};
use sidelight_executor::{ExecutionWitness, request_contracts};

use crate::{
    block::{self, SealedBlock},
    builder::{self, Built},
    chain::Inner,
    error::ChainError,
    evm::StateReader,
    genesis::SIGNER_PREDEPLOY,
    view::{Shared, StateView},
};

/// What the next block builds on.
#[derive(Debug)]
pub(crate) struct Tip {
    pub(crate) header: VerifiedHeader,
    /// What clients hold that have executed the newest blocks.
    pub(crate) retained: Retained<()>,
}

/// Builds, signs and checks the block after `tip`, which it becomes. Nothing is published; on an error the state is as before.
pub(crate) fn seal_next(inner: &Inner, tip: &mut Tip) -> Result<SealedBlock, ChainError> {
    let parent = &tip.header;
    let signer = inner.signer.address();
    if parent.next_signer() != signer {
        return Err(ChainError::NotTheSigner {
            expected: parent.next_signer(),
            got: signer,
        });
    }
    let now = unix_seconds();
    let template = template(inner, parent, now);
    let best = inner
        .pool
        .lock()
        .best(template.base_fee_per_gas.unwrap_or_default());
    let reader = StateReader::new(
        inner,
        StateView::new(inner.state.clone(), parent.state_root()),
    );
    let built = builder::build(reader, &inner.spec, &template, best)?;
    {
        let mut pool = inner.pool.lock();
        for hash in &built.invalid {
            pool.remove(hash);
        }
    }
    let looked_at = request_contracts(&inner.spec, &template);
    let committed = inner.state.commit(
        parent.state_root(),
        &built.executed.bal,
        looked_at,
        &CurrentRules,
    )?;
    let root = committed.root;
    let nodes = committed.execution_nodes.iter().map(|(hash, _)| *hash);
    let touched: Vec<(B256, ())> = touched_hashes(
        nodes.chain(committed.made.iter().copied()),
        built.accessed.codes.iter().copied(),
        &built.executed.bal,
    )
    .map(|hash| (hash, ()))
    .collect();
    match finish(inner, tip, template, built, committed, now) {
        Ok((block, header)) => {
            tip.retained.push(header.number(), touched);
            tip.header = header;
            Ok(block)
        }
        Err(error) => {
            inner.state.release(root)?;
            Err(error)
        }
    }
}

/// What is known of a block before it is executed.
fn template(inner: &Inner, parent: &VerifiedHeader, now: u64) -> Header {
    let previous = parent.header();
    Header {
        parent_hash: parent.hash(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: inner.fee_recipient,
        difficulty: U256::ZERO,
        number: previous.number.saturating_add(1),
        gas_limit: previous.gas_limit,
        timestamp: now.max(previous.timestamp),
        // One sequencer can choose any value, so this is random to nobody; it only has to differ from block to block.
        mix_hash: keccak256([previous.mix_hash.as_slice(), parent.hash().as_slice()].concat()),
        nonce: B64::ZERO,
        base_fee_per_gas: compute_base_fee(previous, &inner.rules),
        withdrawals_root: Some(EMPTY_ROOT_HASH),
        blob_gas_used: Some(0),
        excess_blob_gas: Some(0),
        parent_beacon_block_root: Some(B256::ZERO),
        ..Header::default()
    }
}

/// Fills in what execution gave, signs, and asks the verifier that every client runs.
fn finish(
    inner: &Inner,
    tip: &Tip,
    template: Header,
    built: Built,
    committed: Committed,
    now: u64,
) -> Result<(SealedBlock, VerifiedHeader), ChainError> {
    let Built {
        transactions: included,
        executed,
        accessed,
        ..
    } = built;
    let parent = &tip.header;
    let newest_of = |(hash, _): &(B256, Bytes)| tip.retained.newest(hash);
    let nodes_held = committed.execution_nodes.iter().map(newest_of).collect();
    let witness = accessed.capture(inner, parent.number(), committed.execution_nodes)?;
    let codes = witness.iter().flat_map(|witness| &witness.codes);
    let codes_held = codes
        .map(|code| tip.retained.newest(&keccak256(code)))
        .collect();
    let bal_raw = Bytes::from(alloy_rlp::encode(&executed.bal));
    let next_signer = inner
        .state
        .storage_at(committed.root, SIGNER_PREDEPLOY, U256::ZERO)?;
    let extension = Extension {
        version: Extension::VERSION,
        accounts_root: compute_accounts_root(&executed.bal),
        frames_root: B256::ZERO,
        rules_hash: inner.rules.hash(),
        next_signer: Address::from_word(next_signer.into()),
    };
    let transactions: Vec<Bytes> = included
        .iter()
        .map(|transaction| transaction.encoded_2718().into())
        .collect();
    let receipts: Vec<Bytes> = executed
        .receipts
        .iter()
        .map(|receipt| receipt.encoded_2718().into())
        .collect();
    let header = Header {
        state_root: committed.root,
        transactions_root: compute_ordered_root(&transactions),
        receipts_root: compute_ordered_root(&receipts),
        logs_bloom: executed.logs_bloom,
        gas_used: executed.gas_used,
        extra_data: extension.hash().into(),
        requests_hash: Some(executed.requests.requests_hash()),
        block_access_list_hash: Some(keccak256(&bal_raw)),
        ..template
    };
    let signed_header = inner.signer.sign(header, extension)?;
    // A block that any client would refuse is an error here, not a published block.
    let verified = verify_header(&signed_header, parent, &inner.rules, now)?;
    let bal = verify_bal(&bal_raw, &verified, Some(included.len()))?.into_changes();
    let block = SealedBlock {
        size: block::compute_size(
            &signed_header.header,
            &included,
            &[],
            Some(&Withdrawals::default()),
        ),
        hash: verified.hash(),
        signed_header,
        transactions: included,
        senders: executed.senders,
        receipts: executed.receipts,
        ommers: Vec::new(),
        withdrawals: Some(Withdrawals::default()),
        bal_raw,
        bal,
        witness: committed.witness,
        execution: witness,
        held_since: (nodes_held, codes_held),
    };
    Ok((block, verified))
}

/// What executing a block read of codes and of block hashes.
#[derive(Debug, Default)]
pub(crate) struct Accessed {
    pub(crate) codes: BTreeSet<B256>,
    pub(crate) oldest_block: Option<u64>,
}

impl Accessed {
    /// What the block after block `parent` read, as its executors need it; none if a header that `BLOCKHASH` asked for is not retained.
    pub(crate) fn capture(
        &self,
        shared: &Shared,
        parent: u64,
        nodes: Vec<(B256, Bytes)>,
    ) -> Result<Option<ExecutionWitness>, ChainError> {
        let state = nodes.into_iter().map(|(_, node)| node).collect();
        let codes = self.codes.iter().map(|hash| shared.state.code(*hash));
        let mut codes = codes.collect::<Result<Vec<_>, _>>()?;
        codes.sort_unstable();
        let history = shared.history.read();
        // The hash of a block stands in the header after it.
        let first = self
            .oldest_block
            .map_or(u64::MAX, |number| number.saturating_add(1));
        let headers = (first..=parent).map(|number| {
            let block = history.by_number(number).ok()?;
            Some(Bytes::from(alloy_rlp::encode(block.header())))
        });
        Ok(headers
            .collect::<Option<Vec<_>>>()
            .map(|headers| ExecutionWitness {
                state,
                codes,
                headers,
            }))
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
