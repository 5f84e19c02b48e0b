//! The page's frame: header with search, banners, reports, the routes, the trust drawer.

use leptos::prelude::*;
use leptos_router::components::{A, Route, Router, Routes};
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::path;
use serde_json::json;
use sidelight_client::dto::ConflictView;
use wasm_bindgen::JsCast;

use crate::dev::{DevPanel, DevToggle, Lies};
use crate::format::duration;
use crate::health::Health;
use crate::routes::address::AddressPage;
use crate::routes::block::BlockPage;
use crate::routes::decision::{DecisionPage, OpenDecisionPage};
use crate::routes::home::HomePage;
use crate::routes::infer::InferPage;
use crate::routes::models::ModelsPage;
use crate::routes::not_found::NotFoundPage;
use crate::routes::settings::SettingsPage;
use crate::routes::tx::TxPage;
use crate::routes::verify::VerifyPage;
use crate::search::{Query, classify};
use crate::settings::{Theme, keep_theme, theme};
use crate::state::{self, use_app};
use crate::ui::banner::{Banner, Tone};
use crate::ui::fault::FaultShelf;
use crate::ui::hash::Hash;
use crate::ui::icon::{Glyph, Icon, Mark};
use crate::ui::later::Later;
use crate::ui::number::grouped;
use crate::ui::trust_drawer::TrustDrawer;

/// The whole explorer.
#[component]
pub(crate) fn App() -> impl IntoView {
    let app = state::App::new();
    provide_context(app);
    let lies = Lies::new();
    provide_context(lies);
    app.start();
    lies.start();

    view! {
        <Router>
            <a class="skip" href="#main">"Skip to the content"</a>
            <Header />
            <div class="shell" class:with-dev=move || lies.is_shown()>
                <main id="main" tabindex="-1">
                    <Later>
                        <Banners />
                        <FaultShelf faults=app.faults />
                        <Routes fallback=NotFoundPage>
                            <Route path=path!("/") view=HomePage />
                            <Route path=path!("/block/:id") view=BlockPage />
                            <Route path=path!("/tx/:hash") view=TxPage />
                            <Route path=path!("/address/:address") view=AddressPage />
                            <Route path=path!("/verify") view=VerifyPage />
                            <Route path=path!("/models") view=ModelsPage />
                            <Route path=path!("/infer") view=InferPage />
                            <Route path=path!("/decision") view=OpenDecisionPage />
                            <Route path=path!("/decision/:hash") view=DecisionPage />
                            <Route path=path!("/settings") view=SettingsPage />
                        </Routes>
                    </Later>
                </main>
                <Later turns=2>
                    <DevPanel />
                </Later>
            </div>
            <Later turns=2>
                <Footer />
                <TrustDrawer />
                <Announcer />
                <FocusHeading />
            </Later>
        </Router>
    }
}

#[component]
fn Header() -> impl IntoView {
    view! {
        <header class="top">
            <div class="top-in">
                <A href="/" attr:class="brand">
                    <Mark />
                    <span>"Sidelight"</span>
                </A>
                <SearchBox id="search" />
                <nav class="top-nav" aria-label="Main">
                    <StatePill />
                    <A href="/models">"Models"</A>
                    <A href="/verify">"Verify"</A>
                    <A href="/settings">"Settings"</A>
                    <DevToggle />
                    <ThemeButton />
                </nav>
            </div>
        </header>
    }
}

