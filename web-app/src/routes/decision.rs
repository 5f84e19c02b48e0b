//! `/decision/:hash` and `/decision`: a decision with every field, judged in this tab level by level, and run again on request. From a hash, a link, or a file.

use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::components::A;
use leptos_router::hooks::{use_navigate, use_params_map};
use serde_json::Value;
use sidelight_client::dto::ErrorView;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DragEvent, File};

use crate::decisions::{self, Check, Failure, Numbers, Record, Verdict};
use crate::state::{App, use_app};
use crate::ui::button::Button;
use crate::ui::empty::Trouble;
use crate::ui::facts::{Fact, Facts};
use crate::ui::hash::{Hash, Show as Shorten};
use crate::ui::icon::{Glyph, Icon};
use crate::ui::page::Page;
use crate::ui::skeleton::Skeleton;
use crate::ui::tensor::{Cells, Elements};
use crate::ui::trust::{Shown, TrustChip};

/// Largest file that is read; the format's own limit is below it.
const MAX_BYTES: f64 = 8e6;
/// Parents that are followed.
const MAX_PARENTS: usize = 8;
/// Zero, which stands for "none" in a hash.
const NONE: &str = "0x0000000000000000000000000000000000000000000000000000000000000000";
/// The level that takes no run.
const COMMITTED: &str = "committed";
/// The level that repeats it.
const REPRODUCED: &str = "reproduced";

