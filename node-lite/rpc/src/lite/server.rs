//! One question, one answer.

use std::sync::Arc;

use alloy_consensus::Header;
use alloy_primitives::{B256, Bytes};
use node_lite_exec::{Chain, ChainError, SealedBlock, StateError};
use sidelight_core::execution::{Policy, chunk, hash_chunks};
use sidelight_core::header::{SignedHeader, shorten_ancestors};
use sidelight_core::limits::{MAX_CODE_BYTES, MAX_LEAF_BYTES};
use sidelight_core::proof::prove_ordered_item;
use sidelight_core::wire::{
    ClientMessage, Delta, EnvelopeError, FailureCode, Filter, MessageType, Mode, NodeMessage,
    ProofResponse, Request, Response, Update, WitnessResponse,
};

use super::encode::encode;
use super::session::{Session, SessionConfig};
use super::update::build_body;
use crate::lie::{self, Lie, Lies};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    /// The reason, as it stands on the wire.
    pub code: FailureCode,
    /// For people.
    pub text: String,
}

impl Refusal {
    pub(crate) fn new(code: FailureCode, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }

    fn not_found(what: &str) -> Self {
        Self::new(FailureCode::NotFound, format!("{what} not found"))
    }

    /// The message that says so; id 0 for the connection itself.
    pub(crate) fn into_message(self, id: u64) -> NodeMessage {
        NodeMessage::Failure {
            id,
            code: self.code,
            text: self.text,
        }
    }
}

impl From<ChainError> for Refusal {
    fn from(error: ChainError) -> Self {
        let code = if error.is_pruned() {
            FailureCode::BehindHistory
        } else {
            FailureCode::NotFound
        };
        Self::new(code, error.to_string())
    }
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Self {
        let code = match error {
            StateError::UnknownRoot { .. } => FailureCode::BehindHistory,
            _ => FailureCode::NotFound,
        };
        Self::new(code, error.to_string())
    }
}

impl From<EnvelopeError> for Refusal {
    fn from(error: EnvelopeError) -> Self {
        Self::new(FailureCode::Malformed, error.to_string())
    }
}

/// Answers the light client's questions from a chain, truthfully unless it was told to lie. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LiteServer {
    chain: Chain,
    lies: Arc<Lies>,
}

impl LiteServer {
    /// A server for `chain` that tells `lies`.
    #[must_use]
    pub const fn new(chain: Chain, lies: Arc<Lies>) -> Self {
        Self { chain, lies }
    }

    /// The chain behind it.
    #[must_use]
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The lies that it tells.
    #[must_use]
    pub fn lies(&self) -> &Lies {
        &self.lies
    }

    /// A stream for one client.
    #[must_use]
    pub fn session(&self, config: SessionConfig) -> Session {
        Session::new(self.clone(), config)
    }

    /// The newest block that this server admits to.
    #[must_use]
    pub fn head(&self) -> Arc<SealedBlock> {
        let frozen = self
            .lies
            .frozen_head()
            .and_then(|number| self.chain.block_by_number(number).ok());
        frozen.unwrap_or_else(|| self.chain.head())
    }

    /// Answers the body of a `POST /lite`: one *request* in an envelope. Whatever the bytes are, the answer is a *response* or a *failure*.
    #[must_use]
    pub fn answer(&self, bytes: &[u8]) -> Vec<u8> {
        match ClientMessage::decode(bytes) {
            Ok(ClientMessage::Request { id, request }) => self.respond(id, &request),
            Ok(_) => self
                .encode(Refusal::new(FailureCode::Malformed, "expected a request").into_message(0)),
            Err(error) => self.encode(Refusal::from(error).into_message(0)),
        }
    }

    /// The message that answers one request.
    pub(super) fn respond(&self, id: u64, request: &Request) -> Vec<u8> {
        let message = match self.serve(request) {
            Ok(response) => NodeMessage::Response { id, response },
            Err(refusal) => refusal.into_message(id),
        };
        self.encode(message)
    }

    /// Encodes a message; one that is too large becomes a failure that says so.
    pub(super) fn encode(&self, message: NodeMessage) -> Vec<u8> {
        if let Some(bytes) = encode(&message) {
            return self.alter(message.kind(), bytes);
        }
        let id = match message {
            NodeMessage::Response { id, .. } => id,
            _ => 0,
        };
        Refusal::new(
            FailureCode::TooLarge,
            "the answer is larger than a message may be",
        )
        .into_message(id)
        .encode()
    }

