//! A page: its title in the tab, and the heading that gets the focus when it opens.

use leptos::prelude::*;

/// The frame of a route.
#[component]
pub(crate) fn Page(
    /// The heading.
    #[prop(into)]
    title: Signal<String>,
    /// Beside the heading.
    #[prop(optional, into)]
    aside: ViewFn,
    children: Children,
) -> impl IntoView {
    Effect::new(move |_| document().set_title(&format!("{} · Sidelight", title.get())));
    view! {
        <div class="page">
            <header class="page-head">
                <h1 tabindex="-1">{title}</h1>
                {aside.run()}
            </header>
            {children()}
        </div>
    }
}