/// The search box; `/` focuses the one in the header.
#[component]
pub(crate) fn SearchBox(
    /// Unique on the page.
    id: &'static str,
) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let query = Memo::new(move |_| classify(&text.get()));
    let navigate = use_navigate();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if let Some(path) = query.get_untracked().path() {
            navigate(&path, Default::default());
            text.set(String::new());
        }
    };
    let key = window_event_listener(leptos::ev::keydown, move |event| {
        let typing = document().active_element().is_some_and(|element| {
            matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
        });
        if event.key() == "/" && !typing && !event.ctrl_key() && !event.meta_key() && id == "search"
        {
            event.prevent_default();
            focus(&format!("#{id}"));
        }
    });
    on_cleanup(move || key.remove());
    let hint_id = format!("{id}-hint");
    view! {
        <search class="search-place">
            <form class="search" on:submit=submit>
                <Icon glyph=Glyph::Search />
                <label class="visually-hidden" for=id>"Search for a block, a transaction or an address"</label>
                <input
                    id=id
                    type="text"
                    class="search-input"
                    placeholder="Block, transaction or address"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    enterkeyhint="search"
                    aria-describedby=hint_id.clone()
                    aria-keyshortcuts="/"
                    data-testid=(id == "search").then_some("search-input")
                    prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                />
                <kbd class="search-key" aria-hidden="true">"/"</kbd>
                <p
                    id=hint_id
                    class="search-hint"
                    class:shown=move || query.get() != Query::Empty
                    class:wrong=move || matches!(query.get(), Query::Unknown(_))
                >
                    {move || query.get().hint()}
                </p>
            </form>
        </search>
    }
}

/// One word for the state of the page, always in sight.
#[component]
fn StatePill() -> impl IntoView {
    let app = use_app();
    view! {
        <span class=move || format!("pill {}", app.health.get().word()) data-testid="client-state">
            <span class="pill-dot" aria-hidden="true"></span>
            <span class="pill-word">{move || app.health.get().word()}</span>
        </span>
    }
}

/// Steps through system, light and dark.
#[component]
fn ThemeButton() -> impl IntoView {
    let chosen = RwSignal::new(theme());
    let next = move || match chosen.get() {
        Theme::System => Theme::Light,
        Theme::Light => Theme::Dark,
        Theme::Dark => Theme::System,
    };
    let label = move || {
        format!(
            "Theme: {}. Change to {}",
            chosen.get().name(),
            next().name()
        )
    };
    let step = move |_| {
        let theme = untrack(next);
        keep_theme(theme);
        chosen.set(theme);
    };
    view! {
        <button type="button" class="icon-button" aria-label=label title=label on:click=step data-testid="theme">
            <Icon glyph=Glyph::Theme />
        </button>
    }
}

/// How long no newer block may come before the page says so, in milliseconds. A chain at rest is old at once, and moves on a moment later.
const STALE_BANNER_AFTER_MS: f64 = 3_000.0;

/// What holds for everything on the page.
#[component]
fn Banners() -> impl IntoView {
    let app = use_app();
    let age = move || {
        app.status.with(|status| {
            let timestamp = status.as_ref()?.head.as_ref()?.timestamp;
            Some(duration(app.now_ms.get() / 1000.0 - timestamp as f64))
        })
    };
    let head = move || app.head_number().map(|number| grouped(&number.to_string()));
    let last = move || match (head(), age()) {
        (Some(head), Some(age)) => format!("The newest block verified here is {head}, {age} old."),
        _ => "No block has been verified here yet.".to_owned(),
    };
    let contradiction = Memo::new(move |_| {
        let conflict = app.status.with(|status| status.as_ref()?.conflict.clone());
        // Two signed blocks have a banner of their own.
        conflict.filter(|conflict| conflict.kind != "equivocation")
    });
    let is_lasting =
        Memo::new(move |_| app.now_ms.get() - app.health_since_ms.get() >= STALE_BANNER_AFTER_MS);
    let banner = move || match app.health.get() {
        Health::Stale => is_lasting.get().then(|| {
            view! {
                <Banner tone=Tone::Stale title="No newer block comes.">
                    {last}
                    " Everything below is true for that block; newer blocks may say something else."
                </Banner>
            }
            .into_any()
        }),
        Health::Offline => Some(
            view! {
                <Banner tone=Tone::Offline title="No node can be reached.">
                    {last}
                    " What was verified stays; it is tried again by itself."
                </Banner>
            }
            .into_any(),
        ),
        Health::Failed(reason) => Some(
            view! {
                <Banner tone=Tone::Offline title="The verifier does not run.">
                    {reason}
                    ". Nothing is shown that was not verified here. Reload the page to try again."
                </Banner>
            }
            .into_any(),
        ),
        Health::Halted => Some(
            view! { <Banner tone=Tone::Offline title="The verifier was closed.">{last}</Banner> }
                .into_any(),
        ),
        Health::Conflict | Health::Starting | Health::Syncing | Health::Live => None,
    };
    view! {
        {move || app.evidence.get().map(|evidence| view! { <Equivocation evidence /> })}
        {move || contradiction.get().map(|conflict| view! { <Contradiction conflict /> })}
        {banner}
    }
}