    /// The bytes of a message as this server sends them.
    pub(super) fn alter(&self, kind: MessageType, bytes: Vec<u8>) -> Vec<u8> {
        lie::alter_frame(&self.lies, kind, bytes)
    }

    /// One block for one mode and filter.
    pub fn update(
        &self,
        block: &SealedBlock,
        mode: Mode,
        filter: &Filter,
    ) -> Result<Update, Refusal> {
        if block.number() == 0 {
            return Err(Refusal::new(
                FailureCode::NotFound,
                "the genesis block is not signed and has no update",
            ));
        }
        if mode != Mode::Headers && !block.has_witness() {
            return Err(Refusal::new(
                FailureCode::BehindHistory,
                "the block's access list is not kept any more",
            ));
        }
        let body = build_body(&self.chain, block, mode, filter)?;
        let update = Update {
            signed_header: block.signed_header.clone(),
            body,
        };
        Ok(lie::alter_update(
            &self.lies,
            &self.chain,
            block,
            filter,
            update,
        ))
    }

    /// The second header at a block's height, while the sequencer equivocates.
    pub(super) fn sibling(&self, block: &SealedBlock) -> Option<SignedHeader> {
        let equivocates = self.lies.is_on(Lie::Equivocation) && block.number() > 0;
        equivocates.then(|| lie::sibling(&self.chain, block.signed_header.clone()))
    }

    /// A block's header as this server tells it.
    pub(crate) fn signed_header(&self, block: &SealedBlock) -> SignedHeader {
        lie::alter_header(&self.lies, &self.chain, block)
    }

    /// The code behind a hash.
    pub(crate) fn code(&self, code_hash: B256) -> Result<Bytes, Refusal> {
        let code = self.chain.state().code(code_hash)?;
        Ok(if self.lies.is_on(Lie::WrongCode) {
            lie::alter_code(code)
        } else {
            code
        })
    }

    fn serve(&self, request: &Request) -> Result<Response, Refusal> {
        match request {
            Request::Head => Ok(Response::Head(self.newest()?)),
            Request::Headers { start, count } => {
                Ok(Response::Headers(self.headers(*start, *count)?))
            }
            Request::Transition {
                block_hash,
                mode,
                filter,
            } => Ok(Response::Transition(self.update(
                &*self.block(*block_hash)?,
                *mode,
                filter,
            )?)),
            Request::Proof {
                block_hash,
                address,
                slots,
            } => {
                let block = self.block(*block_hash)?;
                let mut proof = self
                    .chain
                    .state()
                    .prove(block.state_root(), *address, slots)?;
                self.lies.alter_proof(&mut proof);
                let storage = proof
                    .storage
                    .into_iter()
                    .map(|slot| (slot.slot, slot.nodes))
                    .collect();
                Ok(Response::Proof(ProofResponse {
                    account: proof.nodes,
                    storage,
                }))
            }
            Request::Code { code_hash } => {
                let code = self.code(*code_hash)?;
                if code.len() > MAX_CODE_BYTES {
                    return Err(Refusal::new(
                        FailureCode::TooLarge,
                        "the code is larger than a message may be",
                    ));
                }
                Ok(Response::Code(code))
            }
            Request::Body { block_hash } => {
                Ok(Response::Body(self.body(&*self.block(*block_hash)?)))
            }
            Request::Receipts { block_hash } => Ok(Response::Receipts(
                self.receipts(&*self.block(*block_hash)?)?,
            )),
            Request::Execution { block_hash } => {
                let block = self.block(*block_hash)?;
                let input = block
                    .execution_input()
                    .ok_or_else(|| Refusal::not_found("witness"))?;
                Ok(Response::Execution(input.encode().into()))
            }
            Request::Witness(delta) => {
                let (delta, input) = self.witness(delta)?;
                Ok(Response::Witness(WitnessResponse {
                    policy: delta.policy,
                    since: delta.since,
                    length: input.len() as u64,
                    hashes: hash_chunks(&input),
                    first: Bytes::copy_from_slice(chunk(&input, 0).unwrap_or_default()),
                }))
            }
            Request::Chunk { delta, index } => {
                let (_, input) = self.witness(delta)?;
                let index = usize::try_from(*index).unwrap_or(usize::MAX);
                let chunk = chunk(&input, index).ok_or_else(|| Refusal::not_found("chunk"))?;
                Ok(Response::Chunk(Bytes::copy_from_slice(chunk)))
            }
            Request::Locate { transaction_hash } => {
                let (block, index) = self
                    .chain
                    .locate(*transaction_hash)
                    .ok_or_else(|| Refusal::not_found("transaction"))?;
                Ok(Response::Locate {
                    block_hash: block.hash,
                    index: lie::alter_index(&self.lies, index as u64),
                })
            }
            Request::Ancestors { block_hash, count } => {
                Ok(Response::Ancestors(self.ancestors(*block_hash, *count)?))
            }
            Request::Transaction { block_hash, index } => Ok(Response::Transaction(
                self.transaction(&*self.block(*block_hash)?, *index)?,
            )),
            _ => Err(Refusal::new(FailureCode::NotSupported, "unknown request")),
        }
    }

