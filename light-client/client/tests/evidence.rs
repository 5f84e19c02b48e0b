//! Files against a sequencer that signs blocks which are not valid: each kind is proven to whoever has nothing but the file, and no file proves anything against an honest block.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use alloy_primitives::{Bytes, U256, keccak256};
use node_lite_exec::SealedBlock;
use serde_json::Value as Json;
use sidelight_client::{
    dto::{FileOutcome, FileVerdict},
    files::{verify_file, verify_file_on, write_invalid_block},
    platform,
};
use sidelight_core::{
    fault::{Fault, FaultKind, Mismatch},
    follower::Contradiction,
    header::{SignedHeader, VerifiedHeader, verify_header},
    merkle::{compute_accounts_root, prove_inclusion},
    wire::{Body, Filter, Mode, NodeMessage, Request, Response, Watched},
};
use sidelight_testkit::{LyingNode, TestChain};

/// A chain of three blocks, and the verified headers of the last two.
struct Case {
    chain: TestChain,
    block: Arc<SealedBlock>,
    parent: VerifiedHeader,
}

impl Case {
    fn new() -> Self {
        let mut chain = TestChain::new(91);
        chain.busy_block();
        chain.busy_block();
        let parent = chain.chain().head().number();
        chain.write(3, 7);
        let block = chain.seal();
        let rules = chain.chain().rules();
        let genesis = chain.chain().block_by_number(0).unwrap();
        let genesis = VerifiedHeader::genesis(genesis.header().clone(), rules).unwrap();
        let parent = (1..=parent).fold(genesis, |parent, number| {
            let block = chain.chain().block_by_number(number).unwrap();
            verify_header(&block.signed_header, &parent, rules, u64::MAX).unwrap()
        });
        Self {
            chain,
            block,
            parent,
        }
    }

    /// The block's header with a lie in it, signed by the sequencer.
    fn forge(&self, lie: impl FnOnce(&mut SignedHeader)) -> VerifiedHeader {
        let mut signed = self.block.signed_header.clone();
        lie(&mut signed);
        let chain = self.chain.chain();
        let signed = chain
            .signer()
            .sign(signed.header, signed.extension)
            .unwrap();
        verify_header(&signed, &self.parent, chain.rules(), u64::MAX).unwrap()
    }

    fn honest_body(&self, mode: Mode, filter: Filter) -> Body {
        let request = Request::Transition {
            block_hash: self.block.hash,
            mode,
            filter,
        };
        let answer = LyingNode::new(&self.chain).ask(1, request);
        match NodeMessage::decode(&answer).unwrap() {
            NodeMessage::Response {
                response: Response::Transition(update),
                ..
            } => update.body,
            other => panic!("{other:?}"),
        }
    }

    fn input(&self) -> Bytes {
        self.block.execution_input().unwrap().encode().into()
    }

    fn file(
        &self,
        kind: FaultKind,
        header: VerifiedHeader,
        body: Body,
        input: Option<Bytes>,
    ) -> String {
        let mismatch = Mismatch::new("any", 1_u64, 2_u64);
        let fault = Fault::new(kind, mismatch).at(header.number(), header.hash());
        let found = Contradiction {
            parent: self.parent.clone(),
            header,
            body,
            fault,
        };
        write_invalid_block(self.chain.chain().rules(), &found, input.as_ref()).unwrap()
    }

    /// One file for each thing that can be wrong.
    fn files(&self) -> Vec<(FaultKind, String)> {
        let wrong_root =
            |signed: &mut SignedHeader| signed.header.state_root = self.parent.state_root();
        let list = Bytes::from_static(&[0xc1, 0x80]);
        let other_list = |signed: &mut SignedHeader| {
            signed.header.block_access_list_hash = Some(keccak256(&list));
        };
        let body = self.honest_body(Mode::Consistent, Filter::default());
        let bad_list = Body::Consistent {
            bal: list.clone(),
            nodes: Vec::new(),
        };
        let wrong_gas = self.forge(|signed| signed.header.gas_used += 1);
        let mut files = vec![
            (
                FaultKind::StateRootMismatch,
                self.file(
                    FaultKind::StateRootMismatch,
                    self.forge(wrong_root),
                    body,
                    None,
                ),
            ),
            (
                FaultKind::BadBal,
                self.file(FaultKind::BadBal, self.forge(other_list), bad_list, None),
            ),
            (
                FaultKind::InvalidExecution,
                self.file(
                    FaultKind::InvalidExecution,
                    wrong_gas,
                    Body::Headers,
                    Some(self.input()),
                ),
            ),
        ];
        files.extend(self.post_state_file());
        files
    }

