//! `/infer`: runs a model on this device, or on a node that may, and commits to the result on the chain.

mod pad;
mod records;
mod result;

use std::time::Duration;

use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_router::hooks::use_query_map;
use sidelight_client::dto::ErrorView;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DragEvent, File};

use self::pad::Pad;
use self::records::RecordsPanel;
use self::result::{Commit, Nothing, Ran};
use crate::decisions::{self, Committed, HERE, Manifest, Run, Way};
use crate::digit::{Stroke, to_cells};
use crate::reads::Read;
use crate::state::use_app;
use crate::ui::button::Button;
use crate::ui::empty::Trouble;
use crate::ui::page::Page;
use crate::ui::skeleton::Skeleton;

/// The model of the first visit: small, and one can draw for it.
const FIRST: &str = "digits-mlp-int8";
/// Digits that are drawn.
const DRAWN: &str = "digits-8x8-17/1";
/// A row of numbers is some kilobytes.
const MAX_BYTES: f64 = 1e6;
/// A three of the data set.
const EXAMPLE: &str = "0 0 7 15 13 1 0 0  0 8 13 6 15 4 0 0  0 2 1 13 13 0 0 0  0 0 2 15 11 1 0 0  0 0 0 1 12 12 1 0  0 0 0 0 1 10 8 0  0 0 8 4 5 14 9 0  0 0 7 13 13 9 0 0";

/// What stands in the result's place.
#[derive(Clone, Debug)]
enum State<T> {
    None,
    Waiting,
    Got(T),
    Failed(Box<ErrorView>),
}

/// The page.
#[component]
pub(crate) fn InferPage() -> impl IntoView {
    let app = use_app();
    let query = use_query_map();
    let models = RwSignal::new(Read::<Vec<Manifest>>::Waiting);
    let load = move || {
        models.set(Read::Waiting);
        spawn_local(async move {
            let answer = decisions::models(app).await;
            models.set(answer.map_or_else(|error| Read::Failed(Box::new(error)), Read::Got));
        });
    };
    load();
    view! {
        <Page title="Run a model">
            {move || match models.get() {
                Read::Waiting => view! { <div class="panel"><Skeleton words="Loading the manifests" lines=6 /></div> }.into_any(),
                Read::Failed(error) => view! { <Trouble error=*error on_again=load /> }.into_any(),
                Read::Got(models) => {
                    let wanted = query.with_untracked(|query| query.get("model"));
                    let first = wanted
                        .filter(|id| models.iter().any(|model| model.id == *id))
                        .unwrap_or_else(|| FIRST.to_owned());
                    view! { <Bench models first /> }.into_any()
                }
            }}
        </Page>
    }
}

#[component]
fn Bench(models: Vec<Manifest>, first: String) -> impl IntoView {
    let app = use_app();
    let chosen = RwSignal::new(first);
    let text = RwSignal::new(String::new());
    let strokes = RwSignal::new(Vec::<Stroke>::new());
    let way = RwSignal::new(Way {
        place: "auto",
        ..HERE
    });
    let run = RwSignal::new(State::<Run>::None);
    let committed = RwSignal::new(State::<Committed>::None);
    let list = StoredValue::new(models.clone());
    let model = Memo::new(move |_| {
        let id = chosen.get();
        list.with_value(|models| models.iter().find(|model| model.id == id).cloned())
    });
    let is_drawn = Memo::new(move |_| model.get().is_some_and(|model| model.preprocess == DRAWN));
    let clear = move || {
        strokes.set(Vec::new());
        text.set(String::new());
        run.set(State::None);
        committed.set(State::None);
    };
    let wanted = Memo::new(move |_| model.get().map_or(0, |model| wanted_of(&model)));
    let numbers = Memo::new(move |_| parse(&text.get()));
    // What is drawn becomes the row, so that there is one input.
    Effect::new(move |_| {
        let strokes = strokes.get();
        if !strokes.is_empty() {
            let cells: Vec<String> = to_cells(&strokes).iter().map(u8::to_string).collect();
            text.set(cells.join(" "));
        }
    });
    let is_ready =
        Memo::new(move |_| matches!(numbers.get(), Ok(values) if values.len() == wanted.get()));
    let start = move || {
        let (Ok(values), Some(model)) = (numbers.get_untracked(), model.get_untracked()) else {
            return;
        };
        run.set(State::Waiting);
        committed.set(State::None);
        spawn_local(async move {
            let answer = decisions::infer(app, &model.id, &values, way.get_untracked()).await;
            run.set(answer.map_or_else(|error| State::Failed(Box::new(error)), State::Got));
        });
    };
    let label = Signal::derive(move || match way.get().place {
        "node" => "Run on a node".to_owned(),
        "auto" => "Run".to_owned(),
        _ => "Run on this device".to_owned(),
    });
    // Each run may have left a record.
    let round = Memo::new(move |before: Option<&u32>| {
        let is_done = run.with(|run| matches!(run, State::Got(_)));
        before.copied().unwrap_or_default() + u32::from(is_done)
    });
    let commit = move |id: u32| {
        committed.set(State::Waiting);
        spawn_local(async move {
            let answer = decisions::commit(app, id, None).await;
            committed.set(answer.map_or_else(|error| State::Failed(Box::new(error)), State::Got));
        });
    };
    view! {
        <div class="verify">
            <div class="panel stack">
                <div class="field">
                    <label for="infer-model">"Model"</label>
                    <select
                        id="infer-model"
                        class="input"
                        data-testid="infer-model"
                        on:change=move |event| {
                            chosen.set(event_target_value(&event));
                            clear();
                        }
                    >
                        {models
                            .into_iter()
                            .map(|model| {
                                let id = model.id.clone();
                                let selected = move || chosen.get() == id;
                                view! { <option value=model.id.clone() prop:selected=selected>{format!("{} ({})", model.title, model.id)}</option> }
                            })
                            .collect_view()}
                    </select>
                </div>
                <Show when=move || is_drawn.get()>
                    <Pad strokes cells=Signal::derive(move || numbers.get().unwrap_or_default()) />
                </Show>
                <Row text wanted numbers is_drawn />
                <Where way />
                <div class="row">
                    <Button label=label primary=true testid="infer-run" disabled=Signal::derive(move || !is_ready.get()) on_click=move |_| start() />
                    <Button label="Clear" testid="infer-clear" on_click=move |_| clear() />
                    <Show when=move || is_drawn.get()>
                        <Button
                            label="Fill in an example"
                            testid="infer-example"
                            on_click=move |_| {
                                clear();
                                text.set(EXAMPLE.to_owned());
                            }
                        />
                    </Show>
                </div>
            </div>
            <div class="verify-side stack" aria-live="polite">
                {move || match run.get() {
                    State::None => view! { <Nothing /> }.into_any(),
                    State::Waiting => view! { <Loading /> }.into_any(),
                    State::Failed(error) => view! { <div class="panel" data-testid="infer-trouble"><Trouble error=*error on_again=start /></div> }.into_any(),
                    State::Got(run) => {
                        let (id, is_signed) = (run.id, run.decision.is_some());
                        view! {
                            <Ran run model />
                            <Commit committed is_signed on_commit=move || commit(id) />
                        }
                        .into_any()
                    }
                }}
            </div>
        </div>
        <RecordsPanel round />
    }
}

