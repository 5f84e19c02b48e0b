//! A button that copies a text and says that it did.

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen_futures::JsFuture;

use super::icon::{Glyph, Icon};

/// Copies `text`; the button's name says what that is.
#[component]
pub(crate) fn Copy(
    #[prop(into)] text: Signal<String>,
    /// "Copy the block hash".
    #[prop(into)]
    label: String,
    /// Shows the label beside the icon.
    #[prop(optional)]
    wide: bool,
) -> impl IntoView {
    let outcome = RwSignal::new(None::<bool>);
    let copy = move |_| {
        spawn_local(async move {
            let written = JsFuture::from(
                window()
                    .navigator()
                    .clipboard()
                    .write_text(&text.get_untracked()),
            )
            .await;
            outcome.set(Some(written.is_ok()));
            set_timeout(
                move || outcome.set(None),
                std::time::Duration::from_millis(1600),
            );
        });
    };
    let name = label.clone();
    let words = move || match outcome.get() {
        None if wide => label.clone(),
        None => String::new(),
        Some(true) => "Copied".to_owned(),
        Some(false) => "The browser refused".to_owned(),
    };
    view! {
        <button type="button" class="copy" class:wide=wide aria-label=name.clone() title=name on:click=copy>
            {move || {
                let glyph = if outcome.get() == Some(true) { Glyph::Done } else { Glyph::Copy };
                view! { <Icon glyph /> }
            }}
            <span aria-live="polite">{words}</span>
        </button>
    }
}
