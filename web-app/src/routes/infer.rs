//! `/infer`: runs a model on this device, and commits to the result on the chain.

use leptos::html::Input;
use leptos::prelude::*;
use leptos::svg::Svg;
use leptos::task::spawn_local;
use leptos_router::components::A;
use leptos_router::hooks::use_query_map;
use sidelight_client::dto::ErrorView;
use wasm_bindgen_futures::JsFuture;
use web_sys::{DomRect, DragEvent, File, PointerEvent};

use crate::decisions::{self, Committed, Manifest, Numbers, Run};
use crate::digit::{Stroke, to_cells};
use crate::reads::Read;
use crate::state::use_app;
use crate::ui::button::Button;
use crate::ui::empty::Trouble;
use crate::ui::facts::{Fact, Facts};
use crate::ui::hash::{Hash, Show as Shorten};
use crate::ui::icon::Glyph;
use crate::ui::page::Page;
use crate::ui::skeleton::Skeleton;
use crate::ui::tensor::{Cells, Outcome};

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
            let answer = decisions::infer(app, &model.id, &values).await;
            run.set(answer.map_or_else(|error| State::Failed(Box::new(error)), State::Got));
        });
    };
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
                <div class="row">
                    <Button label="Run on this device" primary=true testid="infer-run" disabled=Signal::derive(move || !is_ready.get()) on_click=move |_| start() />
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
                    State::Waiting => view! { <div class="panel"><Skeleton words="Loading the engine and the model, and running it" lines=5 /></div> }.into_any(),
                    State::Failed(error) => view! { <div class="panel" data-testid="infer-trouble"><Trouble error=*error on_again=start /></div> }.into_any(),
                    State::Got(run) => {
                        let id = run.id;
                        view! {
                            <Ran run model />
                            <Commit committed on_commit=move || commit(id) />
                        }
                        .into_any()
                    }
                }}
            </div>
        </div>
    }
}

