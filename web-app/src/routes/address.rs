//! `/address/:address`: balance, nonce, code and storage, each proven against the state root of one block.

mod transfers;

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::{use_params_map, use_query_map};
use serde_json::{Value, json};
use sidelight_client::dto::{AccountView, Labelled as WithTrust, SlotView, Trust};

use self::transfers::Transfers;
use crate::format::{bytes, parse_slot};
use crate::reads::{Read, ReadView, Reading, read};
use crate::search::{Query, classify};
use crate::state::use_app;
use crate::ui::copy::Copy;
use crate::ui::empty::Empty;
use crate::ui::facts::{Fact, Facts};
use crate::ui::field::Field;
use crate::ui::hash::{Hash, Show as Shorten};
use crate::ui::number::{Amount, UnitToggle, grouped};
use crate::ui::page::Page;
use crate::ui::skeleton::Skeleton;
use crate::ui::trust::{Labelled, SaveProof};

/// Milliseconds between two reads of the same account while the head moves.
const REFRESH_MS: f64 = 2_000.0;

/// Keccak-256 of nothing: the code hash of an account without code.
const NO_CODE: &str = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";

/// The page.
#[component]
pub(crate) fn AddressPage() -> impl IntoView {
    let params = use_params_map();
    let address = Memo::new(move |_| {
        match classify(&params.with(|params| params.get("address").unwrap_or_default())) {
            Query::Address(address) => Some(address),
            _ => None,
        }
    });
    let reading =
        read::<AccountView>(move || Some(("sidelight_account", json!([address.get()?, []]))));
    follow_head(reading);
    watch(address);
    let has_code = Memo::new(move |_| match reading.value.get() {
        Read::Got(account) => Some(is_contract(&account)),
        Read::Waiting | Read::Failed(_) => None,
    });
    view! {
        <Page title="Address" aside=|| view! { <UnitToggle /> }>
            {move || match address.get() {
                None => {
                    view! { <Empty title="This is no address">"An address has 20 bytes: 0x and 40 hexadecimal digits."</Empty> }.into_any()
                }
                Some(address) => {
                    view! {
                        <div class="panel">
                            <header class="panel-head"><Hash value=address.clone() show=Shorten::Whole what="address" /></header>
                            <ReadView
                                reading
                                skeleton=|| view! { <Skeleton words="Asking for the account and its proof" lines=6 /> }.into_any()
                                draw=|account| view! { <Account account /> }.into_any()
                            />
                        </div>
                        <Transfers address=address.clone() />
                        <Storage address=address.clone() is_contract=has_code />
                        <Show when=move || has_code.get() == Some(true)>
                            <Code address=address.clone() />
                        </Show>
                    }
                    .into_any()
                }
            }}
        </Page>
    }
}

/// Has the account's changes sent with each block, so that a node which leaves one out is caught by the next.
fn watch(address: Memo<Option<String>>) {
    let app = use_app();
    let is_ready = Memo::new(move |_| app.is_ready());
    Effect::new(move |_| {
        let Some(address) = address.get().filter(|_| is_ready.get()) else {
            return;
        };
        spawn_local(async move {
            let watched = app
                .ask::<Value>(
                    "sidelight_watch",
                    json!([[{ "address": address, "slots": [] }]]),
                )
                .await;
            if let Err(error) = watched {
                leptos::logging::warn!("the account is read, but not watched: {}", error.message);
            }
        });
    });
}

/// Reads again when the head has moved, but not more often than a reader can follow.
fn follow_head<T: Clone + Send + Sync + 'static>(reading: Reading<T>) {
    let app = use_app();
    let head = Memo::new(move |_| app.head_number());
    Effect::new(move |before: Option<f64>| {
        let is_new = head.get().is_some();
        let now = js_sys::Date::now();
        match before {
            Some(last) if !is_new || now - last < REFRESH_MS => last,
            Some(_) => {
                reading.refresh();
                now
            }
            None => now,
        }
    });
}