/// Where the model may run, and what runs it here.
#[component]
fn Where(way: RwSignal<Way>) -> impl IntoView {
    let places = [
        ("auto", "On this device, on a node if it cannot"),
        ("device", "On this device only"),
        ("node", "On a node that serves models"),
    ];
    let backends = [
        ("pinned", "Pinned engine: the same bits on every device"),
        (
            "onnxruntime",
            "ONNX Runtime: faster for large models, equal within a tolerance",
        ),
    ];
    let at_place = move || match way.get().place {
        "node" => {
            "What you give goes to the node of this page. What it answers is checked here afterwards."
        }
        "device" => "What you give does not leave this device.",
        _ => {
            "It leaves this device only if there is too little memory, or the engine lacks an operator."
        }
    };
    let on_backend = move || match way.get().backend {
        "onnxruntime" => {
            "A download of 14 MB, 27 MB where there is WebGPU, from the server of this page, compared with its hash."
        }
        _ => "Whoever repeats the run gets every bit of it.",
    };
    let choose = move |names: &[(&'static str, &str)], event: &leptos::ev::Event| {
        let wanted = event_target_value(event);
        names
            .iter()
            .map(|(name, _)| *name)
            .find(|name| *name == wanted)
    };
    view! {
        <div class="field">
            <label for="infer-where">"Where"</label>
            <select
                id="infer-where"
                class="input"
                aria-describedby="infer-where-hint"
                data-testid="infer-where"
                on:change=move |event| {
                    if let Some(place) = choose(&places, &event) {
                        way.update(|way| way.place = place);
                    }
                }
            >
                {places
                    .into_iter()
                    .map(|(key, words)| view! { <option value=key prop:selected=move || way.get().place == key>{words}</option> })
                    .collect_view()}
            </select>
            <p class="field-hint" id="infer-where-hint">{at_place}</p>
        </div>
        <Show when=move || way.get().place != "node">
            <div class="field">
                <label for="infer-backend">"Runs in"</label>
                <select
                    id="infer-backend"
                    class="input"
                    aria-describedby="infer-backend-hint"
                    data-testid="infer-backend"
                    on:change=move |event| {
                        if let Some(backend) = choose(&backends, &event) {
                            way.update(|way| way.backend = backend);
                        }
                    }
                >
                    {backends
                        .into_iter()
                        .map(|(key, words)| view! { <option value=key prop:selected=move || way.get().backend == key>{words}</option> })
                        .collect_view()}
                </select>
                <p class="field-hint" id="infer-backend-hint">{on_backend}</p>
            </div>
        </Show>
    }
}

/// A run that goes on, with the bytes of a model that is being fetched.
#[component]
fn Loading() -> impl IntoView {
    let share = RwSignal::new(None::<(f64, f64)>);
    let watch = set_interval_with_handle(
        move || share.set(decisions::downloaded()),
        Duration::from_millis(100),
    );
    on_cleanup(move || {
        // Without an interval there is nothing to stop.
        if let Ok(watch) = watch {
            watch.clear();
        }
    });
    view! {
        <div class="panel">
            <Skeleton words="Loading the engine and the model, and running it" lines=5 />
            {move || {
                share
                    .get()
                    .map(|(loaded, total)| {
                        view! {
                            <label class="download small quiet">
                                {format!("{} of {} kB of the model", (loaded / 1e3).round(), (total / 1e3).round())}
                                <progress max=total.to_string() value=loaded.to_string() data-testid="download"></progress>
                            </label>
                        }
                    })
            }}
        </div>
    }
}

/// The row of numbers, by hand or from a file.
#[component]
fn Row(
    text: RwSignal<String>,
    wanted: Memo<usize>,
    numbers: Memo<Result<Vec<f64>, String>>,
    is_drawn: Memo<bool>,
) -> impl IntoView {
    let over = RwSignal::new(false);
    let trouble = RwSignal::new(None::<String>);
    let input = NodeRef::<Input>::new();
    let open = move |file: File| {
        trouble.set(None);
        if file.size() > MAX_BYTES {
            trouble.set(Some(format!(
                "{} is larger than 1 MB: no row of numbers is",
                file.name()
            )));
            return;
        }
        spawn_local(async move {
            match JsFuture::from(file.text()).await {
                Ok(content) => text.set(content.as_string().unwrap_or_default()),
                Err(error) => trouble.set(Some(format!(
                    "the browser could not read the file: {error:?}"
                ))),
            }
        });
    };
    let first = |files: Option<web_sys::FileList>| files.and_then(|files| files.get(0));
    let hint = move || {
        if let Some(reason) = trouble.get() {
            return reason;
        }
        match numbers.get() {
            Err(reason) => reason,
            Ok(values) if values.is_empty() => format!(
                "{} numbers, with spaces, commas or lines between them; or drop a file here",
                wanted.get()
            ),
            Ok(values) if values.len() == wanted.get() => format!("{} numbers", values.len()),
            Ok(values) => format!("expected {} numbers, got {}", wanted.get(), values.len()),
        }
    };
    let is_wrong = move || {
        trouble.get().is_some()
            || match numbers.get() {
                Err(_) => true,
                Ok(values) => !values.is_empty() && values.len() != wanted.get(),
            }
    };
    view! {
        <div
            class="field"
            on:dragover=move |event: DragEvent| {
                event.prevent_default();
                over.set(true);
            }
            on:dragleave=move |_| over.set(false)
            on:drop=move |event: DragEvent| {
                event.prevent_default();
                over.set(false);
                if let Some(file) = first(event.data_transfer().and_then(|data| data.files())) {
                    open(file);
                }
            }
        >
            <label for="infer-row">{move || if is_drawn.get() { "or a row of numbers" } else { "Row of numbers" }}</label>
            <textarea
                id="infer-row"
                class="input mono"
                class:over=over
                rows="4"
                spellcheck="false"
                aria-describedby="infer-row-hint"
                aria-invalid=move || is_wrong().to_string()
                data-testid="infer-row"
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            ></textarea>
            <p class="field-hint" class:wrong=is_wrong id="infer-row-hint">{hint}</p>
            <label class="link small file-link">
                <input
                    type="file"
                    class="visually-hidden"
                    accept=".txt,.csv,text/plain,text/csv"
                    node_ref=input
                    on:change=move |_| {
                        if let Some(input) = input.get_untracked() {
                            if let Some(file) = first(input.files()) {
                                open(file);
                            }
                            input.set_value("");
                        }
                    }
                />
                "Choose a file"
            </label>
        </div>
    }
}

/// How many numbers the model's first input takes.
fn wanted_of(model: &Manifest) -> usize {
    let sizes = model
        .inputs
        .first()
        .map(|port| port.shape.as_slice())
        .unwrap_or_default();
    // A free size is one row.
    sizes
        .iter()
        .map(|&size| usize::try_from(size).unwrap_or(1))
        .product()
}

/// Numbers with anything usual between them.
fn parse(text: &str) -> Result<Vec<f64>, String> {
    text.split(|letter: char| letter.is_whitespace() || matches!(letter, ',' | ';' | '[' | ']'))
        .filter(|word| !word.is_empty())
        .map(|word| match word.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(format!(
                "not a number: {}",
                word.chars().take(24).collect::<String>()
            )),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_with_whatever_stands_between_its_numbers() {
        assert_eq!(parse("[1, 2.5;\n-3 4e2]"), Ok(vec![1.0, 2.5, -3.0, 400.0]));
        assert_eq!(parse(EXAMPLE).map(|row| row.len()), Ok(64));
        assert!(parse("1 two").is_err());
        assert!(parse("NaN").is_err());
        assert_eq!(parse(" "), Ok(vec![]));
    }
}
