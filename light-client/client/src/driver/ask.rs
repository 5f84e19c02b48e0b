//! Puts one question to one node after another, best first, until an answer holds.
//!
//! ```text
//! while let Some(answer) = asking.next().await {
//!     match judge(answer) { Ok(value) => return asking.accept(value), Err(fault) => asking.refuse(fault) }
//! }
//! asking.verdict()
//! ```

use std::sync::Arc;

use alloy_primitives::B256;
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    wire::{FailureCode, Request, Response},
};

use super::inner::{Answer, AskError, Inner};
use crate::{
    error::ClientError,
    platform::{BoxFuture, MaybeSend},
    reads::Origin,
};

/// What becomes of an answer: whoever asked keeps what it says, or names the fault.
pub(crate) trait Judge: MaybeSend {
    fn judge(&mut self, response: Response) -> Result<(), Fault>;
}

impl<F: FnMut(Response) -> Result<(), Fault> + MaybeSend> Judge for F {
    fn judge(&mut self, response: Response) -> Result<(), Fault> {
        self(response)
    }
}

impl Inner {
    /// Asks one node after another until `judge` takes an answer about `block`. One copy of it for all questions: in a browser each costs a kilobyte.
    pub(crate) fn ask<'a>(
        self: &Arc<Self>,
        request: Request,
        block: (u64, B256),
        judge: &'a mut dyn Judge,
    ) -> BoxFuture<'a, Result<Origin, ClientError>> {
        let mut asking = Asking::new(self.clone(), request);
        Box::pin(async move {
            while let Some(answer) = asking.next().await {
                let began = asking.inner.platform.ticks_ms();
                match judge.judge(answer.response) {
                    Ok(()) => {
                        asking.accept();
                        return Ok(Origin {
                            source: asking.source(),
                            ms: asking.inner.platform.ticks_ms() - began,
                            bytes: answer.bytes as u64,
                        });
                    }
                    Err(fault) => asking.refuse(fault.at(block.0, block.1)),
                }
            }
            Err(asking.verdict())
        })
    }
}

/// The fault of an answer that is not of the question's kind.
pub(crate) fn misfit() -> Fault {
    let mismatch = Mismatch::new("response.kind", "an answer to the question", "another");
    Fault::new(FaultKind::WrongResponse, mismatch)
}

/// One question and who has been asked.
pub(crate) struct Asking {
    inner: Arc<Inner>,
    request: Request,
    tried: Vec<usize>,
    fault: Option<(Fault, String)>,
    missing: Option<String>,
    silent: Option<String>,
}

impl Asking {
    pub(crate) fn new(inner: Arc<Inner>, request: Request) -> Self {
        Self {
            inner,
            request,
            tried: Vec::new(),
            fault: None,
            missing: None,
            silent: None,
        }
    }

    /// The next node's answer; none when everybody was asked.
    pub(crate) fn next(&mut self) -> BoxFuture<'_, Option<Answer>> {
        Box::pin(async {
            loop {
                let node = self.choose()?;
                self.tried.push(node);
                match self.inner.request(node, self.request.clone()).await {
                    Ok(answer) => return Some(answer),
                    Err(error) => self.note(node, error),
                }
            }
        })
    }

    /// Why there is no answer.
    fn note(&mut self, node: usize, error: AskError) {
        match error {
            AskError::Fault(fault) => self.refuse(*fault),
            AskError::Failure(code, text) => match code {
                FailureCode::NotFound | FailureCode::BehindHistory | FailureCode::TooLarge => {
                    self.missing = Some(text)
                }
                _ => self.silent = Some(format!("{}: {text}", code.as_str())),
            },
            AskError::Net(error) => {
                self.silent = Some(error.to_string());
                if let Some(node) = self.inner.state().nodes.get_mut(node) {
                    node.score.miss();
                }
            }
        }
    }

    /// Asks otherwise from now on, and the last node once more.
    pub(crate) fn restate(&mut self, request: Request) {
        self.request = request;
        self.tried.pop();
    }

    /// Puts another question to the node that gave the last answer.
    pub(crate) async fn follow_up(&self, request: Request) -> Result<Answer, AskError> {
        match self.tried.last() {
            Some(node) => self.inner.request(*node, request).await,
            None => Err(AskError::Net(crate::platform::NetError::Closed)),
        }
    }

    fn choose(&self) -> Option<usize> {
        let state = self.inner.state();
        let usable = state
            .nodes
            .iter()
            .enumerate()
            .filter(|(index, node)| node.link.is_some() && !self.tried.contains(index));
        usable
            .max_by_key(|(_, node)| node.score.rank())
            .map(|(index, _)| index)
    }

    /// Who gave the last answer.
    pub(crate) fn source(&self) -> String {
        let state = self.inner.state();
        let node = self.tried.last().and_then(|node| state.nodes.get(*node));
        node.map(|node| node.endpoint.url.clone())
            .unwrap_or_default()
    }

    /// The last answer held.
    pub(crate) fn accept(&self) {
        if let Some(node) = self.tried.last().copied()
            && let Some(node) = self.inner.state().nodes.get_mut(node)
        {
            node.score.reward();
        }
    }

    /// The last answer is false: everybody hears of it, and the next node is asked.
    pub(crate) fn refuse(&mut self, fault: Fault) {
        let source = self.source();
        if let Some(node) = self.tried.last() {
            let now_ms = self.inner.platform.now_ms();
            self.inner.state().on_read_fault(*node, &fault, now_ms);
        }
        self.fault = Some((fault, source));
    }

    /// The last answer could not be judged: the next node is asked, and this one is not to blame.
    pub(crate) fn give_up(&mut self, reason: String) {
        self.missing = Some(reason);
    }

    /// Whether everybody who was asked said that there is no such thing: a claim, not a proof.
    pub(crate) const fn is_denied(&self) -> bool {
        self.missing.is_some() && self.silent.is_none() && self.fault.is_none()
    }

    /// Why there is no value, when nobody is left. A lie outweighs silence.
    pub(crate) fn verdict(&mut self) -> ClientError {
        if let Some((fault, peer)) = self.fault.take() {
            return ClientError::Verification {
                fault: Box::new(fault),
                peer,
            };
        }
        match (self.missing.take(), self.silent.take()) {
            (Some(text), _) => ClientError::UnknownBlock(format!("nobody has it: {text}")),
            (None, Some(text)) => ClientError::NoPeer(text),
            (None, None) => ClientError::NoPeer("no node is connected".into()),
        }
    }
}
