//! `/block/:id`: one block by number, by hash, or `latest`.

use leptos::prelude::*;
use leptos_router::components::A;
use leptos_router::hooks::use_params_map;
use serde_json::{Value, json};
use sidelight_client::dto::{BlockView, TransactionSummary, Trust};

use crate::format::{Unit, bytes, parse_quantity};
use crate::reads::{ReadView, read};
use crate::search::{Query, classify};
use crate::ui::empty::Empty;
use crate::ui::facts::{Fact, Facts};
use crate::ui::hash::Hash;
use crate::ui::icon::{Glyph, Icon};
use crate::ui::number::{Amount, UnitToggle, grouped};
use crate::ui::page::Page;
use crate::ui::skeleton::Skeleton;
use crate::ui::time::Ago;
use crate::ui::trust::{Shown, TrustChip};

/// The parameter of `sidelight_block` for the path's last part; none if it names no block.
fn block_param(id: &str) -> Option<Value> {
    match classify(id) {
        Query::Block(number) => Some(json!(number)),
        Query::Hash(hash) => Some(json!(hash)),
        Query::Latest => Some(json!("latest")),
        Query::Empty | Query::Address(_) | Query::Unknown(_) => {
            // Wallets link to hex heights as well.
            parse_quantity(id)
                .and_then(|number| u64::try_from(number).ok())
                .map(|number| json!(number))
        }
    }
}

/// The page.
#[component]
pub(crate) fn BlockPage() -> impl IntoView {
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").unwrap_or_default()));
    let reading =
        read::<BlockView>(move || Some(("sidelight_block", json!([block_param(&id.get())?]))));
    let title = Signal::derive(move || match classify(&id.get()) {
        Query::Block(number) => format!("Block {}", grouped(&number.to_string())),
        Query::Latest => "Newest block".to_owned(),
        _ => "Block".to_owned(),
    });
    view! {
        <Page title aside=|| view! { <UnitToggle /> }>
            <Show
                when=move || block_param(&id.get()).is_some()
                fallback=|| view! { <Empty title="This is no block">"A block is named by its number or by its 32-byte hash."</Empty> }
            >
                <ReadView
                    reading
                    skeleton=|| view! { <Skeleton words="Asking for the block and checking its header and body" lines=14 /> }.into_any()
                    draw=|block| view! { <Block block /> }.into_any()
                />
            </Show>
        </Page>
    }
}

#[component]
fn Block(block: BlockView) -> impl IntoView {
    let number = block.number;
    let name = format!("Block {}", grouped(&number.to_string()));
    let shown = Shown::Value {
        what: name,
        trust: Box::new(block.trust.clone()),
        save: None,
    };
    let used = block.gas_used as f64 / (block.gas_limit.max(1)) as f64 * 100.0;
    let count = block.transactions.len();
    let previous = number.checked_sub(1).map(|previous| {
        view! { <A href=format!("/block/{previous}") attr:rel="prev">{format!("← {}", grouped(&previous.to_string()))}</A> }
    });
    view! {
        <div class="panel">
            <header class="panel-head">
                <span class="row"><TrustChip shown /> <span class="quiet"><Ago at_ms=block.timestamp as f64 * 1000.0 /></span></span>
                <nav class="row number" aria-label="Neighbouring blocks">
                    {previous}
                    <A href=format!("/block/{}", number + 1) attr:rel="next">{format!("{} →", grouped(&(number + 1).to_string()))}</A>
                </nav>
            </header>
            <Facts>
                <Fact name="Hash"><Hash value=block.hash.to_string() show=crate::ui::hash::Show::Whole what="block hash" /></Fact>
                <Fact name="Parent">
                    <Hash value=block.parent_hash.to_string() href=format!("/block/{}", block.parent_hash) what="parent hash" />
                </Fact>
                <Fact name="Signed by">
                    {match block.signer {
                        Some(signer) => view! { <Hash value=signer.to_string() href=format!("/address/{signer}") what="signer" /> }.into_any(),
                        None => view! { <span>"nobody: the rules name this block’s hash"</span> }.into_any(),
                    }}
                </Fact>
                <Fact name="Next signer">
                    <Hash value=block.next_signer.to_string() href=format!("/address/{}", block.next_signer) what="next signer" />
                </Fact>
                <Fact name="Gas">
                    <span class="number">
                        {format!("{} of {} ({used:.1} %)", grouped(&block.gas_used.to_string()), grouped(&block.gas_limit.to_string()))}
                    </span>
                </Fact>
                <Fact name="Base fee"><Amount wei=block.base_fee always=Unit::Gwei /></Fact>
                <Fact name="Fees go to">
                    <Hash value=block.beneficiary.to_string() href=format!("/address/{}", block.beneficiary) what="beneficiary" />
                </Fact>
                <Fact name="Body"><span class="number">{bytes(block.size as f64)}</span></Fact>
            </Facts>
            <details class="more">
                <summary>"Roots and hashes"</summary>
                <Facts>
                    <Fact name="State root"><Hash value=block.state_root.to_string() what="state root" /></Fact>
                    <Fact name="Transactions root"><Hash value=block.transactions_root.to_string() what="transactions root" /></Fact>
                    <Fact name="Receipts root"><Hash value=block.receipts_root.to_string() what="receipts root" /></Fact>
                    {block.block_access_list_hash.map(|hash| view! { <Fact name="Access list"><Hash value=hash.to_string() what="access list hash" /></Fact> })}
                    {block.accounts_root.map(|root| view! { <Fact name="Accounts root"><Hash value=root.to_string() what="accounts root" /></Fact> })}
                    <Fact name="Random value"><Hash value=block.mix_hash.to_string() what="random value" /></Fact>
                    <Fact name="Extension"><Hash value=block.extra_data.to_string() what="extension hash" /></Fact>
                </Facts>
            </details>
        </div>
        <section class="panel" aria-labelledby="txs-title">
            <header class="panel-head">
                <h2 id="txs-title">{match count { 1 => "1 transaction".to_owned(), count => format!("{} transactions", grouped(&count.to_string())) }}</h2>
            </header>
            {if count == 0 {
                view! { <Empty title="An empty block">"The body is complete: the signed transactions root is that of an empty list."</Empty> }.into_any()
            } else {
                view! { <Transactions transactions=block.transactions trust=block.trust /> }.into_any()
            }}
        </section>
    }
}

