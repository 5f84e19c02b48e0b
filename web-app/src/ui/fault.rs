//! The report of a lie: what was claimed, what is so, who said it. It stays, and it can be copied.

use leptos::prelude::*;
use sidelight_client::dto::FaultView;

use super::copy::Copy;
use super::icon::{Glyph, Icon};
use super::number::grouped;
use super::time::Ago;
use crate::health::SeenFault;

/// What was caught, for a kind of the threat model.
pub(crate) fn words(kind: &str) -> String {
    let words = match kind {
        "bad_envelope" => "a damaged message",
        "oversized" => "a message above its size limit",
        "decompression_bomb" => "a decompression bomb",
        "bad_header" => "a header that breaks a rule",
        "wrong_parent" => "a header that does not extend the chain",
        "bad_signature" => "a header that the sequencer did not sign",
        "stale_head" => "an old head, shown as the newest",
        "equivocation" => "two signed blocks at one height",
        "bad_bal_hash" => "a diff that is not the signed one",
        "bad_bal" => "a malformed diff, signed by the sequencer",
        "altered_change" => "a change that is not the signed one",
        "omitted_change" => "a change that was left out",
        "false_absence" => "an absence that is not proven",
        "bad_witness" => "a witness that does not fit",
        "incomplete_witness" => "a witness that leaves something out",
        "state_root_mismatch" => "a signed diff that does not give the signed state",
        "post_state_mismatch" => "a signed diff that disagrees with the signed state",
        "invalid_execution" => "a signed block that execution does not give",
        "bad_code" => "code that does not have the signed hash",
        "bad_proof" => "a proof that does not lead to the signed root",
        "bad_checkpoint" => "a stored or given start that cannot be trusted",
        "sequence_gap" => "messages that are missing without a word",
        "wrong_response" => "an answer to another question",
        "unresponsive" => "a node that does not answer",
        "reorg_too_deep" => "a branch that leaves below what is kept",
        other => return other.replace('_', " "),
    };
    words.to_owned()
}

/// The report as plain text, for an issue or a letter.
fn as_text(fault: &FaultView) -> String {
    let block = fault
        .block
        .map_or_else(|| "-".to_owned(), |block| block.to_string());
    format!(
        "sidelight fault report\nkind:     {}\nblock:    {block}\nsource:   {}\nfield:    {}\nexpected: {}\ngot:      {}\nmessage:  {}\nat:       {}\n",
        fault.kind, fault.peer, fault.field, fault.expected, fault.got, fault.message, fault.at
    )
}

/// One report.
#[component]
pub(crate) fn FaultReport(seen: SeenFault) -> impl IntoView {
    let SeenFault { fault, times } = seen;
    let text = as_text(&fault);
    let title = format!("Caught: {}", words(&fault.kind));
    let at = fault.at as f64;
    view! {
        <article class="fault" aria-label=title.clone() data-testid="fault-report" data-kind=fault.kind.clone()>
            <header class="fault-head">
                <Icon glyph=Glyph::Conflict />
                <p class="fault-title">{title.clone()}</p>
                <Copy text label="Copy report" wide=true />
            </header>
            <dl class="fault-facts">
                <div><dt>"field"</dt><dd class="mono">{fault.field}</dd></div>
                <div><dt>"expected"</dt><dd class="mono">{fault.expected}</dd></div>
                <div><dt>"got"</dt><dd class="mono got">{fault.got}</dd></div>
            </dl>
            <p class="fault-foot small quiet">
                <span class="mono">{fault.kind.clone()}</span>
                " · "
                {fault.block.map(|block| format!("block {} · ", grouped(&block.to_string())))}
                <span class="mono break">{fault.peer}</span>
                " · "
                <Ago at_ms=at />
                {(times > 1).then(|| format!(" · told {times} times"))}
            </p>
        </article>
    }
}

/// Every report of this tab, newest open.
#[component]
pub(crate) fn FaultShelf(#[prop(into)] faults: Signal<Vec<SeenFault>>) -> impl IntoView {
    move || {
        let mut faults = faults.get().into_iter();
        let newest = faults.next()?;
        let earlier: Vec<_> = faults.collect();
        let count = earlier.len();
        Some(view! {
            <section class="shelf" aria-label="Lies caught in this tab">
                <FaultReport seen=newest />
                {(count > 0)
                    .then(|| {
                        view! {
                            <details class="shelf-more">
                                <summary>{format!("{count} earlier")}</summary>
                                {earlier.into_iter().map(|seen| view! { <FaultReport seen /> }).collect_view()}
                            </details>
                        }
                    })}
            </section>
        })
    }
}
