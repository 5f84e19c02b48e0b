//! The trust drawer: everything that is known about why one value may be believed.

use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::json;
use sidelight_client::dto::{BlockEvent, BlockView, Finality, Trust, TrustLevel};

use super::button::Button;
use super::drawer::Drawer;
use super::facts::{Fact, Facts};
use super::hash::Hash;
use super::icon::{Glyph, Icon};
use super::number::grouped;
use super::proof::Proof;
use super::skeleton::Skeleton;
use super::trust::{Gauge, SaveProof, Shown, meaning, tone};
use crate::download::download;
use crate::format::{bytes, duration, millis};
use crate::reads::{Read, ReadView, read};
use crate::state::use_app;

/// The one drawer of the page.
#[component]
pub(crate) fn TrustDrawer() -> impl IntoView {
    let app = use_app();
    let title = Signal::derive(move || match app.shown.get() {
        Some(Shown::Value { what, .. }) => what,
        Some(Shown::Block(block)) => format!("Block {}", grouped(&block.number.to_string())),
        None => "Trust".to_owned(),
    });
    view! {
        <Drawer open=app.drawer title testid="trust-drawer">
            {move || {
                app.shown.get().map(|shown| match shown {
                    Shown::Value { trust, save, .. } => view! { <Label trust=*trust save /> }.into_any(),
                    Shown::Block(block) => view! { <Arrived block /> }.into_any(),
                })
            }}
        </Drawer>
    }
}

/// The level, and what it means and does not mean.
#[component]
fn Verdict(level: TrustLevel, stale: bool) -> impl IntoView {
    let meaning = meaning(level);
    view! {
        <section class=format!("verdict {}", tone(level, stale))>
            <p class="verdict-word"><Gauge level /> {meaning.word}</p>
            <p>{meaning.says}</p>
            <p class="quiet">{meaning.does_not_say}</p>
        </section>
    }
}

/// A value's label.
#[component]
fn Label(trust: Trust, save: Option<SaveProof>) -> impl IntoView {
    let stale = trust.stale.then(|| {
        let age = duration(trust.age_ms as f64 / 1000.0);
        view! {
            <p class="note stale">
                <Icon glyph=Glyph::Clock />
                {format!("The block is {age} old. A newer one may say something else.")}
            </p>
        }
    });
    let finality = match trust.finality {
        Finality::Preconfirmed => "preconfirmed: in a frame, before its block",
        Finality::Sealed => "sealed: in a block that the sequencer signed",
        Finality::Attested => "attested by a quorum",
        Finality::Settled => "settled on another chain",
    };
    let block = trust.block.map(|block| {
        view! {
            <Fact name="Block">
                <a href=format!("/block/{}", block.hash)>{grouped(&block.number.to_string())}</a>
                " "
                <Hash value=block.hash.to_string() what="block hash" />
            </Fact>
        }
    });
    let root = trust.state_root.map(|root| {
        view! { <Fact name="State root"><Hash value=root.to_string() what="state root" /></Fact> }
    });
    let checks = (!trust.checks.is_empty()).then(|| {
        view! {
            <section>
                <h3>"Checked in this tab, in order"</h3>
                <ol class="checks">
                    {trust.checks.into_iter().map(|check| view! { <li><Icon glyph=Glyph::Done /> <span>{check}</span></li> }).collect_view()}
                </ol>
            </section>
        }
    });
    let proof = trust.proof.map(|proof| {
        let title = format!("The {} proof, root first", proof.kind);
        view! { <section><h3>{title}</h3><Proof proof /></section> }
    });
    view! {
        <Verdict level=trust.level stale=trust.stale />
        {stale}
        <Facts>
            {block}
            {root}
            <Fact name="Finality">{finality}</Fact>
            <Fact name="Proof"><span class="number">{bytes(trust.proof_bytes as f64)}</span></Fact>
            <Fact name="Checked in"><span class="number">{millis(trust.ms)}</span></Fact>
            <Fact name="Source"><span class="mono break">{trust.source}</span></Fact>
        </Facts>
        {save.map(|save| view! { <Save save /> })}
        {checks}
        {proof}
    }
}

/// The button that writes the file which `sidelight verify` takes.
#[component]
fn Save(save: SaveProof) -> impl IntoView {
    let app = use_app();
    let outcome = RwSignal::new(None::<Result<String, String>>);
    let busy = RwSignal::new(false);
    let on_click = move |_| {
        let SaveProof {
            address,
            slots,
            block,
        } = save.clone();
        busy.set(true);
        spawn_local(async move {
            let params = json!([address, slots, block]);
            let written = app
                .ask::<String>("sidelight_saveProof", params)
                .await
                .map_err(|error| error.message);
            let name = format!(
                "sidelight-proof-{}.json",
                address.get(..10).unwrap_or(&address)
            );
            outcome.set(Some(
                written.and_then(|text| download(&name, &text).map(|()| name)),
            ));
            busy.set(false);
        });
    };
    view! {
        <div class="save">
            <Button label="Save this proof" glyph=Glyph::Save primary=true disabled=busy testid="save-proof" on_click />
            <p class="small quiet" aria-live="polite">
                {move || match outcome.get() {
                    None => "A file that anyone can check offline: sidelight verify FILE".to_owned(),
                    Some(Ok(name)) => format!("Saved as {name}. Check it with: sidelight verify {name}"),
                    Some(Err(reason)) => format!("Not saved: {reason}"),
                }}
            </p>
        </div>
    }
}

/// A block of the live list: how it arrived, and its label once it was read.
#[component]
fn Arrived(block: BlockEvent) -> impl IntoView {
    let hash = block.hash.to_string();
    let label = read::<BlockView>(move || Some(("sidelight_block", json!([hash]))));
    view! {
        <Verdict level=block.level stale=false />
        <Facts>
            <Fact name="Block hash"><Hash value=block.hash.to_string() what="block hash" /></Fact>
            <Fact name="Arrived as"><span class="number">{bytes(block.bytes as f64)}</span></Fact>
            <Fact name="Checked in"><span class="number">{millis(block.ms)}</span></Fact>
            <Fact name="Source"><span class="mono break">{block.peer}</span></Fact>
            {move || match label.value.get() {
                Read::Got(view) => {
                    view! { <Fact name="State root"><Hash value=view.state_root.to_string() what="state root" /></Fact> }.into_any()
                }
                _ => ().into_any(),
            }}
        </Facts>
        <section>
            <h3>"Its header and body, read again"</h3>
            <ReadView
                reading=label
                skeleton=|| view! { <Skeleton words="Asking for the block" lines=4 /> }.into_any()
                draw=|view: BlockView| view! { <Again trust=view.trust /> }.into_any()
            />
        </section>
    }
}

/// The checks behind a block that was read again.
#[component]
fn Again(trust: Trust) -> impl IntoView {
    view! {
        <ol class="checks">
            {trust
                .checks
                .into_iter()
                .map(|check| view! { <li><Icon glyph=Glyph::Done /> <span>{check}</span></li> })
                .collect_view()}
        </ol>
        <p class="small quiet">
            {format!("{}, {}, from {}", bytes(trust.proof_bytes as f64), millis(trust.ms), trust.source)}
        </p>
        {trust.proof.map(|proof| view! { <Proof proof /> })}
    }
}
