//! Files that bring a signed header or two signatures: proofs, transitions, evidence and checkpoints.

use alloy_primitives::{Address, B256, Bytes, FixedBytes};
use serde_json::Value as Json;
use sidelight_core::{
    checkpoint::{Checkpoint, CheckpointPolicy, verify_anchor, verify_checkpoint},
    evidence::{Evidence, SignedHash, verify_evidence},
    header::{SignedHeader, VerifiedHeader, verify_header},
    rules::ChainRules,
    state::PartialState,
    update::{verify_consistent, verify_watch},
    wire::{Body, Filter, Update, Watched},
};

use super::{Judged, Refusal, agree, eip1186::AccountProof, fact, json};
use crate::{chains, dto::Fact};

/// A file is judged without a clock: "not from the future" cannot be checked.
pub(super) const ANY_TIME: u64 = u64::MAX;

pub(super) fn judge_proof(file: &Json, state_root: Option<B256>) -> Result<Judged, Refusal> {
    let rules = read_rules(file)?;
    let header = read_anchor(file, "signedHeader", &rules)?;
    let proof = AccountProof::read(file)?;
    let mut facts = describe_header(&header, &rules);
    if let Some(root) = state_root {
        agree(
            "state root",
            &root,
            root == header.state_root(),
            &header.state_root(),
        )?;
        facts.push(fact("State root is", "the one given beside the file"));
    }
    let title = proof.verify(header.state_root(), &mut facts)?;
    Ok(Judged {
        title: format!("{title} in block {}", header.number()),
        facts,
    })
}

pub(super) fn judge_transition(file: &Json) -> Result<Judged, Refusal> {
    let rules = read_rules(file)?;
    let parent = read_anchor(file, "parent", &rules)?;
    let raw: Bytes = json::parse(file, "update")?;
    let update = Update::decode(&raw).map_err(|error| Refusal::of("update")(&error))?;
    let header = verify_header(&update.signed_header, &parent, &rules, ANY_TIME)
        .map_err(|error| Refusal::of("update header")(&error))?;
    let mut facts = describe_header(&header, &rules);
    let refused = Refusal::of("update");
    let title = match &update.body {
        Body::Headers => "signed",
        Body::Watch { watched, .. } => {
            let filter = filter_of(watched)?;
            let verified =
                verify_watch(&update, &header, &filter).map_err(|error| refused(&error))?;
            facts.push(fact("Watched accounts", verified.accounts().len()));
            "consistent for the watched accounts"
        }
        Body::Consistent { nodes, .. } => {
            let mut state = PartialState::from_root(parent.state_root());
            let verified = verify_consistent(&update, &header, &parent, &mut state)
                .map_err(|error| refused(&error))?;
            facts.extend([
                fact("Accounts in the diff", verified.bal().changes().len()),
                fact("Witness nodes", nodes.len()),
                fact("Computed state root", state.root()),
            ]);
            "consistent"
        }
        _ => {
            return Err(Refusal(
                "update: a mode that this program does not know".into(),
            ));
        }
    };
    facts.push(fact("Bytes", raw.len()));
    Ok(Judged {
        title: format!("Block {} is {title}", header.number()),
        facts,
    })
}

/// The accounts that an update speaks of, with the slots that it says changed.
pub(super) fn filter_of(watched: &[Watched]) -> Result<Filter, Refusal> {
    let slots = |watched: &Watched| match watched {
        Watched::Present { entry, .. } => entry
            .storage_changes
            .iter()
            .map(|change| change.slot)
            .collect(),
        _ => Vec::new(),
    };
    Filter::new(
        watched
            .iter()
            .map(|watched| (watched.address(), slots(watched))),
    )
    .map_err(|error| Refusal::of("update")(&error))
}