#[derive(Clone, Debug)]
enum State {
    None,
    Checking(&'static str),
    Given(Box<Verdict>),
    Failed(Box<ErrorView>),
}

/// A decision by its hash.
#[component]
pub(crate) fn DecisionPage() -> impl IntoView {
    let params = use_params_map();
    let hash = Memo::new(move |_| params.with(|params| params.get("hash")).unwrap_or_default());
    view! {
        <Page title="Decision">
            {move || view! { <Judge decision=hash.get() /> }}
        </Page>
    }
}

/// A decision from a file, or the way to one.
#[component]
pub(crate) fn OpenDecisionPage() -> impl IntoView {
    let text = RwSignal::new(String::new());
    let opened = RwSignal::new(None::<String>);
    let over = RwSignal::new(false);
    let trouble = RwSignal::new(None::<String>);
    let input = NodeRef::<Input>::new();
    let navigate = use_navigate();
    let judge = move |given: String| {
        let given = given.trim().to_owned();
        if is_hash(&given) {
            navigate(&format!("/decision/{given}"), Default::default());
        } else if !given.is_empty() {
            opened.set(Some(given));
        }
    };
    let open = {
        let judge = judge.clone();
        move |file: File| {
            trouble.set(None);
            if file.size() > MAX_BYTES {
                trouble.set(Some(format!(
                    "{} is larger than 8 MB: no decision is",
                    file.name()
                )));
                return;
            }
            let judge = judge.clone();
            spawn_local(async move {
                match JsFuture::from(file.text()).await {
                    Ok(content) => judge(content.as_string().unwrap_or_default()),
                    Err(error) => trouble.set(Some(format!(
                        "the browser could not read the file: {error:?}"
                    ))),
                }
            });
        }
    };
    let first = |files: Option<web_sys::FileList>| files.and_then(|files| files.get(0));
    let on_drop = {
        let open = open.clone();
        move |event: DragEvent| {
            event.prevent_default();
            over.set(false);
            if let Some(file) = first(event.data_transfer().and_then(|data| data.files())) {
                open(file);
            }
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
        <Page title="Verify a decision">
            <div class="panel stack">
                <label class="drop" class:over=over data-testid="decision-drop" on:dragenter=on_drag on:dragover=on_drag on:dragleave=move |_| over.set(false) on:drop=on_drop>
                    <input type="file" class="visually-hidden" accept=".json,application/json" node_ref=input on:change=on_pick />
                    <span class="drop-title">"Drop a decision’s file here, or choose one"</span>
                    <span class="quiet small">"sidelight/decision@1"</span>
                </label>
                {move || trouble.get().map(|reason| view! { <p class="field-hint wrong" role="alert">{reason}</p> })}
                <div class="field">
                    <label for="decision-text">"or paste it, or its hash"</label>
                    <textarea
                        id="decision-text"
                        class="input mono"
                        rows="4"
                        spellcheck="false"
                        data-testid="decision-text"
                        prop:value=move || text.get()
                        on:input=move |event| text.set(event_target_value(&event))
                    ></textarea>
                </div>
                <div>
                    <Button
                        label="Verify"
                        primary=true
                        testid="decision-open"
                        disabled=Signal::derive(move || text.with(|text| text.trim().is_empty()))
                        on_click=move |_| judge(text.get_untracked())
                    />
                </div>
            </div>
            {move || opened.get().map(|decision| view! { <Judge decision /> })}
        </Page>
    }
}

/// Judges a decision: the first level at once, the second when it is asked for.
#[component]
fn Judge(decision: String) -> impl IntoView {
    let app = use_app();
    let state = RwSignal::new(State::None);
    let decision = StoredValue::new(decision);
    let check = move |level: &'static str| {
        state.set(State::Checking(level));
        spawn_local(async move {
            let given = decision.get_value();
            let answer = decisions::verify(app, &given, level).await;
            // The page may be gone.
            state.try_set(answer.map_or_else(
                |error| State::Failed(Box::new(error)),
                |verdict| State::Given(Box::new(verdict)),
            ));
        });
    };
    let is_ready = Memo::new(move |_| app.is_ready());
    Effect::new(move |was: Option<bool>| {
        let is_ready = is_ready.get();
        if is_ready && was != Some(true) {
            check(COMMITTED);
        }
        is_ready
    });
    move || {
        match state.get() {
        State::None => view! { <div class="panel"><Skeleton words="Waiting for the first verified block" lines=5 /></div> }.into_any(),
        State::Checking(COMMITTED) => view! { <div class="panel"><Skeleton words="Checking the file, the signature, and the registry’s state" lines=5 /></div> }.into_any(),
        State::Checking(_) => view! { <div class="panel"><Skeleton words="Loading the model by its hash, and running it again on this device" lines=5 /></div> }.into_any(),
        State::Failed(error) => view! { <Trouble error=*error on_again=move || check(COMMITTED) /> }.into_any(),
        State::Given(verdict) => view! { <Judged verdict=*verdict on_rerun=move || check(REPRODUCED) /> }.into_any(),
    }
    }
}

#[component]
fn Judged(verdict: Verdict, on_rerun: impl Fn() + Copy + 'static) -> impl IntoView {
    let Verdict {
        hash,
        level,
        failure,
        checks,
        record,
        anchored,
        trust,
        rerun,
        ms,
        text,
        input,
        output,
        ..
    } = verdict;
    let reading = Reading::of(
        level.as_deref(),
        failure.as_ref(),
        rerun.as_ref().map(|rerun| rerun.agreement.as_str()),
    );
    let is_committed = level.is_some();
    let differs = failure
        .as_ref()
        .and_then(|failure| Some((failure.tensor.clone()?, failure.index?)));
    let link = hash.clone();
    let save_name = format!(
        "decision-{}.json",
        hash.as_deref()
            .and_then(|hash| hash.get(2..10))
            .unwrap_or("refused")
    );
    let save = move |_| {
        if let Err(reason) =
            crate::download::download(&save_name, text.as_deref().unwrap_or_default())
        {
            leptos::logging::warn!("{reason}");
        }
    };
    let parent = record
        .as_ref()
        .filter(|_| is_committed)
        .and_then(|record| record.decision.get("parent")?.as_str().map(str::to_owned))
        .filter(|parent| parent != NONE);
    let took = match ms.reproduced {
        Some(again) => format!(
            "{:.0} ms to check what is on the chain, {again:.0} ms to run it again",
            ms.committed
        ),
        None => format!("{:.0} ms", ms.committed),
    };
    let field = failure.as_ref().map(|failure| failure.field.clone());
    view! {
        <div
            class="verify"
            data-testid="decision"
            data-level=level.clone().unwrap_or_else(|| "none".to_owned())
            data-field=field
            data-tensor=differs.as_ref().map(|(tensor, _)| tensor.clone())
            data-index=differs.as_ref().map(|(_, index)| index.to_string())
        >
            <div class="stack">
                <section class="panel">
                    <div class=format!("verdict panel-text {}", reading.tone)>
                        <p class="verdict-word" data-testid="decision-word"><Icon glyph=reading.glyph /> {reading.word}</p>
                        <p>{reading.says}</p>
                        {failure.map(|failure| view! { <Refused failure /> })}
                    </div>
                    <Ladder level=level.clone() />
                    <ol class="checks panel-text" data-testid="decision-checks">{checks.into_iter().map(|check| view! { <Checked check /> }).collect_view()}</ol>
                    <div class="panel-foot row spread">
                        <div class="row">
                            <Button label="Run it again here" primary=true glyph=Glyph::Again testid="decision-rerun" disabled=Signal::derive(move || !is_committed) on_click=move |_| on_rerun() />
                            <Button label="Save the file" glyph=Glyph::Save testid="decision-export" on_click=save />
                        </div>
                        <span class="quiet small number">{took}</span>
                    </div>
                </section>
                {output.map(|output| view! { <Tensors title="Output" tensors=output differs=differs.clone() /> })}
                {input.map(|input| view! { <Tensors title="Input" tensors=input /> })}
                {parent.map(|parent| view! { <Parents parent /> })}
            </div>
            <div class="stack">
                <section class="panel">
                    <header class="panel-head"><h2>"On the chain"</h2>{trust.map(|trust| view! { <TrustChip shown=Shown::Value { what: "The registry’s slot".to_owned(), trust: Box::new(trust), save: None } /> })}</header>
                    <Facts>
                        <Fact name="Hash">{link.map_or_else(|| view! { "none that can be believed" }.into_any(), |hash| view! { <Hash value=hash show=Shorten::Whole what="decision's hash" /> }.into_any())}</Fact>
                        {anchored.map(|anchored| {
                            view! {
                                <Fact name="Block"><A href=format!("/block/{}", anchored.block)>{anchored.block}</A></Fact>
                                <Fact name="By"><Hash value=anchored.poster.clone() href=format!("/address/{}", anchored.poster) /></Fact>
                                <Fact name="Batch">{format!("{} in it, as the poster says", anchored.count)}</Fact>
                            }
                        })}
                    </Facts>
                </section>
                {record.map(|record| view! { <Fields record /> })}
            </div>
        </div>
    }
}

/// What a verdict says, in a word and a sentence.
struct Reading {
    word: &'static str,
    says: &'static str,
    tone: &'static str,
    glyph: Glyph,
}

impl Reading {
    fn of(level: Option<&str>, failure: Option<&Failure>, agreement: Option<&str>) -> Self {
        let reading = |word, says, tone, glyph| Self {
            word,
            says,
            tone,
            glyph,
        };
        let is_false = failure.is_some_and(|failure| failure.kind == "false");
        match (level, is_false) {
            (Some(REPRODUCED), _) if agreement == Some("exact") => reading(
                "Reproduced",
                "This device ran the model again and got the same output, bit for bit.",
                "consistent",
                Glyph::Done,
            ),
            (Some(REPRODUCED), _) => reading(
                "Reproduced",
                "This device ran the model again and got the same output within the stated tolerance.",
                "consistent",
                Glyph::Done,
            ),
            (Some(_), true) => reading(
                "Not reproduced",
                "It is on the chain and signed, but this device got something else.",
                "conflict",
                Glyph::Conflict,
            ),
            (Some(_), false) if failure.is_some() => reading(
                "Committed",
                "It is on the chain and signed, but it cannot be run again here.",
                "stale",
                Glyph::Clock,
            ),
            (Some(_), false) => reading(
                "Committed",
                "Signed by its executor and on the chain, unchanged. That says nothing about whether it is right: run it again for that.",
                "signed",
                Glyph::Done,
            ),
            (None, true) => reading(
                "Refused",
                "Something in it is not true.",
                "conflict",
                Glyph::Conflict,
            ),
            (None, false) => reading(
                "Not committed",
                "What it takes to check it is not there.",
                "stale",
                Glyph::Clock,
            ),
        }
    }
}

#[component]
fn Refused(failure: Failure) -> impl IntoView {
    let Failure {
        level,
        field,
        message,
        ..
    } = failure;
    view! {
        <div class="reason mono" data-testid="decision-failure">
            <p>{message}</p>
            <p>{format!("level {level}, field {field}")}</p>
        </div>
    }
}

/// Every level, reached or not.
#[component]
fn Ladder(level: Option<String>) -> impl IntoView {
    let reached = match level.as_deref() {
        Some(REPRODUCED) => 2,
        Some(_) => 1,
        None => 0,
    };
    let steps = [
        ("L0", COMMITTED, "on the chain, signed"),
        ("L1", REPRODUCED, "run again here"),
        ("L2", "unchallenged", "not supported yet"),
        ("L3", "proved", "not supported yet"),
    ];
    let steps = steps
        .into_iter()
        .enumerate()
        .map(|(at, (short, word, says))| {
            view! {
                <li class:reached=at < reached data-level=word>
                    <span class="quiet small">{short}</span>
                    <strong>{word}</strong>
                    <span class="quiet small">{if at < reached { "yes" } else { says }}</span>
                </li>
            }
        });
    view! { <ol class="ladder" data-testid="decision-ladder">{steps.collect_view()}</ol> }
}

#[component]
fn Checked(check: Check) -> impl IntoView {
    let (class, glyph, word) = match check.state.as_str() {
        "holds" => ("", Glyph::Done, "holds"),
        "fails" => ("conflict", Glyph::Conflict, "fails"),
        _ => ("stale", Glyph::Clock, "cannot be told here"),
    };
    view! {
        <li class=class data-state=check.state>
            <Icon glyph />
            <span><span class="visually-hidden">{format!("{word}: ")}</span>{check.text}" "<span class="quiet small">{check.level}</span></span>
        </li>
    }
}

#[component]
fn Tensors(
    title: &'static str,
    tensors: Vec<Numbers>,
    #[prop(optional_no_strip)] differs: Option<(String, usize)>,
) -> impl IntoView {
    let tensors = tensors.into_iter().map(move |tensor| {
        let index = differs.as_ref().filter(|(name, _)| *name == tensor.name).map(|(_, index)| *index);
        let form = tensor.shape.iter().map(u64::to_string).collect::<Vec<_>>().join(" × ");
        let picture = is_picture(&tensor);
        view! {
            <div class="panel-text">
                <p><span class="mono">{tensor.name.clone()}</span>" "<span class="quiet small">{format!("{} {form}", tensor.dtype)}</span></p>
                {picture.map(|values| view! { <Cells values /> })}
            </div>
            <Elements tensor differs=index />
        }
    });
    view! {
        <details class="panel tensors" open=title == "Output">
            <summary class="panel-head"><h2>{title}</h2></summary>
            {tensors.collect_view()}
        </details>
    }
}

/// 64 small numbers are a picture.
fn is_picture(tensor: &Numbers) -> Option<Vec<f64>> {
    let values: Option<Vec<f64>> = tensor.values.as_ref()?.iter().copied().collect();
    values.filter(|values| {
        values.len() == 64 && values.iter().all(|value| (0.0..=16.0).contains(value))
    })
}

#[component]
fn Fields(record: Record) -> impl IntoView {
    let part = |fields: std::collections::BTreeMap<String, Value>| {
        fields
            .into_iter()
            .map(|(name, value)| view! { <Field name value /> })
            .collect_view()
    };
    view! {
        <section class="panel">
            <header class="panel-head"><h2>"Every field"</h2></header>
            <details class="more" open>
                <summary>"Decision"</summary>
                <Facts>
                    <Fact name="chainId">{record.chain_id}</Fact>
                    <Field name="registry".to_owned() value=record.registry.into() />
                    {part(record.decision)}
                    <Field name="signature".to_owned() value=record.signature.into() />
                </Facts>
            </details>
            <details class="more">
                <summary>"Model"</summary>
                <Facts>{part(record.model)}</Facts>
            </details>
            <details class="more">
                <summary>"Runtime"</summary>
                <Facts>{part(record.runtime)}</Facts>
            </details>
        </section>
    }
}

#[component]
fn Field(name: String, value: Value) -> impl IntoView {
    let text = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    let is_none = text
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|digit| digit == b'0'));
    let shown = if is_none {
        view! { <span class="quiet">"none"</span> }.into_any()
    } else if text.starts_with("0x") {
        view! { <Hash value=text what="value" /> }.into_any()
    } else {
        view! { <span class="break">{text}</span> }.into_any()
    };
    view! { <Fact name>{shown}</Fact> }
}

