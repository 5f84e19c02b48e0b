//! The account's token transfers of the last blocks: complete by the headers' filters, and judged by a small model on this device.

use alloy_primitives::Address;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use sidelight_client::dto::{ErrorView, LogsView, Trust};

use crate::decisions::{self, HERE};
use crate::state::{App, use_app};
use crate::transfers::{Transfer, WINDOW, features, join, questions};
use crate::ui::button::Button;
use crate::ui::empty::{Empty, Trouble};
use crate::ui::hash::Hash;
use crate::ui::icon::{Glyph, Icon};
use crate::ui::number::grouped;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::Ago;
use crate::ui::trust::{Shown, TrustChip};

/// How far back it is looked: one header for each block.
const BLOCKS: u64 = 2_048;
/// Rows that are shown.
const SHOWN: usize = 24;
/// Judges transfers; a score of 1 is what one usual transfer in a hundred exceeds.
const MODEL: &str = "anomaly-f32";

/// What was found.
#[derive(Clone, Debug)]
struct Found {
    /// Oldest first.
    transfers: Vec<Transfer>,
    from: u64,
    to: u64,
    complete: bool,
    trust: Trust,
    /// Scores of the last ones; the reason where there are none.
    scores: Result<Vec<f64>, String>,
}

#[derive(Clone, Debug)]
enum State {
    None,
    Waiting,
    Got(Box<Found>),
    Failed(Box<ErrorView>),
}

/// The panel; it asks when it is told to, since every block of the range costs its header.
#[component]
pub(super) fn Transfers(address: String) -> impl IntoView {
    let app = use_app();
    let state = RwSignal::new(State::None);
    let account = StoredValue::new(address.parse::<Address>().ok());
    let look = move || {
        let (Some(account), Some(head)) = (account.get_value(), app.head_number()) else {
            return;
        };
        state.set(State::Waiting);
        spawn_local(async move {
            let found = look(app, account, head).await;
            // The page may be gone.
            let _ = state.try_set(found.map_or_else(
                |error| State::Failed(Box::new(error)),
                |found| State::Got(Box::new(found)),
            ));
        });
    };
    let is_ready = Memo::new(move |_| app.is_ready());
    view! {
        <section class="panel" aria-labelledby="transfers-title">
            <header class="panel-head"><h2 id="transfers-title">"Token transfers"</h2></header>
            {move || match state.get() {
                State::None => {
                    view! {
                        <div class="panel-text stack-s">
                            <p class="quiet">
                                {format!("Transfers of ERC-20 tokens in the last {BLOCKS} blocks, none left out, and a small model on this device that says which of them are unusual for this account.")}
                            </p>
                            <div><Button label="Look for them" glyph=Glyph::Search testid="transfers-look" disabled=Signal::derive(move || !is_ready.get()) on_click=move |_| look() /></div>
                        </div>
                    }
                    .into_any()
                }
                State::Waiting => view! { <Skeleton words="Fetching headers and the receipts of the blocks whose filters match" lines=4 /> }.into_any(),
                State::Failed(error) => view! { <Trouble error=*error on_again=look /> }.into_any(),
                State::Got(found) => view! { <List found=*found account=account.get_value().unwrap_or_default() /> }.into_any(),
            }}
        </section>
    }
}

async fn look(app: App, account: Address, head: u64) -> Result<Found, ErrorView> {
    let from = head.saturating_sub(BLOCKS - 1);
    let [sent, received] = questions(account, from, head);
    let sent: LogsView = app.ask("sidelight_getLogs", sent).await?;
    let received: LogsView = app.ask("sidelight_getLogs", received).await?;
    let transfers = join(&sent, &received);
    let scores = match features(account, &transfers) {
        None => Err(format!(
            "The model takes {} transfers; there are {}.",
            WINDOW + 1,
            transfers.len()
        )),
        Some(numbers) => decisions::infer(app, MODEL, &numbers, HERE)
            .await
            .map_err(|error| format!("The model did not run: {}", error.message))
            .map(|run| scores_of(&run)),
    };
    Ok(Found {
        transfers,
        from,
        to: head,
        complete: sent.complete && received.complete,
        trust: received.trust,
        scores,
    })
}