pub(super) fn judge_evidence(file: &Json) -> Result<Judged, Refusal> {
    let read_number = |name| {
        json::quantity(file, name)?
            .try_into()
            .map_err(|_| Refusal(format!("{name}: expected at most 64 bits")))
    };
    let read_side = |name| -> Result<SignedHash, Refusal> {
        let side = json::field(file, name)?;
        let signature: FixedBytes<65> = json::parse(side, "signature")?;
        Ok(SignedHash {
            hash: json::parse(side, "hash")?,
            signature: signature.0,
        })
    };
    let evidence = Evidence {
        chain_id: read_number("chainId")?,
        rules_hash: json::parse(file, "rulesHash")?,
        number: read_number("number")?,
        signer: json::parse(file, "signer")?,
        first: read_side("first")?,
        second: read_side("second")?,
    };
    let _verified = verify_evidence(&evidence).map_err(|error| Refusal::of("evidence")(&error))?;
    let chain = if evidence.rules_hash == chains::dev().hash() {
        "dev, built in"
    } else {
        "named by the file"
    };
    let facts = vec![
        fact("Signer", evidence.signer),
        fact("Height", evidence.number),
        fact("First block", evidence.first.hash),
        fact("Second block", evidence.second.hash),
        fact("Chain", format!("{} ({chain})", evidence.chain_id)),
        fact("Rules", evidence.rules_hash),
        fact(
            "Says nothing about",
            "which of the blocks is right, and whether this key was due at that height",
        ),
    ];
    Ok(Judged {
        title: format!("One key signed two blocks at height {}", evidence.number),
        facts,
    })
}

pub(super) fn judge_checkpoint(file: &Json) -> Result<Judged, Refusal> {
    let rules = read_rules(file)?;
    let time_s: u64 = json::quantity(file, "time")?
        .try_into()
        .map_err(|_| Refusal("time: expected seconds".into()))?;
    let signed_header = read_signed(file, "signedHeader")?;
    let signer = read_signer(file, &rules)?;
    let checkpoint = Checkpoint {
        rules: rules.clone(),
        signed_header,
        time_s,
    };
    let header = verify_checkpoint(
        &checkpoint,
        &rules,
        signer,
        time_s,
        CheckpointPolicy::default(),
    )
    .map_err(|error| Refusal::of("checkpoint")(&error))?;
    let mut facts = describe_header(&header, &rules);
    facts.push(fact("Taken at", format!("{time_s} s since 1970")));
    Ok(Judged {
        title: format!("Checkpoint at block {}", header.number()),
        facts,
    })
}

/// Rules as hex of their RLP.
pub(super) fn read_rules(file: &Json) -> Result<ChainRules, Refusal> {
    let raw: Bytes = json::parse(file, "rules")?;
    ChainRules::decode(&raw).map_err(|error| Refusal::of("rules")(&error))
}

fn read_signed(file: &Json, name: &str) -> Result<SignedHeader, Refusal> {
    let raw: Bytes = json::parse(file, name)?;
    SignedHeader::decode(&raw).map_err(|error| Refusal::of(name)(&error))
}

/// Whom the header's parent named; the rules' first signer where the file does not say.
fn read_signer(file: &Json, rules: &ChainRules) -> Result<Address, Refusal> {
    match file.get("parentSigner") {
        Some(_) => json::parse(file, "parentSigner"),
        None => Ok(rules.genesis_signer),
    }
}

/// A header of the file that stands without its parent.
pub(super) fn read_anchor(
    file: &Json,
    name: &str,
    rules: &ChainRules,
) -> Result<VerifiedHeader, Refusal> {
    let signed = read_signed(file, name)?;
    let header = match signed.header.number {
        0 => VerifiedHeader::genesis(signed.header, rules),
        _ => verify_anchor(&signed, read_signer(file, rules)?, rules, ANY_TIME),
    };
    header.map_err(|error| Refusal::of(name)(&error))
}

pub(super) fn describe_header(header: &VerifiedHeader, rules: &ChainRules) -> Vec<Fact> {
    let chain = if *rules == chains::dev() {
        "dev, built in"
    } else {
        "rules named by the file"
    };
    let signer = match header.signer() {
        None => "nobody: genesis, whose hash is in the rules".into(),
        Some(signer) if signer == rules.genesis_signer => format!("{signer}, the rules' signer"),
        Some(signer) => format!("{signer}, named by the file"),
    };
    vec![
        fact("Block", header.number()),
        fact("Block hash", header.hash()),
        fact("State root", header.state_root()),
        fact("Signed by", signer),
        fact("Chain", format!("{} ({chain})", rules.chain_id)),
        fact("Rules", rules.hash()),
    ]
}

#[cfg(test)]
mod tests;
