//! Hashes and addresses: shortened to the eye, whole to the clipboard, to find-in-page and to a screen reader.

use leptos::prelude::*;
use leptos_router::components::A;

use super::copy::Copy;
use crate::format::ellipsis;

/// How much of a hash is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Show {
    /// Six bytes.
    #[default]
    Short,
    /// All of it, wrapped where the line ends.
    Whole,
}

/// A hash or an address, as a link where there is a page for it.
#[component]
pub(crate) fn Hash(
    #[prop(into)] value: String,
    #[prop(optional)] show: Show,
    /// The page that it opens.
    #[prop(optional, into)]
    href: Option<String>,
    /// What it is, for the copy button's name; without one there is no copy button.
    #[prop(optional)]
    what: Option<&'static str>,
) -> impl IntoView {
    let text = match show {
        Show::Whole => view! { <span class="hash whole">{value.clone()}</span> }.into_any(),
        Show::Short => {
            let (head, middle, tail) = ellipsis(&value, 8, 6);
            let (head, middle, tail) = (head.to_owned(), middle.to_owned(), tail.to_owned());
            let is_cut = !middle.is_empty();
            view! {
                <span class="hash" title=value.clone()>
                    {head}
                    {is_cut.then(|| view! { <span class="hash-middle">{middle}</span> })}
                    {tail}
                </span>
            }
            .into_any()
        }
    };
    let linked = match href {
        Some(href) => view! { <A href>{text}</A> }.into_any(),
        None => text,
    };
    let copy = what.map(|what| view! { <Copy text=value label=format!("Copy the {what}") /> });
    view! { <span class="with-copy">{linked}{copy}</span> }
}