/// Two signed blocks at one height: the gravest thing there is, with the file that proves it to anyone.
#[component]
fn Equivocation(evidence: sidelight_client::dto::EvidenceView) -> impl IntoView {
    let failed = RwSignal::new(None::<String>);
    let file = evidence.file.clone();
    let name = format!("sidelight-evidence-{}.json", evidence.number);
    let save = move |_| failed.set(crate::download::download(&name, &file).err());
    view! {
        <Banner tone=Tone::Conflict title="The sequencer signed two different blocks at one height. Following has stopped.">
            {format!("Block {}, signed by ", grouped(&evidence.number.to_string()))}
            <Hash value=evidence.signer.to_string() />
            ": "
            <Hash value=evidence.first.to_string() />
            " and "
            <Hash value=evidence.second.to_string() />
            "."
            " Neither can be believed. "
            <button type="button" class="link" on:click=save data-testid="save-evidence">"Save the evidence"</button>
            {move || failed.get()}
        </Banner>
    }
}

/// A signed block that is not what it says, with the file that proves it to anyone.
#[component]
fn Contradiction(conflict: ConflictView) -> impl IntoView {
    let app = use_app();
    let failed = RwSignal::new(None::<String>);
    let name = format!("sidelight-evidence-{}.json", conflict.number);
    let save = move |_| {
        let name = name.clone();
        leptos::task::spawn_local(async move {
            let file = app.ask::<Option<String>>("sidelight_evidence", json!([]));
            let saved = match file.await {
                Ok(Some(file)) => crate::download::download(&name, &file),
                Ok(None) => Err("it is gone".to_owned()),
                Err(error) => Err(error.message),
            };
            failed.set(saved.err());
        });
    };
    let button = conflict.has_evidence.then(|| {
        view! { <button type="button" class="link" on:click=save data-testid="save-evidence">"Save the evidence"</button> }
    });
    view! {
        <Banner tone=Tone::Conflict title="The sequencer signed a block that is not what it says. Following has stopped below it.">
            {format!("Block {}: ", grouped(&conflict.number.to_string()))}
            <code>{conflict.kind}</code>
            ". "
            {button}
            {move || failed.get()}
        </Banner>
    }
}

#[component]
fn Footer() -> impl IntoView {
    view! {
        <footer class="foot">
            <p>
                "Sidelight checks in your browser and believes no node. Press the label of any value to see how it was checked, and what that does not say."
            </p>
        </footer>
    }
}

/// Tells a screen reader what changed for the page as a whole; never each block.
#[component]
fn Announcer() -> impl IntoView {
    let app = use_app();
    let words = Memo::new(move |_| {
        let caught = app.faults.with(Vec::len);
        let state = app.health.with(Health::word);
        match caught {
            0 => format!("Explorer {state}."),
            1 => format!("Explorer {state}. One lie was caught."),
            many => format!("Explorer {state}. {many} lies were caught."),
        }
    });
    view! { <p class="visually-hidden" aria-live="polite" data-testid="announcer">{words}</p> }
}

/// Moves the focus to the heading when another page opens.
#[component]
fn FocusHeading() -> impl IntoView {
    let pathname = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let path = pathname.get();
        if before.is_some_and(|before| before != path) {
            request_animation_frame(|| {
                focus("main h1");
                window().scroll_to_with_x_and_y(0.0, 0.0);
            });
        }
        path
    });
}

fn focus(selector: &str) {
    let found = document().query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok())
    {
        // Nothing depends on the focus moving: a browser that refuses leaves it where it is.
        let _ = element.focus();
    }
}
