//! Writes what `light-client/fuzz` starts from: one block of a seeded chain, its parent, and everything that a node says about it. `cargo run -p sidelight-testkit --example fuzz_seeds`.
#![allow(clippy::unwrap_used, reason = "a tool of the developers")]

#[allow(
    unreachable_pub,
    reason = "public where it belongs: the crate of the fuzz targets"
)]
#[path = "../../fuzz/src/input.rs"]
mod input;

use std::{fs, path::Path};

use alloy_primitives::{B256, Bytes};
use input::Input;
use sidelight_client::files::{write_invalid_block, write_transition};
use sidelight_core::{
    checkpoint::{Checkpoint, verify_anchor},
    evidence::{Evidence, SignedHash},
    fault::{Fault, FaultKind, Mismatch},
    follower::Contradiction,
    header::{SignedHeader, verify_header},
    trie::SparseTrie,
    wire::{Body, ClientMessage, Filter, Mode, NodeMessage, Request, Response},
};
use sidelight_testkit::{LyingNode, TestChain};

/// Keys by their first nibbles, filled up with zeros, and the length of their values.
const TRIES: [(&[&str], u8); 6] = [
    (&["1"], 40),
    (&["1", "2"], 40),
    (&["1a", "1b", "2"], 40),
    (&["3aaa1", "3aaa2", "3b", "4"], 60),
    (
        &[
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f",
        ],
        33,
    ),
    // They part at the last nibble: leaves and branch are inlined.
    (
        &[
            "7777777777777777777777777777777777777777777777777777777777777771",
            "7777777777777777777777777777777777777777777777777777777777777772",
            "8",
        ],
        1,
    ),
];

fn main() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let write = |folder: &str, name: &str, bytes: &[u8]| {
        let folder = fuzz.join(folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    };
    write_tries(&write);
    let mut chain = TestChain::new(7);
    let store = chain.store();
    chain.busy_block();
    chain.write(1, 5);
    chain.write(2, 6);
    let parent = chain.seal();
    chain.transfer(1, chain.account(2), 7);
    chain.write(1, 0);
    chain.write(3, 9);
    let block = chain.seal();
    let rules = chain.chain().rules().clone();
    let (before, signed) = (&parent.signed_header, &block.signed_header);

    write("context", "rules.rlp", &rules.encode());
    write("context", "parent.rlp", &before.encode());
    write("context", "header.rlp", &signed.encode());

    write("seeds/decode_rules", "dev", &rules.encode());
    write(
        "seeds/decode_extension",
        "block",
        &signed.extension.encode(),
    );
    for target in ["decode_signed_header", "verify_header"] {
        write(&format!("seeds/{target}"), "block", &signed.encode());
    }
    let mut other = signed.header.clone();
    other.gas_used += 1;
    let other = chain.chain().signer().sign(other, signed.extension.clone());
    let evidence = Evidence {
        chain_id: rules.chain_id,
        rules_hash: rules.hash(),
        number: signed.header.number,
        signer: chain.chain().signer().address(),
        first: SignedHash::of(signed),
        second: SignedHash::of(&other.unwrap()),
    };
    let checkpoint = Checkpoint {
        rules,
        signed_header: signed.clone(),
        time_s: signed.header.timestamp,
    };
    for target in ["decode_evidence", "verify_evidence"] {
        write(
            &format!("seeds/{target}"),
            "equivocation",
            &evidence.encode(),
        );
    }
    for target in ["decode_checkpoint", "verify_checkpoint"] {
        write(&format!("seeds/{target}"), "block", &checkpoint.encode());
    }
    write("seeds/verify_bal", "block", &block.bal_raw);

    // The headers of a client's store: every one from block 1, in the first record.
    let mut headers = Vec::new();
    let numbers = 1..=block.header().number;
    for number in numbers {
        let block = chain.chain().block_by_number(number).unwrap();
        headers.extend(block.signed_header.encode());
    }
    let mut list = vec![0xf9];
    list.extend(u16::try_from(headers.len()).unwrap().to_be_bytes());
    list.extend(headers);
    let mut record = vec![9];
    record.extend(b"headers-0");
    record.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    record.extend(list);
    write("seeds/open_store", "headers", &record);

    let node = LyingNode::new(&chain);
    let filter = Filter::new([
        (store, vec![1.try_into().unwrap()]),
        (chain.account(0), vec![]),
    ]);
    let filter = filter.unwrap();
    let block_hash = block.hash;
    let transition = |mode, filter| Request::Transition {
        block_hash,
        mode,
        filter,
    };
    let requests = [
        ("head", Request::Head),
        (
            "headers",
            Request::Headers {
                start: block.header().number,
                count: 1,
            },
        ),
        (
            "consistent",
            transition(Mode::Consistent, Filter::default()),
        ),
        ("watch", transition(Mode::Watch, filter)),
        (
            "proof",
            Request::Proof {
                block_hash,
                address: store,
                slots: vec![1.try_into().unwrap()],
            },
        ),
        ("body", Request::Body { block_hash }),
        ("receipts", Request::Receipts { block_hash }),
        ("execution", Request::Execution { block_hash }),
    ];
    for (name, request) in requests {
        let question = ClientMessage::Request {
            id: 1,
            request: request.clone(),
        };
        write("seeds/decode_client_message", name, &question.encode());
        let answer = node.ask(1, request);
        write("seeds/decode_node_message", name, &answer);
        let Ok(NodeMessage::Response { response, .. }) = NodeMessage::decode(&answer) else {
            panic!("{name}: no answer");
        };
        match response {
            Response::Headers(_) => write("seeds/verify_segment", name, &answer),
            Response::Transition(update) => {
                let signer = chain.chain().signer().address();
                let file = write_transition(chain.chain().rules(), before, signer, &update);
                write("seeds/verify_file", name, file.as_bytes());
                for target in ["decode_update", "verify_update"] {
                    write(&format!("seeds/{target}"), name, &update.encode());
                }
            }
            Response::Execution(input) => {
                let file = invalid_execution(&chain, before, signed, &input);
                write("seeds/verify_file", name, file.as_bytes());
                write(
                    "../../e2e/fixtures",
                    "invalid-execution.json",
                    file.as_bytes(),
                );
                for target in ["decode_execution_input", "verify_execution", "execute"] {
                    write(&format!("seeds/{target}"), name, &input);
                }
            }
            _ => {}
        }
    }
}

