//! `/tx/:hash`: a transaction and its receipt. A hash that is no transaction's is looked for among the blocks.

use alloy_primitives::{Address, U256};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::NavigateOptions;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_params_map};
use serde_json::json;
use sidelight_client::dto::{BlockView, LogView, ReceiptView, TransactionView};

use crate::format::Unit;
use crate::reads::{Read, ReadView, read};
use crate::search::{Query, classify};
use crate::state::use_app;
use crate::ui::copy::Copy;
use crate::ui::empty::Empty;
use crate::ui::facts::{Fact, Facts};
use crate::ui::hash::{Hash, Show as Shorten};
use crate::ui::icon::{Glyph, Icon};
use crate::ui::number::{Amount, UnitToggle, grouped};
use crate::ui::page::Page;
use crate::ui::skeleton::Skeleton;
use crate::ui::tabs::Tabs;
use crate::ui::trust::{Shown, TrustChip};

/// The page.
#[component]
pub(crate) fn TxPage() -> impl IntoView {
    let params = use_params_map();
    let hash = Memo::new(move |_| {
        match classify(&params.with(|params| params.get("hash").unwrap_or_default())) {
            Query::Hash(hash) => Some(hash),
            _ => None,
        }
    });
    let reading =
        read::<TransactionView>(move || Some(("sidelight_transaction", json!([hash.get()?]))));
    open_block_instead(move || {
        let is_unknown = matches!(reading.value.get(), Read::Failed(error) if error.data.is_none() && error.code != 4900);
        is_unknown.then(|| hash.get()).flatten()
    });
    view! {
        <Page title="Transaction" aside=|| view! { <UnitToggle /> }>
            <Show
                when=move || hash.get().is_some()
                fallback=|| view! { <Empty title="This is no transaction">"A transaction is named by its 32-byte hash."</Empty> }
            >
                <ReadView
                    reading
                    skeleton=|| view! { <Skeleton words="Asking for the transaction and checking it against its block" lines=12 /> }.into_any()
                    draw=|transaction| view! { <Transaction transaction /> }.into_any()
                />
            </Show>
        </Page>
    }
}

/// Goes to the block's page where an unknown transaction's hash is a block's.
fn open_block_instead(unknown: impl Fn() -> Option<String> + 'static) {
    let app = use_app();
    let navigate = use_navigate();
    Effect::new(move |_| {
        let Some(hash) = unknown() else { return };
        let navigate = navigate.clone();
        spawn_local(async move {
            if app
                .ask::<BlockView>("sidelight_block", json!([hash]))
                .await
                .is_ok()
            {
                navigate(
                    &format!("/block/{hash}"),
                    NavigateOptions {
                        replace: true,
                        ..NavigateOptions::default()
                    },
                );
            }
        });
    });
}

