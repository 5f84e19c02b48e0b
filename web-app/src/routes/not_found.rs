//! What an address opens that is no page: the search, once more.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::app::SearchBox;
use crate::ui::page::Page;

/// The page.
#[component]
pub(crate) fn NotFoundPage() -> impl IntoView {
    let path = use_location().pathname;
    view! {
        <Page title="No such page">
            <div class="panel narrow">
                <p>"There is nothing at " <code class="break">{path}</code> ". Search for a block number, a hash or an address:"</p>
                <SearchBox id="search-again" />
            </div>
        </Page>
    }
}
