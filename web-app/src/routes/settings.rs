//! `/settings`: which nodes are asked, and what is checked of every block.

use leptos::prelude::*;

use crate::format::storage_name;
use crate::settings::{keep_mode, keep_nodes, mode, nodes};
use crate::state::use_app;
use crate::ui::button::Button;
use crate::ui::number::UnitToggle;
use crate::ui::page::Page;

const MODES: [(&str, &str); 4] = [
    (
        "headers",
        "Signed headers only. The least traffic; every read costs a request.",
    ),
    (
        "watch",
        "Headers, and the proven changes of the accounts that are watched.",
    ),
    (
        "consistent",
        "Headers, and every state diff against the signed state root.",
    ),
    (
        "execute",
        "As consistent, and every block is executed again in this browser. The most traffic and the most work.",
    ),
];

/// The page.
#[component]
pub(crate) fn SettingsPage() -> impl IntoView {
    let lines = RwSignal::new(nodes().join("\n"));
    let current = serde_json::to_value(mode())
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned));
    let chosen = RwSignal::new(current.unwrap_or_default());
    let running = use_app();
    let save = move |_| {
        keep_nodes(&lines.get_untracked());
        keep_mode(&chosen.get_untracked());
        // The worker starts anew with the new options, and `?node=` must not win over what was just saved.
        if window().location().set_href("/").is_err() {
            leptos::logging::warn!("the browser refused to reload the page");
        }
    };
    let storage = move || {
        running.status.with(|status| {
            status
                .as_ref()
                .map(|status| match status.storage.why.as_str() {
                    "" => format!(
                        "Verified headers are kept in {} and checked again when this page opens.",
                        storage_name(&status.storage.kind)
                    ),
                    why => format!(
                        "Verified headers are kept in {}: {why}.",
                        storage_name(&status.storage.kind)
                    ),
                })
        })
    };
    view! {
        <Page title="Settings">
            <div class="panel narrow stack">
                <div class="field">
                    <label for="nodes">"Nodes, one address a line"</label>
                    <textarea
                        id="nodes"
                        class="input mono"
                        rows="4"
                        spellcheck="false"
                        aria-describedby="nodes-hint"
                        prop:value=move || lines.get()
                        on:input=move |event| lines.set(event_target_value(&event))
                    ></textarea>
                    <p class="field-hint" id="nodes-hint">
                        "None of them is trusted. More than one makes it harder to keep news from you. Empty: whoever serves this page."
                    </p>
                </div>
                <fieldset class="choices">
                    <legend>"What to check of every block"</legend>
                    {MODES
                        .map(|(name, words)| {
                            view! {
                                <label class="choice">
                                    <input
                                        type="radio"
                                        name="mode"
                                        value=name
                                        prop:checked=move || chosen.get() == name
                                        on:change=move |_| chosen.set(name.to_owned())
                                    />
                                    <span><strong>{name}</strong><span class="quiet">{words}</span></span>
                                </label>
                            }
                        })
                        .collect_view()}
                </fieldset>
                <div class="field"><span class="label">"Amounts in"</span><UnitToggle /></div>
                <p class="quiet small">{storage}</p>
                <div><Button label="Save and start again" primary=true testid="settings-save" on_click=save /></div>
            </div>
        </Page>
    }
}
