//! `/verify`: judges a file in this tab. Nothing leaves the tab, and no node is asked.

use leptos::html::{Div, Input};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use serde_json::json;
use sidelight_client::dto::{ErrorView, FileOutcome, FileVerdict};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DragEvent, File, ScrollIntoViewOptions, ScrollLogicalPosition};

use crate::state::use_app;
use crate::ui::button::Button;
use crate::ui::facts::{Fact, Facts};
use crate::ui::field::Field;
use crate::ui::icon::{Glyph, Icon};
use crate::ui::page::Page;
use crate::ui::skeleton::Skeleton;

/// The largest file that is read: a proof is some kilobytes, a transition some hundred.
const MAX_BYTES: f64 = 64e6;

#[derive(Clone, Debug)]
enum Verdict {
    None,
    Checking,
    Given(FileVerdict),
    Failed(ErrorView),
}

/// The page.
#[component]
pub(crate) fn VerifyPage() -> impl IntoView {
    let app = use_app();
    let text = RwSignal::new(String::new());
    let root = RwSignal::new(String::new());
    let verdict = RwSignal::new(Verdict::None);
    let over = RwSignal::new(false);
    let trouble = RwSignal::new(None::<String>);
    let input = NodeRef::<Input>::new();
    let side = NodeRef::<Div>::new();
    // On a small screen the verdict stands below the form.
    Effect::new(move |_| {
        if matches!(verdict.get(), Verdict::Given(_) | Verdict::Failed(_)) {
            request_animation_frame(move || {
                if let Some(side) = side.get_untracked() {
                    let options = ScrollIntoViewOptions::new();
                    options.set_block(ScrollLogicalPosition::Nearest);
                    side.scroll_into_view_with_scroll_into_view_options(&options);
                }
            });
        }
    });

    let judge = move || {
        let file = text.get_untracked();
        if file.trim().is_empty() {
            return;
        }
        let state_root =
            Some(root.get_untracked().trim().to_owned()).filter(|root| !root.is_empty());
        verdict.set(Verdict::Checking);
        spawn_local(async move {
            let answer = app
                .ask::<FileVerdict>("sidelight_verifyFile", json!([file, state_root]))
                .await;
            verdict.set(answer.map_or_else(Verdict::Failed, Verdict::Given));
        });
    };
    let open = move |file: File| {
        trouble.set(None);
        if file.size() > MAX_BYTES {
            trouble.set(Some(format!(
                "{} is larger than 64 MB: no proof is",
                file.name()
            )));
            return;
        }
        spawn_local(async move {
            match JsFuture::from(file.text()).await {
                Ok(content) => {
                    text.set(content.as_string().unwrap_or_default());
                    judge();
                }
                Err(error) => trouble.set(Some(format!(
                    "the browser could not read the file: {error:?}"
                ))),
            }
        });
    };
    let first = |files: Option<web_sys::FileList>| files.and_then(|files| files.get(0));
    let on_drop = move |event: DragEvent| {
        event.prevent_default();
        over.set(false);
        if let Some(file) = first(event.data_transfer().and_then(|data| data.files())) {
            open(file);
        }
    };
    let on_pick = move |_| {
        if let Some(input) = input.get_untracked() {
            if let Some(file) = first(input.files()) {
                open(file);
            }
            input.set_value("");
        }
    };
    let on_drag = move |event: DragEvent| {
        event.prevent_default();
        over.set(true);
    };

    view! {
        <Page title="Verify a file">
            <div class="verify">
                <div class="panel stack">
                    <p class="promise"><Icon glyph=Glyph::Offline /> <span>"Nothing leaves this tab. The file is checked here, and no node is asked; it works offline as well."</span></p>
                    <label
                        class="drop"
                        class:over=over
                        data-testid="verify-drop"
                        on:dragenter=on_drag
                        on:dragover=on_drag
                        on:dragleave=move |_| over.set(false)
                        on:drop=on_drop
                    >
                        <input type="file" class="visually-hidden" accept=".json,application/json,text/plain" node_ref=input on:change=on_pick />
                        <span class="drop-title">"Drop a file here, or choose one"</span>
                        <span class="quiet small">"a saved proof, a block transition, equivocation evidence, an invalid block, a checkpoint, or an eth_getProof answer (EIP-1186)"</span>
                    </label>
                    {move || trouble.get().map(|reason| view! { <p class="field-hint wrong" role="alert">{reason}</p> })}
                    <div class="field">
                        <label for="verify-text">"or paste it"</label>
                        <textarea
                            id="verify-text"
                            class="input mono"
                            rows="10"
                            spellcheck="false"
                            data-testid="verify-text"
                            placeholder="{ \"type\": \"sidelight/proof@1\", … }"
                            prop:value=move || text.get()
                            on:input=move |event| text.set(event_target_value(&event))
                        ></textarea>
                    </div>
                    <Field
                        label="State root, for a plain eth_getProof answer"
                        id="verify-root"
                        value=root
                        placeholder="0x…"
                        hint="A plain proof says nothing about which root is the right one. Take the root from a source that you trust."
                        testid="verify-root"
                    />
                    <div>
                        <Button
                            label="Verify"
                            primary=true
                            testid="verify-run"
                            disabled=Signal::derive(move || text.with(|text| text.trim().is_empty()))
                            on_click=move |_| judge()
                        />
                    </div>
                </div>
                <div class="verify-side" aria-live="polite" node_ref=side>
                    {move || match verdict.get() {
                        Verdict::None => view! { <Waiting /> }.into_any(),
                        Verdict::Checking => view! { <div class="panel"><Skeleton words="Checking the file" lines=5 /></div> }.into_any(),
                        Verdict::Given(verdict) => view! { <Judged verdict /> }.into_any(),
                        Verdict::Failed(error) => {
                            view! {
                                <div class="panel" data-testid="verify-verdict" data-ok="false">
                                    <div class="empty"><p class="empty-title">"The file could not be checked"</p><p class="quiet">{error.message}</p></div>
                                </div>
                            }
                            .into_any()
                        }
                    }}
                </div>
            </div>
        </Page>
    }
}