    /// The head's header. While the sequencer equivocates, the second one.
    fn newest(&self) -> Result<SignedHeader, Refusal> {
        let head = self.head();
        if head.number() == 0 {
            return Err(Refusal::new(
                FailureCode::NotFound,
                "no block has been sealed yet",
            ));
        }
        Ok(self
            .sibling(&head)
            .unwrap_or_else(|| self.signed_header(&head)))
    }

    /// Headers `start .. start + count`, as far as the chain goes. The genesis header has zeros for a signature: a client knows it by its hash.
    fn headers(&self, start: u64, count: u64) -> Result<Vec<SignedHeader>, Refusal> {
        let head = self.head().number();
        if start > head {
            return Err(Refusal::not_found("block"));
        }
        let last = start.saturating_add(count.saturating_sub(1)).min(head);
        (start..=last)
            .take(count as usize)
            .map(|number| Ok(self.signed_header(&*self.chain.block_by_number(number)?)))
            .collect()
    }

    /// The headers of a block and of those before it, as many as were asked for or there are, without what a client computes.
    fn ancestors(&self, last: B256, count: u64) -> Result<Vec<Header>, Refusal> {
        let last = self.block(last)?.number();
        let first = last.saturating_sub(count.saturating_sub(1));
        let run = (first..=last).map(|number| {
            let block = self.chain.block_by_number(number)?;
            Ok(self.signed_header(&block).header)
        });
        let mut run = run.collect::<Result<Vec<_>, Refusal>>()?;
        shorten_ancestors(&mut run);
        lie::alter_ancestors(&self.lies, &mut run);
        Ok(run)
    }

    /// The path from the transactions root to one transaction.
    fn transaction(&self, block: &SealedBlock, index: u64) -> Result<Vec<Bytes>, Refusal> {
        let transactions = self.body(block);
        let place = usize::try_from(index).unwrap_or(usize::MAX);
        let nodes = prove_ordered_item(&transactions, place)
            .ok_or_else(|| Refusal::not_found("transaction"))?;
        if nodes.iter().any(|node| node.len() > MAX_LEAF_BYTES) {
            return Err(Refusal::new(
                FailureCode::TooLarge,
                "the transaction is larger than a trie node may be; ask for the body",
            ));
        }
        Ok(nodes)
    }

    fn body(&self, block: &SealedBlock) -> Vec<Bytes> {
        lie::alter_body(&self.lies, &self.chain, block)
    }

    fn receipts(&self, block: &SealedBlock) -> Result<Vec<Bytes>, Refusal> {
        lie::alter_receipts(&self.lies, &self.chain, block)
            .ok_or_else(|| Refusal::not_found("receipts"))
    }

    /// What executing a block needs, for a client that holds what `delta` says, and what was served: a policy that the node does not know is served as none.
    fn witness(&self, delta: &Delta) -> Result<(Delta, Vec<u8>), Refusal> {
        let block = self.block(delta.block_hash)?;
        let (served, input) = match delta.policy {
            Policy::Window => (*delta, block.execution_delta(delta.since)),
            _ => (Delta::full(delta.block_hash), block.execution_input()),
        };
        let input = input.ok_or_else(|| Refusal::not_found("witness"))?;
        Ok((served, input.encode()))
    }

    fn block(&self, hash: B256) -> Result<Arc<SealedBlock>, Refusal> {
        match self.lies.number_of_false(hash) {
            Some(number) => Ok(self.chain.block_by_number(number)?),
            None => Ok(self.chain.block_by_hash(hash)?),
        }
    }
}