#[component]
fn Transaction(transaction: TransactionView) -> impl IntoView {
    let summary = transaction.summary;
    let chosen = RwSignal::new("overview");
    let logs = transaction
        .receipt
        .as_ref()
        .map_or(0, |receipt| receipt.logs.len());
    let mut tabs = vec![("overview", "Overview".to_owned())];
    if transaction.receipt.is_some() {
        tabs.push(("logs", format!("Logs ({logs})")));
    }
    tabs.push(("data", "Data".to_owned()));
    let shown = Shown::Value {
        what: format!(
            "Transaction {} of block {}",
            summary.index,
            grouped(&transaction.block.number.to_string())
        ),
        trust: Box::new(transaction.trust.clone()),
        save: None,
    };
    let address = |address: Address, what| {
        view! { <Hash value=address.to_string() href=format!("/address/{address}") what /> }
            .into_any()
    };
    let undecoded = || view! { <span class="quiet">"not decoded"</span> }.into_any();
    let to = match (summary.to, summary.value) {
        (Some(to), _) => address(to, "receiver"),
        (None, Some(_)) => "creates a contract".into_any(),
        (None, None) => undecoded(),
    };
    let from = summary
        .from
        .map_or_else(undecoded, |from| address(from, "sender"));
    let amount = move |wei: Option<U256>| match wei {
        Some(wei) => view! { <Amount wei /> }.into_any(),
        None => undecoded(),
    };
    let price = move |wei: Option<U256>| match wei {
        Some(wei) => view! { <Amount wei always=Unit::Gwei /> }.into_any(),
        None => undecoded(),
    };
    let whole = move |value: Option<u64>| match value {
        Some(value) => {
            view! { <span class="number">{grouped(&value.to_string())}</span> }.into_any()
        }
        None => undecoded(),
    };
    let receipt = StoredValue::new(transaction.receipt.clone());
    let (input, raw) = (
        StoredValue::new(transaction.input.map(|input| input.to_string())),
        StoredValue::new(transaction.raw.to_string()),
    );
    let (number, block_hash) = (transaction.block.number, transaction.block.hash);
    view! {
        <div class="panel">
            <header class="panel-head">
                <span class="row"><TrustChip shown /> {transaction.receipt.as_ref().map(|receipt| view! { <Outcome ok=receipt.status /> })}</span>
            </header>
            <Facts>
                <Fact name="Hash"><Hash value=summary.hash.to_string() show=Shorten::Whole what="transaction hash" /></Fact>
                <Fact name="Block">
                    <A href=format!("/block/{block_hash}")><span class="number">{grouped(&number.to_string())}</span></A>
                    <span class="quiet number">{format!(" position {}", summary.index)}</span>
                </Fact>
                <Fact name="From">{from}</Fact>
                <Fact name="To">{to}</Fact>
                <Fact name="Value">{amount(summary.value)}</Fact>
            </Facts>
        </div>
        <div class="panel">
            <Tabs name="tx" label="Parts of the transaction" tabs chosen />
            <div class="tab-panel" role="tabpanel" id="tx-panel" tabindex="0" aria-labelledby=move || format!("tx-{}", chosen.get())>
                {move || match chosen.get() {
                    "logs" => receipt.get_value().map(|receipt| view! { <Logs logs=receipt.logs /> }).into_any(),
                    "data" => view! { <Payload input=input.get_value() raw=raw.get_value() /> }.into_any(),
                    _ => {
                        view! {
                            <Facts>
                                {receipt.get_value().map(|receipt: ReceiptView| {
                                    view! {
                                        <Fact name="Gas used"><span class="number">{grouped(&receipt.gas_used.to_string())}</span></Fact>
                                        <Fact name="Gas used in block"><span class="number">{grouped(&receipt.cumulative_gas_used.to_string())}</span></Fact>
                                    }
                                })}
                                <Fact name="Gas limit">{whole(transaction.gas)}</Fact>
                                <Fact name="Highest gas price">{price(transaction.max_fee_per_gas)}</Fact>
                                {transaction.max_priority_fee_per_gas.map(|wei| view! { <Fact name="Highest tip"><Amount wei always=Unit::Gwei /></Fact> })}
                                <Fact name="Nonce">{whole(summary.nonce)}</Fact>
                                <Fact name="Type"><span class="number">{summary.kind}</span></Fact>
                            </Facts>
                        }
                        .into_any()
                    }
                }}
            </div>
        </div>
    }
}

/// Success or failure of the execution, as the receipt says it.
#[component]
fn Outcome(ok: bool) -> impl IntoView {
    if ok {
        view! { <span class="outcome"><Icon glyph=Glyph::Done /> "succeeded"</span> }.into_any()
    } else {
        view! { <span class="outcome failed"><Icon glyph=Glyph::Close /> "reverted"</span> }
            .into_any()
    }
}

#[component]
fn Logs(logs: Vec<LogView>) -> impl IntoView {
    if logs.is_empty() {
        return view! { <Empty title="No logs">"The receipt is part of the signed receipts root, so none is missing."</Empty> }.into_any();
    }
    let log = |log: LogView| {
        let topics = log
            .topics
            .into_iter()
            .map(|topic| view! { <li><Hash value=topic.to_string() what="topic" /></li> });
        view! {
            <li class="log">
                <Facts>
                    <Fact name="Log"><span class="number">{log.log_index}</span></Fact>
                    <Fact name="Contract"><Hash value=log.address.to_string() href=format!("/address/{}", log.address) what="address" /></Fact>
                    <Fact name="Topics"><ol class="topics">{topics.collect_view()}</ol></Fact>
                    <Fact name="Data"><pre>{log.data.to_string()}</pre></Fact>
                </Facts>
            </li>
        }
    };
    view! { <ol class="logs">{logs.into_iter().map(log).collect_view()}</ol> }.into_any()
}

#[component]
fn Payload(input: Option<String>, raw: String) -> impl IntoView {
    let input = input.map(|input| {
        view! {
            <section class="stack-s">
                <div class="row spread"><h3>"Call data"</h3><Copy text=input.clone() label="Copy call data" wide=true /></div>
                <pre class="bytes">{if input == "0x" { "none".to_owned() } else { input }}</pre>
            </section>
        }
    });
    view! {
        <div class="stack">
            {input}
            <section class="stack-s">
                <div class="row spread"><h3>"Encoded transaction (EIP-2718)"</h3><Copy text=raw.clone() label="Copy encoding" wide=true /></div>
                <pre class="bytes">{raw}</pre>
            </section>
        </div>
    }
}