#[component]
fn Transactions(transactions: Vec<TransactionSummary>, trust: Trust) -> impl IntoView {
    view! {
        <table class="table cards pairs">
            <caption class="visually-hidden">"Transactions of this block, in order"</caption>
            <thead>
                <tr>
                    <th scope="col">"Trust"</th>
                    <th scope="col">"Transaction"</th>
                    <th scope="col">"From"</th>
                    <th scope="col"><span class="visually-hidden">"to"</span></th>
                    <th scope="col">"To"</th>
                    <th scope="col" class="right">"Value"</th>
                </tr>
            </thead>
            <tbody>
                {transactions.into_iter().map(|summary| view! { <Transaction summary trust=trust.clone() /> }).collect_view()}
            </tbody>
        </table>
    }
}

#[component]
fn Transaction(summary: TransactionSummary, trust: Trust) -> impl IntoView {
    let what = format!("Transaction {} of the block", summary.index);
    let shown = Shown::Value {
        what,
        trust: Box::new(trust),
        save: None,
    };
    let to = match (summary.to, summary.value) {
        (Some(to), _) => {
            view! { <Hash value=to.to_string() href=format!("/address/{to}") /> }.into_any()
        }
        (None, Some(_)) => "new contract".into_any(),
        (None, None) => view! { <span class="quiet">"not decoded"</span> }.into_any(),
    };
    view! {
        <tr data-testid="tx-row">
            <td data-label="Trust"><TrustChip shown /></td>
            <td data-label="Transaction"><Hash value=summary.hash.to_string() href=format!("/tx/{}", summary.hash) /></td>
            <td data-label="From">
                {summary.from.map_or_else(
                    || view! { <span class="quiet">"not decoded"</span> }.into_any(),
                    |from| view! { <Hash value=from.to_string() href=format!("/address/{from}") /> }.into_any(),
                )}
            </td>
            <td class="arrow quiet"><Icon glyph=Glyph::Next /></td>
            <td data-label="To">{to}</td>
            <td data-label="Value" class="right">{summary.value.map(|value| view! { <Amount wei=value /> })}</td>
        </tr>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_named_by_height_hash_or_word() {
        assert_eq!(block_param("12"), Some(json!(12)));
        assert_eq!(block_param("0x0c"), Some(json!(12)));
        assert_eq!(block_param("latest"), Some(json!("latest")));
        let hash = format!("0x{}", "ab".repeat(32));
        assert_eq!(block_param(&hash), Some(json!(hash)));
        assert_eq!(block_param("pending-ish"), None);
    }
}
