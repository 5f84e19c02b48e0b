//! Renders in a task of its own, so that opening the page never holds the main thread for long.

use std::time::Duration;

use leptos::prelude::*;

/// Its children, as soon as the browser has had a turn; `turns` of them for what may wait until more important things stand.
#[component]
pub(crate) fn Later(
    /// How many tasks go first.
    #[prop(default = 1)]
    turns: u32,
    children: ChildrenFn,
) -> impl IntoView {
    let left = RwSignal::new(turns);
    Effect::new(move |_| {
        if left.get() > 0 {
            // Leaving the page first takes the signal away.
            set_timeout(
                move || {
                    let _ = left.try_update(|left| *left -= 1);
                },
                Duration::ZERO,
            );
        }
    });
    let is_due = Memo::new(move |_| left.get() == 0);
    view! { <Show when=move || is_due.get()>{children()}</Show> }
}
