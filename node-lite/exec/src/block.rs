//! A block as it was sealed or imported, with everything that a reader or subscriber needs.

use alloy_consensus::{Block, BlockBody, Header, ReceiptEnvelope, Transaction, TxEnvelope};
use alloy_eip7928::AccountChanges;
use alloy_eips::{eip2718::Encodable2718, eip4895::Withdrawals};
use alloy_primitives::{Address, B256, Bytes, TxKind};
use alloy_rlp::Encodable;
use sidelight_core::header::SignedHeader;
use sidelight_executor::{ExecutionInput, ExecutionWitness, full_input};

/// A block with all that executing it gave. The genesis block and imported ones have a zero signature, because nobody signs them.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SealedBlock {
    /// Header, extension and signature.
    pub signed_header: SignedHeader,
    /// Header hash.
    pub hash: B256,
    /// In block order.
    pub transactions: Vec<TxEnvelope>,
    /// Senders of `transactions`.
    pub senders: Vec<Address>,
    /// Receipts of `transactions`; `cumulative_gas_used` counts from the first.
    pub receipts: Vec<ReceiptEnvelope>,
    /// Headers of the ommers; none since Paris.
    pub ommers: Vec<Header>,
    /// What was withdrawn from the beacon chain; none before Shanghai, an empty list where there is no beacon chain.
    pub withdrawals: Option<Withdrawals>,
    /// The block access list (EIP-7928), to which the header of a sealed block commits; empty in an old block, as `bal` and `witness` are.
    pub bal_raw: Bytes,
    /// `bal_raw`, decoded.
    pub bal: Vec<AccountChanges>,
    /// The pre-state trie nodes that applying `bal` needs, in wire order (`docs/wire-format.md` section 2). Shares memory with the node store.
    pub witness: Vec<Bytes>,
    /// What executing the block again needs of the state before it, captured while it was executed. None for genesis, and where `BLOCKHASH` reached beyond the retained headers.
    pub execution: Option<ExecutionWitness>,
    /// For each node, and then each code, of `execution`: the newest of the [`WINDOW`](sidelight_core::execution::WINDOW) blocks before this one that touched it. A client that has executed
    /// that block, and all since, holds it.
    pub held_since: (Vec<Option<u64>>, Vec<Option<u64>>),
    /// Size of the block's RLP in bytes.
    pub size: u64,
}

impl SealedBlock {
    /// The header.
    pub fn header(&self) -> &Header {
        &self.signed_header.header
    }

    /// Block number.
    pub fn number(&self) -> u64 {
        self.header().number
    }

    /// Post-state root.
    pub fn state_root(&self) -> B256 {
        self.header().state_root
    }

    /// Base fee in wei; zero before London.
    pub fn base_fee(&self) -> u64 {
        self.header().base_fee_per_gas.unwrap_or_default()
    }

    /// The block as it is kept for good: nothing that only its neighbours in time need.
    pub(crate) fn without_witness(&self) -> Self {
        Self {
            signed_header: self.signed_header.clone(),
            transactions: self.transactions.clone(),
            senders: self.senders.clone(),
            receipts: self.receipts.clone(),
            ommers: self.ommers.clone(),
            withdrawals: self.withdrawals.clone(),
            bal_raw: Bytes::new(),
            bal: Vec::new(),
            witness: Vec::new(),
            execution: None,
            hash: self.hash,
            held_since: Default::default(),
            size: self.size,
        }
    }

    /// Whether access list and witness are there: not in old blocks.
    pub fn has_witness(&self) -> bool {
        !self.bal_raw.is_empty()
    }

    /// Gas used by the transaction at `index` alone.
    pub fn gas_used(&self, index: usize) -> Option<u64> {
        let until = self.receipts.get(index)?.cumulative_gas_used();
        let before = index
            .checked_sub(1)
            .and_then(|i| self.receipts.get(i))
            .map_or(0, |r| r.cumulative_gas_used());
        Some(until.saturating_sub(before))
    }

    /// Index in the block of the first log of the transaction at `index`.
    pub fn first_log_index(&self, index: usize) -> usize {
        self.receipts
            .iter()
            .take(index)
            .map(|r| r.logs().len())
            .sum()
    }

    /// Price per gas that the transaction at `index` paid.
    pub fn effective_gas_price(&self, index: usize) -> Option<u128> {
        Some(
            self.transactions
                .get(index)?
                .effective_gas_price(Some(self.base_fee())),
        )
    }

    /// The contract that the transaction at `index` was to create, whether or not it succeeded; geth reports it in both cases.
    pub fn created_address(&self, index: usize) -> Option<Address> {
        let tx = self.transactions.get(index)?;
        match tx.kind() {
            TxKind::Create => Some(self.senders.get(index)?.create(tx.nonce())),
            TxKind::Call(_) => None,
        }
    }

    /// `(tip per gas, gas used)` of every transaction, ascending by tip: what `eth_feeHistory` takes percentiles of.
    pub fn rewards(&self) -> Vec<(u128, u64)> {
        let mut rewards: Vec<_> = (0..self.transactions.len())
            .filter_map(|i| {
                Some((
                    self.transactions
                        .get(i)?
                        .effective_tip_per_gas(self.base_fee())
                        .unwrap_or_default(),
                    self.gas_used(i)?,
                ))
            })
            .collect();
        rewards.sort_unstable();
        rewards
    }

    /// RLP of the block.
    pub fn encoded(&self) -> Bytes {
        let body = BlockBody {
            transactions: self.transactions.clone(),
            ommers: self.ommers.clone(),
            withdrawals: self.withdrawals.clone(),
        };
        let header = self.header().clone();
        alloy_rlp::encode(Block { header, body }).into()
    }

    /// EIP-2718 encodings of the transactions: the *body* response.
    pub fn encoded_transactions(&self) -> Vec<Bytes> {
        self.transactions
            .iter()
            .map(|tx| tx.encoded_2718().into())
            .collect()
    }

    /// What a client needs to execute the block, if the witness was captured.
    pub fn execution_input(&self) -> Option<ExecutionInput> {
        let witness = self.execution.clone()?;
        Some(full_input(
            self.bal_raw.clone(),
            self.encoded_transactions(),
            witness,
        ))
    }

    /// The same, without what a client holds that has executed the blocks from `since` to the one before.
    pub fn execution_delta(&self, since: u64) -> Option<ExecutionInput> {
        let (nodes, codes) = &self.held_since;
        Some(self.execution_input()?.without(nodes, codes, since))
    }

    /// EIP-2718 encodings of the receipts: the *receipts* response.
    pub fn encoded_receipts(&self) -> Vec<Bytes> {
        self.receipts
            .iter()
            .map(|receipt| receipt.encoded_2718().into())
            .collect()
    }
}

/// Size of a block's RLP in bytes (EIP-7934 bounds it).
pub(crate) fn compute_size(
    header: &Header,
    transactions: &[TxEnvelope],
    ommers: &[Header],
    withdrawals: Option<&Withdrawals>,
) -> u64 {
    let body = BlockBody {
        transactions: transactions.to_vec(),
        ommers: ommers.to_vec(),
        withdrawals: withdrawals.cloned(),
    };
    Block {
        header: header.clone(),
        body,
    }
    .length() as u64
}
