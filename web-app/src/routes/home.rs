//! `/`: the head, the blocks as they are verified, the nodes, and what this tab has done.

use leptos::prelude::*;
use leptos_router::components::A;
use sidelight_client::dto::{
    BlockEvent, ExecutedView, FaultView, PeerState, PeerView, SkippedFor, Status,
};

use crate::feed::{Line, Row};
use crate::format::{bytes, duration, millis, storage_name};
use crate::health::Health;
use crate::state::use_app;
use crate::ui::empty::Empty;
use crate::ui::facts::{Fact, Facts};
use crate::ui::fault::words;
use crate::ui::hash::Hash;
use crate::ui::icon::{Glyph, Icon};
use crate::ui::number::grouped;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::Ago;
use crate::ui::trust::{Gauge, Shown, TrustChip, meaning, tone};

/// Rows of the live list.
const ROWS: usize = 20;

/// Bars of the strip.
const BARS: usize = 60;

/// The page.
#[component]
pub(crate) fn HomePage() -> impl IntoView {
    Effect::new(|_| document().set_title("Sidelight: an explorer that verifies"));
    view! {
        <div class="page home">
            <Head />
            <div class="home-grid">
                <Blocks />
                <div class="home-side">
                    <Done />
                    <Executed />
                    <Peers />
                </div>
            </div>
        </div>
    }
}

/// The newest verified block, large.
#[component]
fn Head() -> impl IntoView {
    let app = use_app();
    let head = Memo::new(move |_| {
        app.status
            .with(|status| status.as_ref().and_then(|status| status.head.clone()))
    });
    // A lie is told about a block that the head did not reach: until it does, the head is what was lied about.
    let refused = Memo::new(move |_| {
        let head = head.with(|head| head.as_ref().map_or(0, |head| head.number));
        app.lines.with(|lines| {
            lines.iter().find_map(|line| match line.row.as_ref() {
                Row::Refused(fault) if fault.block.is_some_and(|block| block > head) => {
                    Some(fault.clone())
                }
                Row::Refused(_) | Row::Verified(_) => None,
            })
        })
    });
    let number =
        move || head.with(|head| head.as_ref().map(|head| grouped(&head.number.to_string())));
    let level = move || {
        head.get().map(|head| {
            let word = meaning(head.level).word;
            let (class, mark, state) = match app.health.get() {
                Health::Conflict => ("conflict", Some(Glyph::Conflict), ", in conflict"),
                Health::Stale | Health::Offline => ("stale", Some(Glyph::Clock), ", stale"),
                _ => (tone(head.level, false), None, ""),
            };
            let mark = match mark {
                Some(glyph) => view! { <Icon glyph /> }.into_any(),
                None => view! { <Gauge level=head.level /> }.into_any(),
            };
            view! {
                <span class=format!("head-level {class}") data-testid="head-level" data-level=word>
                    {mark} <span>{word} {state}</span>
                </span>
                <span class="quiet">
                    {move || format!("{} old", duration(app.now_ms.get() / 1000.0 - head.timestamp as f64))}
                </span>
                <Hash value=head.hash.to_string() href=format!("/block/{}", head.hash) what="block hash" />
            }
        })
    };
    let lied = move || {
        refused.get().map(|fault| {
            let block = fault.block.map(|block| format!("Block {}", grouped(&block.to_string())));
            view! {
                <p class="head-refused">
                    <Icon glyph=Glyph::Conflict />
                    <span>
                        {block.unwrap_or_else(|| "A block".to_owned())} " was refused: "
                        <span class="mono">{fault.field}</span> " is not what it must be. The head stays here until a node sends the real one."
                    </span>
                </p>
            }
        })
    };
    view! {
        <section class="head" class:refused=move || { refused.get().is_some() || app.evidence.get().is_some() } aria-labelledby="head-title">
            <div class="head-main">
                <h1 id="head-title" tabindex="-1">"Newest block verified in this tab"</h1>
                <div class="head-line" class:is-waiting=move || head.get().is_none()>
                    {level}
                    {move || head.get().is_none().then_some("Loading the verifier and looking for the first block")}
                </div>
                <p class="head-number number" data-testid="head-number">{move || number().unwrap_or_else(|| "–".to_owned())}</p>
                {lied}
            </div>
            <Strip />
        </section>
    }
}

