//! Text fields with a label above and a sentence below.

use leptos::prelude::*;

/// A one-line text field.
#[component]
pub(crate) fn Field(
    #[prop(into)] label: String,
    value: RwSignal<String>,
    /// Unique on the page.
    id: &'static str,
    #[prop(optional)] placeholder: &'static str,
    /// What is wrong with the text, or how to write it.
    #[prop(into, optional)]
    hint: Signal<String>,
    #[prop(into, optional)] invalid: Signal<bool>,
    /// Becomes `data-testid`.
    testid: &'static str,
) -> impl IntoView {
    let hint_id = format!("{id}-hint");
    view! {
        <div class="field">
            <label for=id>{label}</label>
            <input
                id=id
                class="input mono"
                type="text"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder=placeholder
                aria-describedby=hint_id.clone()
                aria-invalid=move || invalid.get().to_string()
                data-testid=testid
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
            />
            <p class="field-hint" class:wrong=invalid id=hint_id>{hint}</p>
        </div>
    }
}
