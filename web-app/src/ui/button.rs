//! Buttons.

use leptos::ev::MouseEvent;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// A button with words, and an icon where it helps.
#[component]
pub(crate) fn Button(
    /// What it does.
    #[prop(into)]
    label: Signal<String>,
    /// Drawn before the words.
    #[prop(optional)]
    glyph: Option<Glyph>,
    /// The one main action of a group.
    #[prop(optional)]
    primary: bool,
    #[prop(into, optional)] disabled: Signal<bool>,
    /// Becomes `data-testid`.
    #[prop(optional)]
    testid: Option<&'static str>,
    on_click: impl FnMut(MouseEvent) + 'static,
) -> impl IntoView {
    view! {
        <button
            type="button"
            class="button"
            class:primary=primary
            disabled=disabled
            data-testid=testid
            on:click=on_click
        >
            {glyph.map(|glyph| view! { <Icon glyph /> })}
            <span>{label}</span>
        </button>
    }
}