/// Small tries with leaves, extensions, full and sparse branches, inlined nodes, and changes that collapse them.
fn write_tries(write: &dyn Fn(&str, &str, &[u8])) {
    for (index, (keys, length)) in TRIES.iter().enumerate() {
        let keys: Vec<B256> = keys
            .iter()
            .map(|nibbles| format!("{nibbles:0<64}").parse().expect("hex"))
            .collect();
        let values = (1..).zip(&keys);
        let changes: Vec<_> = values
            .map(|(seed, key)| (*key, Some(vec![seed; usize::from(*length)])))
            .collect();
        let mut trie = SparseTrie::empty();
        trie.update(&changes).expect("nothing is blinded");
        let mut all: Vec<Bytes> = Vec::new();
        trie.root_with(|_, rlp| all.push(Bytes::copy_from_slice(rlp)));

        for (number, key) in keys.iter().enumerate() {
            let mut path = trie.prove(key).expect("the trie is whole");
            path.reverse();
            for (target, nodes, changes) in [
                ("trie_reveal", all.clone(), vec![(*key, None)]),
                ("trie_reveal", path.clone(), vec![(*key, Some(vec![9; 40]))]),
                ("proof_verify", path.clone(), vec![(*key, None)]),
            ] {
                let kind = nodes.len();
                let input = Input { nodes, changes };
                let bytes = input.encode();
                assert_eq!(Input::parse(&bytes).nodes.len(), kind);
                write(
                    &format!("seeds/{target}"),
                    &format!("{index}-{number}-{kind}"),
                    &bytes,
                );
            }
        }
    }
}

/// A file against a block whose header says more gas than its transactions use.
fn invalid_execution(
    chain: &TestChain,
    before: &SignedHeader,
    signed: &SignedHeader,
    input: &Bytes,
) -> String {
    let (chain, rules) = (chain.chain(), chain.chain().rules());
    let parent = verify_anchor(before, rules.genesis_signer, rules, u64::MAX).unwrap();
    let mut header = signed.header.clone();
    header.gas_used += 1;
    let signed = chain.signer().sign(header, signed.extension.clone());
    let header = verify_header(&signed.unwrap(), &parent, rules, u64::MAX).unwrap();
    let mismatch = Mismatch::new("header.gas_used", 1_u64, 2_u64);
    let found = Contradiction {
        fault: Fault::new(FaultKind::InvalidExecution, mismatch).at(header.number(), header.hash()),
        parent,
        header,
        body: Body::Headers,
    };
    write_invalid_block(rules, &found, Some(input)).unwrap()
}