/// What to ask for to save the proof of a value of `address`.
fn save(address: &str, slots: Vec<String>, trust: &Trust) -> Option<SaveProof> {
    let block = trust.block?.hash.to_string();
    trust.proof.as_ref()?;
    Some(SaveProof {
        address: address.to_owned(),
        slots,
        block,
    })
}

fn is_contract(account: &AccountView) -> bool {
    account.exists.value && account.code_hash.value.to_string() != NO_CODE
}

#[component]
fn Account(account: AccountView) -> impl IntoView {
    let address = account.address.to_string();
    let label = |trust: &Trust| save(&address, Vec::new(), trust);
    let (for_balance, for_nonce) = (label(&account.balance.trust), label(&account.nonce.trust));
    let (for_kind, for_code) = (
        label(&account.exists.trust),
        label(&account.code_hash.trust),
    );
    let for_root = label(&account.storage_root.trust);
    let is_contract = is_contract(&account);
    let (exists, balance, nonce) = (account.exists, account.balance, account.nonce);
    let (code_hash, storage_root) = (account.code_hash, account.storage_root);
    let kind = match (exists.value, is_contract) {
        (false, _) => "proven absent: this account has never been used",
        (true, true) => "a contract",
        (true, false) => "an account without code",
    };
    let at = balance.trust.block.map(|block| {
        view! { <Fact name="At block"><a href=format!("/block/{}", block.hash)><span class="number">{grouped(&block.number.to_string())}</span></a></Fact> }
    });
    view! {
        <Facts>
            <Fact name="Balance">
                <Labelled what="Balance" save=for_balance trust=balance.trust>
                    <strong class="balance" data-testid="account-balance" data-wei=balance.value.to_string()><Amount wei=balance.value /></strong>
                </Labelled>
            </Fact>
            <Fact name="Nonce">
                <Labelled what="Nonce" save=for_nonce trust=nonce.trust>
                    <span class="number" data-testid="account-nonce">{grouped(&nonce.value.to_string())}</span>
                </Labelled>
            </Fact>
            <Fact name="Kind"><Labelled what="Kind of account" save=for_kind trust=exists.trust>{kind}</Labelled></Fact>
            <Fact name="Code hash">
                <Labelled what="Code hash" save=for_code trust=code_hash.trust>
                    <Hash value=code_hash.value.to_string() what="code hash" />
                </Labelled>
            </Fact>
            <Fact name="Storage root">
                <Labelled what="Storage root" save=for_root trust=storage_root.trust>
                    <Hash value=storage_root.value.to_string() what="storage root" />
                </Labelled>
            </Fact>
            {at}
        </Facts>
    }
}

/// Reads one slot at a time; the slot stands in the address, so that what was read can be linked to.
#[component]
fn Storage(address: String, is_contract: Memo<Option<bool>>) -> impl IntoView {
    let query = use_query_map();
    let asked = RwSignal::new(
        query
            .with_untracked(|query| query.get("slot"))
            .as_deref()
            .and_then(parse_slot),
    );
    let text = RwSignal::new(
        query
            .with_untracked(|query| query.get("slot"))
            .unwrap_or_default(),
    );
    let wrong =
        Signal::derive(move || !text.get().trim().is_empty() && parse_slot(&text.get()).is_none());
    let hint = Signal::derive(move || {
        if wrong.get() {
            "Decimal or 0x and up to 64 hexadecimal digits".to_owned()
        } else {
            "Decimal or hexadecimal; read with a proof".to_owned()
        }
    });
    let owner = address.clone();
    let reading =
        read::<AccountView>(move || Some(("sidelight_account", json!([owner, [asked.get()?]]))));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Some(slot) = parse_slot(&text.get_untracked()) else {
            return;
        };
        remember(&text.get_untracked());
        if asked.get_untracked().as_ref() == Some(&slot) {
            reading.again()
        } else {
            asked.set(Some(slot))
        }
    };
    view! {
        <section class="panel" aria-labelledby="storage-title">
            <header class="panel-head">
                <h2 id="storage-title">"Storage"</h2>
                <span class="small quiet">{move || (is_contract.get() == Some(false)).then_some("an account without code has none")}</span>
            </header>
            <form class="reader" on:submit=submit>
                <Field label="Slot" id="slot" value=text placeholder="0" hint invalid=wrong testid="storage-slot-input" />
                <button type="submit" class="button primary" data-testid="storage-read" disabled=move || wrong.get() || text.get().trim().is_empty()>
                    "Read"
                </button>
            </form>
            <Show when=move || asked.get().is_some()>
                <ReadView
                    reading
                    skeleton=|| view! { <Skeleton words="Asking for the slot and its proof" lines=2 /> }.into_any()
                    draw={
                        let address = address.clone();
                        move |account: AccountView| {
                            let address = address.clone();
                            account.storage.into_iter().next().map(move |read| view! { <Slot address read /> }).into_any()
                        }
                    }
                />
            </Show>
        </section>
    }
}