/// Where a digit is drawn, and what the model sees of it.
#[component]
fn Pad(strokes: RwSignal<Vec<Stroke>>, #[prop(into)] cells: Signal<Vec<f64>>) -> impl IntoView {
    let place = NodeRef::<Svg>::new();
    // The box as it was when the pen came down: a page that moves under the pen must not bend the stroke.
    let frame = StoredValue::new_local(None::<DomRect>);
    let point = move |event: &PointerEvent| {
        let along = |at: i32, from: f64, size: f64| 100.0 * (f64::from(at) - from) / size.max(1.0);
        frame.with_value(|frame| {
            let frame = frame.as_ref()?;
            Some((
                along(event.client_x(), frame.left(), frame.width()),
                along(event.client_y(), frame.top(), frame.height()),
            ))
        })
    };
    let down = move |event: PointerEvent| {
        event.prevent_default();
        let Some(place) = place.get_untracked() else {
            return;
        };
        // A pen that leaves the box goes on drawing; without capture it only stops there.
        let _ = place.set_pointer_capture(event.pointer_id());
        frame.set_value(Some(place.get_bounding_client_rect()));
        if let Some(point) = point(&event) {
            strokes.update(|strokes| strokes.push(vec![point]));
        }
    };
    let drag = move |event: PointerEvent| {
        if let Some(point) = point(&event) {
            strokes.update(|strokes| {
                if let Some(stroke) = strokes.last_mut() {
                    stroke.push(point);
                }
            });
        }
    };
    let up = move |_| frame.set_value(None);
    let path = move || {
        strokes.with(|strokes| {
            strokes
                .iter()
                .map(|stroke| outline(stroke))
                .collect::<String>()
        })
    };
    view! {
        <div class="pad">
            <svg
                node_ref=place
                class="pad-draw"
                viewBox="0 0 100 100"
                role="img"
                aria-label="Draw a digit here with a finger, a pen or the mouse. The row of numbers below does the same from the keyboard."
                data-testid="infer-pad"
                on:pointerdown=down
                on:pointermove=drag
                on:pointerup=up
                on:pointercancel=up
            >
                <path d=path />
            </svg>
            <figure class="pad-seen">
                <Cells values=cells />
                <figcaption class="small quiet">"What the model sees"</figcaption>
            </figure>
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

#[component]
fn Nothing() -> impl IntoView {
    view! {
        <div class="panel panel-text stack-s quiet">
            <h2>"What happens"</h2>
            <p>"The engine and the model are loaded once, checked by their hashes, and run in a worker of this tab. What you draw or paste stays here."</p>
            <p>"Committing signs the result with a key that this browser made, and anchors it on the chain. Whoever has the link can then check who signed what and when, and run it again."</p>
        </div>
    }
}

#[component]
fn Ran(run: Run, model: Memo<Option<Manifest>>) -> impl IntoView {
    let Run {
        place,
        runtime,
        load_ms,
        run_ms,
        from,
        outputs,
        ..
    } = run;
    let (labels, after) = model
        .get_untracked()
        .map(|model| (model.labels, model.postprocess))
        .unwrap_or_default();
    let output: Option<Numbers> = outputs.into_iter().next();
    let loaded = match (load_ms, from.as_str()) {
        (0.0, _) => "was loaded already".to_owned(),
        (ms, "cache") => format!("{ms:.0} ms, the file from this browser's store"),
        (ms, _) => format!("{ms:.0} ms"),
    };
    view! {
        <section class="panel" data-testid="infer-result">
            {output.map(|output| view! { <Outcome output labels after /> })}
            <Facts>
                <Fact name="Ran on">"this device "<span class="quiet small">{place.reason}</span></Fact>
                <Fact name="Took"><span class="number">{format!("{run_ms:.2} ms")}</span></Fact>
                <Fact name="Loading">{loaded}</Fact>
                <Fact name="Class">{format!("D{}: the same bits on every device", runtime.det_class)}</Fact>
                <Fact name="Engine">{runtime.engine}" "<Hash value=runtime.engine_sha256 what="engine's hash" /></Fact>
            </Facts>
        </section>
    }
}

#[component]
fn Commit(
    committed: RwSignal<State<Committed>>,
    on_commit: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <section class="panel stack-s panel-text">
            {move || match committed.get() {
                State::None => {
                    view! {
                        <p class="quiet">"The file of the decision opens input and output to whoever gets its link; the chain itself gets salted hashes only."</p>
                        <div><Button label="Commit on the chain" glyph=Glyph::Next testid="commit" on_click=move |_| on_commit() /></div>
                    }
                    .into_any()
                }
                State::Waiting => view! { <Skeleton words="Signing, anchoring, and waiting for the verified receipt" lines=3 /> }.into_any(),
                State::Failed(error) => view! { <Trouble error=*error on_again=on_commit /> }.into_any(),
                State::Got(done) => view! { <Done done /> }.into_any(),
            }}
        </section>
    }
}

#[component]
fn Done(done: Committed) -> impl IntoView {
    let Committed {
        hash,
        transaction,
        block,
        stored,
        text,
    } = done;
    let name = format!("decision-{}.json", hash.get(2..10).unwrap_or_default());
    let save = move |_| {
        if let Err(reason) = crate::download::download(&name, &text) {
            leptos::logging::warn!("{reason}");
        }
    };
    view! {
        <h2>"Committed"</h2>
        <p data-testid="committed"><A href=format!("/decision/{hash}")>"Open the decision"</A></p>
        <p class="small"><Hash value=hash show=Shorten::Whole what="decision's hash" /></p>
        <p class="row small"><span class="quiet">"Block"</span> <A href=format!("/block/{block}")>{block}</A> <span class="quiet">"Transaction"</span> <Hash value=transaction.clone() href=format!("/tx/{transaction}") /></p>
        {stored.error.map(|reason| view! { <p class="wrong small">{format!("No node keeps the file, so save it: {reason}")}</p> })}
        <div><Button label="Save the file" glyph=Glyph::Save testid="decision-save" on_click=save /></div>
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

/// A stroke as the path of an SVG. A dot is a line of no length.
fn outline(stroke: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (at, (x, y)) in stroke.iter().enumerate() {
        let letter = if at == 0 { 'M' } else { 'L' };
        path.push_str(&format!("{letter}{x:.1} {y:.1}"));
    }
    if let [(x, y)] = stroke {
        path.push_str(&format!("L{x:.1} {y:.1}"));
    }
    path
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
