//! The panel of the lying node, on development chains: switches that make the node lie, so that one can watch it being caught.
//!
//! This is the one module that talks to a node directly. What it gets is control data about the node's own switches; it never becomes a chain value.

use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::Deserialize;
use serde_json::{Value, json};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Headers, RequestInit, Response};

use crate::settings;
use crate::ui::button::Button;
use crate::ui::icon::{Glyph, Icon};

/// One lie that the node can tell.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Lie {
    kind: String,
    description: String,
    on: bool,
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Vec<Lie>>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    message: String,
}

/// The switches of the node that serves this page.
#[derive(Clone, Copy)]
pub(crate) struct Lies {
    /// Empty where the node has no such switches.
    lies: RwSignal<Vec<Lie>>,
    open: RwSignal<bool>,
    trouble: RwSignal<Option<String>>,
}

impl Lies {
    /// No switches yet.
    pub(crate) fn new() -> Self {
        let open = RwSignal::new(settings::is_dev_open());
        Self {
            lies: RwSignal::new(Vec::new()),
            open,
            trouble: RwSignal::new(None),
        }
    }

    /// Asks whether there are switches. A node that is not a development node has none, and then nothing of this is shown.
    pub(crate) fn start(self) {
        spawn_local(async move {
            if let Ok(lies) = call("dev_lies", json!([])).await {
                self.lies.set(lies);
            }
        });
    }

    /// The panel is on the page.
    pub(crate) fn is_shown(self) -> bool {
        self.open.get() && self.lies.with(|lies| !lies.is_empty())
    }

    fn set(self, kind: String, on: bool) {
        spawn_local(async move {
            match call("dev_setLie", json!([kind, on])).await {
                Ok(lies) => {
                    self.lies.set(lies);
                    self.trouble.set(None);
                }
                Err(reason) => {
                    self.trouble.set(Some(reason));
                    // A switch shows what the node does, not what was wished for.
                    self.lies.update(|_| {});
                }
            }
        });
    }
}

/// One JSON-RPC call to whoever served this page.
async fn call(method: &str, params: Value) -> Result<Vec<Lie>, String> {
    let text = |error: wasm_bindgen::JsValue| format!("{error:?}");
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let headers = Headers::new().map_err(text)?;
    headers
        .set("content-type", "application/json")
        .map_err(text)?;
    let options = RequestInit::new();
    options.set_method("POST");
    options.set_headers(&headers);
    options.set_body(&body.into());
    let response = JsFuture::from(window().fetch_with_str_and_init("/", &options))
        .await
        .map_err(text)?;
    let response: Response = response.dyn_into().map_err(text)?;
    let answer = JsFuture::from(response.text().map_err(text)?)
        .await
        .map_err(text)?;
    let answer: Answer = serde_json::from_str(&answer.as_string().unwrap_or_default())
        .map_err(|error| error.to_string())?;
    match answer {
        Answer {
            result: Some(lies), ..
        } => Ok(lies),
        Answer {
            error: Some(refusal),
            ..
        } => Err(refusal.message),
        Answer { .. } => Err("the node gave neither a result nor an error".to_owned()),
    }
}

/// The button in the header that opens and closes the panel.
#[component]
pub(crate) fn DevToggle() -> impl IntoView {
    let lies: Lies = expect_context();
    let told = move || {
        lies.lies
            .with(|lies| lies.iter().filter(|lie| lie.on).count())
    };
    let toggle = move |_| {
        lies.open.update(|open| *open = !*open);
        settings::keep_dev_open(lies.open.get_untracked());
    };
    view! {
        <Show when=move || lies.lies.with(|lies| !lies.is_empty())>
            <button
                type="button"
                class="dev-toggle"
                class:lying=move || { told() > 0 }
                aria-expanded=move || lies.open.get().to_string()
                aria-controls="dev-panel"
                data-testid="dev-toggle"
                on:click=toggle
            >
                <Icon glyph=Glyph::Mask />
                <span>"Lying node"</span>
                {move || (told() > 0).then(|| view! { <span class="dev-count number">{told()}</span> })}
            </button>
        </Show>
    }
}

/// The panel.
#[component]
pub(crate) fn DevPanel() -> impl IntoView {
    let lies: Lies = expect_context();
    let kinds = Memo::new(move |_| {
        lies.lies.with(|lies| {
            lies.iter()
                .map(|lie| (lie.kind.clone(), lie.description.clone()))
                .collect::<Vec<_>>()
        })
    });
    let stop_all = move |_| lies.set("none".to_owned(), true);
    view! {
        <Show when=move || lies.is_shown()>
            <aside class="dev" id="dev-panel" aria-labelledby="dev-title" data-testid="dev-panel">
                <header class="dev-head">
                    <h2 id="dev-title"><Icon glyph=Glyph::Mask /> "Lying node"</h2>
                    <Button label="Tell the truth" testid="lie-none" on_click=stop_all />
                </header>
                <p class="small quiet">
                    "Make the node that serves this page lie, and watch this tab catch it. "
                    "The switches are control data from the node, not chain data, and are not verified."
                </p>
                {move || lies.trouble.get().map(|reason| view! { <p class="dev-trouble" role="alert">{reason}</p> })}
                <ul class="lies">
                    {move || {
                        kinds
                            .get()
                            .into_iter()
                            .map(|(kind, description)| view! { <Switch kind description /> })
                            .collect_view()
                    }}
                </ul>
            </aside>
        </Show>
    }
}

#[component]
fn Switch(kind: String, description: String) -> impl IntoView {
    let lies: Lies = expect_context();
    let name = kind.replace(['_', '-'], " ");
    let (own, testid, about) = (
        kind.clone(),
        format!("lie-switch-{kind}"),
        format!("lie-{kind}"),
    );
    let is_on = move || {
        lies.lies
            .with(|lies| lies.iter().any(|lie| lie.kind == own && lie.on))
    };
    let (pressed, class) = (is_on.clone(), is_on.clone());
    let flip = move |_| lies.set(kind.clone(), !untrack(&is_on));
    view! {
        <li class="lie" class:on=class>
            <button
                type="button"
                class="switch"
                role="switch"
                aria-checked=move || pressed().to_string()
                aria-describedby=about.clone()
                data-testid=testid
                on:click=flip
            >
                <span class="switch-track" aria-hidden="true"></span>
                <span class="switch-name">{name}</span>
            </button>
            <p class="small quiet" id=about>{description}</p>
        </li>
    }
}