/// Writes the slot into the address without opening another page.
fn remember(slot: &str) {
    let Ok(history) = window().history() else {
        return;
    };
    let search = format!("?slot={}", slot.trim());
    // An address that could not be changed is only less easy to share.
    let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&search));
}

#[component]
fn Slot(address: String, read: SlotView) -> impl IntoView {
    let key = format!("0x{:064x}", read.slot);
    let value = read.labelled.value;
    let save = save(&address, vec![key.clone()], &read.labelled.trust);
    let hex = format!("0x{value:064x}");
    let zero = value
        .is_zero()
        .then_some("a proven zero: nothing is stored here");
    view! {
        <Facts>
            <Fact name="Slot"><Hash value=key what="slot" /></Fact>
            <Fact name="Value">
                <Labelled what="Storage slot" trust=read.labelled.trust save>
                    <span class="slot-value">
                        <span class="with-copy">
                            <span class="mono break" data-testid="storage-value">{hex.clone()}</span>
                            <Copy text=hex label="Copy the value" />
                        </span>
                        <span class="quiet small number">{zero.map_or_else(|| format!("decimal {}", grouped(&value.to_string())), str::to_owned)}</span>
                    </span>
                </Labelled>
            </Fact>
        </Facts>
    }
}

/// The code, hashed against the proven code hash.
#[component]
fn Code(address: String) -> impl IntoView {
    let reading = read::<WithTrust<String>>(move || {
        Some((
            "sidelight_request",
            json!(["eth_getCode", [address, "latest"]]),
        ))
    });
    view! {
        <section class="panel" aria-labelledby="code-title">
            <header class="panel-head"><h2 id="code-title">"Code"</h2></header>
            <ReadView
                reading
                skeleton=|| view! { <Skeleton words="Asking for the code" lines=2 /> }.into_any()
                draw=draw_code
            />
        </section>
    }
}

fn draw_code(code: WithTrust<String>) -> AnyView {
    view! { <Bytecode code /> }.into_any()
}

#[component]
fn Bytecode(code: WithTrust<String>) -> impl IntoView {
    let WithTrust { value, trust } = code;
    let size = value.len().saturating_sub(2) / 2;
    let copied = value.clone();
    let words = if size == 0 {
        "no code".to_owned()
    } else {
        bytes(size as f64)
    };
    view! {
        <div class="panel-text stack-s">
            <Labelled what="Code" trust>
                <span class="number">{words}</span>
                <Copy text=copied label="Copy the code" wide=true />
            </Labelled>
            {(size > 0)
                .then(|| {
                    view! {
                        <details class="plain">
                            <summary>"Show the bytes"</summary>
                            <pre class="bytes" data-testid="code-bytes" tabindex="0">{value}</pre>
                        </details>
                    }
                })}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hashes_to_the_code_hash_of_no_code() {
        assert_eq!(alloy_primitives::keccak256([]).to_string(), NO_CODE);
    }
}