#[component]
fn Waiting() -> impl IntoView {
    view! {
        <div class="panel panel-text stack-s quiet">
            <h2>"What a verdict says"</h2>
            <p>"Whether every byte of the file fits: the signature over the header, and each proof node under the state root. A single changed bit is refused, and the verdict names the field, what was expected and what came."</p>
            <p>"The same file gives the same verdict in a terminal: "<code>"sidelight verify FILE"</code></p>
            <p class="row"><A href="/decision">"Verify a decision of a model"</A></p>
        </div>
    }
}

/// What kind of file it is.
fn name_of(kind: &str) -> &'static str {
    match kind {
        "proof" => "Saved proof",
        "transition" => "Block transition",
        "evidence" => "Equivocation evidence",
        "invalid_block" => "Evidence against a block",
        "checkpoint" => "Checkpoint",
        "eip1186" => "eth_getProof answer",
        _ => "Unknown file",
    }
}

#[component]
fn Judged(verdict: FileVerdict) -> impl IntoView {
    let FileVerdict {
        kind,
        ok,
        outcome,
        title,
        facts,
        reason,
    } = verdict;
    let (class, glyph, word) = match outcome {
        FileOutcome::Holds => ("verdict consistent", Glyph::Done, "It holds"),
        FileOutcome::Proven => ("verdict consistent", Glyph::Done, "It is proven"),
        FileOutcome::NotProven => ("verdict conflict", Glyph::Conflict, "It is not proven"),
        FileOutcome::Undecided => ("verdict", Glyph::Clock, "It could not be decided here"),
        _ => ("verdict conflict", Glyph::Conflict, "It does not hold"),
    };
    view! {
        <div class="panel" data-testid="verify-verdict" data-ok=ok.to_string() data-outcome=format!("{outcome:?}").to_lowercase() data-kind=kind.clone()>
            <section class=class>
                <p class="verdict-word"><Icon glyph /> {word}</p>
                <p>{name_of(&kind)} <span class="quiet">{if ok { format!(" · {title}") } else { String::new() }}</span></p>
                {reason.map(|reason| view! { <pre class="reason">{reason}</pre> })}
            </section>
            {(!facts.is_empty())
                .then(|| {
                    view! {
                        <Facts>
                            {facts
                                .into_iter()
                                .map(|fact| view! { <Fact name=fact.label><span class="mono break">{fact.value}</span></Fact> })
                                .collect_view()}
                        </Facts>
                    }
                })}
        </div>
    }
}