    /// An entry under the accounts root that the state contradicts: a false value, and a root that commits to it.
    fn post_state_file(&self) -> Option<(FaultKind, String)> {
        let mut bal = self.block.bal.clone();
        let at = bal
            .iter()
            .position(|entry| !entry.balance_changes.is_empty())?;
        let entry = &mut bal[at];
        entry.balance_changes.last_mut()?.post_balance += U256::ONE;
        let entry = entry.clone();
        let filter = Filter::new([(entry.address, vec![])]).unwrap();
        let Body::Watch { nodes, .. } = self.honest_body(Mode::Watch, filter) else {
            return None;
        };
        let watched = vec![Watched::Present {
            proof: prove_inclusion(&bal, at)?,
            entry,
        }];
        let header = self.forge(|signed| {
            signed.extension.accounts_root = compute_accounts_root(&bal);
            signed.header.extra_data = signed.extension.hash().0.into();
        });
        let body = Body::Watch { watched, nodes };
        let kind = FaultKind::PostStateMismatch;
        Some((kind, self.file(kind, header, body, None)))
    }
}

async fn judge(text: &str) -> FileVerdict {
    verify_file_on(platform::current().as_ref(), text, None).await
}

#[tokio::test]
async fn each_kind_of_invalid_block_is_proven_by_its_file_alone() {
    let files = Case::new().files();
    assert_eq!(files.len(), 4);
    for (kind, text) in files {
        let verdict = judge(&text).await;
        assert_eq!(
            verdict.outcome,
            FileOutcome::Proven,
            "{kind:?}: {verdict:?}"
        );
        assert!(
            verdict.ok && verdict.title.contains("not valid"),
            "{verdict:?}"
        );
        let fact = |label: &str| verdict.facts.iter().find(|fact| fact.label == label);
        assert_eq!(fact("What is wrong").unwrap().value, kind.as_str());
        assert_ne!(
            fact("Expected").unwrap().value,
            fact("In the block").unwrap().value
        );
        assert!(fact("Signed by").is_some() && fact("Rules").is_some());
    }
}

#[tokio::test]
async fn an_honest_block_is_accused_in_vain() {
    let case = Case::new();
    let honest = case.forge(|_| {});
    let body = case.honest_body(Mode::Consistent, Filter::default());
    for kind in [
        FaultKind::StateRootMismatch,
        FaultKind::BadBal,
        FaultKind::PostStateMismatch,
        FaultKind::InvalidExecution,
        FaultKind::BadWitness,
    ] {
        let text = case.file(kind, honest.clone(), body.clone(), Some(case.input()));
        let verdict = judge(&text).await;
        assert_eq!(
            verdict.outcome,
            FileOutcome::NotProven,
            "{kind:?}: {verdict:?}"
        );
        let reason = verdict.reason.unwrap();
        // Beside a claim about the list itself there are no nodes, and nothing to apply the list to.
        let expected = match kind {
            FaultKind::BadBal => "does not show it",
            _ => "nothing is wrong",
        };
        assert!(reason.contains(expected), "{kind:?}: {reason}");
    }
    // What the accuser leaves out, or spoils, is the accuser's fault and nobody else's.
    let Body::Consistent { bal, nodes } = body else {
        panic!("{body:?}");
    };
    let mut fewer = nodes.clone();
    fewer.pop();
    let mut other = bal.to_vec();
    *other.last_mut().unwrap() ^= 1;
    let spoiled = [
        Body::Consistent {
            bal: bal.clone(),
            nodes: fewer,
        },
        Body::Consistent {
            bal: other.into(),
            nodes,
        },
    ];
    for body in spoiled {
        let text = case.file(FaultKind::StateRootMismatch, honest.clone(), body, None);
        let verdict = judge(&text).await;
        assert_eq!(verdict.outcome, FileOutcome::NotProven);
        let reason = verdict.reason.unwrap();
        assert!(reason.contains("does not show it"), "{reason}");
    }
    let mut input = case.input().to_vec();
    let last = input.len() - 1;
    input.truncate(last);
    let text = case.file(
        FaultKind::InvalidExecution,
        honest,
        Body::Headers,
        Some(input.into()),
    );
    assert_eq!(judge(&text).await.outcome, FileOutcome::NotProven);
}

