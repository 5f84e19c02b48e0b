//! Puts one question to one node after another, best first, until an answer holds.
//!
//! ```text
//! while let Some(answer) = asking.next().await {
//!     match judge(answer) { Ok(value) => return asking.accept(value), Err(fault) => asking.refuse(fault) }
//! }
//! asking.verdict()
//! ```

use std::sync::Arc;

use sidelight_core::{
    fault::Fault,
    wire::{FailureCode, Request},
};

use super::inner::{Answer, AskError, Inner};
use crate::error::ClientError;

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
    pub(crate) async fn next(&mut self) -> Option<Answer> {
        loop {
            let node = self.choose()?;
            self.tried.push(node);
            match self.inner.request(node, self.request.clone()).await {
                Ok(answer) => return Some(answer),
                Err(AskError::Fault(fault)) => self.refuse(*fault),
                Err(AskError::Failure(code, text)) => match code {
                    FailureCode::NotFound | FailureCode::BehindHistory | FailureCode::TooLarge => {
                        self.missing = Some(text)
                    }
                    _ => self.silent = Some(format!("{}: {text}", code.as_str())),
                },
                Err(AskError::Net(error)) => {
                    self.silent = Some(error.to_string());
                    if let Some(node) = self.inner.state().nodes.get_mut(node) {
                        node.score.miss();
                    }
                }
            }
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

    /// Why there is no value, when nobody is left. A lie outweighs silence.
    pub(crate) fn verdict(self) -> ClientError {
        if let Some((fault, peer)) = self.fault {
            return ClientError::Verification {
                fault: Box::new(fault),
                peer,
            };
        }
        match (self.missing, self.silent) {
            (Some(text), _) => ClientError::UnknownBlock(format!("nobody has it: {text}")),
            (None, Some(text)) => ClientError::NoPeer(text),
            (None, None) => ClientError::NoPeer("no node is connected".into()),
        }
    }
}