/// The last blocks as bars: height is bytes, colour is the level. The table below has the same numbers in words.
#[component]
fn Strip() -> impl IntoView {
    let app = use_app();
    let bars = move || {
        let contradicted = app
            .evidence
            .with(|evidence| evidence.as_ref().map(|evidence| evidence.number));
        app.lines.with(|lines| {
            let most = lines.iter().take(BARS).map(|line| line.row.bytes()).max().unwrap_or(0).max(1) as f64;
            let bar = |(at, line): (usize, &Line)| {
                let (class, share) = match line.row.as_ref() {
                    Row::Verified(block) if contradicted == Some(block.number) => ("conflict", 1.0),
                    Row::Verified(block) => (tone(block.level, false), (block.bytes as f64 / most).sqrt()),
                    Row::Refused(_) => ("conflict", 1.0),
                };
                let height = (share * 60.0).clamp(3.0, 60.0);
                let x = (BARS - 1 - at) * 8;
                view! {
                    <rect class=class x=x.to_string() y=format!("{:.1}", 64.0 - height) width="3.5" height=format!("{height:.1}") rx="1" />
                }
            };
            lines.iter().take(BARS).enumerate().map(bar).collect_view()
        })
    };
    // Where no block has come yet, so that a young strip does not look like a broken one.
    let unfilled = move || {
        let first = app.lines.with(|lines| lines.len().min(BARS));
        (first..BARS)
            .map(|at| view! { <rect class="none" x=((BARS - 1 - at) * 8).to_string() y="61" width="3.5" height="3" rx="1" /> })
            .collect_view()
    };
    view! {
        <figure class="strip" aria-hidden="true">
            <svg viewBox="0 0 480 65" preserveAspectRatio="none">
                <line x1="0" y1="64.5" x2="480" y2="64.5" />
                {unfilled}
                {bars}
            </svg>
            <figcaption class="small quiet">
                <span>{format!("last {BARS} blocks")}</span>
                <span>"height: bytes received"</span>
            </figcaption>
        </figure>
    }
}

/// The live list.
#[component]
fn Blocks() -> impl IntoView {
    let app = use_app();
    let is_empty = Memo::new(move |_| app.lines.with(Vec::is_empty));
    let rows = move || {
        app.lines
            .with(|lines| lines.iter().take(ROWS).cloned().collect::<Vec<_>>())
    };
    let waiting = move || match app.waiting.get() {
        0 => None,
        many => Some(view! {
            <button type="button" class="new-rows number" on:click=move |_| app.release()>{format!("{many} new")}</button>
        }),
    };
    view! {
        <section
            class="panel"
            aria-labelledby="blocks-title"
            on:pointerenter=move |event| {
                if event.pointer_type() == "mouse" {
                    app.hold();
                }
            }
            on:pointerleave=move |_| app.release()
            on:focusin=move |_| app.hold()
            on:focusout=move |_| app.release()
        >
            <header class="panel-head">
                <h2 id="blocks-title">"Blocks as they are verified"</h2>
                {waiting}
            </header>
            <Show
                when=move || !is_empty.get()
                fallback=move || {
                    let words = match app.health.get() {
                        Health::Starting | Health::Syncing => "Waiting for the first block. It is shown when it is verified, not before.",
                        _ => "No block has been verified since this page was opened.",
                    };
                    view! { <Skeleton words lines=8 /> }
                }
            >
                <table class="table cards">
                    <caption class="visually-hidden">"The newest blocks, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Trust"</th>
                            <th scope="col">"Block"</th>
                            <th scope="col">"Age"</th>
                            <th scope="col" class="right">"Changes"</th>
                            <th scope="col" class="right">"Bytes"</th>
                            <th scope="col" class="right">"Checked in"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=rows key=|line| (line.key, line.row.level()) let:line>
                            {match line.row.as_ref() {
                                Row::Verified(block) => view! { <VerifiedRow block=block.clone() /> }.into_any(),
                                Row::Refused(fault) => view! { <RefusedRow fault=fault.clone() /> }.into_any(),
                            }}
                        </For>
                    </tbody>
                </table>
            </Show>
        </section>
    }
}