#[tokio::test]
async fn another_claim_or_signer_or_a_missing_part_proves_nothing() {
    let case = Case::new();
    let files = case.files();
    let edit = |text: &str, name: &str, value: Json| {
        let mut file: Json = serde_json::from_str(text).unwrap();
        match value {
            Json::Null => drop(file.as_object_mut().unwrap().remove(name)),
            value => file[name] = value,
        }
        file.to_string()
    };
    for (kind, text) in &files {
        let stranger = Json::from(case.chain.account(2).to_string());
        let input_only = *kind == FaultKind::InvalidExecution;
        let mut edits = vec![
            ("claim", Json::from("bad_news")),
            ("claim", Json::from("equivocation")),
            ("claim", Json::Null),
            ("parentSigner", stranger),
            ("update", Json::from("0x")),
            ("parent", Json::Null),
            ("rules", Json::from("0xc0")),
        ];
        if input_only {
            edits.push(("input", Json::Null));
            edits.push(("input", Json::from("0xc0")));
        }
        for (name, value) in edits {
            let verdict = judge(&edit(text, name, value.clone())).await;
            assert_eq!(
                verdict.outcome,
                FileOutcome::NotProven,
                "{kind:?} {name} {value}: {verdict:?}"
            );
        }
    }
}

#[tokio::test]
async fn no_flipped_bit_turns_a_file_into_another_proof() {
    // Every fortieth digit: a flip in a header, a node or the list breaks a hash; one in the parts that are not bound at all does not exist.
    for (kind, text) in Case::new().files() {
        let mut flips = 0;
        for name in ["rules", "parent", "update", "input"] {
            let Some(start) = text.find(&format!("\"{name}\"")) else {
                continue;
            };
            let start = start + text[start..].find("0x").unwrap() + 2;
            let end = start + text[start..].find('"').unwrap();
            for place in (start..end).step_by(40) {
                let mut bytes = text.clone().into_bytes();
                let digit = (bytes[place] as char).to_digit(16).unwrap();
                bytes[place] = char::from_digit(digit ^ 1, 16).unwrap() as u8;
                let verdict = judge(std::str::from_utf8(&bytes).unwrap()).await;
                assert_eq!(
                    verdict.outcome,
                    FileOutcome::NotProven,
                    "{kind:?}: {name} at {place}: {verdict:?}"
                );
                flips += 1;
            }
        }
        assert!(flips > 50, "{kind:?}: {flips}");
    }
}

#[test]
fn without_a_machine_a_claim_about_execution_stays_undecided() {
    let files = Case::new().files();
    let (_, text) = files
        .iter()
        .find(|(kind, _)| *kind == FaultKind::InvalidExecution)
        .unwrap();
    let verdict = verify_file(text, None);
    assert!(!verdict.ok);
    assert_eq!(verdict.outcome, FileOutcome::Undecided);
}

#[test]
fn files_that_would_fill_the_memory_are_refused_before_they_are_read() {
    for text in [
        format!("[{}0]", "0,".repeat(50_000)),
        "[".repeat(50_000),
        "{\"a\":".repeat(50_000),
        format!("\"{}\"", "0".repeat(65 << 20)),
    ] {
        let verdict = verify_file(&text, None);
        assert_eq!(verdict.outcome, FileOutcome::Refused);
        assert!(
            verdict
                .reason
                .unwrap()
                .starts_with("file: expected at most")
        );
    }
    assert_eq!(
        verify_file("{\"type\":\"sidelight/frame-evidence@1\"}", None).kind,
        "unknown"
    );
}