/// One for each of the last transfers; one that is not finite is as unusual as can be.
fn scores_of(run: &decisions::Run) -> Vec<f64> {
    let output = run.outputs.first();
    let values = output.and_then(|output| output.values.as_ref());
    values
        .into_iter()
        .flatten()
        .map(|value| value.unwrap_or(f64::INFINITY))
        .collect()
}

#[component]
fn List(found: Found, account: Address) -> impl IntoView {
    let Found {
        transfers,
        from,
        to,
        complete,
        trust,
        scores,
    } = found;
    let count = transfers.len();
    let range = format!(
        "{} from block {} to {}",
        if complete { "All" } else { "Not all" },
        grouped(&from.to_string()),
        grouped(&to.to_string())
    );
    let shown = Shown::Value {
        what: "Token transfers".to_owned(),
        trust: Box::new(trust),
        save: None,
    };
    let unusual = scores
        .as_ref()
        .map(|scores| scores.iter().filter(|score| **score > 1.0).count());
    let verdict = match (&scores, unusual) {
        (Err(reason), _) => reason.clone(),
        (Ok(_), Ok(0)) => format!(
            "{MODEL}, run on this device: none of the last {WINDOW} is unusual for this account."
        ),
        (Ok(_), Ok(some)) => format!(
            "{MODEL}, run on this device: {some} of the last {WINDOW} {} unusual for this account.",
            if some == 1 { "is" } else { "are" }
        ),
        (Ok(_), Err(_)) => String::new(),
    };
    let scores = scores.unwrap_or_default();
    let first_scored = count.saturating_sub(scores.len());
    let rows: Vec<(Transfer, Option<f64>)> = transfers
        .into_iter()
        .enumerate()
        .map(|(at, transfer)| {
            let score = at
                .checked_sub(first_scored)
                .and_then(|at| scores.get(at).copied());
            (transfer, score)
        })
        .rev()
        .take(SHOWN)
        .collect();
    let older = match count.saturating_sub(SHOWN) {
        0 => None,
        1 => Some("One older transfer is not shown.".to_owned()),
        many => Some(format!("{many} older transfers are not shown.")),
    };
    view! {
        <p class="panel-text row small"><TrustChip shown /> <span data-testid="transfers-range" data-count=count.to_string()>{range}</span></p>
        {if count == 0 {
            view! { <Empty title="No transfers">"The headers’ filters exclude every block of the range, or its receipts were checked."</Empty> }.into_any()
        } else {
            view! {
                <p class="panel-text small" data-testid="transfers-verdict">{verdict} <span class="quiet">" A model’s opinion about verified numbers, not a proof."</span></p>
                <table class="table cards pairs">
                    <thead><tr><th>"When"</th><th>"Way"</th><th>"Other side"</th><th>"Token"</th><th class="right">"Units"</th><th class="right">"Score"</th></tr></thead>
                    <tbody>{rows.into_iter().map(|(transfer, score)| view! { <Row transfer score account /> }).collect_view()}</tbody>
                </table>
            }
            .into_any()
        }}
        {older.map(|words| view! { <p class="quiet small panel-text">{words}</p> })}
    }
}

#[component]
fn Row(transfer: Transfer, score: Option<f64>, account: Address) -> impl IntoView {
    let is_sent = transfer.from == account;
    let (way, other) = if is_sent {
        ("out", transfer.to)
    } else {
        ("in", transfer.from)
    };
    let is_unusual = score.is_some_and(|score| score > 1.0);
    let at_ms = transfer.at as f64 * 1000.0;
    view! {
        <tr data-testid="transfer" data-unusual=is_unusual.to_string()>
            <td data-label="When"><A href=format!("/tx/{}", transfer.transaction)><Ago at_ms=at_ms /></A></td>
            <td data-label="Way">{way}</td>
            <td data-label="Other side"><Hash value=other.to_string() href=format!("/address/{other}") what="address" /></td>
            <td data-label="Token"><Hash value=transfer.token.to_string() href=format!("/address/{}", transfer.token) what="token" /></td>
            <td data-label="Units" class="right number break">{grouped(&transfer.amount.to_string())}</td>
            <td data-label="Score" class="right number nowrap">
                {is_unusual.then(|| view! { <Icon glyph=Glyph::Clock /> <span class="small">"unusual "</span> })}
                {score.map_or_else(|| "–".to_owned(), |score| format!("{score:.2}"))}
            </td>
        </tr>
    }
}
