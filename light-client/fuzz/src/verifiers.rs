//! Checks: nothing panics, and what is accepted is what the check promises.

use alloy_consensus::Header;
use alloy_eip7928::AccountChanges;
use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::Decodable;
use sidelight_client::{
    files::verify_file,
    store::read_records,
};
use sidelight_core::{
    bal::verify_bal,
    checkpoint::{Checkpoint, CheckpointPolicy, verify_checkpoint},
    evidence::{Evidence, verify_evidence},
    header::{SignedHeader, VerifiedHeader, verify_header, verify_segment},
    merkle::{compute_accounts_root, prove_absence, prove_inclusion, verify_absence, verify_inclusion},
    proof::{compute_ordered_root, verify_account_proof, verify_storage_proof},
    rules::ChainRules,
    state::PartialState,
    update::{verify_consistent, verify_watch},
    wire::{Body, Filter, NodeMessage, Response, Update, Watched},
};
use sidelight_executor::{ChainSpec, ExecutionInput, judge, verify_input};

use crate::{
    context::{HEADER, PARENT, RULES},
    input::Input,
};

/// A signed header after the context's parent: only what the sequencer has signed is accepted.
pub fn header(data: &[u8]) {
    if let Ok(signed) = SignedHeader::decode(data)
        && let Ok(header) = verify_header(&signed, &PARENT, &RULES, u64::MAX)
    {
        assert_eq!(header.hash(), HEADER.hash(), "a header that nobody signed");
    }
}

/// A run of headers, as a response brings it.
pub fn segment(data: &[u8]) {
    if let Ok(NodeMessage::Response {
        response: Response::Headers(headers),
        ..
    }) = NodeMessage::decode(data)
        && let Ok(verified) = verify_segment(&headers, &PARENT, &RULES, u64::MAX)
    {
        let mut parent = PARENT.hash();
        for header in verified {
            assert_eq!(header.header().parent_hash, parent);
            parent = header.hash();
        }
    }
}

/// Evidence: what is accepted is about two blocks.
pub fn evidence(data: &[u8]) {
    if let Ok(evidence) = Evidence::decode(data)
        && verify_evidence(&evidence).is_ok()
    {
        assert_ne!(evidence.first.hash, evidence.second.hash);
    }
}

/// A checkpoint of the context's chain.
pub fn checkpoint(data: &[u8]) {
    if let Ok(checkpoint) = Checkpoint::decode(data) {
        let (signer, policy) = (RULES.genesis_signer, CheckpointPolicy::default());
        let now_s = checkpoint.time_s;
        if let Ok(header) = verify_checkpoint(&checkpoint, &RULES, signer, now_s, policy) {
            assert_eq!(checkpoint.signed_header.recover_signer(&RULES), Ok(signer));
            assert_eq!(header.hash(), checkpoint.signed_header.hash());
        }
    }
}

/// A block access list that the header commits to; its entries can be proven, and nothing else can.
pub fn bal(data: &[u8]) {
    let header = Header {
        block_access_list_hash: Some(keccak256(data)),
        gas_limit: 30_000_000,
        ..PARENT.header().clone()
    };
    let Some(header) = as_genesis(header) else {
        return;
    };
    let Ok(bal) = verify_bal(data, &header, Some(4)) else {
        return;
    };
    let changes = bal.changes();
    let mut again = Vec::new();
    alloy_rlp::encode_list(changes, &mut again);
    assert_eq!(again, data, "it is canonical");
    let root = compute_accounts_root(changes);
    for (index, entry) in changes.iter().enumerate().take(8) {
        let proof = prove_inclusion(changes, index).expect("it is in the list");
        assert_eq!(verify_inclusion(root, entry, &proof), Ok(()));
        let mut address = entry.address;
        address.0[19] ^= 1;
        let is_listed = changes.iter().any(|entry| entry.address == address);
        match prove_absence(changes, address) {
            Some(proof) => {
                assert!(!is_listed);
                assert_eq!(verify_absence(root, address, &proof), Ok(()));
                assert!(verify_absence(root, entry.address, &proof).is_err());
            }
            None => assert!(is_listed),
        }
    }
}

/// A header that its own rules name as genesis: verified without a signature.
fn as_genesis(header: Header) -> Option<VerifiedHeader> {
    let header = Header {
        number: 0,
        ..header
    };
    let rules = ChainRules {
        genesis_hash: header.hash_slow(),
        ..RULES.clone()
    };
    VerifiedHeader::genesis(header, &rules).ok()
}

