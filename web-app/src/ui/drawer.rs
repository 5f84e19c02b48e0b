//! A drawer at the page's side, on the browser's own modal dialog: it traps the focus, closes on Esc and gives the focus back.

use leptos::html::Dialog;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};

/// The drawer. Its content is built only while it is open.
#[component]
pub(crate) fn Drawer(
    open: RwSignal<bool>,
    #[prop(into)] title: Signal<String>,
    /// Becomes `data-testid`.
    testid: &'static str,
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let Some(dialog) = dialog.get() else { return };
        if open.get() && !dialog.open() {
            // Fails only for a dialog that is open already or out of the page; neither needs a word.
            let _ = dialog.show_modal();
        } else if !open.get() && dialog.open() {
            dialog.close();
        }
    });
    // A click on the dialog itself, not on what is in it, is a click on the backdrop.
    let close_on_backdrop = move |event: leptos::ev::MouseEvent| {
        let is_backdrop = dialog
            .get()
            .is_some_and(|dialog| event.target().as_ref() == Some(dialog.as_ref()));
        if is_backdrop {
            open.set(false);
        }
    };
    let children = StoredValue::new(children);
    view! {
        <dialog
            class="drawer"
            node_ref=dialog
            aria-labelledby="drawer-title"
            data-testid=testid
            on:close=move |_| open.set(false)
            on:click=close_on_backdrop
        >
            <div class="drawer-body">
                <header class="drawer-head">
                    <h2 id="drawer-title">{title}</h2>
                    <button type="button" class="icon-button" aria-label="Close" on:click=move |_| open.set(false)>
                        <Icon glyph=Glyph::Close />
                    </button>
                </header>
                <Show when=move || open.get()>{children.with_value(|children| children())}</Show>
            </div>
        </dialog>
    }
}
