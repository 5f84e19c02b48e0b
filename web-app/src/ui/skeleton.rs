//! What stands where a value will be: the same height as the value, and words that say what is being waited for.

use leptos::prelude::*;

/// A waiting line of `lines` rows.
#[component]
pub(crate) fn Skeleton(
    /// "Asking for the account and its proof".
    #[prop(into)]
    words: String,
    #[prop(default = 1)] lines: usize,
) -> impl IntoView {
    view! {
        <div class="skeleton" role="status">
            <p class="skeleton-words">{words}</p>
            {(1..lines).map(|_| view! { <span class="skeleton-line" aria-hidden="true"></span> }).collect_view()}
        </div>
    }
}
