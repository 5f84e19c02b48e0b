//! `sidelight follow`: a line for each verified block, faults beside it.

use std::path::Path;

use futures::{StreamExt, future::Either};
use sidelight_client::{
    Client,
    dto::{
        BlockEvent, ClientState, Event, EvidenceView, ExecutedEvent, FaultView, PeerState,
        ReorgEvent, StartOptions, Status, TrustLevel,
    },
    platform,
};

use crate::{
    Exit, Outcome,
    args::{Follow, ModeArg},
    explain, explain_silence,
    output::{self, group, line, red, shorten},
};

pub(crate) async fn run(args: Follow) -> Outcome {
    let options = StartOptions {
        share: args.share,
        ..args.connect.options(args.mode.into(), args.watch.clone())?
    };
    let client = Client::start(options, platform::current())
        .await
        .map_err(|error| explain(&error))?;
    let storage = client.status().storage;
    if !storage.why.is_empty() {
        eprintln!(
            "{}",
            red(&format!(
                "keeping headers in memory: the store {}",
                storage.why
            ))
        );
    }
    for fault in &client.status().faults {
        print_fault(fault);
    }
    let mut outcome = print_blocks(&client, &args).await;
    if let Err((Exit::Conflict, reason)) = &mut outcome {
        reason.push_str(&save_evidence(&client, &args.evidence));
    }
    client.close().await;
    outcome
}

/// Writes what shows the conflict to others, and says where.
fn save_evidence(client: &Client, folder: &Path) -> String {
    let text = match client.evidence() {
        Ok(Some(text)) => text,
        Ok(None) => return "\nno evidence was kept".into(),
        Err(error) => return format!("\n{error}"),
    };
    let number = client
        .status()
        .conflict
        .map_or(0, |conflict| conflict.number);
    let path = folder.join(format!("sidelight-evidence-{number}.json"));
    match std::fs::write(&path, text) {
        Ok(()) => format!("\nevidence: {}", path.display()),
        Err(error) => format!("\nevidence: {}: {error}", path.display()),
    }
}

async fn print_blocks(client: &Client, args: &Follow) -> Outcome {
    let mut events = client.subscribe();
    if let Some(evidence) = client.status().halted {
        return Err((Exit::Conflict, describe(&evidence)));
    }
    if !args.json {
        line(&format!(
            "{:>10}  {:<17}  {:<10}  {:>9}  {:>9}  {:>5}",
            "BLOCK", "HASH", "LEVEL", "BYTES", "MS", "PEERS"
        ));
    }
    let mut printed = 0;
    let mut told_skipped = 0;
    let mut interrupted = Box::pin(tokio::signal::ctrl_c());
    let patience = std::time::Duration::from_secs(args.connect.timeout);
    while args.blocks.is_none_or(|blocks| printed < blocks) {
        let next = futures::future::select(events.next(), &mut interrupted);
        let event = match tokio::time::timeout(patience, next).await {
            Ok(Either::Left((Some(event), _))) => event,
            Ok(Either::Left((None, _))) => {
                return Err((Exit::Unknown, "the client has stopped".into()));
            }
            Ok(Either::Right(_)) => return Ok(()),
            // Only before the first block: a chain may rest as long as it likes.
            Err(_) if printed == 0 && client.status().head.is_none() => {
                return Err(explain_silence(client, args.connect.timeout));
            }
            Err(_) => continue,
        };
        match event {
            Event::Block(block) => {
                printed += u64::from(args.mode != ModeArg::Execute);
                if !print_block(client, &block, args.json) {
                    return Ok(());
                }
            }
            Event::Executed(block) => {
                printed += 1;
                if !print_executed(client, &block, args.json) {
                    return Ok(());
                }
            }
            Event::Fault(fault) => print_fault(&fault),
            Event::Reorg(reorg) => print_reorg(&reorg),
            Event::Halted(evidence) => return Err((Exit::Conflict, describe(&evidence))),
            Event::Status(status)
                if status
                    .peers
                    .iter()
                    .all(|peer| peer.state == PeerState::Waiting)
                    && printed == 0
                    && status.head.is_none() =>
            {
                return Err((
                    Exit::Unknown,
                    format!("no node can be reached: {}", args.connect.nodes.join(", ")),
                ));
            }
            Event::Status(status) if status.state == ClientState::Conflict => {
                return Err((Exit::Conflict, describe_conflict(&status)));
            }
            Event::Status(status) => {
                let skipped = status.executed.map_or(0, |executed| executed.skipped);
                if skipped > told_skipped {
                    eprintln!(
                        "{}",
                        red(&format!(
                            "{} blocks were not executed",
                            skipped - told_skipped
                        ))
                    );
                    told_skipped = skipped;
                }
            }
        }
    }
    Ok(())
}

fn print_block(client: &Client, block: &BlockEvent, json: bool) -> bool {
    let connected = count_connected(client);
    if json {
        let mut object = serde_json::to_value(block).unwrap_or_default();
        if let Some(object) = object.as_object_mut() {
            object.insert("peers".into(), connected.into());
        }
        return line(&object.to_string());
    }
    line(&format!(
        "{:>10}  {:<17}  {}  {:>9}  {:>9.2}  {:>5}",
        block.number,
        shorten(&block.hash.to_string()),
        output::level(block.level, 10),
        group(block.bytes),
        block.ms,
        connected,
    ))
}

/// A block that was printed before, at its new level.
fn print_executed(client: &Client, block: &ExecutedEvent, json: bool) -> bool {
    let connected = count_connected(client);
    if json {
        let mut object = serde_json::to_value(block).unwrap_or_default();
        if let Some(object) = object.as_object_mut() {
            object.insert("level".into(), "executed".into());
            object.insert("peers".into(), connected.into());
        }
        return line(&object.to_string());
    }
    line(&format!(
        "{:>10}  {:<17}  {}  {:>9}  {:>9.2}  {:>5}  {} gas, {} transactions",
        block.number,
        shorten(&block.hash.to_string()),
        output::level(TrustLevel::Executed, 10),
        group(block.bytes),
        block.ms,
        connected,
        group(block.gas_used),
        block.transactions,
    ))
}

fn count_connected(client: &Client) -> usize {
    let peers = client.status().peers;
    let is_connected = |state| matches!(state, PeerState::Streaming | PeerState::Polling);
    peers.iter().filter(|peer| is_connected(peer.state)).count()
}

fn print_fault(fault: &FaultView) {
    eprintln!(
        "{}",
        red(&format!("fault: {} (from {})", fault.message, fault.peer))
    );
}

fn print_reorg(reorg: &ReorgEvent) {
    eprintln!(
        "{}",
        red(&format!(
            "reorganisation: {} blocks taken back, from {} to {}",
            reorg.depth, reorg.old_head.hash, reorg.new_head.hash
        ))
    );
}

/// Why the client stopped, without evidence of two signatures: the newest fault that stops one.
fn describe_conflict(status: &Status) -> String {
    match (&status.halted, status.faults.last()) {
        (Some(evidence), _) => describe(evidence),
        (None, Some(fault)) => format!("{} (from {})", fault.message, fault.peer),
        (None, None) => "the sequencer contradicts itself".into(),
    }
}

fn describe(evidence: &EvidenceView) -> String {
    format!(
        "{} signed two blocks at height {}: {} and {}",
        evidence.signer, evidence.number, evidence.first, evidence.second
    )
}
