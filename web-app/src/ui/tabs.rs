//! Tabs by the ARIA pattern: one tab stop, arrow keys move, the panel follows.

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

/// The row of tabs. The page draws the panel, with `id` = `{name}-panel` and `aria-labelledby` = `{name}-{chosen}`.
#[component]
pub(crate) fn Tabs(
    /// Prefix of the element ids.
    name: &'static str,
    /// What the row chooses between, for a screen reader.
    label: &'static str,
    /// Key and words of each tab.
    tabs: Vec<(&'static str, String)>,
    chosen: RwSignal<&'static str>,
) -> impl IntoView {
    let keys: Vec<_> = tabs.iter().map(|(key, _)| *key).collect();
    let on_key = move |event: KeyboardEvent| {
        let at = keys
            .iter()
            .position(|key| *key == chosen.get_untracked())
            .unwrap_or(0);
        let next = match event.key().as_str() {
            "ArrowRight" => (at + 1) % keys.len(),
            "ArrowLeft" => (at + keys.len() - 1) % keys.len(),
            "Home" => 0,
            "End" => keys.len() - 1,
            _ => return,
        };
        event.prevent_default();
        let Some(key) = keys.get(next) else { return };
        chosen.set(key);
        let tab = document().get_element_by_id(&format!("{name}-{key}"));
        if let Some(tab) = tab.and_then(|tab| tab.dyn_into::<web_sys::HtmlElement>().ok()) {
            // Nothing depends on the focus moving: a browser that refuses leaves it where it is.
            let _ = tab.focus();
        }
    };
    view! {
        <div class="tabs" role="tablist" aria-label=label on:keydown=on_key>
            {tabs
                .into_iter()
                .map(|(key, words)| {
                    let is_chosen = move || chosen.get() == key;
                    view! {
                        <button
                            type="button"
                            class="tab"
                            role="tab"
                            id=format!("{name}-{key}")
                            aria-controls=format!("{name}-panel")
                            aria-selected=move || is_chosen().to_string()
                            tabindex=move || if is_chosen() { "0" } else { "-1" }
                            on:click=move |_| chosen.set(key)
                        >
                            {words}
                        </button>
                    }
                })
                .collect_view()}
        </div>
    }
}