#[component]
fn VerifiedRow(block: BlockEvent) -> impl IntoView {
    let at = block.timestamp as f64 * 1000.0;
    let number = block.number;
    let changed = match (block.changed_accounts, block.tx_count) {
        (_, Some(count)) => format!("{} tx", grouped(&count.to_string())),
        (Some(count), None) => format!("{} accounts", grouped(&count.to_string())),
        (None, None) => "not asked".to_owned(),
    };
    let app = use_app();
    let conflict = Memo::new(move |_| {
        app.evidence.with(|evidence| {
            evidence
                .as_ref()
                .is_some_and(|evidence| evidence.number == number)
        })
    });
    let label = block.clone();
    let chip = move || {
        if conflict.get() {
            view! { <span class="chip conflict"><Icon glyph=Glyph::Conflict /> <span>"conflict"</span></span> }.into_any()
        } else {
            view! { <TrustChip shown=Shown::Block(label.clone()) /> }.into_any()
        }
    };
    let gas = format!("{} gas", grouped(&block.gas_used.to_string()));
    view! {
        <tr class:refused=conflict data-testid="block-row" data-number=number.to_string() data-level=meaning(block.level).word>
            <td data-label="Trust">{chip}</td>
            <td data-label="Block" class="number"><A href=format!("/block/{number}")>{grouped(&number.to_string())}</A></td>
            <td data-label="Age" class="quiet"><Ago at_ms=at /></td>
            <td data-label="Changes" class="right number" title=gas>{changed}</td>
            <td data-label="Bytes" class="right number">{bytes(block.bytes as f64)}</td>
            <td data-label="Checked in" class="right number">{millis(block.ms)}</td>
        </tr>
    }
}

#[component]
fn RefusedRow(fault: FaultView) -> impl IntoView {
    let block = fault
        .block
        .map_or_else(|| "–".to_owned(), |block| grouped(&block.to_string()));
    view! {
        <tr class="refused" data-testid="refused-row" data-kind=fault.kind.clone()>
            <td data-label="Trust"><span class="chip conflict"><Icon glyph=Glyph::Conflict /> <span>"refused"</span></span></td>
            <td data-label="Block" class="number">{block}</td>
            <td data-label="Age" class="quiet"><Ago at_ms=fault.at as f64 /></td>
            <td data-label="Reason" colspan="3" title=fault.field>{words(&fault.kind)}</td>
        </tr>
    }
}

/// What this tab has done since it was opened.
#[component]
fn Done() -> impl IntoView {
    let app = use_app();
    let count = |value: u64| view! { <span class="number">{grouped(&value.to_string())}</span> };
    let caught =
        move || app.faults.with(Vec::len) + usize::from(app.evidence.with(Option::is_some));
    let facts = move |status: Status| {
        let verified = status.verified;
        let anchor = match status.anchor.as_str() {
            "genesis" => "the genesis block in the rules".to_owned(),
            "store" => "what this browser had verified before".to_owned(),
            "checkpoint" => "a checkpoint that you gave".to_owned(),
            other => other.to_owned(),
        };
        let storage = status.storage;
        view! {
            <Facts>
                <Fact name="Headers">{count(verified.headers)}</Fact>
                <Fact name="State diffs">{count(verified.diffs)}</Fact>
                <Fact name="Proofs">{count(verified.proofs)}</Fact>
                <Fact name="Bodies and codes">{count(verified.bodies)}</Fact>
                <Fact name="Received"><span class="number">{bytes(status.bytes as f64)}</span></Fact>
                <Fact name="Starts from">{anchor}</Fact>
                <Fact name="Kept in"><span title=storage.why>{storage_name(&storage.kind)}</span></Fact>
                <Fact name="Lies caught"><span class="number">{caught}</span></Fact>
            </Facts>
        }
    };
    view! {
        <section class="panel" aria-labelledby="done-title">
            <header class="panel-head">
                <h2 id="done-title">"Verified by this tab"</h2>
                <span class="small quiet">
                    {move || app.mode().and_then(|mode| serde_json::to_value(mode).ok()).and_then(|word| word.as_str().map(|word| format!("{word} mode")))}
                </span>
            </header>
            {move || match app.status.get() {
                Some(status) => facts(status).into_any(),
                None => view! { <Skeleton words="Loading the verifier" lines=8 /> }.into_any(),
            }}
            <p class="panel-foot small quiet">
                "“Verified” means that this tab recomputed it from the bytes that a node sent and that it fits what the sequencer signed; "
                "it does not mean that the sequencer executed the block correctly."
            </p>
        </section>
    }
}

/// What this tab has executed again, in mode `execute`.
#[component]
fn Executed() -> impl IntoView {
    let app = use_app();
    let executed = Memo::new(move |_| {
        app.status
            .with(|status| status.as_ref().and_then(|status| status.executed.clone()))
    });
    move || {
        executed.get().map(|executed| {
            let reasons = skipped(&executed.skipped_for);
            let share = match executed.share.percent() {
                100 => "every block".to_owned(),
                percent => format!("{percent} % of the blocks, drawn by this tab"),
            };
            view! {
                <section class="panel" aria-labelledby="executed-title" data-testid="executed">
                    <header class="panel-head">
                        <h2 id="executed-title">"Executed by this tab"</h2>
                        <span class="small quiet">{share}</span>
                    </header>
                    {executed_facts(executed)}
                    {reasons}
                    <p class="panel-foot small quiet">
                        "Every chosen block of the run was executed again from a witness: transactions, receipts, gas and state root are what the header says. "
                        "Blocks that were skipped are not in the run."
                    </p>
                </section>
            }
        })
    }
}