/// An update of the context's block.
pub fn update(data: &[u8]) {
    let Ok(update) = Update::decode(data) else {
        return;
    };
    match &update.body {
        Body::Consistent { .. } => {
            let mut state = PartialState::from_root(PARENT.state_root());
            match verify_consistent(&update, &HEADER, &PARENT, &mut state) {
                Ok(_) => assert_eq!(state.root(), HEADER.state_root()),
                Err(_) => assert_eq!(state.root(), PARENT.state_root(), "nothing is kept"),
            }
        }
        Body::Watch { watched, .. } => {
            let accounts = watched.iter().map(|watched| (watched.address(), Vec::new()));
            if let Ok(filter) = Filter::new(accounts)
                && let Ok(verified) = verify_watch(&update, &HEADER, &filter)
            {
                assert_eq!(verified.accounts().len(), watched.len());
            }
            for watched in watched {
                if let Watched::Absent { address, proof } = watched {
                    let root = HEADER.extension().map(|extension| extension.accounts_root);
                    let _ = verify_absence(root.unwrap_or_default(), *address, proof);
                }
            }
        }
        _ => {}
    }
}

/// A witness whose nodes fit together, and a list that is applied to it: `length (2 bytes) || list || nodes`. The same again gives the same root.
pub fn state(data: &[u8]) {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_be_bytes(*length));
    let (raw, nodes) = rest.split_at(length.min(rest.len()));
    let mut raw = raw;
    let Ok(changes) = Vec::<AccountChanges>::decode(&mut raw) else {
        return;
    };
    let nodes = Input::parse(nodes).nodes;
    let Some(top) = nodes.last() else { return };
    let root = keccak256(top);
    let mut state = PartialState::from_root(root);
    if state.reveal(&nodes).is_err() {
        return;
    }
    assert_eq!(state.root(), root);
    for entry in &changes {
        let _ = state.account(entry.address);
        for slot in &entry.storage_reads {
            let _ = state.storage(entry.address, *slot);
        }
    }
    let mut twice = state.clone();
    if state.apply(&changes).is_ok() {
        assert_eq!(twice.apply(&changes), Ok(()));
        assert_eq!(state.root(), twice.root());
    }
}

fn proof_of(data: &[u8]) -> Option<(B256, Vec<Bytes>)> {
    let nodes: Vec<Bytes> = Input::parse(data).nodes.into_iter().rev().collect();
    Some((keccak256(nodes.first()?), nodes))
}

/// An account proof whose nodes fit together; the key is the path of any address.
pub fn account_proof(data: &[u8]) {
    let Some((address, rest)) = data.split_first_chunk::<20>() else {
        return;
    };
    if let Some((root, nodes)) = proof_of(rest)
        && let Ok(account) = verify_account_proof(root, address.into(), &nodes)
    {
        let mut state = PartialState::from_root(root);
        if state.reveal(&nodes).is_ok() {
            assert_eq!(state.account(address.into()), Ok(account), "both say the same");
        }
    }
}

/// As [`account_proof`], of a slot.
pub fn storage_proof(data: &[u8]) {
    let Some((slot, rest)) = data.split_first_chunk::<32>() else {
        return;
    };
    if let Some((root, nodes)) = proof_of(rest) {
        let _ = verify_storage_proof(root, B256::from(*slot).into(), &nodes);
    }
}

/// An execution input for the context's block: whatever it is, it proves nothing against an honest block.
pub fn execution(data: &[u8]) {
    let parent = alloy_rlp::encode(PARENT.header());
    let header = alloy_rlp::encode(HEADER.header());
    if let Err(refusal) = judge(RULES.chain_id, &parent, &header, data) {
        assert!(refusal.kind.is_none_or(|kind| kind.is_peer_fault()), "an honest block is accused: {refusal}");
    }
}

/// An execution input whose block commits to it: the machine sees what it likes.
pub fn execute(data: &[u8]) {
    let Ok(input) = ExecutionInput::decode(data) else {
        return;
    };
    let parent = Header {
        state_root: input.state.first().map_or(PARENT.state_root(), keccak256),
        ..PARENT.header().clone()
    };
    let header = Header {
        parent_hash: parent.hash_slow(),
        block_access_list_hash: Some(keccak256(&input.bal)),
        transactions_root: compute_ordered_root(&input.transactions),
        ..HEADER.header().clone()
    };
    let known = PartialState::from_root(parent.state_root);
    let spec = ChainSpec::sidelight(RULES.chain_id);
    let _ = verify_input(&spec, &parent, &header, input, known);
}

/// Any file, with a state root beside it.
pub fn file(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let verdict = verify_file(text, Some(HEADER.state_root()));
        assert_eq!(verdict.ok, verdict.reason.is_none());
    }
}

/// Records of a store: `(name length (1 byte) || name || length (2 bytes) || record) ...`.
pub fn store(mut data: &[u8]) {
    let mut records = Vec::new();
    while let Some((&length, rest)) = data.split_first() {
        let (name, rest) = rest.split_at(usize::from(length).min(rest.len()));
        let Some((length, rest)) = rest.split_first_chunk::<2>() else {
            break;
        };
        let length = usize::from(u16::from_be_bytes(*length));
        let (record, rest) = rest.split_at(length.min(rest.len()));
        records.push((String::from_utf8_lossy(name).into_owned(), record.to_vec()));
        data = rest;
    }
    for header in read_records(&records, &RULES, u64::MAX) {
        assert!(header.number() > 0);
    }
}