/// The decisions that this one follows, newest first.
#[component]
fn Parents(parent: String) -> impl IntoView {
    let app = use_app();
    let found = RwSignal::new(Vec::<(String, String)>::new());
    let is_done = RwSignal::new(false);
    spawn_local(async move {
        follow(app, parent, found).await;
        is_done.try_set(true);
    });
    view! {
        <section class="panel" data-testid="decision-parents">
            <header class="panel-head"><h2>"What it follows"</h2></header>
            <ol class="proof-nodes">
                {move || found.get().into_iter().map(|(hash, word)| {
                    view! {
                        <li class="proof-node">
                            <span class="proof-kind quiet">{word}</span>
                            <Hash value=hash.clone() href=format!("/decision/{hash}") />
                        </li>
                    }
                }).collect_view()}
            </ol>
            {move || (!is_done.get()).then(|| view! { <Skeleton words="Looking for the decisions before it" /> })}
        </section>
    }
}

/// Walks up the chain of parents; a name that comes back ends it.
async fn follow(app: App, parent: String, found: RwSignal<Vec<(String, String)>>) {
    let mut next = Some(parent);
    for _ in 0..MAX_PARENTS {
        let Some(hash) = next.take() else { return };
        let seen = found.try_with_untracked(|found| found.iter().any(|(known, _)| *known == hash));
        if seen != Some(false) {
            return;
        }
        let verdict = decisions::verify(app, &hash, COMMITTED).await;
        let word = match &verdict {
            Ok(verdict) => verdict
                .level
                .clone()
                .unwrap_or_else(|| "refused".to_owned()),
            Err(_) => "no file".to_owned(),
        };
        if found.try_update(|found| found.push((hash, word))).is_none() {
            return;
        }
        next = verdict
            .ok()
            .filter(|verdict| verdict.ok)
            .and_then(|verdict| {
                verdict
                    .record?
                    .decision
                    .get("parent")?
                    .as_str()
                    .map(str::to_owned)
            })
            .filter(|parent| parent != NONE);
    }
}

fn is_hash(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_verdict_says_more_than_its_level() {
        let failure = |kind: &str| Failure {
            level: REPRODUCED.to_owned(),
            field: "output".to_owned(),
            kind: kind.to_owned(),
            message: String::new(),
            tensor: None,
            index: None,
        };
        let word = |level, failure: Option<&Failure>| Reading::of(level, failure, None).word;
        assert_eq!(word(Some(COMMITTED), None), "Committed");
        assert_eq!(
            word(Some(COMMITTED), Some(&failure("false"))),
            "Not reproduced"
        );
        assert_eq!(
            word(Some(COMMITTED), Some(&failure("unsupported"))),
            "Committed"
        );
        assert_eq!(word(None, Some(&failure("false"))), "Refused");
        assert_eq!(word(None, Some(&failure("missing"))), "Not committed");
        assert_eq!(
            Reading::of(Some(COMMITTED), Some(&failure("unsupported")), None).tone,
            "stale"
        );
    }

    #[test]
    fn a_hash_is_told_from_a_file() {
        assert!(is_hash(NONE));
        assert!(!is_hash("{}"));
        assert!(!is_hash("0x12"));
    }
}