fn executed_facts(executed: ExecutedView) -> impl IntoView {
    let number =
        |number: Option<u64>| number.map_or_else(|| "–".to_owned(), |n| grouped(&n.to_string()));
    let count = |value: u64| view! { <span class="number">{grouped(&value.to_string())}</span> };
    let head = executed.head.map(|head| head.number);
    let attribute = head.map(|head| head.to_string());
    let (since, done) = (executed.since, executed.count);
    let (waiting, skipped) = (executed.waiting, executed.skipped);
    view! {
        <Facts>
            <Fact name="Executed head">
                <span class="number" data-testid="executed-head" data-number=attribute>{number(head)}</span>
            </Fact>
            <Fact name="Run since"><span class="number">{number(since)}</span></Fact>
            <Fact name="Executed">{count(done)}</Fact>
            <Fact name="Waiting">{count(waiting)}</Fact>
            <Fact name="Skipped"><span data-testid="executed-skipped">{count(skipped)}</span></Fact>
        </Facts>
    }
}

/// The reasons for which blocks were skipped, if any was.
fn skipped(skipped: &SkippedFor) -> Option<impl IntoView + use<>> {
    let SkippedFor {
        behind,
        unavailable,
        refused,
        time_limit,
        failed,
        not_consistent,
    } = *skipped;
    let reasons = [
        (behind, "more came than could be executed"),
        (unavailable, "no node had what it takes"),
        (refused, "every node sent something false"),
        (time_limit, "took longer than a block may"),
        (failed, "the machine gave up"),
        (not_consistent, "only the header was checked"),
    ];
    let told: Vec<_> = reasons
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, reason)| {
            view! { <li><span class="number">{grouped(&count.to_string())}</span> " " {reason}</li> }
        })
        .collect();
    (!told.is_empty()).then(
        || view! { <ul class="peers small quiet" aria-label="Why blocks were skipped">{told}</ul> },
    )
}

/// The nodes that are asked. None of them is believed.
#[component]
fn Peers() -> impl IntoView {
    let app = use_app();
    let peers = Memo::new(move |_| {
        app.status
            .with(|status| status.as_ref().map(|status| status.peers.clone()))
    });
    view! {
        <section class="panel" aria-labelledby="peers-title">
            <header class="panel-head">
                <h2 id="peers-title">"Nodes"</h2>
                <A href="/settings" attr:class="small">"Change"</A>
            </header>
            {move || match peers.get() {
                None => view! { <Skeleton words="Connecting" lines=2 /> }.into_any(),
                Some(peers) if peers.is_empty() => view! { <Empty title="No node is configured">"Name one in the settings."</Empty> }.into_any(),
                Some(peers) => {
                    view! { <ul class="peers">{peers.into_iter().map(|peer| view! { <Peer peer /> }).collect_view()}</ul> }.into_any()
                }
            }}
            <p class="panel-foot small quiet">"No node is trusted. The score only decides who is asked first."</p>
        </section>
    }
}

#[component]
fn Peer(peer: PeerView) -> impl IntoView {
    let (word, class) = match peer.state {
        PeerState::Connecting => ("connecting", "unverified"),
        PeerState::Streaming => ("streaming", "consistent"),
        PeerState::Polling => ("polling", "signed"),
        PeerState::Waiting => ("waiting", "stale"),
        PeerState::Banned => ("banned", "conflict"),
    };
    let latency = peer.latency_ms.map(|ms| format!("{ms} ms"));
    let claims = peer
        .height
        .map(|height| format!("claims {}", grouped(&height.to_string())));
    let faults = (peer.faults > 0).then(|| {
        let words = if peer.faults == 1 {
            "1 lie caught".to_owned()
        } else {
            format!("{} lies caught", peer.faults)
        };
        view! { <span class="peer-faults"><Icon glyph=Glyph::Conflict /> {words}</span> }
    });
    view! {
        <li class="peer" data-testid="peer-row" data-state=word>
            <p class="peer-url mono">{peer.url}</p>
            <p class="peer-facts small quiet">
                <span class=format!("peer-state {class}")>{word}</span>
                <span class="number">{latency}</span>
                <span class="number">{claims}</span>
                {faults}
            </p>
            <div class="score">
                <meter min="0" max="100" low="15" high="35" optimum="100" value=peer.score.to_string() aria-label="Score"></meter>
                <span class="number small">{peer.score}</span>
            </div>
        </li>
    }
}
